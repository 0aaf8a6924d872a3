// GET /v1/devices/{device}/gaps: what regions accepted of a device and gave up, all together.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { formatGaps } from "../../state/gap.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";
import { readDeviceName } from "./device-problems.ts";

export function gapRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/gaps", async (c) => {
    const device = readDeviceName(c.req.param("device"));
    if (!device.ok) return problemResponse(device.error);
    const admission = await guard.requireDevice(c.req.raw, device.value, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const records = await openShard(env, ALL_DEVICES).gaps(device.value);
    return jsonResponse(formatGaps(device.value, records, limits.gapsListedMax, isoTime));
  });
  app.all("/:device/gaps", onlyMethods("GET"));
  return app;
}
