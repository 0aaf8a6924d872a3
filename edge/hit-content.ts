// What does memory answer by itself? What is fresh, or stale while the upstream is away and nobody is to
// ask it just now (P6), for a request that asks for nothing special.
// It waits for nothing, and what it says may be said again for a while: until the age has another
// second, which is also when what is fresh may be stale.

import { answerStored, type AnswerTo, type Away, type ContentAnswer } from "./cache/answer.ts";
import { currentAgeMs } from "./cache/age.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import { NO_DEMANDS } from "./cache/demands.ts";
import type { ReuseDecision } from "./cache/reuse.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import { candidateOf, chooseTier, hitMembers } from "./cache/tiers.ts";
import { limits } from "./limits.ts";
import { decideAsk, type OriginHealth } from "./routing/origin-health.ts";

/** An answer, and until when it says the same. */
export interface Hit<Body> {
  readonly answer: Extract<ContentAnswer<Body>, { kind: "content" }>;
  /** Epoch milliseconds; exclusive. */
  readonly untilMs: number;
}

/** What a request has that makes it ask for something special: then the usual way answers. */
const SPECIAL = ["range", "upgrade", "skerry-session", "x-request-id", "traceparent"] as const;
/** Besides: what names a person goes past what is published (P4). */
const PERSONAL = ["authorization", "cookie"] as const;

/** The fields without which a request may be answered by `hitContent` under a policy. */
export function specialFields(policy: CachePolicy): readonly string[] {
  return [
    ...SPECIAL,
    ...(policy.isPublished ? PERSONAL : []),
    ...(policy.obeysClient ? ["cache-control"] : []),
  ];
}

/**
 * Answers a GET or HEAD without special fields with what memory selected for it; null: it takes more.
 *
 * @param stored Alive, by a view of purges that is current.
 */
export function hitContent<Body>(
  request: AnswerTo,
  stored: StoredResponse<Body>,
  health: OriginHealth,
  nowMs: number,
): Hit<Body> | null {
  const { fields, policy } = request;
  const judging = {
    request: fields,
    policy,
    demands: NO_DEMANDS,
    staleMsMax: policy.staleMsMax,
  };
  const held = candidateOf(stored, "memory", nowMs, judging);
  if (held === null) return null;
  const standing = standingOf(held.reuse, health, nowMs);
  if (standing === null) return null;
  const { because, away } = standing;
  const answer = answerStored(request, stored, {
    ageS: held.reuse.ageS,
    isReuse: true,
    members: hitMembers(held, chooseTier(held, null, null), false, because),
    decision: because === null ? "memory-hit" : `stale:${because}`,
    nowMs,
    away,
  });
  if (answer.kind !== "content") return null;
  const agedMs = nowMs + 1_000 - (currentAgeMs(stored.meta, nowMs) % 1_000);
  return { answer, untilMs: Math.min(agedMs, standing.untilMs) };
}

/** Why something may be given as it is, and until when; null: it may not, or somebody has to ask now. */
function standingOf(
  reuse: ReuseDecision,
  health: OriginHealth,
  nowMs: number,
): {
  readonly because: string | null;
  readonly away: Away | null;
  readonly untilMs: number;
} | null {
  if (reuse.kind === "serve-fresh") return { because: null, away: null, untilMs: Infinity };
  if (reuse.kind === "validate-or-refuse" || health.kind === "up") return null;
  const ask = decideAsk(health, nowMs, limits.originProbeMs, true);
  if (ask.kind !== "hold") return null;
  return { because: ask.reason, away: health, untilMs: nowMs + ask.retryAfterMs };
}
