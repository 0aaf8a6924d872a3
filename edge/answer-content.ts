// How is a lookup answered with what the tiers or the upstream had? And what are those told that wait
// for the same answer.

import type { AskedContent } from "./asked-content.ts";
import {
  answerPassed,
  answerProblem,
  answerStored,
  type Away,
  type ContentAnswer,
  type PassedReply,
} from "./cache/answer.ts";
import { NO_DEMANDS, type Demands } from "./cache/demands.ts";
import { originFailed } from "./cache/problems.ts";
import { decideReuse } from "./cache/reuse.ts";
import {
  hitMembers,
  passedMembers,
  type Candidate,
  type Found,
  type Judging,
  type RegionFault,
  type StoringTier,
} from "./cache/tiers.ts";
import type { ContentPorts, RegionFinding } from "./content-ports.ts";
import { landStored, type Flight } from "./flights.ts";
import { limits } from "./limits.ts";
import type { OriginFailure } from "./routing/origin-health.ts";
import type { Refreshed } from "./store-reply.ts";

/** A lookup, with what the client demands of it, and the flight that it leads, if any. */
export interface Looked<Body> extends AskedContent {
  readonly demands: Demands;
  readonly flight?: Flight<Body>;
  /** What came for its target lately was for nobody else, so that no tier has it. */
  readonly isUnshared?: boolean;
}

/** What a stored response is judged for by a lookup. */
export function judgingOf<Body>({ fields: request, policy, demands }: Looked<Body>): Judging {
  return { request, policy, demands, staleMsMax: policy.staleMsMax };
}

/** Tells whether a stored response may be served instead of an error (RFC 9111 §4.2.4, RFC 5861 §4). */
export function mayStandIn<Body>(candidate: Candidate<Body> | null): boolean {
  return candidate?.reuse.kind === "validate-or-serve-stale" && candidate.reuse.isForErrors;
}

/** Serves what a tier had; from the region, memory takes it over. */
export function serveCandidate<Body>(
  asked: Looked<Body>,
  candidate: Candidate<Body>,
  found: Found<Body>,
  staleBecause: string | null,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const { stored, reuse, tier } = candidate;
  const nowMs = ports.nowMs();
  // What a write has ended while it was on its way here does not come back behind it.
  const isKept = tier !== "memory" && !ports.written.isSince(asked.key, stored.meta.requestMs);
  const isStored = isKept && ports.memory.put(asked.key, stored, nowMs);
  asked.flight?.land(landStored(stored, { fwdStatus: null, tier, staleBecause }));
  const members = hitMembers(candidate, found, isStored, staleBecause);
  const decision = staleBecause === null ? `${tier}-hit` : `stale:${staleBecause}`;
  return answerStored(asked, stored, {
    ageS: reuse.ageS,
    isReuse: true,
    members,
    decision,
    nowMs,
    away: staleBecause === null ? null : awayOf(ports),
  });
}

/** Which tier has what was found behind memory. */
export function tierOf(finding: RegionFinding<unknown>): StoringTier {
  return finding.kind === "found" ? (finding.tier ?? "region") : "region";
}

/** Why the region gave nothing, if it is not that it has nothing; null: it is. */
export function regionFaultOf(finding: RegionFinding<unknown>): RegionFault | null {
  if (finding.kind === "unavailable") return "region-unavailable";
  return finding.kind === "none" ? (finding.fault ?? null) : null;
}

/** The upstream as an answer tells of it while it counts as away; null: it does not. */
export function awayOf<Body>({ health }: ContentPorts<Body>): Away | null {
  return health.state.kind === "away" ? health.state : null;
}

/** P5: tells whether what was found before something was waited for may be served still. */
export async function isStillAlive<Body>(
  { key }: AskedContent,
  { stored }: Candidate<Body>,
  { purges }: ContentPorts<Body>,
): Promise<boolean> {
  await purges.renew();
  return purges.isCurrent && !purges.book.isPurged(key, stored.meta);
}

/** Serves what is stored after the upstream failed; null: nothing may be. */
export async function standIn<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  reason: OriginFailure,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body> | null> {
  const { candidate } = found;
  if (candidate === null || !mayStandIn(candidate)) return null;
  if (!(await isStillAlive(asked, candidate, ports))) return null;
  return serveCandidate(asked, candidate, found, reason, ports);
}

/** Answers with what asking the origin came to. */
export async function answerRefreshed<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  refreshed: Refreshed<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const nowMs = ports.nowMs();
  landRefreshed(asked, refreshed, ports);
  if (refreshed.kind === "whole") {
    return answerWhole(asked, found, refreshed, ports);
  }
  if (refreshed.kind === "failed") {
    // RFC 9111 §4.3.3: a failed validation counts as no answer; §4.2.4 then lets stale be served.
    const stoodIn = await standIn(asked, found, refreshed.reason, ports);
    if (stoodIn !== null) {
      refreshed.reply?.discard();
      return stoodIn;
    }
    if (refreshed.reply === null) {
      return refuse(asked, found, refreshed.reason, limits.originProbeMs);
    }
  }
  const reason: string = refreshed.reason;
  const reply: PassedReply<Body> = refreshed.reply;
  const members = passedMembers(found, { fwdStatus: reply.status, detail: reason });
  return answerPassed(asked, reply, members, `passed:${reason}`, nowMs);
}

/** Answers with a whole response, and says whether it is stored. */
function answerWhole<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  whole: Extract<Refreshed<Body>, { kind: "whole" }>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const nowMs = ports.nowMs();
  const { stored, fwdStatus, isFromCache, refusal, isLengthUnknown = false } = whole;
  // RFC 9211 §2.6: `stored` says that it is, which is not known of what may prove too large.
  const isStored = refusal === null && !isLengthUnknown;
  const because = refusal ?? (isStored ? null : (found.regionFault ?? "length-unknown"));
  const detail = because === null ? {} : { detail: because };
  const hasMemory = ports.memory.keepsNothing !== true;
  const members = passedMembers(found, { fwdStatus, isStored, ...detail }, hasMemory);
  const ageS = isFromCache ? Math.floor(stored.meta.initialAgeMs / 1000) : null;
  const decision = fwdStatus === 304 ? "validated" : "filled";
  return answerStored(asked, stored, { ageS, isReuse: false, members, decision, nowMs });
}

/** Tells who waits for the same answer what the upstream came to; a failure its answer tells. */
export function landRefreshed<Body>(
  asked: Looked<Body>,
  refreshed: Refreshed<Body>,
  ports: ContentPorts<Body>,
): void {
  const { flight, policy } = asked;
  if (flight === undefined || refreshed.kind === "failed") return;
  const nowMs = ports.nowMs();
  if (refreshed.kind === "whole" && refreshed.sharing !== null) {
    const { stored, fwdStatus, sharing } = refreshed;
    const { meta } = stored;
    // What has to be validated before each use is nobody else's without asking (RFC 9111 §4).
    if (decideReuse(meta, nowMs, 0, policy, NO_DEMANDS).kind === "serve-fresh") {
      const names = meta.variant.map(([name]) => name);
      ports.targets.noteShared(asked, names);
      flight.open = sharing.settled;
      flight.land({ kind: "shared", meta, fwdStatus, tier: null, staleBecause: null, ...sharing });
      return;
    }
  }
  noteUnshared(asked, flight, refreshed, ports);
  flight.land({ kind: "unshared" });
}

/** Remembers that nobody else had the answer, and whether a tier may have something all the same. */
function noteUnshared<Body>(
  asked: Looked<Body>,
  flight: Flight<Body>,
  refreshed: Exclude<Refreshed<Body>, { kind: "failed" }>,
  ports: ContentPorts<Body>,
): void {
  if (refreshed.kind === "whole" && refreshed.refusal === "written-meanwhile") return;
  const { hitForMissMs, hitForMissErrorMs } = limits;
  const isError = refreshed.kind === "passed" && refreshed.reply.status >= 500;
  const untilMs = ports.nowMs() + (isError ? hitForMissErrorMs : hitForMissMs);
  ports.targets.noteUnshared(asked, untilMs, isError || refreshed.kind === "whole");
  if (!isError) flight.outcome = "unshared";
}

/** Answers that the origin cannot be asked, or did not answer. */
export function refuse<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  reason: OriginFailure,
  retryAfterMs: number,
): ContentAnswer<Body> {
  asked.flight?.land({ kind: "failed", reason, retryAfterMs });
  const reuse = found.candidate?.reuse;
  const detail = reuse?.kind === "validate-or-refuse" ? reuse.detail : reason;
  const members = passedMembers(found, { detail });
  return answerProblem(originFailed(reason, retryAfterMs), members, `failed:${reason}`);
}

/** What the client did not wait for is not read: a connection must not be held open for it. */
export function discardUnused<Body>(refreshed: Refreshed<Body>): void {
  if (refreshed.kind !== "whole") refreshed.reply?.discard();
}
