// How do requests for the same target share one way to the upstream? The first leads; the others wait
// until its answer has a head, and read its body along. Nobody waits longer than `lockTimeoutMs` for one
// that does not come: the first that is tired of waiting leads the next flight. The rest wait for that one
// too, but for `flightWaitMsMax` in all: leaders that hang one after the other do not add up.
//
// A leader flies on when its client is gone: its work is held by the runtime, not by its answer.

import { judgingOf, refuse, standIn, type Looked } from "./answer-content.ts";
import { answerStored, type ContentAnswer } from "./cache/answer.ts";
import type { StoredResponse } from "./cache/stored-response.ts";
import { candidateOf, chooseTier, type Candidate } from "./cache/tiers.ts";
import { isSelected, selectingLines } from "./cache/variant.ts";
import type { ContentPorts } from "./content-ports.ts";
import type { Flight, Landing, SharedLanding } from "./flights.ts";
import { limits } from "./limits.ts";
import { isPurgedMeanwhile, needsWhole } from "./fill-checks.ts";

/** What a request does that nobody answers: its way through region and upstream. */
type Way<Body, Result> = (asked: Looked<Body>) => Promise<Result>;

/** Answers a lookup that memory does not answer: with another's flight, with its own, or alone. */
export async function flyContent<Body>(
  asked: Looked<Body>,
  held: Candidate<Body> | null,
  way: Way<Body, ContentAnswer<Body>>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const tried = new Set<string>();
  let startedMs: number | null = null;
  for (let left = limits.flightRoundsMax; left > 0 && !asked.demands.isOnlyIfCached; left -= 1) {
    const nowMs = ports.nowMs();
    startedMs ??= nowMs;
    const decision = ports.targets.decideFlight(asked, nowMs);
    if (decision.kind === "alone")
      return way({ ...asked, isUnshared: decision.reason === "hit-for-miss" });
    const flight = ports.flights.find(decision.id);
    const waitedMs = nowMs - startedMs;
    if (flight === null) return lead(asked, decision.id, way, ports, waitedMs);
    const patienceMs = patienceLeft(waitedMs);
    if (patienceMs === 0) break;
    const landing = await ports.within(flight.landed, patienceMs);
    if (landing === "late") {
      if (patienceMs === limits.lockTimeoutMs) ports.flights.end(flight);
      continue;
    }
    const joined = await join(asked, held, landing, ports, startedMs);
    if (joined.kind === "answered") return joined.answer;
    if (joined.kind === "outdated") ports.flights.end(flight);
    // By now it is known what selects a variant; who has the same as that flight is not helped by it.
    else if (tried.has(decision.id)) break;
    tried.add(decision.id);
  }
  return way(asked);
}

/** How long a request that has waited for others already waits for the next, milliseconds; 0: not at all. */
function patienceLeft(waitedMs: number): number {
  const { flightWaitMsMax, lockTimeoutMs } = limits;
  // A clock that is set back or ahead must not make it wait for longer.
  if (waitedMs < 0) return 0;
  return Math.min(lockTimeoutMs, Math.max(0, flightWaitMsMax - waitedMs));
}

/**
 * Refreshes what is stored behind an answer, unless that, or its like, is under way. A probe does not
 * wait for one that may hang: it is to tell whether the upstream is back.
 */
export async function flyBehind<Body>(
  asked: Looked<Body>,
  isProbe: boolean,
  way: Way<Body, void>,
  ports: ContentPorts<Body>,
): Promise<void> {
  const decision = ports.targets.decideFlight(asked, ports.nowMs());
  const id = decision.kind === "together" ? decision.id : `${asked.key} behind`;
  const flight = ports.flights.find(id);
  if (flight !== null && isProbe) ports.flights.end(flight);
  if (flight === null || isProbe) await lead(asked, id, way, ports, 0);
}

/** Claims to be the region's one to ask the upstream; `stored`: somebody has, look again. */
export async function claimFill<Body>(
  { flight }: Looked<Body>,
  ports: ContentPorts<Body>,
): Promise<"ask" | "stored"> {
  if (flight === undefined || flight.lease !== null || flight.hasWaited) return "ask";
  const claim = await ports.region.claimFill(flight.id);
  if (claim === "fill") flight.lease = flight.id;
  return claim === "stored" ? "stored" : "ask";
}

function lead<Body, Result>(
  asked: Looked<Body>,
  id: string,
  way: Way<Body, Result>,
  ports: ContentPorts<Body>,
  waitedMs: number,
): Promise<Result> {
  const flight = ports.flights.begin(id);
  flight.hasWaited = patienceLeft(waitedMs) < limits.lockTimeoutMs;
  const work = way({ ...asked, flight }).finally(() => close(flight, ports));
  ports.background(work);
  return work;
}

/** Leaves nobody waiting, whatever the leader came to. */
function close<Body>(flight: Flight<Body>, ports: ContentPorts<Body>): void {
  flight.land({ kind: "unshared" });
  const lease = flight.takeLease();
  if (lease !== null) ports.background(ports.region.endFill(lease, flight.outcome));
  if (flight.open === null) ports.flights.end(flight);
  else ports.background(flight.open.finally(() => ports.flights.end(flight)));
}

/** What a landing is to a request that waited for it. */
type Joined<Body> =
  | { readonly kind: "answered"; readonly answer: ContentAnswer<Body> }
  /** It was purged, or written, before this request came. */
  | { readonly kind: "outdated" }
  | { readonly kind: "unsuited" };

async function join<Body>(
  asked: Looked<Body>,
  held: Candidate<Body> | null,
  landing: Landing<Body>,
  ports: ContentPorts<Body>,
  startedMs: number,
): Promise<Joined<Body>> {
  if (landing.kind === "unshared") return { kind: "unsuited" };
  if (landing.kind === "failed") {
    const found = chooseTier(held, null, null);
    const stoodIn = await standIn(asked, found, landing.reason, ports);
    const { reason, retryAfterMs } = landing;
    return { kind: "answered", answer: stoodIn ?? refuse(asked, found, reason, retryAfterMs) };
  }
  const { meta } = landing;
  const isOutdated =
    (await isPurgedMeanwhile(asked, meta, ports)) ||
    ports.purges.book.verdictOn(asked.key, meta) === "stale" ||
    ports.written.isSince(asked.key, meta.requestMs);
  if (isOutdated) return { kind: "outdated" };
  const answer = await answerJoined(asked, landing, ports, startedMs);
  return answer === null ? { kind: "unsuited" } : { kind: "answered", answer };
}

/** Answers with a flight's response; null: it does not suit the request. */
async function answerJoined<Body>(
  asked: Looked<Body>,
  landing: SharedLanding<Body>,
  ports: ContentPorts<Body>,
  startedMs: number,
): Promise<ContentAnswer<Body> | null> {
  const { meta, fwdStatus, staleBecause } = landing;
  if (!isSelected(meta.variant, selectingLines(asked.fields, asked.policy))) return null;
  const ageS = ageIfUsable(asked, landing, ports);
  const stored = ageS === null ? null : await openJoined(asked, landing, ports, startedMs);
  if (stored === null) return null;
  const status = fwdStatus === null ? {} : { fwdStatus };
  const detail = staleBecause === null ? {} : { detail: staleBecause };
  const member = { cache: "skerry-memory", outcome: "miss", isCollapsed: true } as const;
  const members = [{ ...member, ...status, ...detail }];
  const decision = "collapsed";
  return answerStored(asked, stored, {
    ageS,
    isReuse: true,
    members,
    decision,
    nowMs: ports.nowMs(),
  });
}

/** Opens a body of one's own: as it arrives, or whole if the answer may be less than all of it. */
async function openJoined<Body>(
  { fields }: Looked<Body>,
  { meta, open, whole }: SharedLanding<Body>,
  ports: ContentPorts<Body>,
  startedMs: number,
): Promise<StoredResponse<Body> | null> {
  const body = needsWhole(fields) ? null : open();
  if (body !== null) return { meta, body };
  const stored = await ports.within(whole, patienceLeft(ports.nowMs() - startedMs));
  return stored === "late" ? null : stored;
}

/** Tells how old a flight's response is if the request may have it without asking; else null. */
function ageIfUsable<Body>(
  asked: Looked<Body>,
  { meta, tier, staleBecause }: SharedLanding<Body>,
  ports: ContentPorts<Body>,
): number | null {
  const headOnly = { meta, body: null };
  const candidate = candidateOf(headOnly, tier ?? "memory", ports.nowMs(), judgingOf(asked));
  if (candidate === null) return null;
  const { kind, ageS } = candidate.reuse;
  const isFine = kind === "serve-fresh" || kind === "serve-stale";
  return isFine || (staleBecause !== null && kind === "validate-or-serve-stale") ? ageS : null;
}
