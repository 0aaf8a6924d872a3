// Skerry-Session at the origin's doors: what a request names is waited for, and a write is answered
// with a token of its own.

import type { MiddlewareHandler } from "hono";
import { problemResponse } from "../../doors/respond.ts";
import { awaitSession, formatSession, SESSION_FIELD } from "../../doors/session.ts";
import { ORIGIN_WRITER } from "../../state/purge-scope.ts";
import type { ApiEnv } from "../app.ts";
import type { OriginEnv } from "../platform/env.ts";
import { openRegistry } from "../platform/registry.ts";

/** Makes the handler that goes before those of a door. */
export function keepSession(env: OriginEnv): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const registry = openRegistry(env);
    const session = await awaitSession(c.req.raw, (tokens) => registry.hasSeen(tokens));
    if (session !== null) return problemResponse(session);
    await next();
    const isRead = c.req.method === "GET" || c.req.method === "HEAD";
    if (!isRead && c.res.ok)
      c.header(SESSION_FIELD, formatSession({ writer: ORIGIN_WRITER, seq: await registry.head() }));
    return undefined;
  };
}
