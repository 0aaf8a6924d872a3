// How is a write that only the origin may take handed on to it? As it came, with who sent it; what
// the origin says is the answer.

import { problemResponse } from "../../doors/respond.ts";
import type { EdgeConfig } from "../config.ts";
import { limits } from "../limits.ts";

/** Fields of the request, and of the answer, that go along. */
const SENT = ["authorization", "content-type", "if-match", "x-request-id", "traceparent"];
const TOLD = ["content-type", "cache-control", "etag", "retry-after", "skerry-session", "accept"];

/** Hands a request on to the same path of the origin; 503 if it does not answer. */
export async function forwardToOrigin(
  request: Request,
  path: string,
  body: string,
  { originUrl }: EdgeConfig,
): Promise<Response> {
  const headers = pick(request.headers, SENT);
  try {
    const answer = await fetch(`${originUrl}${path}`, {
      method: request.method,
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(limits.forwardTimeoutMs),
    });
    // Whole, so that an answer which breaks off is none.
    const text = await answer.text();
    if (answer.status >= 300 && answer.status < 400) return originAway();
    if (answer.status >= 500 && answer.status !== 503) return originAway();
    return new Response(text, { status: answer.status, headers: pick(answer.headers, TOLD) });
  } catch {
    return originAway();
  }
}

function pick(from: Headers, names: readonly string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}

function originAway(): Response {
  return problemResponse({
    code: "origin-away",
    status: 503,
    title: "The origin does not answer",
    detail:
      "What is desired of a device is written at the origin, which does not answer: send it again later; it may have been done, so read it first",
    headers: { "retry-after": String(limits.originAwayRetryAfterS) },
  });
}
