// How does a request reach the origin and its answer the client without being stored? For a HEAD
// with nothing stored to answer it, and with edge/bypass-content.ts for what goes past the cache.

import type { CacheStatusMember } from "../http/cache-status.ts";
import type { FieldLines } from "../http/fields.ts";
import { answerPassed, answerProblem, type ContentAnswer } from "./cache/answer.ts";
import { originFailed } from "./cache/problems.ts";
import { decideValidation } from "./cache/validation.ts";
import type { ContentPorts, OriginReply, UpstreamReply, UpstreamRequest } from "./content-ports.ts";
import { limits } from "./limits.ts";
import {
  afterAnswer,
  afterFailure,
  afterProbeStart,
  decideAsk,
  type AskDecision,
  type OriginFailure,
} from "./routing/origin-health.ts";

/** What is to be passed on, and how its answer is described. */
export interface Passing {
  readonly request: FieldLines;
  readonly upstream: UpstreamRequest;
  /** Cache-Status of the answer; `fwdStatus` is null if none came. */
  readonly members: (fwdStatus: number | null) => readonly CacheStatusMember[];
  readonly decision: string;
}

/** Passes a request on if the origin may be asked now, and refuses at once if not (P6). */
export async function passContent<Body>(
  passing: Passing,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") return refusePassing(passing, claim.reason, claim.retryAfterMs);
  const reply = await ports.origin.fetch(passing.upstream);
  noteReply(reply, ports);
  if (reply.kind === "failed") return refusePassing(passing, reply.reason, limits.originProbeMs);
  return passReply(passing, reply, ports);
}

/** Answers with the origin's reply. */
export function passReply<Body>(
  passing: Passing,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): ContentAnswer<Body> {
  const { request, upstream, members, decision } = passing;
  const asked = { method: upstream.method, fields: request };
  return answerPassed(asked, reply, members(reply.status), decision, ports.nowMs());
}

/** Answers that the origin cannot be asked. */
export function refusePassing<Body>(
  passing: Passing,
  reason: OriginFailure,
  retryAfterMs: number,
): ContentAnswer<Body> {
  const problem = originFailed(reason, retryAfterMs);
  return answerProblem(problem, passing.members(null), `failed:${reason}`);
}

/** Brings the belief about the origin up to date; a server error says nothing about it. */
export function noteReply<Body>(reply: OriginReply<Body>, ports: ContentPorts<Body>): void {
  if (reply.kind === "failed") {
    ports.health.state = afterFailure(ports.health.state, reply.reason, ports.nowMs());
  } else if (decideValidation(reply.status).kind !== "failed") {
    ports.health.state = afterAnswer();
  }
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
