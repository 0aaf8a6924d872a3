// What becomes of an upstream's answer? It is stored if it may be, and given to whoever asked while it
// is still arriving; once its last byte is there both tiers have it.

import { fieldBytesOf, linesOf, type FieldList } from "../http/fields.ts";
import { formatHttpDate } from "../http/http-date.ts";
import { parseVary } from "../http/vary.ts";
import { ruledExchange, type AskedContent } from "./asked-content.ts";
import { publicFields, type PassedReply } from "./cache/answer.ts";
import type { PurgeView, StoredMeta, StoredResponse } from "./cache/stored-response.ts";
import {
  decideStoring,
  type LifetimeRuling,
  type StoringDecision,
  type StoringRefusal,
} from "./cache/storing.ts";
import type { BodyReading, ContentPorts, SharedBody, UpstreamReply } from "./content-ports.ts";
import type { SharedLanding } from "./flights.ts";
import { isPurgedMeanwhile, needsWhole, refusalNow } from "./fill-checks.ts";
import { roomFor, storeLarge } from "./large-content.ts";
import { limits } from "./limits.ts";
import { isPlainRequest, isSmallRequest } from "./plain-request.ts";
import type { OriginFailure } from "./routing/origin-health.ts";

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
      /** It is stored unless its body is too large, which nobody knows before it is here; not given: it is known. */
      readonly isLengthUnknown?: boolean;
      /** Its body, for others that may have it too; null: nobody may. */
      readonly sharing: Sharing<Body> | null;
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

/** A body that others may have; `settled` when it is stored, or is not going to be. */
export interface Sharing<Body> extends Pick<SharedLanding<Body>, "open" | "whole"> {
  readonly settled: Promise<unknown>;
}

/** A reply, with what was known of purges before it was asked for. */
export interface Answered<Body> extends UpstreamReply<Body> {
  /** What a hook of the site says of its lifetime. */
  readonly rule?: LifetimeRuling;
  readonly purgeView: PurgeView;
}

/** What storing came to; `purged`: it was on its way when it was purged. */
export type Stored<Body> = Refreshed<Body> | "purged";

/** What a reply would take the place of. */
export interface Replacing {
  readonly method: string;
  /** What is stored there is forgotten if this is not stored (RFC 9111 §4.3.3). */
  readonly isReplacing: boolean;
  /** What is stored may be served instead, should the body break off: it is read to its end first. */
  readonly hasStandIn: boolean;
}

export const NOTHING_REPLACED: Replacing = { method: "GET", isReplacing: false, hasStandIn: false };

/** Why an answer is not stored, where the reason is the request's and not the answer's. */
const OF_THE_REQUEST: ReadonlySet<PassReason> = new Set<PassReason>([
  "caused-by-request",
  "request-no-store",
]);

/** Stores the upstream's answer under the target, if it may be stored. */
export async function storeReply<Body>(
  asked: AskedContent,
  how: Replacing,
  reply: Answered<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  const { method, isReplacing } = how;
  const isPlain = reply.status < 300 || isAboutAll(asked, reply);
  const exchange = ruledExchange(asked, { ...reply, method, isPlain });
  const storing = decideStoring(exchange, asked.policy, limits);
  if (storing.kind === "pass") {
    // What is wrong with this request alone says nothing about what is stored for others.
    const isReplaced = isReplacing && !OF_THE_REQUEST.has(storing.reason);
    return pass(asked, reply, storing.reason, isReplaced, ports);
  }
  const fields = storedFieldsOf(datedFields(reply));
  const length = Number(linesOf(reply.fields).get("content-length") ?? "0");
  const tooLarge = refusalOfSize(fields, length);
  if (tooLarge !== null) {
    const meta = metaOf(reply.status, fields, length, reply, storing);
    return storeUnheld(asked, how, reply, meta, tooLarge, ports);
  }
  const arriving = reply.share(limits.storedBodyBytesMax);
  ports.background(arriving.done);
  // Stored only after the last byte: RFC 9111 §3.3 forbids to use an incomplete body as a whole one.
  const reading = isHeldBack(asked, how)
    ? await arriving.whole
    : await ports.within(arriving.whole, gatherMsOf(length));
  const metaOfBody = (bytes: number): StoredMeta =>
    metaOf(reply.status, fields, bytes, reply, storing);
  if (reading === "late") return answerEarly(asked, arriving, metaOfBody(length), reply, ports);
  // What breaks off may be this target's fault; whether the origin is away, the next request learns.
  if (reading.kind === "broken") return { kind: "failed", reason: "origin-error", reply: null };
  if (reading.kind === "too-large") {
    const passed = pass(asked, reply, "body-too-large", isReplacing, ports);
    return { ...passed, reply: { ...reply, body: () => arriving.open() } };
  }
  const stored = { meta: metaOfBody(reading.bytes), body: reading.body };
  return isOddPart(stored.meta) && !asked.policy.storesOddParts
    ? unstored(stored, "content-range", reply)
    : keep(asked, stored, reply, ports);
}

/** Stores what is too large to be held, where there is room for it; else it is passed on. */
function storeUnheld<Body>(
  asked: AskedContent,
  how: Replacing,
  reply: Answered<Body>,
  meta: StoredMeta,
  tooLarge: PassReason,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> | Stored<Body> {
  const isBody = tooLarge === "body-too-large";
  const large = isBody ? roomFor(asked, how, reply, meta.bodyBytes, ports) : null;
  if (large !== null) return storeLarge(asked, meta, reply, large, ports);
  return pass(asked, reply, tooLarge, how.isReplacing, ports);
}

function refusalOfSize(fields: FieldList, bodyBytes: number): PassReason | null {
  if (fieldBytesOf(fields) > limits.storedFieldBytesMax) return "fields-too-large";
  return bodyBytes > limits.storedBodyBytesMax ? "body-too-large" : null;
}

/** Tells whether an error has no reason in what was special about its request. */
function isAboutAll<Body>(asked: AskedContent, { fields }: UpstreamReply<Body>): boolean {
  if (!asked.policy.suspectsRequests) return isSmallRequest(asked);
  const vary = parseVary(linesOf(fields).get("vary"));
  return isPlainRequest(asked, vary.kind === "names" ? vary.names : []);
}

/** Tells whether a request is answered only once all of the body is there. */
function isHeldBack({ fields }: AskedContent, { method, hasStandIn }: Replacing): boolean {
  return method !== "GET" || hasStandIn || needsWhole(fields);
}

/** A body that mostly comes in one piece with its head is worth a moment more: then it needs no stream. */
function gatherMsOf(length: number): number {
  const isBrief = length > 0 && length <= limits.briefBodyBytesMax;
  return isBrief ? limits.briefBodyGatherMs : limits.bodyGatherMs;
}

/** Answers with what is still arriving, and stores it when it has. */
async function answerEarly<Body>(
  asked: AskedContent,
  arriving: SharedBody<Body>,
  meta: StoredMeta,
  reply: Answered<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  const body = arriving.open();
  if (body === null || (await isPurgedMeanwhile(asked, meta, ports))) {
    reply.discard();
    return "purged";
  }
  const isFromCache = reply.fields.some(([name]) => name === "age");
  const refusal = refusalNow(asked, reply, ports);
  const lease = asked.flight?.takeLease() ?? null;
  const settled = arriving.whole.then((reading) =>
    storeArrived(asked, meta, reading, lease, ports),
  );
  ports.background(settled);
  const whole = arriving.whole.then((reading) =>
    reading.kind === "whole"
      ? { meta: { ...meta, bodyBytes: reading.bytes }, body: reading.body }
      : null,
  );
  const sharing = refusal === null ? { open: () => arriving.open(), whole, settled } : null;
  return {
    kind: "whole",
    stored: { meta, body },
    fwdStatus: reply.status,
    isFromCache,
    refusal,
    isLengthUnknown: !linesOf(reply.fields).has("content-length"),
    sharing,
  };
}

/** Stores what was answered with before it had all arrived. */
async function storeArrived<Body>(
  asked: AskedContent,
  head: StoredMeta,
  reading: BodyReading<Body>,
  lease: string | null,
  ports: ContentPorts<Body>,
): Promise<void> {
  if (reading.kind === "whole") {
    const meta = { ...head, bodyBytes: reading.bytes };
    const isOdd = isOddPart(meta) && !asked.policy.storesOddParts;
    if (!isOdd && refusalNow(asked, meta, ports) === null) {
      ports.memory.put(asked.key, { meta, body: reading.body }, ports.nowMs());
      return ports.region.put(asked.key, { meta, body: reading.body }, lease);
    }
  }
  if (reading.kind === "too-large") {
    ports.targets.noteUnshared(asked, ports.nowMs() + limits.hitForMissMs, false);
  }
  const outcome = reading.kind === "too-large" ? "unshared" : "failed";
  if (lease !== null) await ports.region.endFill(lease, outcome);
}

/** A part of another length than its Content-Range says: one of the two is wrong. */
function isOddPart({ part, bodyBytes }: StoredMeta): boolean {
  return part !== null && part.last - part.first + 1 !== bodyBytes;
}

/** A whole response that only this request gets. */
export function unstored<Body>(
  stored: StoredResponse<Body>,
  refusal: PassReason,
  reply: UpstreamReply<Body>,
): Refreshed<Body> {
  const isFromCache = reply.fields.some(([name]) => name === "age");
  return {
    kind: "whole",
    stored,
    fwdStatus: reply.status,
    isFromCache,
    refusal,
    sharing: null,
  };
}

export async function keep<Body>(
  asked: AskedContent,
  stored: StoredResponse<Body>,
  reply: Answered<Body>,
  ports: ContentPorts<Body>,
): Promise<Stored<Body>> {
  if (await isPurgedMeanwhile(asked, stored.meta, ports)) return "purged";
  const refusal = refusalNow(asked, reply, ports);
  if (refusal !== null) return unstored(stored, refusal, reply);
  ports.memory.put(asked.key, stored, ports.nowMs());
  const settled = ports.region.put(asked.key, stored, asked.flight?.takeLease() ?? null);
  ports.background(settled);
  const { body } = stored;
  const sharing = { open: () => body, whole: Promise.resolve(stored), settled };
  const isFromCache = reply.fields.some(([name]) => name === "age");
  return { kind: "whole", stored, fwdStatus: reply.status, isFromCache, refusal: null, sharing };
}

export function pass<Body>(
  asked: AskedContent,
  reply: UpstreamReply<Body>,
  reason: PassReason,
  isReplacing: boolean,
  ports: ContentPorts<Body>,
): Extract<Refreshed<Body>, { kind: "passed" }> {
  if (isReplacing) forget(asked.key, ports);
  return { kind: "passed", reply, reason };
}

export function forget<Body>(key: string, ports: ContentPorts<Body>): void {
  ports.memory.delete(key);
  ports.background(ports.region.delete(key));
}

/** RFC 9110 §6.6.1: a recipient with a clock adds the Date that is missing, to a 304 as well. */
export function datedFields(reply: {
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

export function metaOf(
  status: number,
  fields: FieldList,
  bodyBytes: number,
  {
    requestMs,
    responseMs,
    purgeView,
  }: Pick<Answered<never>, "requestMs" | "responseMs" | "purgeView">,
  storing: Extract<StoringDecision, { kind: "store" }>,
): StoredMeta {
  const { kind: _kind, reason: _reason, ...policy } = storing;
  return { ...policy, status, fields, bodyBytes, requestMs, responseMs, purgeView };
}
