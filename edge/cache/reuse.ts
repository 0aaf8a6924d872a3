// May a stored response answer now? RFC 9111 §4 and §4.2.4. A key has selected it already: what is
// stored has no Vary, and requests that must not reuse it have gone past the cache.

import { currentAgeMs } from "./age.ts";
import type { StoredMeta } from "./stored-response.ts";

/** What may be done with a stored response at a moment. `ttlS` is negative once it is stale. */
export type ReuseDecision =
  | {
      readonly kind: "serve-fresh";
      readonly reason: "fresh";
      readonly ageS: number;
      readonly ttlS: number;
    }
  | {
      /** Validate; while the origin is out of reach, serve it as it is. */
      readonly kind: "validate-or-serve-stale";
      readonly reason: "stale";
      readonly ageS: number;
      readonly ttlS: number;
    }
  | {
      /** Validate; while the origin is out of reach, refuse. */
      readonly kind: "validate-or-refuse";
      readonly reason: "must-not-serve-stale" | "stale-too-long";
      readonly detail: string;
      readonly ageS: number;
      readonly ttlS: number;
    };

/**
 * Decides what a stored response is good for at `nowMs`.
 *
 * @param staleMsMax  How long after its freshness it may still be served (P6, P8).
 */
export function decideReuse(
  stored: Omit<StoredMeta, "fields" | "status" | "bodyBytes">,
  nowMs: number,
  staleMsMax: number,
): ReuseDecision {
  const ageMs = currentAgeMs(stored, nowMs);
  const ttlMs = stored.freshnessLifetimeS * 1000 - ageMs;
  const ages = { ageS: Math.floor(ageMs / 1000), ttlS: Math.floor(ttlMs / 1000) };
  // RFC 9111 §4.2: fresh while the lifetime is greater than the current age.
  if (ttlMs > 0) return { kind: "serve-fresh", reason: "fresh", ...ages };
  const stale = { ...ages, ttlS: Math.min(ages.ttlS, -1) };
  if (stored.staleForbiddenBy !== null) {
    return {
      kind: "validate-or-refuse",
      reason: "must-not-serve-stale",
      detail: stored.staleForbiddenBy,
      ...stale,
    };
  }
  if (-ttlMs > staleMsMax) {
    return {
      kind: "validate-or-refuse",
      reason: "stale-too-long",
      detail: "stale-too-long",
      ...stale,
    };
  }
  return { kind: "validate-or-serve-stale", reason: "stale", ...stale };
}
