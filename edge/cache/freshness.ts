// How long does a response stay fresh? Explicit expiration only (RFC 9111 §4.2.1): no heuristics.

import { deltaSecondsOf, parseCacheControl, type DeltaSeconds } from "../../http/cache-control.ts";
import type { FieldLines } from "../../http/fields.ts";
import { parseHttpDate } from "../../http/http-date.ts";

/** Whole seconds of freshness counted from the response's generation, and the rule that said so. */
export interface FreshnessLifetime {
  readonly seconds: number;
  readonly reason:
    | "s-maxage"
    | "max-age"
    | "expires"
    | "invalid-freshness"
    | "no-explicit-freshness";
}

/**
 * Computes the freshness lifetime of a response for a shared cache.
 *
 * First match wins: `s-maxage`, `max-age`, `Expires` minus `Date`. A repeated or unparsable value
 * makes it 0 and ends the search: a cache that is unsure must ask (RFC 9111 §4.2.1).
 *
 * @param responseMs  When the response arrived; stands in for a missing Date (RFC 9110 §6.6.1).
 * @param secondsMax  Longest lifetime that is believed.
 */
export function freshnessLifetime(
  fields: FieldLines,
  responseMs: number,
  secondsMax: number,
): FreshnessLifetime {
  const control = parseCacheControl(fields.get("cache-control"));
  for (const name of ["s-maxage", "max-age"] as const) {
    const given = deltaSecondsOf(control, name);
    if (given.kind !== "absent") return lifetimeOf(given, name, secondsMax);
  }
  const expires = fields.get("expires");
  if (expires === null) return { seconds: 0, reason: "no-explicit-freshness" };
  const expiresMs = parseHttpDate(expires, responseMs);
  // An invalid Expires, "0" above all, means already expired (RFC 9111 §5.3).
  if (expiresMs === null) return { seconds: 0, reason: "invalid-freshness" };
  const dateMs = parseHttpDate(fields.get("date"), responseMs) ?? responseMs;
  const seconds = Math.max(0, Math.floor((expiresMs - dateMs) / 1000));
  return { seconds: Math.min(seconds, secondsMax), reason: "expires" };
}

function lifetimeOf(
  given: DeltaSeconds,
  name: "s-maxage" | "max-age",
  secondsMax: number,
): FreshnessLifetime {
  return given.kind === "seconds"
    ? { seconds: Math.min(given.seconds, secondsMax), reason: name }
    : { seconds: 0, reason: "invalid-freshness" };
}
