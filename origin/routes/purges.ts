// GET /v1/purges: who purged what, and when, in any region and here.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { readPageQuery } from "../../doors/page-query.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { formatPurges, PURGE_CURSOR, type PurgePage } from "../../state/purge-history.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { openRegistry } from "../platform/registry.ts";

export function purgesRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "purge");
    if (!admission.ok) return problemResponse(admission.problem);
    const query = readPageQuery(c.req.query(), PURGE_CURSOR);
    if (!query.ok) return problemResponse(query.problem);
    const { most, cursor } = query.page;
    const page = (await openRegistry(env).purgesMade(most, cursor)) as PurgePage;
    return jsonResponse(formatPurges(page, isoTime));
  });
  app.all("/", onlyMethods("GET"));
  return app;
}
