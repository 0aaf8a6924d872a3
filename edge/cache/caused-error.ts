// May an answer be kept that the request itself may have caused? An odd field or target that only the
// upstream refuses must not take a page away from everybody else who asks for it.

import type { FieldList } from "../../http/fields.ts";
import { FRAMEWORK_FIELDS } from "./variant.ts";

/** Errors that say how the request was made, or who makes it (RFC 9110 §15.5, RFC 6585, RFC 8470). */
const ABOUT_THE_REQUEST: ReadonlySet<number> = new Set([
  400, 405, 406, 407, 411, 412, 413, 414, 415, 416, 417, 421, 422, 425, 426, 428, 429, 431, 501,
  505, 511,
]);
/** Of those, what an upstream also says to any request for such a target. */
const ABOUT_THE_TARGET: ReadonlySet<number> = new Set([400, 405, 414, 501]);
/** Beside redirects: what is said of many targets, and mostly has nothing to do with who asks. */
const NOTHING_THERE: ReadonlySet<number> = new Set([404, 410]);
/** Bytes of fields and target of a request that is so plain that its size is no reason to refuse it. */
export const PLAIN_REQUEST_BYTES_MAX = 3_072;
/** However long the upstream says: what else may have been odd is not known. */
export const CAUSED_ERROR_S_MAX = 10;

/**
 * What browsers send to every server, what this cache adds, and what selects a response by itself. Not
 * Cookie, Origin, Range: a server may well refuse one, and who has a reason says so in Vary.
 */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...FRAMEWORK_FIELDS,
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "cdn-loop",
  "dnt",
  "forwarded",
  "from",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "priority",
  "referer",
  "save-data",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-fetch-user",
  "sec-gpc",
  "sec-purpose",
  "traceparent",
  "tracestate",
  "upgrade-insecure-requests",
  "user-agent",
  "via",
]);

/**
 * Tells whether each field of a request is one that every server knows, or this one, or that its answer is
 * selected by.
 *
 * @param known  Those that the site says its server knows.
 * @param vary  The names in the answer's Vary.
 */
export function hasKnownFields(
  sent: FieldList,
  known: readonly string[],
  vary: readonly string[] = [],
): boolean {
  const isKnown = (name: string): boolean =>
    KNOWN_FIELDS.has(name) || name.startsWith("sec-ch-") || known.includes(name);
  return sent.every(([name]) => isKnown(name) || vary.includes(name));
}

/** What an answer says about the request that it came to; null: nothing. `for-a-while`: maybe. */
export type CausedError = "of-this-request" | "for-a-while" | null;

/**
 * Decides who else an answer may concern.
 *
 * @param isPlain  The request has neither size nor fields that are a reason to refuse it.
 */
export function decideCausedError(status: number, isPlain: boolean): CausedError {
  if (status < 300) return null;
  if (ABOUT_THE_REQUEST.has(status)) {
    return isPlain && ABOUT_THE_TARGET.has(status) ? "for-a-while" : "of-this-request";
  }
  if (isPlain) return null;
  return status < 400 || NOTHING_THERE.has(status) ? "for-a-while" : "of-this-request";
}
