// Is an upstream there? A breaker: what one isolate believes, from how its own requests fared (P6).
//
//   closed            failures, more than are tolerated            open
//     up --------------------------------------------------------> away <----------------+
//     ^  +--> up (fewer, or an answer between them)                 | probeMs are over   | failure, or
//     |                                                             v                    | no answer yet
//     +------------------------- answer ------------------------- half-open: one probe --+
//
// Half-open is no state of its own: whoever asks once `probeMs` are over is the probe, and the next may
// ask after as long again. A probe that hangs keeps nobody else from finding the upstream well; nor does
// any failure meanwhile, however many there are: only a probe that starts puts the next one off.

/** What is believed about the origin. `probedMs` is when it was last asked while away. */
export type OriginHealth =
  | {
      readonly kind: "up";
      readonly reason: "no-failure" | "answered" | "few-failures";
      /** Failures in a row since the last answer, and when the first was; not given: none. */
      readonly row?: { readonly failures: number; readonly sinceMs: number };
      /** When it last answered; not given: never, as far as is known. */
      readonly answeredMs?: number;
    }
  | {
      readonly kind: "away";
      readonly reason: OriginFailure;
      readonly sinceMs: number;
      readonly probedMs: number;
      readonly answeredMs?: number;
    };

/** How a request to the origin failed; appears as the detail of Cache-Status. */
export type OriginFailure =
  /** No connection, or one that was lost before the answer. */
  | "origin-unreachable"
  /** No head of an answer in time: it may be one target alone that hangs. */
  | "origin-timeout"
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

/** A request that failed: why, when it was sent and when that was known. */
export interface Failure {
  readonly reason: OriginFailure;
  readonly askedMs: number;
  readonly nowMs: number;
}

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
const SOFT: ReadonlySet<OriginFailure> = new Set(["origin-timeout", "origin-slow", "origin-error"]);

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
  // Who is asked for anyway must not take the turn of those that something else is served to.
  if (!hasStored && SOFT.has(reason)) return { kind: "ask", reason };
  const sinceProbeMs = nowMs - health.probedMs;
  // A clock that stepped back must not put the next probe off.
  if (sinceProbeMs >= probeMs || sinceProbeMs < 0) return { kind: "probe", reason };
  return { kind: "hold", reason, retryAfterMs: probeMs - sinceProbeMs };
}

/** Notes that a probe starts now, so that the next waits its turn. */
export function afterProbeStart(health: OriginHealth, nowMs: number): OriginHealth {
  return health.kind === "up" ? health : { ...health, probedMs: nowMs };
}

/** Notes that the origin answered. */
export function afterAnswer(nowMs: number): OriginHealth {
  return { kind: "up", reason: "answered", answeredMs: nowMs };
}

/**
 * Notes that it answered 502, 503 or 504 for a target of which nothing is stored. That may be the
 * target's own fault, and is the client's answer; but an upstream that is away is not back by it.
 */
export function afterServerError(health: OriginHealth): OriginHealth {
  return health.kind === "up" ? health : { ...health, reason: "origin-error" };
}

/**
 * Notes that it did not, or not with anything that can be used. What was asked before the last answer
 * came, and runs into its timeout only now, tells of a time that is over.
 *
 * @param tolerance  What a server may do that is not ours to know well: some of its targets may break
 *                   off together, and the others need their answers (P9).
 */
export function afterFailure(
  health: OriginHealth,
  { reason, askedMs, nowMs }: Failure,
  tolerance: Tolerance = NO_TOLERANCE,
): OriginHealth {
  const { answeredMs } = health;
  if (askedMs < (answeredMs ?? -Infinity)) return health;
  if (health.kind === "up") {
    const before = health.row ?? { failures: 0, sinceMs: nowMs };
    const row = { ...before, failures: before.failures + 1 };
    const isTolerated = row.failures <= tolerance.failures || nowMs - row.sinceMs < tolerance.ms;
    if (isTolerated) return { ...health, reason: "few-failures", row };
    const away = { kind: "away", reason, sinceMs: nowMs, probedMs: nowMs } as const;
    return answeredMs === undefined ? away : { ...away, answeredMs };
  }
  return { ...health, reason };
}
