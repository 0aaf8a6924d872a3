// Does the client already have what it asks for? If-None-Match and If-Modified-Since against the
// representation in hand, in the order of RFC 9110 §13.2.2. If-Match and If-Unmodified-Since are not
// for caches to evaluate (RFC 9111 §4.3.2), and Range is not served from here.

import { matchesNone, parseEntityTag } from "./etag.ts";
import type { FieldLines } from "./fields.ts";
import { parseHttpDate } from "./http-date.ts";

/** Whether the answer is 304 or the representation itself, and which field said so. */
export type Precondition =
  | { readonly kind: "not-modified"; readonly reason: "if-none-match" | "if-modified-since" }
  | {
      readonly kind: "send";
      readonly reason: "unconditional" | "etag-differs" | "modified-since" | "no-date-to-compare";
    };

/**
 * Decides between 304 and 200 for a GET or HEAD that would be answered with 200.
 *
 * If-None-Match wins over If-Modified-Since, which is ignored when it is not an HTTP-date. Without
 * Last-Modified the response's Date is compared (RFC 9111 §4.3.2).
 */
export function decidePrecondition(
  request: FieldLines,
  response: FieldLines,
  nowMs: number,
): Precondition {
  const ifNoneMatch = request.get("if-none-match");
  if (ifNoneMatch !== null) {
    const etag = response.get("etag");
    // Whoever repeats a validator means it, also one that is no entity tag, or lost its quotes.
    const isRepeated = etag !== null && unquoted(ifNoneMatch) === unquoted(etag);
    return isRepeated || matchesNone(ifNoneMatch, parseEntityTag(etag))
      ? { kind: "not-modified", reason: "if-none-match" }
      : { kind: "send", reason: "etag-differs" };
  }
  const since = parseHttpDate(request.get("if-modified-since"), nowMs);
  if (since === null) return { kind: "send", reason: "unconditional" };
  const modified = parseHttpDate(response.get("last-modified") ?? response.get("date"), nowMs);
  if (modified === null) return { kind: "send", reason: "no-date-to-compare" };
  return modified <= since
    ? { kind: "not-modified", reason: "if-modified-since" }
    : { kind: "send", reason: "modified-since" };
}

function unquoted(text: string): string {
  return /^"([^"]*)"$/.exec(text.trim())?.[1] ?? text.trim();
}

/**
 * Fields that a 304 carries (RFC 9110 §15.4.5), those that explain it, and what is for the client whatever
 * it has already: a cookie, and that a script may read the answer (the Fetch standard's CORS check).
 */
const NOT_MODIFIED_FIELDS: ReadonlySet<string> = new Set([
  "age",
  "cache-control",
  "cache-status",
  "cdn-cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "set-cookie",
  "skerry-offline",
  "vary",
]);

/** Tells whether a field of the 200 belongs on the 304 as well. */
export function isNotModifiedField(name: string): boolean {
  return NOT_MODIFIED_FIELDS.has(name) || name.startsWith("access-control-");
}
