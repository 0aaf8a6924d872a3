// What does memory answer by itself? What is fresh, or stale while the upstream is away, or has failed for
// this target, and nobody is to ask it just now (P6), for a request that asks for nothing special.
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
import type { UpstreamBelief } from "./content-ports.ts";
import { decideAsk, type OriginFailure } from "./routing/origin-health.ts";

/** An answer, and until when it says the same. */
export interface Hit<Body> {
  readonly answer: Extract<ContentAnswer<Body>, { kind: "content" }>;
  /** Epoch milliseconds; exclusive. */
  readonly untilMs: number;
  /** It says so only as long as its target is spared for this; null: it is not. */
  readonly spared: OriginFailure | null;
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
  { key, stored }: { readonly key: string; readonly stored: StoredResponse<Body> },
  belief: UpstreamBelief,
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
  const standing = standingOf(held.reuse, key, belief, nowMs);
  if (standing === null) return null;
  const { because, away, spared } = standing;
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
  return { answer, untilMs: Math.min(agedMs, standing.untilMs), spared };
}

/** Why something may be given as it is, and until when. */
interface Standing extends Pick<Hit<unknown>, "untilMs" | "spared"> {
  readonly because: string | null;
  readonly away: Away | null;
}

/** Decides whether something may be given as it is; null: it may not, or somebody has to ask now. */
function standingOf(
  reuse: ReuseDecision,
  key: string,
  { state, spared }: UpstreamBelief,
  nowMs: number,
): Standing | null {
  if (reuse.kind === "serve-fresh")
    return { because: null, away: null, untilMs: Infinity, spared: null };
  if (reuse.kind === "validate-or-refuse") return null;
  if (state.kind === "up") {
    // Whoever asks, with odd fields or without, is given what is stored of a target that is left alone.
    const isForErrors = reuse.kind === "serve-stale" || reuse.isForErrors;
    const rest = isForErrors ? spared.rest(key, nowMs) : null;
    if (rest === null) return null;
    const { reason, restMs } = rest;
    return { because: reason, away: null, untilMs: nowMs + restMs, spared: reason };
  }
  const ask = decideAsk(state, nowMs, limits.originProbeMs, true);
  if (ask.kind !== "hold") return null;
  const untilMs = nowMs + ask.retryAfterMs;
  return { because: ask.reason, away: state, untilMs, spared: null };
}
