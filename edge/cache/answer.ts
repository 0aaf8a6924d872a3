// What does the client get to see? A stored response or a reply of the origin becomes an answer:
// 304 when the client has it already, no body for HEAD, and Cache-Status with the reasons (P11).

import { formatCacheStatus, type CacheStatusMember } from "../../http/cache-status.ts";
import { decidePrecondition, isNotModifiedField } from "../../http/conditional.ts";
import { isSameStrongTag, matchesStrongly, parseEntityTag } from "../../http/etag.ts";
import { endToEndFields, linesOf, type FieldLines, type FieldList } from "../../http/fields.ts";
import { PROXY_NAME } from "../../http/forwarding.ts";
import type { Problem } from "../../http/problem.ts";
import { formatContentRange, locateRange, parseRange } from "../../http/range.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { usableUntilMs, type StoredMeta, type StoredResponse } from "./stored-response.ts";

/** Offsets into a body, both inclusive. */
export interface BodyRange {
  readonly from: number;
  readonly to: number;
}

/** What is answered, without the platform's classes. `decision` is for the log. */
export type ContentAnswer<Body> =
  | {
      readonly kind: "content";
      readonly decision: string;
      readonly status: number;
      readonly fields: FieldList;
      readonly body: Body | null;
      /** The part of the body that is sent, which then is held whole; not given: all of it. */
      readonly range?: BodyRange;
      /** What it was made of, if it was or is being stored. */
      readonly stored?: StoredMeta;
    }
  | { readonly kind: "problem"; readonly decision: string; readonly problem: Problem };

/** What an answer has to know of its request. */
export interface AnswerTo {
  readonly method: string;
  readonly fields: FieldLines;
  readonly policy: CachePolicy;
}

/** What the origin or another cache says to this hop, and what this Worker says by itself. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set(["cache-status", "x-request-id"]);

/** Keeps the fields of an upstream response that belong to the client. */
export function publicFields(fields: FieldList): FieldList {
  return endToEndFields(fields).filter(
    ([name]) => !NOT_PASSED_ON.has(name) && !name.startsWith("skerry-") && !name.startsWith("cf-"),
  );
}

/** How a stored response is answered with. */
export interface StoredAnswer {
  /**
   * Current age for the Age field in seconds, or null when the origin has just generated or validated
   * it for this request (RFC 9111 §5.1).
   */
  readonly ageS: number | null;
  /** It is reused without validation, so some fields are left out (`no-cache="x"`). */
  readonly isReuse: boolean;
  readonly members: readonly CacheStatusMember[];
  readonly decision: string;
  readonly nowMs: number;
  /** The upstream counts as away: why, and since when; not given: it does not. */
  readonly away?: Away | null;
}

/** An upstream that counts as away. */
export interface Away {
  readonly reason: string;
  readonly sinceMs: number;
}

/** Answers with a stored response: whole, a part of it, or 304. */
export function answerStored<Body>(
  request: AnswerTo,
  stored: StoredResponse<Body>,
  how: StoredAnswer,
): ContentAnswer<Body> {
  const answer = answerOf(request, stored, how);
  return answer.kind === "content" ? { ...answer, stored: stored.meta } : answer;
}

function answerOf<Body>(
  request: AnswerTo,
  { meta, body }: StoredResponse<Body>,
  how: StoredAnswer,
): ContentAnswer<Body> {
  const { decision } = how;
  const kept = shownFields(meta, how.isReuse);
  const fields: FieldList = [
    ...kept,
    ...(how.ageS === null ? [] : [["age", String(how.ageS)] as const]),
    ...viaOf(request.policy),
    ...offlineField(meta, request.policy, how.away ?? null),
    ["cache-status", formatCacheStatus(how.members)],
  ];
  const lines = linesOf(kept);
  if (meta.status === 200) {
    const precondition = decidePrecondition(request.fields, lines, how.nowMs);
    if (precondition.kind === "not-modified") return notModified(fields, decision);
  }
  const { status } = meta;
  if (request.method === "HEAD") {
    const length = ["content-length", String(meta.bodyBytes)] as const;
    return { kind: "content", decision, status, fields: [...fields, length], body: null };
  }
  const range = rangeOf(meta, request.fields, lines);
  if (range === null) return { kind: "content", decision, status, fields, body };
  return answerRange(range, meta, body, fields, decision);
}

function answerRange<Body>(
  range: BodyRange | "unsatisfiable",
  meta: StoredMeta,
  body: Body,
  fields: FieldList,
  decision: string,
): ContentAnswer<Body> {
  const others = fields.filter(([name]) => name !== "content-range");
  const whole = meta.part ?? { first: 0, last: meta.bodyBytes - 1, complete: meta.bodyBytes };
  if (range === "unsatisfiable") {
    const unmet = ["content-range", `bytes */${whole.complete ?? "*"}`] as const;
    const own = others.filter(([name]) => !isOfRepresentation(name));
    return { kind: "content", decision, status: 416, fields: [...own, unmet], body: null };
  }
  // All of a stored part is sent as the upstream described it.
  if (meta.part !== null && range.from === 0 && range.to === meta.bodyBytes - 1) {
    return { kind: "content", decision, status: 206, fields, body };
  }
  const sent = { first: whole.first + range.from, last: whole.first + range.to };
  const contentRange = formatContentRange({ ...sent, complete: whole.complete });
  const withRange: FieldList = [...others, ["content-range", contentRange]];
  return { kind: "content", decision, status: 206, fields: withRange, body, range };
}

/**
 * What is said of the representation is not said of a 416 in its place: with a lifetime a cache behind this
 * one could store it, and give it to who asks for no range (RFC 9111 §3).
 */
function isOfRepresentation(name: string): boolean {
  return (
    name.startsWith("content-") ||
    ["age", "cache-control", "cdn-cache-control", "expires", "last-modified"].includes(name)
  );
}

/** Finds the bytes that a GET asks for; null: all of them (RFC 9110 §14.2). */
function rangeOf(
  meta: StoredMeta,
  request: FieldLines,
  response: FieldLines,
): BodyRange | "unsatisfiable" | null {
  if (meta.status !== 200 && meta.part === null) return null;
  const spec = parseRange(request.get("range"));
  if (spec.kind === "none" || !isRangeWanted(request.get("if-range"), response)) return null;
  if (!isMatched(request, response)) return null;
  const whole = { first: 0, last: meta.bodyBytes - 1, complete: meta.bodyBytes };
  const found = locateRange(spec, meta.part ?? whole, meta.bodyBytes);
  return found === "elsewhere" ? null : found;
}

/** Tells whether a stored part has what a request asks for; what is whole answers anything. */
export function answersRange(meta: StoredMeta, request: FieldLines): boolean {
  return meta.part === null || rangeOf(meta, request, linesOf(meta.fields)) !== null;
}

/** RFC 9110 §13.1.5: If-Range holds for the same strong entity tag, or the same Last-Modified. */
function isRangeWanted(ifRange: string | null, response: FieldLines): boolean {
  if (ifRange === null) return true;
  const tag = parseEntityTag(ifRange);
  if (tag !== null) return isSameStrongTag(tag, parseEntityTag(response.get("etag")));
  // A date is a strong validator only when a second has passed since; a cache cannot know.
  return false;
}

/**
 * If-Match and If-Unmodified-Since are not for a cache to refuse by (RFC 9111 §4.3.2). But who asks so for the
 * rest of something must not get the rest of something else: all of it, as if there were no Range.
 */
function isMatched(request: FieldLines, response: FieldLines): boolean {
  const [tags, since] = [request.get("if-match"), request.get("if-unmodified-since")];
  if (tags !== null) {
    return matchesStrongly(tags, parseEntityTag(response.get("etag")));
  }
  return since === null || since === response.get("last-modified");
}

/** Leaves out what only this cache reads, and on reuse what must not be repeated. */
function shownFields(meta: StoredMeta, isReuse: boolean): FieldList {
  const hidden = isReuse ? meta.hiddenFields : [];
  return meta.fields.filter(([name]) => !name.startsWith("skerry-") && !hidden.includes(name));
}

/**
 * Says that a stale response is served because its upstream is away: a token (RFC 9651 §3.3.4) with why,
 * since when, and until when this response may be served so, both in seconds since 1970.
 */
function offlineField(meta: StoredMeta, { staleMsMax }: CachePolicy, away: Away | null): FieldList {
  if (away === null) return [];
  const sinceS = Math.floor(away.sinceMs / 1000);
  const untilS = Math.floor(usableUntilMs(meta, staleMsMax) / 1000);
  return [["skerry-offline", `${away.reason}; since=${sinceS}; until=${untilS}`]];
}

/** RFC 9110 §7.6.3: what passes through a proxy says so. */
const VIA = ["via", `1.1 ${PROXY_NAME}`] as const;
function viaOf(policy: CachePolicy): FieldList {
  return policy.isPublished ? [] : [VIA];
}

/** The fields of what an upstream answers to a request for a WebSocket. */
export function upgradedFields(status: number, fields: FieldList): FieldList {
  const member = { cache: "skerry-memory", outcome: "bypass", detail: "upgrade" } as const;
  const said = formatCacheStatus([{ ...member, fwdStatus: status }]);
  return [...publicFields(fields), VIA, ["cache-status", said]];
}

/** A response on its way through; either `body` or `discard` is called, once. */
export interface PassedReply<Body> {
  readonly status: number;
  readonly fields: FieldList;
  readonly body: () => Body | null;
  readonly discard: () => void;
}

/** Answers with what the origin says, its body not stored; with 304 if the client has it already. */
export function answerPassed<Body>(
  request: AnswerTo,
  reply: PassedReply<Body>,
  members: readonly CacheStatusMember[],
  decision: string,
  nowMs: number,
): ContentAnswer<Body> {
  const fields: FieldList = [
    ...publicFields(reply.fields),
    ...viaOf(request.policy),
    ["cache-status", formatCacheStatus(members)],
  ];
  const { status } = reply;
  const isRead = request.method === "GET" || request.method === "HEAD";
  const precondition = decidePrecondition(request.fields, linesOf(fields), nowMs);
  if (isRead && status === 200 && precondition.kind === "not-modified") {
    reply.discard();
    return notModified(fields, decision);
  }
  if (request.method !== "HEAD") {
    return { kind: "content", decision, status, fields, body: reply.body() };
  }
  reply.discard();
  return { kind: "content", decision, status, fields, body: null };
}

/**
 * Answers with a problem, which says in Cache-Status how far the request came; without members it was refused
 * before any tier was asked (P11).
 */
export function answerProblem<Body>(
  problem: Problem,
  members: readonly CacheStatusMember[],
  decision: string,
): ContentAnswer<Body> {
  const status =
    members.length === 0 ? `skerry-memory; detail=${problem.code}` : formatCacheStatus(members);
  const headers = { ...problem.headers, "cache-status": status };
  return { kind: "problem", decision, problem: { ...problem, headers } };
}

function notModified<Body>(fields: FieldList, decision: string): ContentAnswer<Body> {
  const kept = fields.filter(([name]) => isNotModifiedField(name));
  return { kind: "content", decision, status: 304, fields: kept, body: null };
}
