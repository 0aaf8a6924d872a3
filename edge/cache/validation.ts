// How is the origin asked whether a stored response still holds? With the validators that it came
// with (RFC 9111 §4.3.1); and which answer of the origin does what to the stored response (§4.3.3).

import { linesOf, type FieldList } from "../../http/fields.ts";
import type { CachePolicy } from "./cache-policy.ts";
import type { StoredMeta } from "./stored-response.ts";

/**
 * Makes the fields of a conditional request out of the stored validators; empty without any.
 *
 * @param otherTags  Entity tags of stored variants that the request does not select: the answer may
 *                   be that one of them is the right one (RFC 9111 §4.1).
 */
export function conditionalFieldsOf(
  stored: StoredMeta | null,
  otherTags: readonly string[] = [],
): FieldList {
  const fields = stored === null ? null : linesOf(stored.fields);
  const etag = fields?.get("etag") ?? null;
  const modified = fields?.get("last-modified") ?? null;
  const tags = new Set([...(etag === null ? [] : [etag]), ...otherTags]);
  return [
    ...(tags.size === 0 ? [] : [["if-none-match", [...tags].join(", ")] as const]),
    ...(modified === null ? [] : [["if-modified-since", modified] as const]),
  ];
}

/** What an answer of the origin means for the stored response it was asked about. */
export type ValidationOutcome =
  | { readonly kind: "freshen"; readonly reason: "not-modified" }
  | { readonly kind: "replace"; readonly reason: "full-response" }
  /** The target is gone or moved: the stored response must not come back in an outage. */
  | { readonly kind: "drop"; readonly reason: "gone" }
  /** The origin failed; RFC 9111 §4.3.3 lets us act as if it had not answered. */
  | { readonly kind: "failed"; readonly reason: "origin-error"; readonly isAway: boolean }
  /** Neither: pass the answer on and leave the stored response as it is. */
  | { readonly kind: "keep"; readonly reason: "unrelated-status" };

/** Decides what the status of a response to a conditional request does to the stored response. */
export function decideValidation(status: number, policy: CachePolicy): ValidationOutcome {
  if (status === 304) return { kind: "freshen", reason: "not-modified" };
  // A gateway says 502, 503 or 504 of an origin it cannot reach; 500 may concern this target alone.
  if (status === 502 || status === 503 || status === 504) {
    return { kind: "failed", reason: "origin-error", isAway: true };
  }
  if (status === 500) return { kind: "failed", reason: "origin-error", isAway: false };
  // Any status may be stored, and replaces what is (RFC 9111 §4.3.3).
  if (status === 200 || !policy.isPublished) return { kind: "replace", reason: "full-response" };
  if (status === 404 || status === 410 || (status >= 300 && status < 400)) {
    return { kind: "drop", reason: "gone" };
  }
  return { kind: "keep", reason: "unrelated-status" };
}
