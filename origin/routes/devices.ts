// /v1/devices at the origin: registering devices, their credentials, and totals over all regions.

import { Hono } from "hono";
import * as z from "zod/mini";
import { notConfigured } from "../../doors/auth.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { readBody } from "../../doors/read-body.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { RegisteredDevice } from "../fleet/device.ts";
import { limits } from "../limits.ts";
import { signCredential } from "../platform/credentials.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";
import type { DeviceTotals } from "../objects/device-shard.ts";
import { formatTotals } from "./device-totals.ts";

const DAYS_MAX = limits.credentialLifetimeSMax / 86_400;
const daysError = `days is a whole number from 1 to ${DAYS_MAX}`;
const registerSchema = z.strictObject(
  { device: z.string({ error: "device is the device's name, a text" }) },
  { error: 'the body is { "device": NAME } and nothing else' },
);
const credentialSchema = z.strictObject(
  {
    days: z.optional(
      z
        .int({ error: daysError })
        .check(z.gte(1, { error: daysError }), z.lte(DAYS_MAX, { error: daysError })),
    ),
  },
  { error: 'the body is { "days": NUMBER } or nothing' },
);

export function deviceRoutes(parts: ApiParts): Hono<ApiEnv> {
  const { env, guard, config } = parts;
  const registry = () => env.REGISTRY.get(env.REGISTRY.idFromName("registry"));
  const app = new Hono<ApiEnv>();

  app.post("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const body = await readObject(c.req.raw, registerSchema);
    if (!body.ok) return problemResponse(body.error);
    const device = parseDeviceId(body.value.device);
    if (device === null) return problemResponse(NOT_A_NAME);
    const { isNew, registered } = await registry().register(device);
    return jsonResponse(formatDevice(registered), isNew ? 201 : 200);
  });
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const devices = await registry().list(c.req.query("cursor") ?? "", limits.devicesPerPageMax);
    const cursor =
      devices.length === limits.devicesPerPageMax ? (devices.at(-1)?.device ?? null) : null;
    return jsonResponse({ devices: devices.map(formatDevice), cursor });
  });
  app.all("/", onlyMethods("GET", "POST"));

  app.post("/:device/credentials", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    if (config.issuerPrivateKey === null)
      return problemResponse(
        notConfigured(["ISSUER_PRIVATE_KEY (the key that credentials are signed with)"]),
      );
    const body = await readObject(c.req.raw, credentialSchema);
    if (!body.ok) return problemResponse(body.error);
    const found = await findDevice(registry(), c.req.param("device"));
    if (!found.ok) return problemResponse(found.error);
    const lifetimeS =
      body.value.days === undefined ? limits.credentialLifetimeS : body.value.days * 86_400;
    const { token, expiresMs } = await signCredential(
      config.issuerPrivateKey,
      found.value,
      lifetimeS,
      Date.now(),
    );
    return jsonResponse(
      { device: found.value.device, token, expires: new Date(expiresMs).toISOString() },
      201,
    );
  });
  app.all("/:device/credentials", onlyMethods("POST"));

  app.get("/:device", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NOT_A_NAME);
    const admission = await guard.requireDevice(c.req.raw, device, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const [registered, totals] = await Promise.all([
      registry().find(device),
      openShard(env, ALL_DEVICES).totals(device),
    ]);
    if (registered === null && totals.streams.length === 0)
      return problemResponse(notRegistered(device));
    return jsonResponse(
      formatTotals(device, registered, totals as unknown as DeviceTotals, Date.now()),
    );
  });
  app.all("/:device", onlyMethods("GET"));
  return app;
}

async function findDevice(
  registry: { find(device: DeviceId): Promise<RegisteredDevice | null> },
  name: string,
): Promise<Result<RegisteredDevice, Problem>> {
  const device = parseDeviceId(name);
  if (device === null) return err(NOT_A_NAME);
  const found = await registry.find(device);
  return found === null ? err(notRegistered(device)) : ok(found);
}

/** Reads a small JSON object; no body at all is an empty one. */
async function readObject<T>(
  request: Request,
  schema: z.ZodMiniType<T>,
): Promise<Result<T, Problem>> {
  const body = await readBody(request, limits.adminBodyBytesMax);
  if (body.kind !== "bytes")
    return err(
      malformed([{ pointer: "", code: body.kind, message: "The body could not be read" }]),
    );
  const parsed = schema.safeParse(parseJson(body.bytes));
  if (parsed.success) return ok(parsed.data);
  return err(
    malformed(
      parsed.error.issues.map((issue) => ({
        pointer: issue.path.map((part) => `/${String(part)}`).join(""),
        code: issue.code ?? "invalid",
        message: issue.message,
      })),
    ),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function formatDevice({ device, generation, registeredMs }: RegisteredDevice): object {
  return { device, generation, registered: new Date(registeredMs).toISOString() };
}

function malformed(errors: Problem["errors"]): Problem {
  const detail = `The body is not what this needs: ${errors?.map((item) => `${item.pointer ?? ""} ${item.message}`).join("; ") ?? ""}`;
  return {
    code: "malformed",
    status: 400,
    title: "Malformed request",
    detail,
    ...(errors === undefined ? {} : { errors }),
  };
}

const NOT_A_NAME: Problem = {
  code: "device-name",
  status: 400,
  title: "Not a device name",
  detail: "A device's name is 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen",
  errors: [{ pointer: "/device", code: "device-name", message: "This is not a device's name" }],
};

function notRegistered(device: string): Problem {
  return {
    code: "device-not-registered",
    status: 404,
    title: "Not found",
    detail: `Device "${device}" is not registered: POST /v1/devices with { "device": "${device}" }`,
  };
}
