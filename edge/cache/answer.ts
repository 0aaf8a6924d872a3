// What does the client get to see? A stored response or a reply of the origin becomes an answer:
// 304 when the client has it already, no body for HEAD, and Cache-Status with the reasons (P11).

import { formatCacheStatus, type CacheStatusMember } from "../../http/cache-status.ts";
import { decidePrecondition, isNotModifiedField } from "../../http/conditional.ts";
import { endToEndFields, linesOf, type FieldLines, type FieldList } from "../../http/fields.ts";
import type { Problem } from "../../http/problem.ts";
import type { StoredResponse } from "./stored-response.ts";

/** What is answered, without the platform's classes. `decision` is for the log. */
export type ContentAnswer<Body> =
  | {
      readonly kind: "content";
      readonly decision: string;
      readonly status: number;
      readonly fields: FieldList;
      readonly body: Body | null;
    }
  | { readonly kind: "problem"; readonly decision: string; readonly problem: Problem };

/** What an answer has to know of its request. */
export interface AnswerTo {
  readonly method: string;
  readonly fields: FieldLines;
}

/** What the origin or another cache says to this hop, and what this Worker says by itself. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set(["cache-status", "x-request-id"]);

/** Keeps the fields of an upstream response that belong to the client. */
export function publicFields(fields: FieldList): FieldList {
  return endToEndFields(fields).filter(
    ([name]) => !NOT_PASSED_ON.has(name) && !name.startsWith("skerry-") && !name.startsWith("cf-"),
  );
}

/**
 * Answers with a stored response.
 *
 * @param ageS  Current age for the Age field, or null when the origin has just generated or
 *              validated it for this request (RFC 9111 §5.1).
 */
export function answerStored<Body>(
  request: AnswerTo,
  stored: StoredResponse<Body>,
  ageS: number | null,
  members: readonly CacheStatusMember[],
  decision: string,
  nowMs: number,
): ContentAnswer<Body> {
  const fields: FieldList = [
    ...stored.meta.fields,
    ...(ageS === null ? [] : [["age", String(ageS)] as const]),
    ["cache-status", formatCacheStatus(members)],
  ];
  const precondition = decidePrecondition(request.fields, linesOf(stored.meta.fields), nowMs);
  if (precondition.kind === "not-modified") return notModified(fields, decision);
  if (request.method === "HEAD") {
    const length = ["content-length", String(stored.meta.bodyBytes)] as const;
    return { kind: "content", decision, status: 200, fields: [...fields, length], body: null };
  }
  return { kind: "content", decision, status: 200, fields, body: stored.body };
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
    ["cache-status", formatCacheStatus(members)],
  ];
  const { status } = reply;
  const precondition = decidePrecondition(request.fields, linesOf(fields), nowMs);
  if (status === 200 && precondition.kind === "not-modified") {
    reply.discard();
    return notModified(fields, decision);
  }
  if (request.method !== "HEAD") {
    return { kind: "content", decision, status, fields, body: reply.body() };
  }
  reply.discard();
  return { kind: "content", decision, status, fields, body: null };
}

/** Answers with a problem, which says in Cache-Status how far the request came. */
export function answerProblem<Body>(
  problem: Problem,
  members: readonly CacheStatusMember[],
  decision: string,
): ContentAnswer<Body> {
  if (members.length === 0) return { kind: "problem", decision, problem };
  const headers = { ...problem.headers, "cache-status": formatCacheStatus(members) };
  return { kind: "problem", decision, problem: { ...problem, headers } };
}

function notModified<Body>(fields: FieldList, decision: string): ContentAnswer<Body> {
  const kept = fields.filter(([name]) => isNotModifiedField(name));
  return { kind: "content", decision, status: 304, fields: kept, body: null };
}
