// How is a request answered that goes past the cache? By the origin; and only while that cannot be
// reached, by what is stored (P6). Nothing is stored on the way, and no tier learns of the request.
//
// What is stored names nobody: it came to a request without Authorization and Cookie, and has no Vary, Set-Cookie or private. So it is what the origin, which is never sent a visitor's
// cookie, would have said to this one too (P4).

import type { FieldLines, FieldList } from "../http/fields.ts";
import { awayOf, regionFaultOf, tierOf } from "./answer-content.ts";
import type { AskedContent } from "./asked-content.ts";
import { answerStored, type ContentAnswer } from "./cache/answer.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import { NO_DEMANDS } from "./cache/demands.ts";
import type { LookupDecision } from "./cache/lookup.ts";
import { candidateOf, chooseTier, hitMembers, type Candidate, type Found } from "./cache/tiers.ts";
import { decideValidation } from "./cache/validation.ts";
import type { ContentPorts, OriginReply } from "./content-ports.ts";
import { limits } from "./limits.ts";
import {
  claimAsk,
  noteFailure,
  noteReply,
  noteSlow,
  passReply,
  probeByHead,
  refusePassing,
  type Passing,
} from "./pass-content.ts";
import type { OriginFailure } from "./routing/origin-health.ts";

/** A request that goes past the cache, and why. */
export interface Bypassing extends AskedContent {
  readonly reason: Extract<LookupDecision, { kind: "bypass" }>["reason"];
}

/** What is stored, and how it was found. */
interface StandIn<Body> {
  readonly candidate: Candidate<Body>;
  readonly found: Found<Body>;
}

/**
 * What of the client's request goes to the origin when it bypasses the cache. Never Authorization
 * or Cookie: Skerry's origin has no use for a visitor's, and must not see them (P4).
 */
const FORWARDED = [
  "accept",
  "accept-language",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "range",
];

/** Goes past the cache both ways, unless the origin is away and what is stored may stand in. */
export async function bypassContent<Body>(
  asked: Bypassing,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const passing = passingOf<Body>(asked);
  if (ports.health.state.kind === "away") {
    const ready = await serveAway(asked, ports);
    if (ready !== null) return ready;
  }
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") return refusePassing(passing, claim.reason, claim.retryAfterMs);
  const askedMs = ports.nowMs();
  const work = ports.origin.fetch(passing.upstream);
  const early = await ports.within(work, asked.policy.patienceMs);
  if (early === "late") {
    const standIn = await findStandIn(asked, ports);
    if (standIn !== null) {
      noteSlow(asked, ports);
      ports.background(work.then((reply) => noteAndDiscard(reply, asked.policy, askedMs, ports)));
      return serveStandIn(asked, standIn, "origin-slow", ports);
    }
  }
  const reply = early === "late" ? await work : early;
  noteReply(reply, asked.policy, askedMs, ports);
  return answerReply(asked, passing, reply, askedMs, ports);
}

/** Serves what is stored while the origin is away; a probe that is due runs behind the answer. */
async function serveAway<Body>(
  asked: Bypassing,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body> | null> {
  const standIn = await findStandIn(asked, ports);
  if (standIn === null) return null;
  const claim = claimAsk(ports, true);
  if (claim.kind === "ask") return null;
  if (claim.kind === "probe") {
    // HEAD: its answer is of use to nobody, and must not be stored for this request.
    ports.background(probeByHead(asked, ports));
  }
  return serveStandIn(asked, standIn, claim.reason, ports);
}

/** Answers with the origin's reply; instead of none or a server error, with what is stored. */
async function answerReply<Body>(
  asked: Bypassing,
  passing: Passing<Body>,
  reply: OriginReply<Body>,
  askedMs: number,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  if (reply.kind === "failed") {
    const standIn = await findStandIn(asked, ports);
    return standIn === null
      ? refusePassing(passing, reply.reason, limits.originProbeMs)
      : serveStandIn(asked, standIn, reply.reason, ports);
  }
  const validation = decideValidation(reply.status, asked.policy);
  if (validation.kind !== "failed") return passReply(passing, reply, ports);
  const standIn = await findStandIn(asked, ports);
  if (standIn === null) return passReply(passing, reply, ports);
  reply.discard();
  const { reason } = validation;
  if (validation.isAway) noteFailure(reason, askedMs, ports);
  return serveStandIn(asked, standIn, reason, ports);
}

/** Looks for what may be served without the origin: memory first, then the region. */
async function findStandIn<Body>(
  asked: Bypassing,
  ports: ContentPorts<Body>,
): Promise<StandIn<Body> | null> {
  // Under a target that long nothing is stored; and of a key that is not known nothing can be found.
  if (asked.reason === "target-too-long" || asked.reason === "hook-failed") return null;
  // It may have been waited for the origin before: what was purged meanwhile is not served.
  await ports.purges.renew();
  const { fields: request, policy } = asked;
  const { staleMsMax } = policy;
  const judging = { request, policy, demands: NO_DEMANDS, staleMsMax };
  const atFirstMs = ports.nowMs();
  const inMemory = ports.memory.get(asked.key, atFirstMs);
  const held = candidateOf(inMemory, "memory", atFirstMs, judging);
  const nearest = usableOf(chooseTier(held, null, null));
  if (nearest !== null) return nearest;
  const finding = await ports.region.get(asked.key, [], null);
  const inRegion = finding.kind === "found" ? finding.stored : null;
  const regional = candidateOf(inRegion, tierOf(finding), ports.nowMs(), judging);
  return usableOf(chooseTier(held, regional, regionFaultOf(finding), [], finding.colo));
}

/** RFC 9111 §4.2.4: what forbids to be served stale is not served stale here either. */
function usableOf<Body>(found: Found<Body>): StandIn<Body> | null {
  const { candidate } = found;
  if (candidate === null || candidate.reuse.kind === "validate-or-refuse") return null;
  return { candidate, found };
}

/** Serves what is stored, or the part of it that is asked for. */
function serveStandIn<Body>(
  asked: Bypassing,
  { candidate, found }: StandIn<Body>,
  because: OriginFailure,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const { stored, reuse } = candidate;
  const members = hitMembers(candidate, found, false, because);
  const decision = `bypass-away:${because}`;
  const away = reuse.kind === "serve-fresh" ? null : awayOf(ports);
  const how = { ageS: reuse.ageS, isReuse: true, members, decision, nowMs: ports.nowMs(), away };
  return answerStored(asked, stored, how);
}

/** What the client did not wait for is not read: a connection must not be held open for it. */
function noteAndDiscard<Body>(
  reply: OriginReply<Body>,
  policy: CachePolicy,
  askedMs: number,
  ports: ContentPorts<Body>,
): void {
  noteReply(reply, policy, askedMs, ports);
  if (reply.kind === "reply") reply.discard();
}

function passingOf<Body>(asked: Bypassing): Passing<Body> {
  const { method, fields, policy, upstream: target, reason: detail } = asked;
  const member = { cache: "skerry-memory", outcome: "bypass", detail } as const;
  return {
    request: fields,
    policy,
    upstream: {
      method,
      target,
      fields: policy.isPublished ? pickedFields(fields) : asked.forwarded(),
    },
    members: (fwdStatus) => [fwdStatus === null ? member : { ...member, fwdStatus }],
    decision: `bypass:${detail}`,
  };
}

/** Picks the fields of a bypassing request that go to the origin. */
function pickedFields(fields: FieldLines): FieldList {
  return FORWARDED.flatMap((name) => {
    const value = fields.get(name);
    return value === null ? [] : [[name, value] as const];
  });
}
