// What does an API answer where it has no route? 405 with Allow (RFC 9110 §15.5.6), or 404.

import type { Context } from "hono";
import { problemResponse } from "./respond.ts";

/** Builds the handler behind a route's own methods. */
export function onlyMethods(...allowed: readonly string[]): (c: Context) => Response {
  return (c) =>
    problemResponse({
      code: "method-not-allowed",
      status: 405,
      title: "Method not allowed",
      detail: `${c.req.path} answers ${allowed.join(" and ")}`,
      headers: { allow: allowed.join(", ") },
    });
}

/** Answers a path that no route has: 404. */
export function noSuchPath(c: Context): Response {
  const detail = `There is no ${c.req.path.slice(0, 200)} in this API`;
  return problemResponse({ code: "not-found", status: 404, title: "Not found", detail });
}
