// How is a content request answered? Top to bottom: is it ours, may it use the cache, memory, the
// region's cell, the origin. The decisions are those of edge/cache and edge/routing; here is their
// order, and what is waited for.
//
// With the origin gone a stored response is served at once, stale and marked (P6): nobody waits for
// an origin that is known to be away, and for a slow one no longer than `originPatienceMs`.

import {
  answerPassed,
  answerProblem,
  answerStored,
  type ContentAnswer,
  type PassedReply,
} from "./cache/answer.ts";
import { bypassContent } from "./bypass-content.ts";
import { cacheKeyOf, decideTarget, upstreamTargetOf } from "./cache/cache-key.ts";
import { decideLookup } from "./cache/lookup.ts";
import {
  badTarget,
  methodNotAllowed,
  misdirected,
  notCached,
  originFailed,
} from "./cache/problems.ts";
import {
  candidateOf,
  chooseTier,
  hitMembers,
  passedMembers,
  type Candidate,
  type Found,
} from "./cache/tiers.ts";
import type { ContentPorts, ContentRequest } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { claimAsk, passContent } from "./pass-content.ts";
import { refreshContent, type Refreshed, type RefreshTarget } from "./refresh-content.ts";
import { siteOf } from "./routing/path.ts";
import { afterFailure, type OriginFailure } from "./routing/origin-health.ts";

/** A request whose site and target are known. */
interface Asked extends RefreshTarget {
  readonly method: "GET" | "HEAD";
  readonly fields: ContentRequest["fields"];
}

/** Answers a content request. Never throws for what the request or the origin says (P9). */
export async function serveContent<Body>(
  request: ContentRequest,
  sites: Readonly<Record<string, string>>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { method, fields } = request;
  const site = siteOf(request.host, sites);
  if (site === null) return answerProblem(misdirected(request.host), [], "refused:unknown-host");
  if (method !== "GET" && method !== "HEAD") {
    return answerProblem(methodNotAllowed(method), [], "refused:method");
  }
  const target = decideTarget(request.rawTarget);
  if (target.kind === "refused") {
    return answerProblem(badTarget(target.reason, target.detail), [], `refused:${target.reason}`);
  }
  const key = cacheKeyOf(site, target);
  const upstream = upstreamTargetOf(site, target);
  const asked: Asked = { key, upstream, method, fields, request: fields };
  const lookup = decideLookup(fields, key.length, limits.targetUriCharsMax);
  return lookup.kind === "bypass"
    ? bypassContent({ ...asked, reason: lookup.reason }, ports)
    : lookUp(asked, lookup.isOnlyIfCached, ports);
}

/** Asks memory, then the region; serves what is fresh, or may be served while the origin is away. */
async function lookUp<Body>(
  asked: Asked,
  isOnlyIfCached: boolean,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { staleOfflineMsMax } = limits;
  const atFirstMs = ports.nowMs();
  const inMemory = ports.memory.get(asked.key, atFirstMs);
  const held = candidateOf(inMemory, "memory", atFirstMs, staleOfflineMsMax);
  if (held !== null) {
    // Fresh, or away and something to serve: at once, without a call to the region's cell.
    const ready = serveReady(asked, chooseTier(held, null, false), ports);
    if (ready !== null) return ready;
  }
  const finding = await ports.region.get(asked.key);
  const inRegion = finding.kind === "found" ? finding.stored : null;
  const regional = candidateOf(inRegion, "region", ports.nowMs(), staleOfflineMsMax);
  const found = chooseTier(held, regional, finding.kind === "unavailable");
  const ready = serveReady(asked, found, ports);
  if (ready !== null) return ready;
  if (!isOnlyIfCached) return forward(asked, found, ports);
  const members = passedMembers(found, { detail: "only-if-cached" });
  return answerProblem(notCached(), members, "refused:only-if-cached");
}

/** Serves what needs no origin now; a probe that is due runs behind the answer. */
function serveReady<Body>(
  asked: Asked,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> | null {
  const { candidate } = found;
  if (candidate?.reuse.kind === "serve-fresh") {
    return serveCandidate(asked, candidate, found, null, ports);
  }
  if (candidate?.reuse.kind !== "validate-or-serve-stale") return null;
  if (ports.health.state.kind === "up") return null;
  const claim = claimAsk(ports, true);
  if (claim.kind === "ask") return null;
  if (claim.kind === "probe") {
    ports.background(refreshContent(asked, candidate.stored, ports).then(discardUnused));
  }
  return serveCandidate(asked, candidate, found, claim.reason, ports);
}

/** Nothing may be served as it is: asks the origin, if it may be asked. */
async function forward<Body>(
  asked: Asked,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { candidate } = found;
  // A HEAD has nothing to store; a stale response is validated with GET, which has.
  if (asked.method === "HEAD" && candidate === null) return passHead(asked, found, ports);
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") return refuse(found, claim.reason, claim.retryAfterMs);
  const work = refreshContent(asked, candidate?.stored ?? null, ports);
  if (candidate?.reuse.kind !== "validate-or-serve-stale") {
    return answerRefreshed(asked, found, await work, ports);
  }
  const refreshed = await ports.within(work, limits.originPatienceMs);
  if (refreshed !== "late") return answerRefreshed(asked, found, refreshed, ports);
  // Slow counts as away until it answers: the next request need not wait again.
  ports.health.state = afterFailure(ports.health.state, "origin-slow", ports.nowMs());
  ports.background(work.then(discardUnused));
  return serveCandidate(asked, candidate, found, "origin-slow", ports);
}

/** Passes a HEAD on; its answer is never stored, so that it cannot stand in for a GET's. */
function passHead<Body>(
  asked: Asked,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const passing = {
    request: asked.fields,
    upstream: { method: asked.method, target: asked.upstream, fields: [] },
    members: (fwdStatus: number | null) =>
      passedMembers(found, fwdStatus === null ? {} : { fwdStatus, detail: "method" }),
    decision: "passed:method",
  };
  return passContent(passing, ports);
}

/** Answers with what asking the origin came to. */
function answerRefreshed<Body>(
  asked: Asked,
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
    return answerStored(asked, stored, ageS, members, decision, nowMs);
  }
  const { candidate } = found;
  if (refreshed.kind === "failed") {
    // RFC 9111 §4.3.3: a failed validation counts as no answer; §4.2.4 then lets stale be served.
    if (candidate?.reuse.kind === "validate-or-serve-stale") {
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
  asked: Asked,
  candidate: Candidate<Body>,
  found: Found<Body>,
  staleBecause: OriginFailure | null,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const { stored, reuse, tier } = candidate;
  const nowMs = ports.nowMs();
  const isStored = tier === "region" && ports.memory.put(asked.key, stored, nowMs);
  const members = hitMembers(candidate, found, isStored, staleBecause);
  const decision = staleBecause === null ? `${tier}-hit` : `stale:${staleBecause}`;
  return answerStored(asked, stored, reuse.ageS, members, decision, nowMs);
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
