// How does the origin's answer get into the cache? Asks for one target, validating what is stored,
// and does with the answer what the decisions of edge/cache say. Never decides who waits for it.

import { fieldBytesOf, linesOf, type FieldLines, type FieldList } from "../http/fields.ts";
import { formatHttpDate } from "../http/http-date.ts";
import { publicFields, type PassedReply } from "./cache/answer.ts";
import { freshenFields } from "./cache/freshening.ts";
import type { StoredMeta, StoredResponse } from "./cache/stored-response.ts";
import { decideStoring, type StoringDecision, type StoringRefusal } from "./cache/storing.ts";
import { conditionalFieldsOf, decideValidation } from "./cache/validation.ts";
import type { ContentPorts, UpstreamReply } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { afterAnswer, afterFailure, type OriginFailure } from "./routing/origin-health.ts";

/** What is to be asked for, and for whom. */
export interface RefreshTarget {
  readonly key: string;
  /** Path and query at the origin. */
  readonly upstream: string;
  /** The client's fields: they decide about storing and are not sent on. */
  readonly request: FieldLines;
}

/** Why a response passes by the cache. */
export type PassReason =
  | StoringRefusal
  | "fields-too-large"
  | "body-too-large"
  | "gone"
  | "unrelated-status";

/** What asking the origin came to. */
export type Refreshed<Body> =
  | {
      /** A whole response; `refusal` says why it is not stored, null if it is. */
      readonly kind: "whole";
      readonly stored: StoredResponse<Body>;
      readonly fwdStatus: number;
      /** It came with an Age: another cache had kept it. */
      readonly isFromCache: boolean;
      readonly refusal: PassReason | null;
    }
  | {
      readonly kind: "passed";
      readonly reply: PassedReply<Body>;
      readonly reason: PassReason;
    }
  | FailedRefresh<Body>;

/** The origin did not answer, or with an error: `reply`, which may still be passed on. */
export type FailedRefresh<Body> =
  | { readonly kind: "failed"; readonly reason: OriginFailure; readonly reply: null }
  | {
      readonly kind: "failed";
      readonly reason: OriginFailure;
      readonly reply: UpstreamReply<Body>;
    };

/**
 * Asks the origin for a target and brings memory, region and the belief about the origin up to date.
 *
 * @param stale  What is stored and no longer fresh, to be validated; null if nothing is.
 */
export async function refreshContent<Body>(
  target: RefreshTarget,
  stale: StoredResponse<Body> | null,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  const fields = conditionalFieldsOf(stale?.meta ?? null);
  const reply = await ports.origin.fetch({ method: "GET", target: target.upstream, fields });
  if (reply.kind === "failed") return failed(reply.reason, ports);
  const validation = decideValidation(reply.status);
  if (validation.kind === "failed") {
    // Without anything stored the error itself is the answer, and one bad page is no outage.
    if (validation.isAway && stale !== null) failed(validation.reason, ports);
    else ports.health.state = afterAnswer();
    return { kind: "failed", reason: validation.reason, reply };
  }
  ports.health.state = afterAnswer();
  switch (validation.kind) {
    case "freshen":
      return freshen(target, stale, reply, ports);
    case "replace":
      return fill(target, stale, reply, ports);
    case "drop":
      return pass(target, reply, "gone", stale !== null, ports);
    case "keep":
      return pass(target, reply, "unrelated-status", false, ports);
  }
}

/** Stores a 200, if it may be stored and arrives whole. */
async function fill<Body>(
  target: RefreshTarget,
  stale: StoredResponse<Body> | null,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  const exchange = { ...reply, method: "GET", request: target.request };
  const storing = decideStoring(exchange, limits.freshnessLifetimeSMax);
  // RFC 9111 §4.3.3: the full response replaces the stored one, also if it is not stored itself.
  if (storing.kind === "pass") return pass(target, reply, storing.reason, stale !== null, ports);
  const fields = storedFieldsOf(datedFields(reply));
  if (fieldBytesOf(fields) > limits.storedFieldBytesMax) {
    return pass(target, reply, "fields-too-large", stale !== null, ports);
  }
  const length = Number(linesOf(reply.fields).get("content-length") ?? "0");
  if (length > limits.storedBodyBytesMax) {
    return pass(target, reply, "body-too-large", stale !== null, ports);
  }
  // Stored only after the last byte: RFC 9111 §3.3 forbids to use an incomplete body as a whole one.
  const reading = await reply.read(limits.storedBodyBytesMax);
  // What breaks off may be this target's fault; whether the origin is away, the next request learns.
  if (reading.kind === "broken") return { kind: "failed", reason: "origin-error", reply: null };
  if (reading.kind === "too-large") {
    const passed = pass(target, reply, "body-too-large", stale !== null, ports);
    return { ...passed, reply: { ...reply, body: () => reading.body } };
  }
  const meta = metaOf(fields, reading.bytes, reply.responseMs, storing);
  return keep(target, { meta, body: reading.body }, reply, ports);
}

/** Brings a stored response up to date with a 304 (RFC 9111 §4.3.4). */
async function freshen<Body>(
  target: RefreshTarget,
  stale: StoredResponse<Body> | null,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  reply.discard();
  // A 304 to a request without a condition answers nothing.
  if (stale === null) return { kind: "failed", reason: "origin-error", reply: null };
  const freshening = freshenFields(stale.meta.fields, datedFields(reply));
  if (freshening.kind === "mismatch") return refreshContent(target, null, ports);
  const age = reply.fields.filter(([name]) => name === "age");
  const exchange = { ...reply, method: "GET", request: target.request, status: 200 };
  const storing = decideStoring(
    { ...exchange, fields: [...freshening.fields, ...age] },
    limits.freshnessLifetimeSMax,
  );
  const fields = storedFieldsOf(freshening.fields);
  if (storing.kind === "store" && fieldBytesOf(fields) <= limits.storedFieldBytesMax) {
    const meta = metaOf(fields, stale.meta.bodyBytes, reply.responseMs, storing);
    return keep(target, { meta, body: stale.body }, reply, ports);
  }
  forget(target.key, ports);
  const refusal = storing.kind === "pass" ? storing.reason : "fields-too-large";
  const meta: StoredMeta = { ...stale.meta, fields };
  const stored = { meta, body: stale.body };
  return { kind: "whole", stored, fwdStatus: reply.status, isFromCache: age.length > 0, refusal };
}

function keep<Body>(
  target: RefreshTarget,
  stored: StoredResponse<Body>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Refreshed<Body> {
  ports.memory.put(target.key, stored, ports.nowMs());
  ports.background(ports.region.put(target.key, stored));
  const isFromCache = reply.fields.some(([name]) => name === "age");
  return { kind: "whole", stored, fwdStatus: reply.status, isFromCache, refusal: null };
}

function pass<Body>(
  target: RefreshTarget,
  reply: UpstreamReply<Body>,
  reason: PassReason,
  isReplacing: boolean,
  ports: ContentPorts<Body>,
): Extract<Refreshed<Body>, { kind: "passed" }> {
  if (isReplacing) forget(target.key, ports);
  return { kind: "passed", reply, reason };
}

function forget<Body>(key: string, ports: ContentPorts<Body>): void {
  ports.memory.delete(key);
  ports.background(ports.region.delete(key));
}

function failed<Body>(reason: OriginFailure, ports: ContentPorts<Body>): Refreshed<Body> {
  ports.health.state = afterFailure(ports.health.state, reason, ports.nowMs());
  return { kind: "failed", reason, reply: null };
}

/** RFC 9110 §6.6.1: a recipient with a clock adds the Date that is missing, to a 304 as well. */
function datedFields(reply: {
  readonly fields: FieldList;
  readonly responseMs: number;
}): FieldList {
  const hasDate = reply.fields.some(([name]) => name === "date");
  return hasDate ? reply.fields : [...reply.fields, ["date", formatHttpDate(reply.responseMs)]];
}

/** Age is counted anew, and the body's own length is the truth about Content-Length. */
function storedFieldsOf(fields: FieldList): FieldList {
  return publicFields(fields).filter(([name]) => name !== "age" && name !== "content-length");
}

function metaOf(
  fields: FieldList,
  bodyBytes: number,
  responseMs: number,
  storing: Extract<StoringDecision, { kind: "store" }>,
): StoredMeta {
  const { freshnessLifetimeS, initialAgeMs, staleForbiddenBy } = storing;
  return {
    status: 200,
    fields,
    bodyBytes,
    responseMs,
    initialAgeMs,
    freshnessLifetimeS,
    staleForbiddenBy,
  };
}
