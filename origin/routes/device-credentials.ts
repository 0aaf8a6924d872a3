// /v1/devices/{device}/credentials, /rotate and /key: a device's credential for the current generation,
// or for a new one that outdates all before it; and the key that a small device signs with instead.

import { Hono } from "hono";
import * as z from "zod/mini";
import { notConfigured } from "../../doors/auth.ts";
import { encodeBase64Url } from "../../doors/base64url.ts";
import { DEVICE_SCOPES, PREFIX, PREFIXES_MAX, RATE_MAX } from "../../doors/claims.ts";
import { DeviceKeys } from "../../doors/device-keys.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { readIssuers } from "../../state/issuers.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { RegisteredDevice } from "../fleet/device.ts";
import { limits } from "../limits.ts";
import { signCredential } from "../platform/credentials.ts";
import { readObject } from "../platform/read-json.ts";
import type { OriginEnv } from "../platform/env.ts";
import { openRegistry } from "../platform/registry.ts";
import { notRegistered, readDeviceName } from "./device-problems.ts";

const DAYS_MAX = limits.credentialLifetimeSMax / 86_400;
const daysError = `days is a whole number from 1 to ${DAYS_MAX}`;
const scopeError = `scope is one or both of ${DEVICE_SCOPES.join(" and ")}, with a blank between`;
const prefixesError = `prefixes is a list of 1 to ${PREFIXES_MAX} beginnings of streams' names, each a lower-case letter and up to 63 of a-z, 0-9 and _`;
const rateError = `rate is a number of readings a second, above 0 and at most ${RATE_MAX}`;
export const credentialSchema = z.strictObject(
  {
    days: z.optional(
      z
        .int({ error: daysError })
        .check(z.gte(1, { error: daysError }), z.lte(DAYS_MAX, { error: daysError })),
    ),
    scope: z.optional(
      z
        .string({ error: scopeError })
        .check(z.regex(/^(?:ingest|read|ingest read|read ingest)$/, { error: scopeError })),
    ),
    prefixes: z.optional(
      z
        .array(
          z.string({ error: prefixesError }).check(z.regex(PREFIX, { error: prefixesError })),
          { error: prefixesError },
        )
        .check(
          z.minLength(1, { error: prefixesError }),
          z.maxLength(PREFIXES_MAX, { error: prefixesError }),
        ),
    ),
    rate: z.optional(
      z
        .number({ error: rateError })
        .check(z.gt(0, { error: rateError }), z.lte(RATE_MAX, { error: rateError })),
    ),
  },
  { error: 'the body is { "days"?, "scope"?, "prefixes"?, "rate"? } or nothing' },
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
  app.post("/:device/key", (c) => giveKey(c.req.raw, c.req.param("device"), parts));
  app.all("/:device/key", onlyMethods("POST"));
  return app;
}

/** Tells whether the regions know the key: a credential of another one would open no door. */
async function isSigningKeyKnown(privateKey: string, env: OriginEnv): Promise<boolean> {
  const { kid } = JSON.parse(privateKey) as { kid?: unknown };
  const issuers = readIssuers((await openRegistry(env).issuers()) ?? "");
  return issuers === null || issuers.keys.some((key) => key.kid === kid);
}

const UNKNOWN_KEY: Problem = {
  code: "key-unknown",
  status: 503,
  title: "Not configured",
  detail:
    "The key that credentials are signed with (ISSUER_PRIVATE_KEY) is not among the issuers' keys, or is retired: add its public part with POST /v1/keys first",
};

/** Tells the key that a small device signs with: always the same until it is rotated. */
async function giveKey(
  request: Request,
  name: string,
  { guard, config, env }: ApiParts,
): Promise<Response> {
  const admission = await guard.requireScope(request, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  const keys = config.deviceRootKey === null ? null : DeviceKeys.open(config.deviceRootKey);
  if (keys === null)
    return problemResponse(
      notConfigured(["DEVICE_ROOT_KEY (what the keys of small devices are derived from)"]),
    );
  const device = readDeviceName(name);
  if (!device.ok) return problemResponse(device.error);
  const found = await openRegistry(env).find(device.value);
  if (found === null) return problemResponse(notRegistered(device.value));
  const version = found.generation;
  const key = encodeBase64Url(await keys.bytesOf(found.device, version));
  return jsonResponse({ device: found.device, version, key }, 201);
}

/** Signs a credential for what `prepare` finds; everything else is checked before. */
async function issue(
  request: Request,
  name: string,
  { guard, config, env }: ApiParts,
  prepare: (device: DeviceId) => Promise<RegisteredDevice | null>,
): Promise<Response> {
  const admission = await guard.requireScope(request, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  if (config.issuerPrivateKey === null)
    return problemResponse(
      notConfigured(["ISSUER_PRIVATE_KEY (the key that credentials are signed with)"]),
    );
  if (!(await isSigningKeyKnown(config.issuerPrivateKey, env))) return problemResponse(UNKNOWN_KEY);
  const body = await readObject(request, limits.adminBodyBytesMax, credentialSchema);
  if (!body.ok) return problemResponse(body.error);
  const device = readDeviceName(name);
  if (!device.ok) return problemResponse(device.error);
  const found = await prepare(device.value);
  if (found === null) return problemResponse(notRegistered(device.value));
  const { days, ...grant } = body.value;
  const lifetimeS = days === undefined ? limits.credentialLifetimeS : days * 86_400;
  const credential = await signCredential(
    config.issuerPrivateKey,
    found,
    lifetimeS,
    Date.now(),
    grant,
  );
  const { token, expiresMs } = credential;
  const expires = new Date(expiresMs).toISOString();
  return jsonResponse({ device: found.device, generation: found.generation, token, expires }, 201);
}
