// What can be wrong with a request about a device?

import type { Problem } from "../../http/problem.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";

/** Reads a device's name. */
export function readDeviceName(text: string): Result<DeviceId, Problem> {
  const device = parseDeviceId(text);
  return device === null ? err(NOT_A_NAME) : ok(device);
}

const NOT_A_NAME: Problem = {
  code: "device-name",
  status: 400,
  title: "Not a device name",
  detail: "A device's name is 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen",
  errors: [{ pointer: "/device", code: "device-name", message: "This is not a device's name" }],
};

export function notRegistered(device: string): Problem {
  return {
    code: "device-not-registered",
    status: 404,
    title: "Not found",
    detail: `Device "${device}" is not registered: POST /v1/devices with { "device": "${device}" }`,
  };
}

const FULL: Record<"devices" | "names", string> = {
  devices: `The registry holds ${limits.registryDevicesMax} devices, as many as it may: decommission one with DELETE /v1/devices/{device}`,
  names: `The registry has seen ${limits.registryNamesMax} names of devices, as many as it may, since it remembers what it refused: use again the name of a device that was decommissioned`,
};

/** Says 409 to another device than there is room for. */
export function registryFull(what: "devices" | "names"): Problem {
  return {
    code: "registry-full",
    status: 409,
    title: "The registry is full",
    detail: FULL[what],
    errors: [
      { pointer: "/device", code: "registry-full", message: "There is no room for another" },
    ],
  };
}

export const BAD_LIMIT: Problem = {
  code: "limit",
  status: 400,
  title: "Bad request",
  detail: `limit is a whole number from 1 to ${limits.devicesPerPageMax}; leave it out for ${limits.devicesPerPageMax}`,
};
