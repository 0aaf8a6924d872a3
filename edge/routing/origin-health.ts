// Is the origin there? What one isolate believes, from how its own requests fared (P6).
//
//            failure                     answer
//   up ------------------> away ------------------------> up
//                           |  every probeMs one request asks; others serve what is stored
//                           +--> away (failure: the next probe is probeMs later)

/** What is believed about the origin. `probedMs` is when it was last asked while away. */
export type OriginHealth =
  | { readonly kind: "up"; readonly reason: "no-failure" | "answered" }
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

/** Notes that it did not, or not with anything that can be used. */
export function afterFailure(
  health: OriginHealth,
  reason: OriginFailure,
  nowMs: number,
): OriginHealth {
  const sinceMs = health.kind === "away" ? health.sinceMs : nowMs;
  return { kind: "away", reason, sinceMs, probedMs: nowMs };
}
