// /v1/alerts: what rules have raised in this region and, as far as it is known here, in all others; and
// who has seen it. Both go on while the origin is away (P6).

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { readPageQuery } from "../../doors/page-query.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { alertOver, alertQueryProblem, alertUnknown } from "../../doors/alert-problems.ts";
import { ALERT_ID } from "../../state/alert.ts";
import type { Acknowledging, AlertPage } from "../../state/alert-book.ts";
import { alertView, readAlertFilters } from "../../state/alert-view.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { openCell } from "../platform/regions.ts";
import { locate } from "./locate.ts";

export function alertRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "alerts", region });
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const query = readPageQuery(c.req.query(), ALERT_ID);
    if (!query.ok) return problemResponse(query.problem);
    const filters = readAlertFilters(c.req.query());
    if (!filters.ok) return problemResponse(alertQueryProblem(filters.error));
    const cell = openCell(parts.env, config, region);
    const page = (await cell.listAlerts({ ...filters.value, ...query.page })) as AlertPage;
    const alerts = page.alerts.map((alert) => alertView(alert, isoTime));
    return jsonResponse({ region, alerts, cursor: page.cursor });
  });
  app.all("/", onlyMethods("GET"));
  app.post("/:id/ack", async (c) => {
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "alerts", region });
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const { identity } = admission;
    const who = identity.kind === "operator" ? identity.name : identity.device;
    const id = c.req.param("id");
    const cell = openCell(parts.env, config, region);
    const done = (await cell.acknowledgeAlert(id, who)) as Acknowledging;
    if (done.kind === "unknown") return problemResponse(alertUnknown(id));
    if (done.kind === "over") return problemResponse(alertOver(id));
    return jsonResponse({ region, ...alertView(done.alert, isoTime) });
  });
  app.all("/:id/ack", onlyMethods("POST"));
  return app;
}
