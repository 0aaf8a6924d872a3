// Where is a request of the API served, and by what? What its route asks first.

import type { Context } from "hono";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { Here } from "../platform/regions.ts";

/** Finds where a request is served. */
export function locate(c: Context<ApiEnv>, { regions }: ApiParts): Promise<Here> {
  return regions.at(c.env.cf, (work) => c.executionCtx.waitUntil(work));
}
