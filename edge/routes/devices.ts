// /v1/devices/{device}: readings in, and the regional view of a device out.

import { Hono } from "hono/tiny";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { DeviceReport } from "../objects/device-hub.ts";
import { hubOf } from "../platform/hubs.ts";
import { formatReport } from "./device-report.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { admitReadings } from "./admit-readings.ts";
import { locate } from "./locate.ts";
import { answerIngest, readIngest } from "./readings.ts";

export function deviceRoutes(parts: ApiParts): Hono<ApiEnv> {
  const { env } = parts;
  const app = new Hono<ApiEnv>();

  app.post("/:device/readings", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "readings", device, region });
    const admitted = await admitReadings(c.req.raw, device, guard, parts.deviceKeys);
    if (!admitted.ok) return problemResponse(admitted.error);
    const read = await readIngest(admitted.value, device, Date.now());
    if (!read.ok) return problemResponse(read.error);
    const outcome = await hubOf(env, config, region, device).ingest(read.value.command);
    return answerIngest(read.value, outcome, region, c.env.scope);
  });
  app.all("/:device/readings", onlyMethods("POST"));

  app.get("/:device", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "device", device, region });
    const admission = await guard.requireDevice(c.req.raw, device, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    // RPC's own types turn the tuples inside a report into arrays; what arrives is what was sent.
    const report = (await hubOf(env, config, region, device).report(
      device,
    )) as unknown as DeviceReport;
    if (report.state === null) return problemResponse(notSeen(device, region));
    return jsonResponse(formatReport(device, region, report.state, report));
  });
  app.all("/:device", onlyMethods("GET"));
  return app;
}

export const NO_SUCH_NAME: Problem = {
  code: "device-name",
  status: 400,
  title: "Not a device name",
  detail: "A device's name is 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen",
};

function notSeen(device: DeviceId, region: string): Problem {
  return {
    code: "device-not-seen",
    status: 404,
    title: "Nothing here yet",
    detail: `Region "${region}" has no reading of device "${device}"; the origin has the view of all regions`,
  };
}
