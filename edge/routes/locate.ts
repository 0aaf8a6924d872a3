// Where is a request of the API served, and by what? What its route asks first.

import type { Context } from "hono";
import { noteGrace } from "../../doors/mark-grace.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { Here } from "../platform/regions.ts";

/** Finds where a request is served. */
export async function locate(c: Context<ApiEnv>, { regions }: ApiParts): Promise<Here> {
  const here = await regions.at(c.env.cf, (work) => c.executionCtx.waitUntil(work));
  const { fields } = c.env.scope;
  return { ...here, guard: here.guard.noting((untilMs) => noteGrace(fields, untilMs)) };
}
