// How does a request that is no lookup reach an upstream that is not Skerry's? As it came; and what a
// write makes doubtful is forgotten in every tier before its answer leaves (RFC 9111 §4.4).

import { urlScope } from "../state/purge-scope.ts";
import type { AskedContent } from "./asked-content.ts";
import { answerProblem, answerStored, type ContentAnswer } from "./cache/answer.ts";
import { cacheKeyOf, type Target } from "./cache/cache-key.ts";
import { invalidatedBy, invalidatedGroups } from "./cache/invalidation.ts";
import { badBody, traceNotAllowed } from "./cache/problems.ts";
import type { ContentPorts, OriginReply, SentBody, UpstreamReply } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { groupScope, objectOf } from "./purge-scopes.ts";
import {
  claimAsk,
  noteReply,
  passReply,
  probeByHead,
  refusePassing,
  type Passing,
} from "./pass-content.ts";
import { decideAsk, type AskDecision } from "./routing/origin-health.ts";
import { keptQuery } from "./site/query-rule.ts";
import { storeReply } from "./store-reply.ts";

/** Sends a request on, and forgets what it changes. */
export async function writeContent<Body>(
  asked: AskedContent,
  body: SentBody<Body> | null,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { method, policy } = asked;
  if (method === "TRACE") return answerProblem(traceNotAllowed(), [], "refused:method");
  const passing = passingOf(asked, body);
  const claim = await claimWrite(asked, ports);
  if (claim.kind === "hold") return refusePassing(passing, claim.reason, claim.retryAfterMs);
  const askedMs = ports.nowMs();
  const reply = await ports.origin.fetch(passing.upstream);
  const fault = faultOf(reply, body);
  // What the client breaks off says nothing of the upstream (P9).
  if (fault !== null)
    return answerProblem(badBody(fault), passing.members(null), `refused:body-${fault}`);
  noteReply(reply, policy, askedMs, ports);
  if (reply.kind === "failed") return refusePassing(passing, reply.reason, limits.originProbeMs);
  await forgetDoubtful(asked, reply, ports);
  const isStorable = policy.storesPost && method === "POST" && isAboutTarget(asked, reply);
  return isStorable ? storePosted(asked, passing, reply, ports) : passReply(passing, reply, ports);
}

/**
 * Decides whether a write is sent. None is a probe: a client may hold its body back, or break it off, and
 * take the turn of whoever would find the upstream well. A HEAD goes before it instead.
 */
async function claimWrite<Body>(
  asked: AskedContent,
  ports: ContentPorts<Body>,
): Promise<AskDecision> {
  const claim = claimAsk(ports, false);
  if (claim.kind !== "probe") return claim;
  const work = probeByHead(asked, ports);
  ports.background(work);
  await ports.within(work, limits.probePatienceMs);
  const probed = decideAsk(ports.health.state, ports.nowMs(), limits.originProbeMs, false);
  if (probed.kind !== "probe") return probed;
  return { kind: "hold", reason: probed.reason, retryAfterMs: limits.originProbeMs };
}

/** Tells what the client has to do with it that a write failed; null: nothing. */
function faultOf<Body>(
  reply: OriginReply<Body>,
  body: SentBody<Body> | null,
): "broken" | "late" | null {
  const fault = reply.kind === "failed" && body !== null ? body.fault() : null;
  // While a body is waited for the upstream may fail all the same, but not run out of time.
  const isWaited = reply.kind === "failed" && reply.reason === "origin-timeout";
  return fault === "late" && !isWaited ? null : fault;
}

/** Forgets in every tier what an answered write makes doubtful. */
async function forgetDoubtful<Body>(
  asked: AskedContent,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<void> {
  const { site, method, target, arrival } = asked;
  const doubtful = invalidatedBy(method, target, reply.status, reply.fields, arrival);
  await Promise.all(doubtful.map((gone) => forgetEverywhere(keyOf(asked, gone), ports)));
  const keyed = asked.run?.hasKeys === true ? doubtful : [];
  if (keyed.length > 0)
    await ports.purges.mark(keyed.map(({ path }) => urlScope(site, objectOf(path))));
  const groups = doubtful.length === 0 ? [] : invalidatedGroups(reply.fields);
  if (groups.length > 0) await ports.purges.mark(groups.map((group) => groupScope(site, group)));
}

/** The key of a target that an answer names, as the site's settings make keys. */
function keyOf({ site, settings }: AskedContent, named: Target): string {
  return cacheKeyOf(site, { ...named, query: keptQuery(named.query, settings.query) });
}

/** RFC 9110 §9.3.3: what a POST answers about its own target answers a GET of it. */
function isAboutTarget<Body>(asked: AskedContent, reply: UpstreamReply<Body>): boolean {
  const named = reply.fields.filter(([name]) => name === "content-location");
  if (named.length !== 1 || reply.status !== 200) return false;
  const [, own, ...others] = invalidatedBy("POST", asked.target, 200, named, asked.arrival);
  const key = own === undefined ? null : keyOf(asked, own);
  return others.length === 0 && key === asked.key;
}

async function storePosted<Body>(
  asked: AskedContent,
  passing: Passing<Body>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  // What a write answers is from after it, though it was asked for before: as if asked for just now.
  const { view: purgeView } = ports.purges.book;
  const answered = { ...reply, requestMs: ports.nowMs() + 1, purgeView };
  const how = { method: "POST", isReplacing: false, hasStandIn: false };
  const stored = await storeReply(asked, how, answered, ports);
  if (stored === "purged") return refusePassing(passing, "origin-slow", limits.originProbeMs);
  if (stored.kind === "passed") {
    return passReply(passing, { ...reply, body: stored.reply.body }, ports);
  }
  if (stored.kind === "failed") return refusePassing(passing, stored.reason, limits.originProbeMs);
  const hasMemory = ports.memory.keepsNothing !== true;
  const members = passing
    .members(reply.status)
    .map((member) => ({ ...member, isStored: hasMemory || member.cache !== "skerry-memory" }));
  return answerStored({ ...asked, fields: { get: () => null, has: () => false } }, stored.stored, {
    ageS: null,
    isReuse: false,
    members,
    decision: "filled",
    nowMs: ports.nowMs(),
  });
}

async function forgetEverywhere<Body>(key: string, ports: ContentPorts<Body>): Promise<void> {
  ports.written.note(key, ports.nowMs());
  ports.memory.delete(key);
  await ports.region.delete(key);
}

function passingOf<Body>(asked: AskedContent, body: SentBody<Body> | null): Passing<Body> {
  const { method, fields, policy, upstream: target } = asked;
  const member = { cache: "skerry-memory", outcome: "method" } as const;
  return {
    request: fields,
    policy,
    upstream: { method, target, fields: asked.forwarded(), body },
    members: (fwdStatus) => [fwdStatus === null ? member : { ...member, fwdStatus }],
    decision: "passed:method",
  };
}
