// May a response be stored? RFC 9111 §3, narrowed by the site's policy: nothing that names a person
// (P4). Decided on the fields as they came, before hop-by-hop fields are dropped, so that Connection
// cannot hide one.

import {
  deltaSecondsOf,
  fieldNamesOf,
  hasDirective,
  parseCacheControl,
  type CacheControl,
} from "../../http/cache-control.ts";
import { isFieldValue, linesOf, type FieldLines, type FieldList } from "../../http/fields.ts";
import { parseContentRange, type ContentRange } from "../../http/range.ts";
import { correctedInitialAgeMs } from "./age.ts";
import { hasHiddenDots } from "./cache-key.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { CAUSED_ERROR_S_MAX, decideCausedError } from "./caused-error.ts";
import { directivesOf } from "./directives.ts";
import {
  freshnessLifetime,
  isHeuristicallyCacheable,
  type FreshnessLifetime,
} from "./freshness.ts";
import { isNamedOtherwise } from "./named-type.ts";
import type { StoredPolicy } from "./stored-response.ts";
import { decideVariant, selectingLines, type Variant } from "./variant.ts";

/** A request and the response it brought. */
export interface Exchange {
  readonly method: string;
  readonly request: FieldLines;
  readonly status: number;
  readonly fields: FieldList;
  /** The canonical path of the target; not given: it promises no type. */
  readonly path?: string;
  /** Nothing about the request is a reason to refuse it; not given: nothing is. */
  readonly isPlain?: boolean;
  readonly requestMs: number;
  readonly responseMs: number;
  /** What the site's settings say of such a response; not given, or null: nothing. */
  readonly rule?: LifetimeRuling | null;
}

/** What settings say of how long a response is kept, in seconds; not whether it may be shared (P4). */
export interface LifetimeRuling {
  readonly store: boolean;
  /** Of a response that says no lifetime; of any. */
  readonly ttl?: number | undefined;
  readonly override?: number | undefined;
  readonly staleWhileRevalidate?: number | undefined;
  readonly staleIfError?: number | undefined;
}

/** The bounds that storing keeps. */
export interface StoringBounds {
  /** Longest lifetime that is believed, in seconds. */
  readonly freshnessLifetimeSMax: number;
  /** Fields that a response may vary by. */
  readonly varyNamesMax: number;
}

/** Store, with what the stored response's later decisions need, or don't and why. */
export type StoringDecision =
  | ({ readonly kind: "store"; readonly reason: RuledLifetime["reason"] } & StoredPolicy)
  | { readonly kind: "pass"; readonly reason: StoringRefusal };

/** A lifetime as a response says it, or a rule of the site. */
interface RuledLifetime {
  readonly seconds: number;
  readonly reason: FreshnessLifetime["reason"] | "rule";
}

/** Why a response is not stored; appears as the detail of Cache-Status. */
export type StoringRefusal =
  | "rule"
  | "method"
  | "request-authorization"
  | "request-cookie"
  | "request-no-store"
  | "status"
  | "no-store"
  | "private"
  | "no-cache"
  | "malformed-cache-control"
  | "must-understand"
  | "set-cookie"
  | "vary"
  | "vary-star"
  | "vary-undecodable"
  | "content-range"
  | "caused-by-request"
  | "other-type"
  | "event-stream"
  | "hidden-dots"
  | "bad-field"
  | "invalid-freshness"
  | "no-explicit-freshness"
  | "no-freshness";

/** The final statuses whose meaning for a cache this one knows (RFC 9110 §15, RFC 6585, RFC 8470). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405,
  406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 425, 426, 428, 429, 431,
  451, 500, 501, 502, 503, 504, 505, 511,
]);

/**
 * Decides whether the response of an exchange is stored.
 *
 * Stricter for what is published: neither `no-cache`, nor Vary, nor a lifetime of 0 is stored.
 */
export function decideStoring(
  exchange: Exchange,
  policy: CachePolicy,
  bounds: StoringBounds,
): StoringDecision {
  const fields = linesOf(exchange.fields);
  const directives = directivesOf(fields);
  const { control, from } = directives;
  const isPublic = hasDirective(control, "public") || from !== "cache-control";
  const refusal =
    refusalOfRequest(exchange, control, isPublic, policy) ??
    refusalOfControl(exchange.status, control, policy) ??
    refusalOfFields(exchange, fields, isPublic, policy) ??
    refusalOfCause(exchange) ??
    refusalOfRule(exchange);
  if (refusal !== null) return { kind: "pass", reason: refusal };
  const { rule, isPlain } = { ...KEPT, ...exchange, rule: exchange.rule ?? KEPT.rule };
  const part = exchange.status === 206 ? parseContentRange(fields.get("content-range")) : null;
  const selecting = selectingLines(exchange.request, policy);
  const namesMax = bounds.varyNamesMax;
  const selected = decideVariant(exchange.fields, selecting, part !== null, policy, namesMax);
  if (selected.kind === "none") return { kind: "pass", reason: selected.reason };
  const response = { ...exchange, fields, directives };
  const said = freshnessLifetime(response, policy, bounds.freshnessLifetimeSMax);
  const lifetime = ruledLifetime(said, rule, isPlain);
  const unused =
    lifetime.seconds > 0
      ? refusalOfGuess(exchange, lifetime, fields)
      : refusalOfStale(response, lifetime, fields, policy);
  if (unused !== null) return { kind: "pass", reason: unused };
  return {
    kind: "store",
    reason: lifetime.reason,
    ...policyOf(control, lifetime.seconds, selected.variant, part),
    ...ruledStaleness(control, rule),
    initialAgeMs: correctedInitialAgeMs(fields, exchange.requestMs, exchange.responseMs),
  };
}

/** What holds where nothing else is said. */
const KEPT = { rule: { store: true }, isPlain: true } satisfies Partial<Exchange>;

function refusalOfRule({ rule, path = "" }: Exchange): StoringRefusal | null {
  if (rule?.store === false) return "rule";
  // Which rule is meant depends on who reads the path: nobody who means well writes it so.
  return hasHiddenDots(path) ? "hidden-dots" : null;
}

/** A rule's `override` is the lifetime of whatever may be stored; its `ttl` where none is said. */
function ruledLifetime(
  said: FreshnessLifetime,
  rule: LifetimeRuling,
  isPlain: boolean,
): RuledLifetime {
  const isUnsaid = said.reason === "heuristic" || said.reason === "no-explicit-freshness";
  const seconds = rule.override ?? (isUnsaid ? rule.ttl : undefined);
  if (seconds === undefined) return said;
  return { seconds: isPlain ? seconds : Math.min(seconds, CAUSED_ERROR_S_MAX), reason: "rule" };
}

/** How long stale, by a rule, where the response does not say (RFC 5861). */
function ruledStaleness(
  control: CacheControl,
  rule: LifetimeRuling,
): Partial<Pick<StoredPolicy, "staleWhileRevalidateS" | "staleIfErrorS">> {
  const { staleWhileRevalidate: swr, staleIfError: sie } = rule;
  const isSaid = (name: string): boolean => hasDirective(control, name);
  return {
    ...(swr === undefined || isSaid("stale-while-revalidate")
      ? {}
      : { staleWhileRevalidateS: swr }),
    ...(sie === undefined || isSaid("stale-if-error") ? {} : { staleIfErrorS: sie }),
  };
}

function refusalOfRequest(
  { method, request, status }: Exchange,
  control: CacheControl,
  isPublic: boolean,
  policy: CachePolicy,
): StoringRefusal | null {
  if (!isStoredMethod(method, policy)) return "method";
  if (request.has("authorization") && !isForOthers(status, control, isPublic, policy)) {
    return "request-authorization";
  }
  if (request.has("cookie") && !isCookieAllowed(isPublic, policy)) return "request-cookie";
  // A refusal is about who asks: by an address or a User-Agent, which Vary seldom names.
  const isRefused = status === 401 || status === 403;
  if (isRefused && policy.suspectsRequests && !isPublic) return "caused-by-request";
  return policy.obeysClient && asksNoStore(request) ? "request-no-store" : null;
}

function isStoredMethod(method: string, { storesPost }: CachePolicy): boolean {
  return method === "GET" || (method === "POST" && storesPost);
}

/** RFC 9111 §5.2.1.5. */
function asksNoStore(request: FieldLines): boolean {
  return hasDirective(parseCacheControl(request.get("cache-control")), "no-store");
}

/** What comes with a cookie may be about a person, unless it says that it is for all. */
function isCookieAllowed(isPublic: boolean, policy: CachePolicy): boolean {
  return policy.storesCookies || (isPublic && !policy.isPublished);
}

/** Tells whether the answer to a request with Authorization may be shared. */
function isForOthers(
  status: number,
  control: CacheControl,
  isPublic: boolean,
  policy: CachePolicy,
): boolean {
  // That somebody's credentials are refused says nothing to anyone else, unless it says so.
  const isRefused = status === 401 || status === 403;
  return !policy.isPublished && (isRefused ? isPublic : isForAuthorized(control));
}

/** RFC 9111 §3.5: these let the answer to a request with Authorization be shared. */
function isForAuthorized(control: CacheControl): boolean {
  return ["public", "must-revalidate", "s-maxage"].some((name) => hasDirective(control, name));
}

function refusalOfControl(
  status: number,
  control: CacheControl,
  policy: CachePolicy,
): StoringRefusal | null {
  if (control.isMalformed) return "malformed-cache-control";
  const isUnderstood = UNDERSTOOD.has(status);
  const mustUnderstand = hasDirective(control, "must-understand");
  if (mustUnderstand && !isUnderstood) return "must-understand";
  // RFC 9111 §5.2.2.3: with a status that is understood, must-understand takes no-store's effect away.
  if (hasDirective(control, "no-store") && (policy.isPublished || !mustUnderstand)) {
    return "no-store";
  }
  // A field list (`private="x"`) is read as the bare directive, as RFC 9111 §5.2.2.7 allows.
  if (hasDirective(control, "private")) return "private";
  if (policy.isPublished && hasDirective(control, "no-cache")) return "no-cache";
  return null;
}

function refusalOfFields(
  { status, fields: list }: Exchange,
  fields: FieldLines,
  isPublic: boolean,
  policy: CachePolicy,
): StoringRefusal | null {
  if (policy.isPublished ? status !== 200 : status < 200 || status === 304) return "status";
  if (fields.has("set-cookie") && !isCookieAllowed(isPublic, policy)) return "set-cookie";
  if (!isRangeRight(status, fields, policy)) return "content-range";
  return list.every(([, value]) => isFieldValue(value)) ? null : "bad-field";
}

/** What an answer says of this request alone. */
function refusalOfCause({ status, isPlain = true }: Exchange): StoringRefusal | null {
  return decideCausedError(status, isPlain) === "of-this-request" ? "caused-by-request" : null;
}

/** A 206 holds one range and as many bytes as it says; with another status Content-Range is noise. */
function isRangeRight(status: number, fields: FieldLines, policy: CachePolicy): boolean {
  if (status !== 206) return !policy.isPublished || !fields.has("content-range");
  const range = parseContentRange(fields.get("content-range"));
  const length = fields.get("content-length");
  if (range === null) return false;
  return (
    policy.storesOddParts || length === null || Number(length) === range.last - range.first + 1
  );
}

/** The response itself does not say that it may be kept: then its type is to be that of its path. */
function refusalOfGuess(
  { path = "" }: Exchange,
  { reason }: RuledLifetime,
  fields: FieldLines,
): StoringRefusal | null {
  if (reason !== "heuristic" && reason !== "rule") return null;
  const type = fields.get("content-type");
  // What was told to one listener is no news to the next.
  if (/^\s*text\/event-stream\b/i.test(type ?? "")) return "event-stream";
  return isNamedOtherwise(path, type) ? "other-type" : null;
}

/** What is not fresh is worth its place only if it can be validated. */
function refusalOfStale(
  response: Parameters<typeof isHeuristicallyCacheable>[0],
  lifetime: RuledLifetime,
  fields: FieldLines,
  policy: CachePolicy,
): StoringRefusal | null {
  const { reason } = lifetime;
  const isExplicit = reason !== "no-explicit-freshness";
  if (policy.isPublished) {
    return reason === "invalid-freshness" || !isExplicit ? reason : "no-freshness";
  }
  if (!isExplicit && !isHeuristicallyCacheable(response)) return "no-explicit-freshness";
  const hasValidator = fields.has("etag") || fields.has("last-modified");
  if (hasValidator) return null;
  return reason === "invalid-freshness" || !isExplicit ? reason : "no-freshness";
}

function policyOf(
  control: CacheControl,
  freshnessLifetimeS: number,
  variant: Variant,
  part: ContentRange | null,
): Omit<StoredPolicy, "initialAgeMs"> {
  const unlisted = control.directives.get("no-cache") ?? [];
  return {
    freshnessLifetimeS,
    staleForbiddenBy: staleForbiddenBy(control),
    isValidatedAlways: unlisted.includes(null) || unlisted.includes(""),
    staleWhileRevalidateS: secondsOf(control, "stale-while-revalidate"),
    staleIfErrorS: secondsOf(control, "stale-if-error"),
    isImmutable: hasDirective(control, "immutable"),
    hiddenFields: fieldNamesOf(control, "no-cache"),
    variant,
    part,
  };
}

function secondsOf(control: CacheControl, name: string): number {
  const given = deltaSecondsOf(control, name);
  return given.kind === "seconds" ? given.seconds : 0;
}

/** RFC 9111 §4.2.4: these forbid a stale answer even while disconnected; s-maxage by §5.2.2.10. */
function staleForbiddenBy(control: CacheControl): string | null {
  const names = ["must-revalidate", "proxy-revalidate", "s-maxage"];
  return names.find((name) => hasDirective(control, name)) ?? null;
}
