// GET /v1/purges: who purged what, and when, in any region and here.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { formatPurges, readPurgesQuery, type PurgePage } from "../../state/purge-history.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { openRegistry } from "../platform/registry.ts";

export function purgesRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const admission = await guard.requireScope(c.req.raw, "purge");
    if (!admission.ok) return problemResponse(admission.problem);
    const query = readPurgesQuery(c.req.query("limit"), c.req.query("cursor"));
    if (query === null) return problemResponse(BAD_LIMIT);
    const page = (await openRegistry(env).purgesMade(query.most, query.cursor)) as PurgePage;
    return jsonResponse(formatPurges(page, iso));
  });
  app.all("/", onlyMethods("GET"));
  return app;
}

const BAD_LIMIT: Problem = {
  code: "bad-limit",
  status: 400,
  title: "Bad limit",
  detail: "limit is a number of 1 to 1,000",
};

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
