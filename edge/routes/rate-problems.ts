// What is said to someone who sends more than may be? 429 (RFC 6585 §4) with Retry-After. The RateLimit
// fields are not sent: they are a draft that has changed its syntax more than once.

import type { Problem } from "../../http/problem.ts";
import { retryAfterOf } from "../telemetry/rate-limit.ts";

/** Says 429 to a device; `what` is what it sends too many of. */
export function tooManyReadings(what: string, waitMs: number): Problem {
  return {
    code: "rate-limited",
    status: 429,
    title: "Too many requests",
    detail: `The device sends more ${what} a second than it may: keep the readings, and send them later in larger batches`,
    headers: { "retry-after": retryAfterOf(waitMs) },
  };
}

/** Says 429 to who purges. */
export function tooManyPurges(waitMs: number): Problem {
  return {
    code: "purge-rate-limited",
    status: 429,
    title: "Too many requests",
    detail:
      "Nothing is purged: this token purges more a second than it may; send fewer purges, or one of what they have in common",
    headers: { "retry-after": retryAfterOf(waitMs) },
  };
}

/** Says 429 to an address. */
export function tooManyRequests(waitMs: number): Problem {
  return {
    code: "address-rate-limited",
    status: 429,
    title: "Too many requests",
    detail: "There are too many requests a second from this address: send them later",
    headers: { "retry-after": retryAfterOf(waitMs) },
  };
}
