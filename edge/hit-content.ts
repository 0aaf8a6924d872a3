// What does memory answer by itself? Only what is fresh, for a request that asks for nothing special.
// It waits for nothing, and what it says may be said again for a while: until the age has another
// second, which is also when what is fresh may be stale.

import { answerStored, type AnswerTo, type ContentAnswer } from "./cache/answer.ts";
import { currentAgeMs } from "./cache/age.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import { NO_DEMANDS } from "./cache/demands.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import { candidateOf, chooseTier, hitMembers } from "./cache/tiers.ts";
import { limits } from "./limits.ts";

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
 * Answers a GET or HEAD without special fields with what memory selected for it; null: it is not fresh.
 *
 * @param stored Alive, by a view of purges that is current.
 */
export function hitContent<Body>(
  request: AnswerTo,
  stored: StoredResponse<Body>,
  nowMs: number,
): Hit<Body> | null {
  const { fields, policy } = request;
  const judging = {
    request: fields,
    policy,
    demands: NO_DEMANDS,
    staleMsMax: limits.staleOfflineMsMax,
  };
  const held = candidateOf(stored, "memory", nowMs, judging);
  if (held?.reuse.kind !== "serve-fresh") return null;
  const answer = answerStored(request, stored, {
    ageS: held.reuse.ageS,
    isReuse: true,
    members: hitMembers(held, chooseTier(held, null, false), false, null),
    decision: "memory-hit",
    nowMs,
  });
  if (answer.kind !== "content") return null;
  return { answer, untilMs: nowMs + 1_000 - (currentAgeMs(stored.meta, nowMs) % 1_000) };
}
