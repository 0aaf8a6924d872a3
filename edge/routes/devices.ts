// /v1/devices/{device}: readings in, and the regional view of a device out.

import { Hono } from "hono/tiny";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { parseDeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { DeviceReport } from "../objects/device-hub.ts";
import { hubOf } from "../platform/hubs.ts";
import { NO_SUCH_NAME, notSeen } from "./device-problems.ts";
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
  app.all("/:device/readings", onlyMethods("GET", "POST"));

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
