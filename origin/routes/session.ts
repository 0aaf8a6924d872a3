// Skerry-Session at the origin's doors: what a request names is waited for, and a write is answered
// with a token of its own.

import type { MiddlewareHandler } from "hono";
import { problemResponse } from "../../doors/respond.ts";
import { awaitSession, sessionFields } from "../../doors/session.ts";
import { ORIGIN_WRITER } from "../../state/purge-scope.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { openRegistry } from "../platform/registry.ts";

/** Makes the handler that goes before those of a door. */
export function keepSession({ env, linkKey }: ApiParts): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const registry = openRegistry(env);
    const session = await awaitSession(c.req.raw, linkKey, (tokens) => registry.seen(tokens));
    if (session !== null) return problemResponse(session);
    await next();
    const isRead = c.req.method === "GET" || c.req.method === "HEAD";
    if (!isRead && c.res.ok) {
      const token = { writer: ORIGIN_WRITER, seq: await registry.head() };
      for (const [name, value] of Object.entries(await sessionFields(token, linkKey)))
        c.header(name, value);
    }
    return undefined;
  };
}
