// Which tier has the best stored response for a request, and how does the way through the tiers
// read in Cache-Status? Names: skerry-memory is the isolate's, skerry-colo that of
// the place where it runs, skerry-region the ContentCell's.

import type { CacheStatusMember, ForwardReason } from "../../http/cache-status.ts";
import type { FieldLines } from "../../http/fields.ts";
import { answersRange } from "./answer.ts";
import type { CachePolicy } from "./cache-policy.ts";
import type { Demands } from "./demands.ts";
import { decideReuse, type ReuseDecision } from "./reuse.ts";
import type { StoredResponse } from "./stored-response.ts";

/** What a stored response is judged for. */
export interface Judging {
  readonly request: FieldLines;
  readonly policy: CachePolicy;
  readonly demands: Demands;
  readonly staleMsMax: number;
}

/** A tier that may have a stored response. */
export type StoringTier = "memory" | "colo" | "region";

/** The cell cannot be asked; or what it stores is not whole, and was dropped. */
export type RegionFault = "region-unavailable" | "body-damaged";

/** How a request went through the tiers. */
export interface Passage {
  readonly memory: ForwardReason;
  readonly region: ForwardReason;
  /** Null: there is no such tier, or it was not asked. */
  readonly colo: ForwardReason | null;
  /** Why the region's cell gave nothing, where it is not that nothing is there; null: it did what it can. */
  readonly regionFault: RegionFault | null;
}

/** A stored response, what it is good for now, and the tier that had it. */
export interface Candidate<Body> {
  readonly stored: StoredResponse<Body>;
  readonly reuse: ReuseDecision;
  readonly tier: StoringTier;
}

/** The best that the tiers have, if anything, and the way there. */
export interface Found<Body> extends Passage {
  readonly candidate: Candidate<Body> | null;
  /** Entity tags of variants that the request does not select. */
  readonly otherTags: readonly string[];
}

/** Judges what a tier has; null if it has nothing that could answer the request. */
export function candidateOf<Body>(
  stored: StoredResponse<Body> | null,
  tier: StoringTier,
  nowMs: number,
  { request, policy, demands, staleMsMax }: Judging,
): Candidate<Body> | null {
  if (stored === null || !answersRange(stored.meta, request)) return null;
  const reuse = decideReuse(stored.meta, nowMs, staleMsMax, policy, demands);
  // What is only a part is never validated: the request goes on as it came.
  if (stored.meta.part !== null && reuse.kind !== "serve-fresh") return null;
  return { stored, reuse, tier };
}

/**
 * Picks the newer of what memory and the region have; memory's if they are the same.
 *
 * @param regional  What the region has, or the colo before it.
 * @param coloPassed  How the colo's tier let the request pass; null: it did not, or there is none.
 */
export function chooseTier<Body>(
  held: Candidate<Body> | null,
  regional: Candidate<Body> | null,
  regionFault: RegionFault | null,
  otherTags: readonly string[] = [],
  coloPassed: ForwardReason | null = null,
): Found<Body> {
  const newerMs = (candidate: Candidate<Body> | null) => candidate?.stored.meta.responseMs ?? -1;
  const isVaryMiss = otherTags.length > 0;
  const isInColo = regional?.tier === "colo";
  return {
    candidate: newerMs(regional) > newerMs(held) ? regional : held,
    otherTags,
    memory: forwardReason(held, isVaryMiss),
    region: forwardReason(isInColo ? null : regional, isVaryMiss),
    colo: isInColo ? forwardReason(regional, isVaryMiss) : coloPassed,
    regionFault,
  };
}

function forwardReason(candidate: Candidate<unknown> | null, isVaryMiss: boolean): ForwardReason {
  if (candidate === null) return isVaryMiss ? "vary-miss" : "miss";
  return candidate.reuse.reason.startsWith("request-") ? "request" : "stale";
}

/**
 * Tells how all tiers let a request pass, the region's member first.
 *
 * @param hasMemory False: this deployment keeps nothing in memory.
 */
export function passedMembers(
  passage: Passage,
  last: Pick<CacheStatusMember, "fwdStatus" | "isStored" | "detail">,
  hasMemory = true,
): readonly CacheStatusMember[] {
  const isStored = last.isStored === true;
  const { regionFault } = passage;
  const isStoredInRegion = isStored && regionFault !== "region-unavailable";
  const region =
    regionFault === null
      ? last
      : { ...last, isStored: isStoredInRegion, detail: last.detail ?? regionFault };
  return [
    { cache: "skerry-region", outcome: passage.region, ...region },
    ...coloMember(passage, isStored),
    { cache: "skerry-memory", outcome: passage.memory, isStored: isStored && hasMemory },
  ];
}

function coloMember({ colo }: Passage, isStored: boolean): readonly CacheStatusMember[] {
  return colo === null ? [] : [{ cache: "skerry-colo", outcome: colo, isStored }];
}

/** Tells of a hit; what the region had goes through memory, which may store it on the way. */
export function hitMembers(
  candidate: Candidate<unknown>,
  passage: Passage,
  isStoredInMemory: boolean,
  detail: string | null,
): readonly CacheStatusMember[] {
  const hit = {
    outcome: "hit",
    ttl: candidate.reuse.ttlS,
    ...(detail === null ? {} : { detail }),
  } as const;
  if (candidate.tier === "memory") return [{ cache: "skerry-memory", ...hit }];
  if (candidate.tier === "colo") {
    const colo = { cache: "skerry-colo", ...hit };
    return [colo, { cache: "skerry-memory", outcome: passage.memory, isStored: isStoredInMemory }];
  }
  return [
    { cache: "skerry-region", ...hit },
    ...coloMember(passage, true),
    { cache: "skerry-memory", outcome: passage.memory, isStored: isStoredInMemory },
  ];
}
