// /v1/alerts at the origin: what rules have raised in all regions, and who has seen it.

import { Hono } from "hono";
import { alertOver, alertQueryProblem, alertUnknown } from "../../doors/alert-problems.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { readPageQuery } from "../../doors/page-query.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { ALERT_ID } from "../../state/alert.ts";
import type { Acknowledging, AlertPage } from "../../state/alert-book.ts";
import { alertView, readAlertFilters } from "../../state/alert-view.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { openRegistry } from "../platform/registry.ts";

/** Makes the routes, to be mounted at /v1/alerts. */
export function alertRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const query = readPageQuery(c.req.query(), ALERT_ID);
    if (!query.ok) return problemResponse(query.problem);
    const filters = readAlertFilters(c.req.query());
    if (!filters.ok) return problemResponse(alertQueryProblem(filters.error));
    const asked = { ...filters.value, ...query.page };
    const page = (await openRegistry(env).listAlerts(asked)) as AlertPage;
    const alerts = page.alerts.map((alert) => alertView(alert, isoTime));
    return jsonResponse({ alerts, cursor: page.cursor });
  });
  app.all("/", onlyMethods("GET"));
  app.post("/:id/ack", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const { identity } = admission;
    const who = identity.kind === "operator" ? identity.name : identity.device;
    const id = c.req.param("id");
    const done = (await openRegistry(env).acknowledgeAlert(id, who)) as Acknowledging;
    if (done.kind === "unknown") return problemResponse(alertUnknown(id));
    if (done.kind === "over") return problemResponse(alertOver(id));
    return jsonResponse(alertView(done.alert, isoTime));
  });
  app.all("/:id/ack", onlyMethods("POST"));
  return app;
}
