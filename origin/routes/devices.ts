// /v1/devices at the origin: registering devices, what is said of them, and totals over all regions.

import { Hono, type Context } from "hono";
import * as z from "zod/mini";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { RegisteredDevice } from "../fleet/device.ts";
import { limits } from "../limits.ts";
import { readObject } from "../platform/read-json.ts";
import { openRegistry } from "../platform/registry.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";
import type { DeviceTotals } from "../objects/device-shard.ts";
import { commandRoutes } from "./commands.ts";
import { credentialRoutes } from "./device-credentials.ts";
import { BAD_LIMIT, notRegistered, readDeviceName, registryFull } from "./device-problems.ts";
import { gapRoutes } from "./gaps.ts";
import { shadowRoutes } from "./shadow.ts";
import { thinnedRoutes } from "./thinned.ts";
import { formatTotals } from "./device-totals.ts";

export const registerSchema = z.strictObject(
  { device: z.string({ error: "device is the device's name, a text" }) },
  { error: 'the body is { "device": NAME } and nothing else' },
);

/** A half of a surrogate pair is no character. */
const isWellFormed = (given: string): boolean => given.isWellFormed();

const text = (field: string, charsMax: number) => {
  const error = `${field} is a text of 1 to ${charsMax} characters, or null to take it away`;
  const given = z
    .string({ error })
    .check(
      z.minLength(1, { error }),
      z.maxLength(charsMax, { error }),
      z.refine(isWellFormed, { error }),
    );
  return z.optional(z.nullable(given));
};
const changeError =
  'the body is { "disabled": true or false, "name": TEXT or null, "group": TEXT or null }, at least one of them';
export const changeSchema = z
  .strictObject(
    {
      disabled: z.optional(z.boolean({ error: "disabled is true or false" })),
      name: text("name", limits.deviceNameCharsMax),
      group: text("group", limits.deviceGroupCharsMax),
    },
    { error: changeError },
  )
  .check(z.refine((change) => Object.keys(change).length > 0, { error: changeError }));

/** Makes the routes, to be mounted at /v1/devices. */
export function deviceRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/", (c) => register(c.req.raw, parts));
  app.get("/", (c) => list(c, parts));
  app.all("/", onlyMethods("GET", "POST"));
  app.route("/", credentialRoutes(parts));
  app.route("/", gapRoutes(parts));
  app.route("/", thinnedRoutes(parts));
  app.route("/", shadowRoutes(parts));
  app.route("/", commandRoutes(parts));
  app.get("/:device", (c) => view(c.req.raw, c.req.param("device"), parts));
  app.patch("/:device", (c) => change(c.req.raw, c.req.param("device"), parts));
  app.delete("/:device", (c) => decommission(c.req.raw, c.req.param("device"), parts));
  app.all("/:device", onlyMethods("GET", "PATCH", "DELETE"));
  return app;
}

async function register(request: Request, { guard, env }: ApiParts): Promise<Response> {
  const admission = await guard.requireScope(request, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  const body = await readObject(request, limits.adminBodyBytesMax, registerSchema);
  if (!body.ok) return problemResponse(body.error);
  const device = readDeviceName(body.value.device);
  if (!device.ok) return problemResponse(device.error);
  const registration = await openRegistry(env).register(device.value);
  if (registration.kind === "full") return problemResponse(registryFull(registration.what));
  return jsonResponse(formatDevice(registration.device), registration.isNew ? 201 : 200);
}

async function list(c: Context<ApiEnv>, { guard, env }: ApiParts): Promise<Response> {
  const admission = await guard.requireScope(c.req.raw, "read");
  if (!admission.ok) return problemResponse(admission.problem);
  const asked = c.req.query("limit") ?? String(limits.devicesPerPageMax);
  const most = /^[0-9]{1,5}$/.test(asked) ? Number(asked) : 0;
  if (most < 1 || most > limits.devicesPerPageMax) return problemResponse(BAD_LIMIT);
  const { devices, hasMore } = await openRegistry(env).list(c.req.query("cursor") ?? "", most);
  const cursor = hasMore ? (devices.at(-1)?.device ?? null) : null;
  return jsonResponse({ devices: devices.map(formatDevice), cursor });
}

async function view(request: Request, name: string, parts: ApiParts): Promise<Response> {
  const device = readDeviceName(name);
  if (!device.ok) return problemResponse(device.error);
  const admission = await parts.guard.requireDevice(request, device.value, "read");
  if (!admission.ok) return problemResponse(admission.problem);
  const [registered, totals] = await Promise.all([
    openRegistry(parts.env).find(device.value),
    openShard(parts.env, ALL_DEVICES).totals(device.value),
  ]);
  if (registered === null && totals.streams.length === 0)
    return problemResponse(notRegistered(device.value));
  return jsonResponse(
    formatTotals(device.value, registered, totals as unknown as DeviceTotals, Date.now()),
  );
}

async function change(request: Request, name: string, parts: ApiParts): Promise<Response> {
  const admission = await parts.guard.requireScope(request, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  const device = readDeviceName(name);
  if (!device.ok) return problemResponse(device.error);
  const body = await readObject(request, limits.adminBodyBytesMax, changeSchema);
  if (!body.ok) return problemResponse(body.error);
  const changed = await openRegistry(parts.env).change(device.value, body.value);
  if (changed === null) return problemResponse(notRegistered(device.value));
  return jsonResponse(formatDevice(changed));
}

async function decommission(request: Request, name: string, parts: ApiParts): Promise<Response> {
  const admission = await parts.guard.requireScope(request, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  const device = readDeviceName(name);
  if (!device.ok) return problemResponse(device.error);
  const wasThere = await openRegistry(parts.env).decommission(device.value);
  if (!wasThere) return problemResponse(notRegistered(device.value));
  return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
}

function formatDevice(registered: RegisteredDevice): object {
  const { device, generation, registeredMs, isDisabled, name, group } = registered;
  return {
    device,
    generation,
    registered: new Date(registeredMs).toISOString(),
    disabled: isDisabled,
    name,
    group,
  };
}
