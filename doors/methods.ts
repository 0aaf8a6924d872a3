// What does a route answer to a method it does not have? 405 with Allow (RFC 9110 §15.5.6).

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
