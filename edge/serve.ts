// How is a content request answered? Top to bottom: is it ours, may it use the cache, memory, the
// region's cell, the origin. The decisions are those of edge/cache and edge/routing; here is their
// order, and what is waited for.
//
// With the origin gone a stored response is served at once, stale and marked (P6): nobody waits for
// an origin that is known to be away, and for a slow one no longer than `originPatienceMs`.

import { loopsOf } from "../http/forwarding.ts";
import {
  answerRefreshed,
  discardUnused,
  isStillAlive,
  judgingOf,
  landRefreshed,
  mayStandIn,
  refuse,
  regionFaultOf,
  serveCandidate,
  standIn,
  tierOf,
  type Looked,
} from "./answer-content.ts";
import { askedOf, type AskedContent } from "./asked-content.ts";
import { answerProblem, type ContentAnswer } from "./cache/answer.ts";
import { bypassContent } from "./bypass-content.ts";
import { decideTarget } from "./cache/cache-key.ts";
import { decideLookup, type LookupDecision } from "./cache/lookup.ts";
import {
  badFields,
  badTarget,
  loopDetected,
  methodNotAllowed,
  misdirected,
  notCached,
  purgeNotAllowed,
} from "./cache/problems.ts";
import { guardRequest } from "./cache/request-guard.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import {
  candidateOf,
  chooseTier,
  passedMembers,
  type Candidate,
  type Found,
} from "./cache/tiers.ts";
import { selectingLines } from "./cache/variant.ts";
import type { ContentPorts, ContentRequest, ContentSite, RegionFinding } from "./content-ports.ts";
import { claimFill, flyBehind, flyContent } from "./fly-content.ts";
import { headContent } from "./head-content.ts";
import { limits } from "./limits.ts";
import { claimAsk, noteSlow, takeSpared } from "./pass-content.ts";
import { refreshContent, type Doubtful } from "./refresh-content.ts";
import type { AskDecision, OriginFailure } from "./routing/origin-health.ts";
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
  if (method === "PURGE") return answerProblem(purgeNotAllowed(), [], "refused:method");
  if (loopsOf(fields.get("cdn-loop")) > limits.proxyLoopsMax) {
    return answerProblem(loopDetected(), [], "refused:loop");
  }
  const target = decideTarget(request.rawTarget);
  if (target.kind === "refused") {
    return answerProblem(badTarget(target.reason, target.detail), [], `refused:${target.reason}`);
  }
  const asked = askedOf(request, site, target);
  if (!isRead) return guarded(asked, request) ?? writeContent(asked, request.body, ports);
  const lookup = lookupOf(asked);
  return lookup.kind === "bypass"
    ? (guarded(asked, request) ?? bypassContent({ ...asked, reason: lookup.reason }, ports))
    : lookUp({ ...asked, demands: lookup.demands }, request, ports);
}

/** Decides whether the cache is asked; not if a hook did not say what the key depends on (P4). */
function lookupOf({ fields, policy, key, run }: Omit<AskedContent, "flight">): LookupDecision {
  if (run?.isKeyed === false) return { kind: "bypass", reason: "hook-failed" };
  return decideLookup(fields, policy, key.length, limits.targetUriCharsMax);
}

/** Refuses what must not reach an upstream; null: it may. What memory answers does not, and is not asked. */
function guarded<Body>(
  { policy }: Pick<AskedContent, "policy">,
  request: ContentRequest<Body>,
): ContentAnswer<Body> | null {
  if (policy.isPublished) return null;
  const guard = guardRequest(request.fieldList());
  if (guard.kind === "sound") return null;
  return answerProblem(badFields(guard), [], `refused:${guard.reason}`);
}

/** Asks memory, then the region; serves what is fresh, or may be served while the origin is away. */
function lookUp<Body>(
  asked: Looked<Body>,
  request: ContentRequest<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const atFirstMs = ports.nowMs();
  const selecting = selectingLines(asked.fields, asked.policy);
  const inMemory = ports.memory.get(asked.key, atFirstMs, selecting);
  const held = candidateOf(inMemory, "memory", atFirstMs, judgingOf(asked));
  if (held !== null) {
    // Fresh, or away and something to serve: at once, without a call to the region's cell.
    const ready = serveReady(asked, chooseTier(held, null, null), ports);
    if (ready !== null) return Promise.resolve(ready);
  }
  const refused = guarded(asked, request);
  if (refused !== null) return Promise.resolve(refused);
  return flyContent(asked, held, (one) => lookFurther(one, held, ports), ports);
}

/** Asks the region, then the upstream. */
async function lookFurther<Body>(
  asked: Looked<Body>,
  held: Candidate<Body> | null,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const isNowhere = asked.isUnshared === true && held === null;
  const found = isNowhere ? NOWHERE : await findInRegion(asked, held, ports);
  const ready = serveReady(asked, found, ports);
  if (ready !== null) return ready;
  if (!asked.demands.isOnlyIfCached) return forward(asked, found, ports);
  const members = passedMembers(found, { detail: "only-if-cached" });
  return answerProblem(notCached(), members, "refused:only-if-cached");
}

/** The region is not asked for what nobody may share. */
const NOWHERE: Found<never> = { ...chooseTier<never>(null, null, null), region: "bypass" };

/** Finds the better of what memory had and what the region has. */
async function findInRegion<Body>(
  asked: Looked<Body>,
  held: Candidate<Body> | null,
  ports: ContentPorts<Body>,
): Promise<Found<Body>> {
  const { flight } = asked;
  const fillId = flight === undefined || flight.lease !== null ? null : flight.id;
  const finding = await ports.region.get(asked.key, asked.selecting(), fillId);
  if (finding.kind === "none" && finding.isClaimed && flight !== undefined) flight.lease = fillId;
  const inRegion = finding.kind === "found" ? finding.stored : null;
  const regional = candidateOf(inRegion, tierOf(finding), ports.nowMs(), judgingOf(asked));
  const tags = tagsOf(asked.key, finding, held, ports);
  const isAlive = held !== null && (await isStillAlive(asked, held, ports));
  return chooseTier(isAlive ? held : null, regional, regionFaultOf(finding), tags, finding.colo);
}

/** The entity tags of variants that could be the answer after all; none if one is selected. */
function tagsOf<Body>(
  key: string,
  finding: RegionFinding<Body>,
  held: Candidate<Body> | null,
  ports: ContentPorts<Body>,
): readonly string[] {
  if (held !== null || finding.kind === "found") return [];
  const regional = finding.tags ?? [];
  return [...new Set([...ports.memory.tags(key, ports.nowMs()), ...regional])];
}

/** Serves what needs no origin now; a probe that is due runs behind the answer. */
function serveReady<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> | null {
  const { candidate } = found;
  if (candidate === null) return null;
  const { reuse, stored } = candidate;
  if (reuse.kind === "serve-fresh") return serveCandidate(asked, candidate, found, null, ports);
  if (reuse.kind === "validate-or-refuse") return null;
  const isStaleAnyway = reuse.kind === "serve-stale";
  if (isStaleAnyway && !reuse.isRefreshed)
    return serveCandidate(asked, candidate, found, reuse.reason, ports);
  const ask = claimStale(asked, isStaleAnyway || reuse.isForErrors, ports);
  if (ask.kind === "ask" && !isStaleAnyway) return null;
  if (ask.kind !== "hold") refreshBehind(asked, stored, ask.kind === "probe", ports);
  const because = isStaleAnyway && ask.kind === "ask" ? reuse.reason : ask.reason;
  return serveCandidate(asked, candidate, found, because, ports);
}

/** Decides whether a target that can be served stale is asked for: the upstream, or it, may be ill. */
function claimStale<Body>(
  asked: AskedContent,
  isForErrors: boolean,
  ports: ContentPorts<Body>,
): Pick<AskDecision, "kind" | "reason"> {
  const claim = claimAsk(ports, true);
  if (claim.kind !== "ask" || !isForErrors) return claim;
  const spared = takeSpared(asked, ports);
  if (spared === null) return claim;
  return { kind: spared.isDue ? "probe" : "hold", reason: spared.reason };
}

/** Validates what is being served; one refresh of a key at a time (RFC 5861 §3). */
function refreshBehind<Body>(
  asked: Looked<Body>,
  stale: StoredResponse<Body>,
  isProbe: boolean,
  ports: ContentPorts<Body>,
): void {
  const way = (one: Looked<Body>) => refreshStale(one, stale, isProbe, ports);
  ports.background(flyBehind(asked, isProbe, way, ports));
}

/** Takes over what the region has by now, or asks the upstream. */
async function refreshStale<Body>(
  asked: Looked<Body>,
  stale: StoredResponse<Body>,
  isProbe: boolean,
  ports: ContentPorts<Body>,
): Promise<void> {
  if (await takeNewer(asked, stale, ports)) return;
  if (
    !isProbe &&
    (await claimFill(asked, ports)) === "stored" &&
    (await takeNewer(asked, stale, ports))
  )
    return;
  const doubtful = { stale, isForErrors: true, otherTags: [] };
  const refreshed = await refreshContent(asked, doubtful, ports);
  landRefreshed(asked, refreshed, ports);
  discardUnused(refreshed);
}

/** Has memory take over what the region has, if that is fresh and memory's is not. */
async function takeNewer<Body>(
  asked: Looked<Body>,
  { meta }: StoredResponse<Body>,
  ports: ContentPorts<Body>,
): Promise<boolean> {
  const { candidate } = await findInRegion(asked, null, ports);
  if (candidate === null || candidate.stored.meta.responseMs <= meta.responseMs) return false;
  if (candidate.reuse.kind !== "serve-fresh") return false;
  serveCandidate(asked, candidate, chooseTier(null, candidate, null), null, ports);
  return true;
}

/** Answers with what another isolate of the region has stored meanwhile; null: it is ours to ask. */
async function answerFilled<Body>(
  asked: Looked<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body> | null> {
  if ((await claimFill(asked, ports)) !== "stored") return null;
  return serveReady(asked, await findInRegion(asked, null, ports), ports);
}

/** Nothing may be served as it is: asks the origin, if it may be asked. */
async function forward<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { candidate } = found;
  // A HEAD has nothing to store; what is published is validated with GET, which has.
  if (asked.method === "HEAD" && (candidate === null || !asked.policy.isPublished)) {
    return (
      (await headContent(asked, found, ports)) ??
      (await standIn(asked, found, "origin-error", ports)) ??
      refuse(asked, found, "origin-error", limits.originProbeMs)
    );
  }
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") return refuse(asked, found, claim.reason, claim.retryAfterMs);
  if (claim.kind === "probe") return probeUpstream(asked, found, claim.reason, ports);
  return (await answerFilled(asked, ports)) ?? askUpstream(asked, found, ports);
}

/** Asks an upstream that counts as away, and waits no longer than it would be worth if it still is. */
async function probeUpstream<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  reason: OriginFailure,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const work = refreshContent(asked, doubtfulOf(found), ports);
  const refreshed = await ports.within(work, limits.probePatienceMs);
  if (refreshed !== "late") return answerRefreshed(asked, found, refreshed, ports);
  ports.background(work.then(discardUnused));
  return (
    (await standIn(asked, found, reason, ports)) ??
    refuse(asked, found, reason, limits.originProbeMs)
  );
}

function doubtfulOf<Body>({ candidate, otherTags }: Found<Body>): Doubtful<Body> {
  const stale = candidate?.stored ?? null;
  return { stale, isForErrors: mayStandIn(candidate), otherTags };
}

/** Asks the origin; instead of a slow one, what is stored answers if it may. */
async function askUpstream<Body>(
  asked: Looked<Body>,
  found: Found<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { candidate } = found;
  const doubtful = doubtfulOf(found);
  const work = refreshContent(asked, doubtful, ports);
  if (candidate === null || !doubtful.isForErrors) {
    return answerRefreshed(asked, found, await work, ports);
  }
  const refreshed = await ports.within(work, asked.policy.patienceMs);
  if (refreshed !== "late") return answerRefreshed(asked, found, refreshed, ports);
  if (!(await isStillAlive(asked, candidate, ports)))
    return answerRefreshed(asked, found, await work, ports);
  noteSlow(asked, ports);
  ports.background(work.then(discardUnused));
  return serveCandidate(asked, candidate, found, "origin-slow", ports);
}
