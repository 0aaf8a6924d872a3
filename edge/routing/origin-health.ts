// Is the origin there? What one isolate believes, from how its own requests fared (P6).
//
//            failure                     answer
//   up ------------------> away ------------------------> up
//    +--> up (not yet       |  every probeMs one request asks; others serve what is stored
//         tolerated)        +--> away (failure: the next probe is probeMs later)

/** What is believed about the origin. `probedMs` is when it was last asked while away. */
export type OriginHealth =
  | {
      readonly kind: "up";
      readonly reason: "no-failure" | "answered" | "few-failures";
      /** Failures in a row since the last answer, and when the first was; not given: none. */
      readonly row?: { readonly failures: number; readonly sinceMs: number };
    }
  | {
      readonly kind: "away";
      readonly reason: OriginFailure;
      readonly sinceMs: number;
      readonly probedMs: number;
    };

/** How a request to the origin failed; appears as the detail of Cache-Status. */
export type OriginFailure =
  /** No connection, or no answer in time. */
  | "origin-unreachable"
  /** No answer within the patience of a request that had something to serve. */
  | "origin-slow"
  /** An answer that is a server error, breaks off, or cannot be passed on. */
  | "origin-error"
  | "origin-refused"
  | "no-link-key";

/** Whether a request may ask the origin. */
export type AskDecision =
  | { readonly kind: "ask"; readonly reason: "up" | OriginFailure }
  | { readonly kind: "probe"; readonly reason: OriginFailure }
  | { readonly kind: "hold"; readonly reason: OriginFailure; readonly retryAfterMs: number };

/** How many failures in a row, over how long a time, are not yet an outage. */
export interface Tolerance {
  readonly failures: number;
  readonly ms: number;
}

/** The first failure is an outage. */
export const NO_TOLERANCE: Tolerance = { failures: 0, ms: 0 };

/** What an isolate believes before it has asked. */
export const INITIAL_HEALTH: OriginHealth = { kind: "up", reason: "no-failure" };

/**
 * Failures that may concern one target alone. They let stored responses be served without waiting,
 * but must not cost another target, of which nothing is stored, its answer (P9).
 */
const SOFT: ReadonlySet<OriginFailure> = new Set(["origin-slow", "origin-error"]);

/**
 * Decides whether a request at `nowMs` asks the origin, probes it, or leaves it alone.
 *
 * @param hasStored  Something can be served without the origin.
 */
export function decideAsk(
  health: OriginHealth,
  nowMs: number,
  probeMs: number,
  hasStored: boolean,
): AskDecision {
  if (health.kind === "up") return { kind: "ask", reason: "up" };
  const { reason } = health;
  const sinceProbeMs = nowMs - health.probedMs;
  // A clock that stepped back must not put the next probe off.
  if (sinceProbeMs >= probeMs || sinceProbeMs < 0) return { kind: "probe", reason };
  if (!hasStored && SOFT.has(reason)) return { kind: "ask", reason };
  return { kind: "hold", reason, retryAfterMs: probeMs - sinceProbeMs };
}

/** Notes that a probe starts now, so that the next waits its turn. */
export function afterProbeStart(health: OriginHealth, nowMs: number): OriginHealth {
  return health.kind === "up" ? health : { ...health, probedMs: nowMs };
}

/** Notes that the origin answered. */
export function afterAnswer(): OriginHealth {
  return { kind: "up", reason: "answered" };
}

/**
 * Notes that it did not, or not with anything that can be used.
 *
 * @param tolerance  What a server may do that is not ours to know well: some of its targets may break
 *                   off together, and the others need their answers (P9).
 */
export function afterFailure(
  health: OriginHealth,
  reason: OriginFailure,
  nowMs: number,
  tolerance: Tolerance = NO_TOLERANCE,
): OriginHealth {
  if (health.kind === "up") {
    const failures = (health.row?.failures ?? 0) + 1;
    const row = { failures, sinceMs: health.row?.sinceMs ?? nowMs };
    const isTolerated = failures <= tolerance.failures || nowMs - row.sinceMs < tolerance.ms;
    if (isTolerated) return { kind: "up", reason: "few-failures", row };
  }
  const sinceMs = health.kind === "away" ? health.sinceMs : nowMs;
  return { kind: "away", reason, sinceMs, probedMs: nowMs };
}
