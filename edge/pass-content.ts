// How does the origin's answer reach the client without being stored? For edge/head-content.ts,
// edge/write-content.ts and edge/bypass-content.ts, which ask it.

import type { CacheStatusMember } from "../http/cache-status.ts";
import type { FieldLines } from "../http/fields.ts";
import type { AskedContent } from "./asked-content.ts";
import { answerPassed, answerProblem, type ContentAnswer } from "./cache/answer.ts";
import type { CachePolicy } from "./cache/cache-policy.ts";
import { originFailed } from "./cache/problems.ts";
import { decideValidation } from "./cache/validation.ts";
import type { ContentPorts, OriginReply, UpstreamReply, UpstreamRequest } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { isPlainRequest } from "./plain-request.ts";
import {
  afterAnswer,
  afterFailure,
  afterProbeStart,
  afterServerError,
  decideAsk,
  type AskDecision,
  type OriginFailure,
} from "./routing/origin-health.ts";
import type { SparedDecision } from "./routing/spared-targets.ts";

/** What is to be passed on, and how its answer is described. */
export interface Passing<Body> {
  readonly request: FieldLines;
  readonly policy: CachePolicy;
  readonly upstream: UpstreamRequest<Body>;
  /** Cache-Status of the answer; `fwdStatus` is null if none came. */
  readonly members: (fwdStatus: number | null) => readonly CacheStatusMember[];
  readonly decision: string;
}

/** Answers with the origin's reply. */
export function passReply<Body>(
  passing: Passing<Body>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const { request, policy, upstream, members, decision } = passing;
  const asked = { method: upstream.method, fields: request, policy };
  return answerPassed(asked, reply, members(reply.status), decision, ports.nowMs());
}

/** Answers that the origin cannot be asked. */
export function refusePassing<Body>(
  passing: Passing<Body>,
  reason: OriginFailure,
  retryAfterMs: number,
): ContentAnswer<Body> {
  const problem = originFailed(reason, retryAfterMs);
  return answerProblem(problem, passing.members(null), `failed:${reason}`);
}

/**
 * Brings the belief about the origin up to date. A gateway's error does not say that it is well; a 500 is
 * an answer of its own.
 */
export function noteReply<Body>(
  reply: OriginReply<Body>,
  policy: CachePolicy,
  askedMs: number,
  ports: ContentPorts<Body>,
): void {
  if (reply.kind === "failed") return noteFailure(reply.reason, askedMs, ports);
  const validation = decideValidation(reply.status, policy);
  const isAnswer = validation.kind !== "failed" || !validation.isAway;
  const { state } = ports.health;
  ports.health.state = isAnswer ? afterAnswer(ports.nowMs()) : afterServerError(state);
}

/** Asks whether the origin is back, with what changes nothing there; its answer is of no other use. */
export async function probeByHead<Body>(
  { upstream: target, policy }: Pick<AskedContent, "upstream" | "policy">,
  ports: ContentPorts<Body>,
): Promise<void> {
  const askedMs = ports.nowMs();
  const reply = await ports.origin.fetch({ method: "HEAD", target, fields: [] });
  noteReply(reply, policy, askedMs, ports);
  if (reply.kind === "reply") reply.discard();
}

/** Notes that a request which was sent at `askedMs` failed. */
export function noteFailure<Body>(
  reason: OriginFailure,
  askedMs: number,
  ports: ContentPorts<Body>,
): void {
  const { state, tolerance, spared } = ports.health;
  const next = afterFailure(state, { reason, askedMs, nowMs: ports.nowMs() }, tolerance);
  // What failed of it then failed because of it: once it is back nothing is spared any more.
  if (state.kind === "up" && next.kind === "away") spared.clear();
  ports.health.state = next;
}

/** What the failures of requests are noted under whose fields not every server knows. */
const oddKeyOf = ({ key }: Pick<AskedContent, "key">): string => `${key} odd`;

/**
 * Leaves a target alone for a while that failed. A request with fields that not every server knows may be
 * why: then only such requests are kept from asking for it (P9).
 */
export function spareTarget<Body>(
  asked: AskedContent,
  reason: OriginFailure,
  ports: ContentPorts<Body>,
): void {
  const key = isPlainRequest(asked) ? asked.key : oddKeyOf(asked);
  ports.health.spared.note(key, reason, ports.nowMs());
}

/** Notes that the upstream answered for a target. */
export function unspareTarget<Body>(asked: AskedContent, { health }: ContentPorts<Body>): void {
  health.spared.forget(asked.key);
  health.spared.forget(oddKeyOf(asked));
}

/** Decides whether a target is left alone; null: it may be asked for, and waited for. */
export function takeSpared<Body>(
  asked: AskedContent,
  ports: ContentPorts<Body>,
): SparedDecision | null {
  const { spared } = ports.health;
  const nowMs = ports.nowMs();
  if (spared.isEmpty) return null;
  if (isPlainRequest(asked)) return spared.take(asked.key, nowMs);
  const plain = spared.look(asked.key, nowMs);
  if (plain !== null && !plain.isDue) return plain;
  // The turn of plain requests is not taken, or odd ones could take it every time.
  const odd = spared.take(oddKeyOf(asked), nowMs);
  if (odd === null && plain !== null) spared.note(oddKeyOf(asked), plain.reason, nowMs);
  return odd ?? plain;
}

/** Notes that a target kept a request waiting that could be served what is stored: the next need not wait. */
export function noteSlow<Body>(asked: AskedContent, ports: ContentPorts<Body>): void {
  noteFailure("origin-slow", ports.nowMs(), ports);
  if (ports.health.state.kind === "up") spareTarget(asked, "origin-slow", ports);
}

/**
 * Decides whether to ask, and takes the probe's turn at once so that no other request does.
 *
 * @param hasStored  Something can be served without the origin.
 */
export function claimAsk<Body>(ports: ContentPorts<Body>, hasStored: boolean): AskDecision {
  const nowMs = ports.nowMs();
  const claim = decideAsk(ports.health.state, nowMs, limits.originProbeMs, hasStored);
  if (claim.kind === "probe") ports.health.state = afterProbeStart(ports.health.state, nowMs);
  return claim;
}
