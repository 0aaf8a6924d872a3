// How is a content request answered? Top to bottom: is it ours, may it use the cache, memory, the
// region's cell, the origin. The decisions are those of edge/cache and edge/routing; here is their
// order, and what is waited for.
//
// With the origin gone a stored response is served at once, stale and marked (P6): nobody waits for
// an origin that is known to be away, and for a slow one no longer than `originPatienceMs`.

import { forwardedFields, loopsOf } from "../http/forwarding.ts";
import { acceptedCodings } from "../http/vary.ts";
import type { AskedContent } from "./asked-content.ts";
import {
  answerPassed,
  answerProblem,
  answerStored,
  type ContentAnswer,
  type PassedReply,
} from "./cache/answer.ts";
import { bypassContent } from "./bypass-content.ts";
import { cacheKeyOf, decideTarget, upstreamTargetOf, type Target } from "./cache/cache-key.ts";
import type { Demands } from "./cache/demands.ts";
import { decideLookup } from "./cache/lookup.ts";
import {
  badTarget,
  loopDetected,
  methodNotAllowed,
  misdirected,
  notCached,
  originFailed,
} from "./cache/problems.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import {
  candidateOf,
  chooseTier,
  hitMembers,
  passedMembers,
  type Candidate,
  type Found,
} from "./cache/tiers.ts";
import { selectingLines, selectingList } from "./cache/variant.ts";
import type { ContentPorts, ContentRequest, ContentSite, RegionFinding } from "./content-ports.ts";
import { headContent } from "./head-content.ts";
import { limits } from "./limits.ts";
import { claimAsk } from "./pass-content.ts";
import { refreshContent, type Refreshed } from "./refresh-content.ts";
import { afterFailure, type OriginFailure } from "./routing/origin-health.ts";
import { writeContent } from "./write-content.ts";

/** Answers a content request. Never throws for what the request or the upstream says (P9). */
export async function serveContent<Body>(
  request: ContentRequest<Body>,
  site: ContentSite | null,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { method, fields } = request;
  if (site === null) return answerProblem(misdirected(request.host), [], "refused:unknown-host");
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead && site.policy.isPublished) {
    return answerProblem(methodNotAllowed(method), [], "refused:method");
  }
  if (loopsOf(fields.get("cdn-loop")) > limits.proxyLoopsMax) {
    return answerProblem(loopDetected(), [], "refused:loop");
  }
  const target = decideTarget(request.rawTarget);
  if (target.kind === "refused") {
    return answerProblem(badTarget(target.reason, target.detail), [], `refused:${target.reason}`);
  }
  const asked = askedOf(request, site, target);
  if (!isRead) return writeContent(asked, request.body, ports);
  const { targetUriCharsMax } = limits;
  const lookup = decideLookup(fields, site.policy, asked.key.length, targetUriCharsMax);
  return lookup.kind === "bypass"
    ? bypassContent({ ...asked, reason: lookup.reason }, ports)
    : lookUp({ ...asked, demands: lookup.demands }, ports);
}

/** A lookup, with what the client demands of it. */
interface Looked extends AskedContent {
  readonly demands: Demands;
}

function askedOf<Body>(
  request: ContentRequest<Body>,
  { name, policy }: ContentSite,
  target: Target,
): AskedContent {
  const { method, fields, arrival } = request;
  return {
    site: name,
    policy,
    method,
    fields,
    target,
    key: cacheKeyOf(name, target),
    upstream: policy.isPublished ? upstreamTargetOf(name, target) : target.path + target.query,
    arrival,
    forwarded: () => {
      if (policy.isPublished) return [];
      const codings = acceptedCodings(fields.get("accept-encoding"));
      return [...forwardedFields(request.fieldList(), arrival), ["accept-encoding", codings]];
    },
    selecting: () => (policy.isPublished ? [] : selectingList(request.fieldList(), fields, policy)),
  };
}

/** Asks memory, then the region; serves what is fresh, or may be served while the origin is away. */
async function lookUp<Body>(
  asked: Looked,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { fields: request, policy, demands } = asked;
  const judging = { request, policy, demands, staleMsMax: limits.staleOfflineMsMax };
  const atFirstMs = ports.nowMs();
  const inMemory = ports.memory.get(asked.key, atFirstMs, selectingLines(request, policy));
  const held = candidateOf(inMemory, "memory", atFirstMs, judging);
  if (held !== null) {
    // Fresh, or away and something to serve: at once, without a call to the region's cell.
    const ready = serveReady(asked, chooseTier(held, null, false), ports);
    if (ready !== null) return ready;
  }
  const finding = await ports.region.get(asked.key, asked.selecting());
  const inRegion = finding.kind === "found" ? finding.stored : null;
  const regional = candidateOf(inRegion, "region", ports.nowMs(), judging);
  const tags = tagsOf(asked.key, finding, held, ports);
  const found = chooseTier(held, regional, finding.kind === "unavailable", tags);
  const ready = serveReady(asked, found, ports);
  if (ready !== null) return ready;
  if (!demands.isOnlyIfCached) return forward(asked, found, ports);
  const members = passedMembers(found, { detail: "only-if-cached" });
  return answerProblem(notCached(), members, "refused:only-if-cached");
}

/** The entity tags of variants that could be the answer after all; none if one is selected. */
function tagsOf<Body>(
  key: string,
  finding: RegionFinding<Body>,
  held: Candidate<Body> | null,
  ports: ContentPorts<Body>,
): readonly string[] {
  if (held !== null || finding.kind === "found") return [];
  const regional = finding.kind === "none" ? finding.tags : [];
  return [...new Set([...ports.memory.tags(key, ports.nowMs()), ...regional])];
}

/** Serves what needs no origin now; a probe that is due runs behind the answer. */
function serveReady<Body>(
  asked: Looked,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> | null {
  const { candidate } = found;
  if (candidate === null) return null;
  const { reuse, stored } = candidate;
  if (reuse.kind === "serve-fresh") return serveCandidate(asked, candidate, found, null, ports);
  if (reuse.kind === "serve-stale") {
    if (reuse.isRefreshed) refreshBehind(asked, stored, ports);
    return serveCandidate(asked, candidate, found, reuse.reason, ports);
  }
  if (reuse.kind !== "validate-or-serve-stale") return null;
  if (ports.health.state.kind === "up") return null;
  const claim = claimAsk(ports, true);
  if (claim.kind === "ask") return null;
  if (claim.kind === "probe") refreshBehind(asked, stored, ports);
  return serveCandidate(asked, candidate, found, claim.reason, ports);
}

/** Validates what is being served; one refresh of a key at a time (RFC 5861 §3). */
function refreshBehind<Body>(
  asked: Looked,
  stale: StoredResponse<Body>,
  ports: ContentPorts<Body>,
): void {
  if (ports.refreshing.has(asked.key)) return;
  ports.refreshing.add(asked.key);
  const doubtful = { stale, isForErrors: true, otherTags: [] };
  const work = refreshContent(asked, doubtful, ports).then(discardUnused);
  ports.background(work.finally(() => ports.refreshing.delete(asked.key)));
}

/** Nothing may be served as it is: asks the origin, if it may be asked. */
async function forward<Body>(
  asked: Looked,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { candidate, otherTags } = found;
  // A HEAD has nothing to store; what is published is validated with GET, which has.
  if (asked.method === "HEAD" && (candidate === null || !asked.policy.isPublished)) {
    return (await headContent(asked, found, ports)) ?? serveInstead(asked, found, ports);
  }
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") return refuse(found, claim.reason, claim.retryAfterMs);
  const stale = candidate?.stored ?? null;
  const isForErrors = mayStandIn(candidate);
  const work = refreshContent(asked, { stale, isForErrors, otherTags }, ports);
  if (candidate === null || !isForErrors || !asked.policy.isPublished) {
    return answerRefreshed(asked, found, await work, ports);
  }
  const refreshed = await ports.within(work, limits.originPatienceMs);
  if (refreshed !== "late") return answerRefreshed(asked, found, refreshed, ports);
  // Slow counts as away until it answers: the next request need not wait again.
  ports.health.state = afterFailure(ports.health.state, "origin-slow", ports.nowMs());
  ports.background(work.then(discardUnused));
  return serveCandidate(asked, candidate, found, "origin-slow", ports);
}

/** Tells whether a stored response may be served instead of an error (RFC 9111 §4.2.4, RFC 5861 §4). */
function mayStandIn<Body>(candidate: Candidate<Body> | null): boolean {
  return candidate?.reuse.kind === "validate-or-serve-stale" && candidate.reuse.isForErrors;
}

/** Serves what is stored after the upstream failed. */
function serveInstead<Body>(
  asked: Looked,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  return found.candidate === null
    ? refuse(found, "origin-error", limits.originProbeMs)
    : serveCandidate(asked, found.candidate, found, "origin-error", ports);
}

/** Answers with what asking the origin came to. */
function answerRefreshed<Body>(
  asked: Looked,
  found: Found<Body>,
  refreshed: Refreshed<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const nowMs = ports.nowMs();
  if (refreshed.kind === "whole") {
    const { stored, fwdStatus, isFromCache, refusal } = refreshed;
    const detail = refusal === null ? {} : { detail: refusal };
    const members = passedMembers(found, { fwdStatus, isStored: refusal === null, ...detail });
    const ageS = isFromCache ? Math.floor(stored.meta.initialAgeMs / 1000) : null;
    const decision = fwdStatus === 304 ? "validated" : "filled";
    return answerStored(asked, stored, { ageS, isReuse: false, members, decision, nowMs });
  }
  const { candidate } = found;
  if (refreshed.kind === "failed") {
    // RFC 9111 §4.3.3: a failed validation counts as no answer; §4.2.4 then lets stale be served.
    if (candidate !== null && mayStandIn(candidate)) {
      refreshed.reply?.discard();
      return serveCandidate(asked, candidate, found, refreshed.reason, ports);
    }
    if (refreshed.reply === null) return refuse(found, refreshed.reason, limits.originProbeMs);
  }
  const reason: string = refreshed.reason;
  const reply: PassedReply<Body> = refreshed.reply;
  const members = passedMembers(found, { fwdStatus: reply.status, detail: reason });
  return answerPassed(asked, reply, members, `passed:${reason}`, nowMs);
}

/** Serves what a tier had; from the region, memory takes it over. */
function serveCandidate<Body>(
  asked: Looked,
  candidate: Candidate<Body>,
  found: Found<Body>,
  staleBecause: string | null,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const { stored, reuse, tier } = candidate;
  const nowMs = ports.nowMs();
  const isStored = tier === "region" && ports.memory.put(asked.key, stored, nowMs);
  const members = hitMembers(candidate, found, isStored, staleBecause);
  const decision = staleBecause === null ? `${tier}-hit` : `stale:${staleBecause}`;
  return answerStored(asked, stored, {
    ageS: reuse.ageS,
    isReuse: true,
    members,
    decision,
    nowMs,
  });
}

function refuse<Body>(
  found: Found<Body>,
  reason: OriginFailure,
  retryAfterMs: number,
): ContentAnswer<Body> {
  const reuse = found.candidate?.reuse;
  const detail = reuse?.kind === "validate-or-refuse" ? reuse.detail : reason;
  const members = passedMembers(found, { detail });
  return answerProblem(originFailed(reason, retryAfterMs), members, `failed:${reason}`);
}

/** What the client did not wait for is not read: a connection must not be held open for it. */
function discardUnused<Body>(refreshed: Refreshed<Body>): void {
  if (refreshed.kind !== "whole") refreshed.reply?.discard();
}
