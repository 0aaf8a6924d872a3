// What does a 304 change about a stored response? (RFC 9111 §3.2, §4.3.4.)

import { isSameStrongTag, parseEntityTag } from "../../http/etag.ts";
import { endToEndFields, linesOf, type FieldList } from "../../http/fields.ts";

/** The stored fields brought up to date, or why this 304 is not about them. */
export type Freshening =
  | { readonly kind: "freshened"; readonly reason: "not-modified"; readonly fields: FieldList }
  | { readonly kind: "mismatch"; readonly reason: "other-validator" };

/** Describe the stored body, not the 304 (RFC 9111 §3.2); Age counts from the new response. */
const NEVER_TAKEN: ReadonlySet<string> = new Set([
  "age",
  "content-digest",
  "content-encoding",
  "content-length",
  "content-md5",
  "content-range",
]);

/**
 * Replaces every stored field that the 304 carries too, but for those that describe the body.
 *
 * A 304 whose entity tag is not the stored one selects another response: the caller must ask again
 * without a condition.
 */
export function freshenFields(stored: FieldList, notModified: FieldList): Freshening {
  const newTag = linesOf(notModified).get("etag");
  const storedTag = linesOf(stored).get("etag");
  if (newTag !== null && !isSameTag(newTag, storedTag)) {
    return { kind: "mismatch", reason: "other-validator" };
  }
  return { kind: "freshened", reason: "not-modified", fields: merged(stored, notModified) };
}

function isSameTag(left: string, right: string | null): boolean {
  const [leftTag, rightTag] = [parseEntityTag(left), parseEntityTag(right)];
  if (leftTag?.isWeak === true && rightTag?.isWeak === true) {
    return leftTag.opaque === rightTag.opaque;
  }
  return isSameStrongTag(leftTag, rightTag) || left === right;
}

/**
 * Brings a stored GET up to date with the fields of a HEAD (RFC 9111 §4.3.5): only if each validator
 * and the length that the HEAD gives is the stored one.
 *
 * @param needsProof  A HEAD without a validator is `unproved`. Any client can send one each time that a page
 *                    gets stale, and would keep an old one for ever.
 */
export function freshenByHead(
  stored: { readonly fields: FieldList; readonly bodyBytes: number },
  head: FieldList,
  needsProof: boolean,
): Freshening | { readonly kind: "unproved"; readonly reason: "no-validator" } {
  const [before, now] = [linesOf(stored.fields), linesOf(head)];
  const given = ["etag", "last-modified"].filter((name) => now.has(name));
  const isOther = given.some((name) => now.get(name) !== before.get(name));
  const length = now.get("content-length");
  const isOtherLength = length !== null && length !== "0" && length !== String(stored.bodyBytes);
  if (isOther || isOtherLength) return { kind: "mismatch", reason: "other-validator" };
  if (needsProof && given.length === 0) return { kind: "unproved", reason: "no-validator" };
  return { kind: "freshened", reason: "not-modified", fields: merged(stored.fields, head) };
}

/** Replaces every stored field that a newer message carries too, but for those of the body. */
function merged(stored: FieldList, newer: FieldList): FieldList {
  const taken = endToEndFields(newer).filter(([name]) => !NEVER_TAKEN.has(name));
  const replaced = new Set(taken.map(([name]) => name));
  return [...stored.filter(([name]) => !replaced.has(name) && name !== "age"), ...taken];
}
