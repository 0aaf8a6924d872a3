// GET, PATCH /v1/devices/{device}/shadow: what a device is to be like, and what it says that it is
// like. What is reported is written here, in the region; what is desired at the origin.

import { Hono, type Context } from "hono";
import { readJsonBody } from "../../doors/json-body.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { shadowTooLarge } from "../../doors/shadow-too-large.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import { readShadowPatch, SHADOW_TYPES, shadowView } from "../../state/shadow-view.ts";
import { SHADOW_BYTES_MAX, SHADOW_FIELDS_MAX, type ReadPatch } from "../../state/shadow.ts";
import type { HeldShadow, ShadowWrite } from "../../state/shadow-book.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { forwardToOrigin } from "../platform/origin-api.ts";
import { openCell, type Here } from "../platform/regions.ts";
import { NO_SUCH_NAME } from "./device-problems.ts";
import { locate } from "./locate.ts";

export function shadowRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/shadow", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "shadow", device, region });
    const admission = await guard.requireDevice(c.req.raw, device, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const found = await openCell(parts.env, config, region).shadow(device);
    if (found === null) return problemResponse(noShadow(device, region));
    return answer(device, region, found as unknown as HeldShadow);
  });
  app.patch("/:device/shadow", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const here = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "shadow", device, region: here.region });
    // Whoever may write neither side is told so before a body is read.
    const reporter = await here.guard.requireDevice(c.req.raw, device, "ingest");
    const operator = await here.guard.requireScope(c.req.raw, "admin");
    if (!reporter.ok && !operator.ok) return problemResponse(reporter.problem);
    const body = await readJsonBody(c.req.raw, limits.shadowBodyBytesMax, SHADOW_TYPES);
    if (!body.ok) return problemResponse(body.problem);
    const patch = readShadowPatch(body.value);
    if (!patch.ok) return problemResponse(malformed(patch.error, "Nothing is written"));
    if (patch.value.side === "reported") {
      if (!reporter.ok) return problemResponse(reporter.problem);
      return report(device, here, parts, patch.value.patch);
    }
    if (!operator.ok) return problemResponse(operator.problem);
    return desire(c, device, here, parts, body.value);
  });
  app.all("/:device/shadow", onlyMethods("GET", "PATCH"));
  return app;
}

async function report(
  device: DeviceId,
  { region, config }: Here,
  { env }: ApiParts,
  patch: ReadPatch,
): Promise<Response> {
  const written = (await openCell(env, config, region).report(
    device,
    patch,
  )) as unknown as ShadowWrite;
  switch (written.kind) {
    case "written":
      return answer(device, region, written.shadow);
    case "too-large":
      return problemResponse(
        shadowTooLarge("reported", `${SHADOW_BYTES_MAX} bytes`, written.bytes),
      );
    case "too-many-fields":
      return problemResponse(
        shadowTooLarge("reported", `${SHADOW_FIELDS_MAX} fields`, written.fields),
      );
    case "outdated":
    case "full":
      return problemResponse(FULL);
  }
}

async function desire(
  c: Context<ApiEnv>,
  device: DeviceId,
  { region, config }: Here,
  { env }: ApiParts,
  body: unknown,
): Promise<Response> {
  const path = `/v1/devices/${device}/shadow`;
  const answered = await forwardToOrigin(c.req.raw, path, JSON.stringify(body), config);
  // So that this region need not wait for its next look to hear of it.
  if (answered.ok) c.executionCtx.waitUntil(openCell(env, config, region).wakeLink());
  return answered;
}

function answer(device: DeviceId, region: string, shadow: HeldShadow): Response {
  const response = jsonResponse({
    device,
    view: "regional",
    region,
    ...shadowView(shadow, isoTime),
  });
  response.headers.set("etag", `"${shadow.version}"`);
  return response;
}

function noShadow(device: DeviceId, region: string): Problem {
  return {
    code: "no-shadow",
    status: 404,
    title: "Nothing here yet",
    detail: `Device "${device}" is not registered as far as region "${region}" knows, and has reported nothing here`,
  };
}

const FULL: Problem = {
  code: "shadows-full",
  status: 507,
  title: "No room for another field",
  detail:
    "Nothing is written: this region holds as many fields of shadows as it may, or this device has deleted so many that the origin has not heard of; fields that are there can still be changed",
  headers: { "retry-after": String(limits.originAwayRetryAfterS) },
};
