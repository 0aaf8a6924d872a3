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
  "content-encoding",
  "content-length",
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
  const taken = endToEndFields(notModified).filter(([name]) => !NEVER_TAKEN.has(name));
  const replaced = new Set(taken.map(([name]) => name));
  return {
    kind: "freshened",
    reason: "not-modified",
    fields: [...stored.filter(([name]) => !replaced.has(name) && name !== "age"), ...taken],
  };
}

function isSameTag(left: string, right: string | null): boolean {
  const [leftTag, rightTag] = [parseEntityTag(left), parseEntityTag(right)];
  if (leftTag?.isWeak === true && rightTag?.isWeak === true) {
    return leftTag.opaque === rightTag.opaque;
  }
  return isSameStrongTag(leftTag, rightTag) || left === right;
}
