// How does a request reach the origin and its answer the client without being stored? For requests
// that go past the cache, and for a HEAD with nothing stored to answer it.

import type { CacheStatusMember } from "../http/cache-status.ts";
import type { FieldLines, FieldList } from "../http/fields.ts";
import { answerPassed, answerProblem, type ContentAnswer } from "./cache/answer.ts";
import { originFailed } from "./cache/problems.ts";
import { decideValidation } from "./cache/validation.ts";
import type { ContentPorts, UpstreamRequest } from "./content-ports.ts";
import { limits } from "./limits.ts";
import {
  afterAnswer,
  afterFailure,
  afterProbeStart,
  decideAsk,
  type AskDecision,
} from "./routing/origin-health.ts";

/** What is to be passed on, and how its answer is described. */
export interface Passing {
  readonly request: FieldLines;
  readonly upstream: UpstreamRequest;
  /** Cache-Status of the answer; `fwdStatus` is null if none came. */
  readonly members: (fwdStatus: number | null) => readonly CacheStatusMember[];
  readonly decision: string;
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

/** Picks the fields of a bypassing request that go to the origin. */
export function forwardedFields(fields: FieldLines): FieldList {
  return FORWARDED.flatMap((name) => {
    const value = fields.get(name);
    return value === null ? [] : [[name, value] as const];
  });
}

/** Passes a request on if the origin may be asked now, and refuses at once if not (P6). */
export async function passContent<Body>(
  passing: Passing,
  ports: ContentPorts<Body>,
): Promise<ContentAnswer<Body>> {
  const { request, upstream, members, decision } = passing;
  const claim = claimAsk(ports, false);
  if (claim.kind === "hold") {
    const problem = originFailed(claim.reason, claim.retryAfterMs);
    return answerProblem(problem, members(null), `failed:${claim.reason}`);
  }
  const reply = await ports.origin.fetch(upstream);
  if (reply.kind === "failed") {
    ports.health.state = afterFailure(ports.health.state, reply.reason, ports.nowMs());
    const problem = originFailed(reply.reason, limits.originProbeMs);
    return answerProblem(problem, members(null), `failed:${reply.reason}`);
  }
  if (decideValidation(reply.status).kind !== "failed") ports.health.state = afterAnswer();
  const asked = { method: upstream.method, fields: request };
  return answerPassed(asked, reply, members(reply.status), decision, ports.nowMs());
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
