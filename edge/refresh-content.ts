// How does the origin's answer get into the cache? Asks for one target, validating what is stored,
// and does with the answer what the decisions of edge/cache say. Never decides who waits for it.

import { fieldBytesOf, linesOf, type FieldList } from "../http/fields.ts";
import { formatHttpDate } from "../http/http-date.ts";
import { lookupFields, type AskedContent } from "./asked-content.ts";
import { publicFields, type PassedReply } from "./cache/answer.ts";
import { freshenFields } from "./cache/freshening.ts";
import { tagOf, type StoredMeta, type StoredResponse } from "./cache/stored-response.ts";
import { decideStoring, type StoringDecision, type StoringRefusal } from "./cache/storing.ts";
import {
  conditionalFieldsOf,
  decideValidation,
  type ValidationOutcome,
} from "./cache/validation.ts";
import type { ContentPorts, UpstreamReply } from "./content-ports.ts";
import { limits } from "./limits.ts";
import { afterAnswer, afterFailure, type OriginFailure } from "./routing/origin-health.ts";

/** Why a response passes by the cache. */
export type PassReason =
  | StoringRefusal
  | "fields-too-large"
  | "body-too-large"
  | "gone"
  | "unrelated-status"
  | "written-meanwhile";

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

/** What is stored and does not answer by itself. */
export interface Doubtful<Body> {
  /** No longer fresh, to be validated; null if nothing is. */
  readonly stale: StoredResponse<Body> | null;
  /** It may be served instead of an error. */
  readonly isForErrors: boolean;
  /** Entity tags of variants that the request does not select. */
  readonly otherTags: readonly string[];
}

/** Nothing is stored that could help. */
export const NOTHING_STORED: Doubtful<never> = { stale: null, isForErrors: false, otherTags: [] };

/** Asks the upstream for a target and brings memory, region and the belief about it up to date. */
export async function refreshContent<Body>(
  asked: AskedContent,
  doubtful: Doubtful<Body>,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  const { stale, otherTags } = doubtful;
  // A part that nothing stored could answer is asked for as it is; otherwise all is asked for.
  const isPart = stale === null && asked.fields.has("range");
  const conditions = isPart ? [] : conditionalFieldsOf(stale?.meta ?? null, otherTags);
  const fields = [...lookupFields(asked, isPart), ...conditions];
  const reply = await ports.origin.fetch({ method: "GET", target: asked.upstream, fields });
  if (reply.kind === "failed") return failed(reply.reason, ports);
  const validation = decideValidation(reply.status, asked.policy);
  if (validation.kind === "failed") {
    return failedReply(asked, doubtful, validation, reply, ports);
  }
  ports.health.state = afterAnswer();
  switch (validation.kind) {
    case "freshen":
      return freshen(asked, doubtful, reply, ports);
    case "replace":
      return storeReply(asked, "GET", stale !== null, reply, ports);
    case "drop":
      return pass(asked, reply, "gone", stale !== null, ports);
    case "keep":
      return pass(asked, reply, "unrelated-status", false, ports);
  }
}

/** Takes a server error for no answer, if something stored may be served instead. */
async function failedReply<Body>(
  { policy, ...asked }: AskedContent,
  { stale, isForErrors }: Doubtful<Body>,
  { reason, isAway }: Extract<ValidationOutcome, { kind: "failed" }>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  // Without anything stored the error itself is the answer, and one bad page is no outage.
  if (isAway && stale !== null) failed(reason, ports);
  else ports.health.state = afterAnswer();
  const isAnswer = !policy.isPublished && !(stale !== null && isForErrors);
  // Any other server may say itself how long its errors are kept; what is stored is not lost to one.
  if (isAnswer) return storeReply({ policy, ...asked }, "GET", false, reply, ports);
  return { kind: "failed", reason, reply };
}

/**
 * Stores the upstream's answer to a method under the target, if it may be stored.
 *
 * @param isReplacing  What is stored there is forgotten if this is not stored (RFC 9111 §4.3.3).
 */
export async function storeReply<Body>(
  asked: AskedContent,
  method: string,
  isReplacing: boolean,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  const storing = decideStoring({ ...reply, method, request: asked.fields }, asked.policy, limits);
  if (storing.kind === "pass") return pass(asked, reply, storing.reason, isReplacing, ports);
  const fields = storedFieldsOf(datedFields(reply));
  if (fieldBytesOf(fields) > limits.storedFieldBytesMax) {
    return pass(asked, reply, "fields-too-large", isReplacing, ports);
  }
  const length = Number(linesOf(reply.fields).get("content-length") ?? "0");
  if (length > limits.storedBodyBytesMax) {
    return pass(asked, reply, "body-too-large", isReplacing, ports);
  }
  // Stored only after the last byte: RFC 9111 §3.3 forbids to use an incomplete body as a whole one.
  const reading = await reply.read(limits.storedBodyBytesMax);
  // What breaks off may be this target's fault; whether the origin is away, the next request learns.
  if (reading.kind === "broken") return { kind: "failed", reason: "origin-error", reply: null };
  if (reading.kind === "too-large") {
    const passed = pass(asked, reply, "body-too-large", isReplacing, ports);
    return { ...passed, reply: { ...reply, body: () => reading.body } };
  }
  const { body, bytes } = reading;
  const meta = metaOf(reply.status, fields, bytes, reply, storing);
  return isOddPart(meta) && !asked.policy.storesOddParts
    ? unstored({ meta, body }, "content-range", reply)
    : keep(asked, { meta, body }, reply, ports);
}

/** A part of another length than its Content-Range says: one of the two is wrong. */
function isOddPart({ part, bodyBytes }: StoredMeta): boolean {
  return part !== null && part.last - part.first + 1 !== bodyBytes;
}

/** Brings a stored response up to date with a 304 (RFC 9111 §4.3.4). */
async function freshen<Body>(
  asked: AskedContent,
  { stale, otherTags }: Doubtful<Body>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<Refreshed<Body>> {
  reply.discard();
  const chosen =
    otherTags.length === 0 ? stale : await chosenBy(asked, stale, otherTags, reply, ports);
  const dated = datedFields(reply);
  const freshening = chosen === null ? null : freshenFields(chosen.meta.fields, dated);
  if (chosen === null || freshening === null || freshening.kind === "mismatch") {
    // A 304 to a request without a condition answers nothing.
    const isConditional = stale !== null || otherTags.length > 0;
    if (!isConditional) return { kind: "failed", reason: "origin-error", reply: null };
    return refreshContent(asked, NOTHING_STORED, ports);
  }
  const age = reply.fields.filter(([name]) => name === "age");
  const exchange = { ...reply, method: "GET", request: asked.fields, status: chosen.meta.status };
  const storing = decideStoring(
    { ...exchange, fields: [...freshening.fields, ...age] },
    asked.policy,
    limits,
  );
  const fields = storedFieldsOf(freshening.fields);
  if (storing.kind === "store" && fieldBytesOf(fields) <= limits.storedFieldBytesMax) {
    const { status, bodyBytes } = chosen.meta;
    const meta = metaOf(status, fields, bodyBytes, reply, storing);
    return keep(asked, { meta, body: chosen.body }, reply, ports);
  }
  const refusal = storing.kind === "pass" ? storing.reason : "fields-too-large";
  forget(asked.key, ports);
  return unstored({ meta: { ...chosen.meta, fields }, body: chosen.body }, refusal, reply);
}

/** Finds which of several variants a 304 is about; its entity tag says so (RFC 9111 §4.3.4). */
async function chosenBy<Body>(
  asked: AskedContent,
  stale: StoredResponse<Body> | null,
  otherTags: readonly string[],
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Promise<StoredResponse<Body> | null> {
  const [only] = otherTags;
  const named = linesOf(reply.fields).get("etag");
  // Without a tag it can only be about the one that was asked about.
  const tag = named ?? (stale === null && otherTags.length === 1 ? (only ?? null) : null);
  if (tag === null) return stale;
  if (stale !== null && tagOf(stale.meta) === tag) return stale;
  return (
    ports.memory.getTagged(asked.key, tag, ports.nowMs()) ??
    (await ports.region.getTagged(asked.key, tag))
  );
}

/** A whole response that only this request gets. */
function unstored<Body>(
  stored: StoredResponse<Body>,
  refusal: PassReason,
  reply: UpstreamReply<Body>,
): Refreshed<Body> {
  const isFromCache = reply.fields.some(([name]) => name === "age");
  return { kind: "whole", stored, fwdStatus: reply.status, isFromCache, refusal };
}

function keep<Body>(
  asked: AskedContent,
  stored: StoredResponse<Body>,
  reply: UpstreamReply<Body>,
  ports: ContentPorts<Body>,
): Refreshed<Body> {
  // It was asked for before a write of it was answered: it may be what was there before.
  const isOutdated = ports.written.isSince(asked.key, reply.requestMs);
  if (isOutdated) return unstored(stored, "written-meanwhile", reply);
  ports.memory.put(asked.key, stored, ports.nowMs());
  ports.background(ports.region.put(asked.key, stored));
  const isFromCache = reply.fields.some(([name]) => name === "age");
  return { kind: "whole", stored, fwdStatus: reply.status, isFromCache, refusal: null };
}

function pass<Body>(
  asked: AskedContent,
  reply: UpstreamReply<Body>,
  reason: PassReason,
  isReplacing: boolean,
  ports: ContentPorts<Body>,
): Extract<Refreshed<Body>, { kind: "passed" }> {
  if (isReplacing) forget(asked.key, ports);
  return { kind: "passed", reply, reason };
}

function forget<Body>(key: string, ports: ContentPorts<Body>): void {
  ports.memory.delete(key);
  ports.background(ports.region.delete(key));
}

function failed<Body>(reason: OriginFailure, ports: ContentPorts<Body>): Refreshed<Body> {
  const { state, tolerance } = ports.health;
  ports.health.state = afterFailure(state, reason, ports.nowMs(), tolerance);
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

/**
 * Age is counted anew, and the body's own length is the truth about Content-Length. The field that is
 * for this cache alone stays, because a 304 need not repeat it.
 */
export function storedFieldsOf(fields: FieldList): FieldList {
  const own = fields.filter(([name]) => name === "skerry-cache-control");
  const shown = publicFields(fields).filter(
    ([name]) => name !== "age" && name !== "content-length",
  );
  return [...shown, ...own];
}

function metaOf(
  status: number,
  fields: FieldList,
  bodyBytes: number,
  { requestMs, responseMs }: { readonly requestMs: number; readonly responseMs: number },
  storing: Extract<StoringDecision, { kind: "store" }>,
): StoredMeta {
  const { kind: _kind, reason: _reason, ...policy } = storing;
  return { ...policy, status, fields, bodyBytes, requestMs, responseMs };
}
