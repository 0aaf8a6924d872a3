// How do problems and JSON leave a Worker?

import { formatProblem, type Problem } from "../http/problem.ts";

/** Builds the response of a problem (RFC 9457). */
export function problemResponse(problem: Problem): Response {
  return new Response(formatProblem(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...problem.headers,
    },
  });
}

/** Builds a JSON response that no cache keeps. */
export function jsonResponse(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value) + "\n", {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

/** Formats epoch milliseconds as answers do (RFC 3339). */
export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
