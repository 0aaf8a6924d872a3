// /v1/devices/{device}/credentials and /rotate: a device's credential for the current generation, or
// for a new one that outdates all before it.

import { Hono } from "hono";
import * as z from "zod/mini";
import { notConfigured } from "../../doors/auth.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { RegisteredDevice } from "../fleet/device.ts";
import { limits } from "../limits.ts";
import { signCredential } from "../platform/credentials.ts";
import { readObject } from "../platform/read-json.ts";
import { openRegistry } from "../platform/registry.ts";
import { notRegistered, readDeviceName } from "./device-problems.ts";

const DAYS_MAX = limits.credentialLifetimeSMax / 86_400;
const daysError = `days is a whole number from 1 to ${DAYS_MAX}`;
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

/** Makes the routes, to be mounted at /v1/devices. */
export function credentialRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/:device/credentials", (c) =>
    issue(c.req.raw, c.req.param("device"), parts, (device) =>
      openRegistry(parts.env).find(device),
    ),
  );
  app.all("/:device/credentials", onlyMethods("POST"));
  app.post("/:device/rotate", (c) =>
    issue(c.req.raw, c.req.param("device"), parts, (device) =>
      openRegistry(parts.env).rotate(device),
    ),
  );
  app.all("/:device/rotate", onlyMethods("POST"));
  return app;
}

/** Signs a credential for what `prepare` finds; everything else is checked before. */
async function issue(
  request: Request,
  name: string,
  { guard, config }: ApiParts,
  prepare: (device: DeviceId) => Promise<RegisteredDevice | null>,
): Promise<Response> {
  const admission = await guard.requireScope(request, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  if (config.issuerPrivateKey === null)
    return problemResponse(
      notConfigured(["ISSUER_PRIVATE_KEY (the key that credentials are signed with)"]),
    );
  const body = await readObject(request, limits.adminBodyBytesMax, credentialSchema);
  if (!body.ok) return problemResponse(body.error);
  const device = readDeviceName(name);
  if (!device.ok) return problemResponse(device.error);
  const found = await prepare(device.value);
  if (found === null) return problemResponse(notRegistered(device.value));
  const { days } = body.value;
  const lifetimeS = days === undefined ? limits.credentialLifetimeS : days * 86_400;
  const credential = await signCredential(config.issuerPrivateKey, found, lifetimeS, Date.now());
  const { token, expiresMs } = credential;
  const expires = new Date(expiresMs).toISOString();
  return jsonResponse({ device: found.device, generation: found.generation, token, expires }, 201);
}
