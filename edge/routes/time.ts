// GET /v1/time: what time is it, for a device without a clock? By the clock of this region's Worker.

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse } from "../../doors/respond.ts";
import type { ApiEnv } from "../app.ts";

export function timeRoutes(): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", () => {
    const nowMs = Date.now();
    return jsonResponse({ now: new Date(nowMs).toISOString(), nowMs, source: "region" });
  });
  app.all("/", onlyMethods("GET"));
  return app;
}
