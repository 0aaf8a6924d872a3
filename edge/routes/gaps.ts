// GET /v1/devices/{device}/gaps: what this region accepted of a device and gave up.

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { formatGaps } from "../../state/gap.ts";
import { parseDeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { hubOf } from "../platform/hubs.ts";
import { NO_SUCH_NAME } from "./device-problems.ts";
import { locate } from "./locate.ts";

export function gapRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/gaps", async (c) => {
    const device = parseDeviceId(c.req.param("device"));
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "gaps", device, region });
    const admission = await guard.requireDevice(c.req.raw, device, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const records = await hubOf(parts.env, config, region, device).gaps(device);
    return jsonResponse({ region, ...formatGaps(device, records, limits.gapsListedMax, isoTime) });
  });
  app.all("/:device/gaps", onlyMethods("GET"));
  return app;
}
