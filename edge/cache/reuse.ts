// May a stored response answer now? RFC 9111 §4 and §4.2.4. Its variant has selected it already.

import { currentAgeMs } from "./age.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { NO_DEMANDS, type Demands } from "./demands.ts";
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
      /** Serve it as it is; `isRefreshed`: and validate it behind the answer. */
      readonly kind: "serve-stale";
      readonly reason: "stale-while-revalidate" | "max-stale";
      readonly isRefreshed: boolean;
      readonly ageS: number;
      readonly ttlS: number;
    }
  | {
      /** Validate; while the upstream is out of reach, serve it as it is. */
      readonly kind: "validate-or-serve-stale";
      readonly reason: "stale";
      /** It may be served after one failure too, not only while the upstream counts as away. */
      readonly isForErrors: boolean;
      readonly ageS: number;
      readonly ttlS: number;
    }
  | {
      /** Validate; while the upstream is out of reach, refuse. */
      readonly kind: "validate-or-refuse";
      readonly reason:
        | "must-not-serve-stale"
        | "stale-too-long"
        | "no-cache"
        | "request-no-cache"
        | "request-max-age"
        | "request-min-fresh";
      readonly detail: string;
      readonly ageS: number;
      readonly ttlS: number;
    };

/** What of a stored response its reuse is decided by. */
export type Reusable = Pick<
  StoredMeta,
  | "responseMs"
  | "initialAgeMs"
  | "freshnessLifetimeS"
  | "staleForbiddenBy"
  | "isValidatedAlways"
  | "staleWhileRevalidateS"
  | "staleIfErrorS"
  | "isImmutable"
  | "isInvalidated"
>;

type Refusal = Extract<ReuseDecision, { kind: "validate-or-refuse" }>["reason"];

/**
 * Decides what a stored response is good for at `nowMs`.
 *
 * @param staleMsMax  How long after its freshness it may still be served (P6, P8).
 */
export function decideReuse(
  stored: Reusable,
  nowMs: number,
  staleMsMax: number,
  policy: CachePolicy,
  demands: Demands = NO_DEMANDS,
): ReuseDecision {
  const ageMs = currentAgeMs(stored, nowMs);
  const ttlMs = ttlOf(stored, ageMs);
  const ages = { ageS: Math.floor(ageMs / 1000), ttlS: Math.floor(ttlMs / 1000) };
  const isFresh = ttlMs > 0;
  const stale = isFresh ? ages : { ...ages, ttlS: Math.min(ages.ttlS, -1) };
  const refuse = (reason: Refusal, detail: string = reason): ReuseDecision => ({
    kind: "validate-or-refuse",
    reason,
    detail,
    ...stale,
  });
  if (stored.isValidatedAlways) return refuse("no-cache");
  const unmet = unmetDemand(stored, demands, ageMs, ttlMs, isFresh);
  if (unmet !== null) return refuse(unmet);
  // RFC 9111 §4.2: fresh while the lifetime is greater than the current age.
  if (isFresh) return { kind: "serve-fresh", reason: "fresh", ...ages };
  if (stored.staleForbiddenBy !== null) {
    return refuse("must-not-serve-stale", stored.staleForbiddenBy);
  }
  if (-ttlMs > staleMsMax) return refuse("stale-too-long");
  const staleS = -ttlMs / 1000;
  if (staleS <= (demands.maxStaleS ?? -1)) {
    return { kind: "serve-stale", reason: "max-stale", isRefreshed: false, ...stale };
  }
  if (staleS < stored.staleWhileRevalidateS) {
    return { kind: "serve-stale", reason: "stale-while-revalidate", isRefreshed: true, ...stale };
  }
  const isForErrors = policy.servesStaleOnError || staleS < stored.staleIfErrorS;
  return { kind: "validate-or-serve-stale", reason: "stale", isForErrors, ...stale };
}

/** How long it is still fresh, in milliseconds; what a soft purge meant is not. */
function ttlOf({ freshnessLifetimeS, isInvalidated }: Reusable, ageMs: number): number {
  const leftMs = freshnessLifetimeS * 1000 - ageMs;
  return isInvalidated === true ? Math.min(leftMs, 0) : leftMs;
}

/** RFC 8246: a reload of what is immutable and fresh is answered with it. */
function unmetDemand(
  stored: Reusable,
  demands: Demands,
  ageMs: number,
  ttlMs: number,
  isFresh: boolean,
): Refusal | null {
  if (stored.isImmutable && isFresh) return null;
  if (demands.isValidated) return "request-no-cache";
  if (demands.maxAgeS !== null && ageMs > demands.maxAgeS * 1000) return "request-max-age";
  if (demands.maxAgeS === 0) return "request-max-age";
  if (demands.minFreshS !== null && ttlMs < demands.minFreshS * 1000) return "request-min-fresh";
  return null;
}
