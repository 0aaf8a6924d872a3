// Are two representations the same? Entity tags and how they compare (RFC 9110 §8.8.3).

/** An entity tag; `opaque` is what stands between the quotes. */
export interface EntityTag {
  readonly isWeak: boolean;
  readonly opaque: string;
}

const ENTITY_TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\uffff]*)"$/;
const LIST_MEMBER = /[\s,]*((?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")(?=[\s,]|$)/y;

/** Parses one entity tag; null for anything else, an unquoted one included. */
export function parseEntityTag(text: string | null): EntityTag | null {
  const parts = ENTITY_TAG.exec(text?.trim() ?? "");
  return parts === null ? null : { isWeak: parts[1] !== undefined, opaque: parts[2] ?? "" };
}

/**
 * Tells whether an If-None-Match field selects the representation with this entity tag.
 *
 * Compares weakly (RFC 9110 §13.1.2): a weak tag matches its strong twin. `*` matches whatever
 * exists. Reading stops at the first member that is not an entity tag; what stood before counts.
 */
export function matchesNone(ifNoneMatch: string, etag: EntityTag | null): boolean {
  if (ifNoneMatch.trim() === "*") return true;
  return etag !== null && tagsOf(ifNoneMatch).some(({ opaque }) => opaque === etag.opaque);
}

/** Tells whether an If-Match field names this entity tag; compares strongly (RFC 9110 §13.1.1). */
export function matchesStrongly(ifMatch: string, etag: EntityTag | null): boolean {
  return ifMatch.trim() === "*" || tagsOf(ifMatch).some((tag) => isSameStrongTag(tag, etag));
}

/** Reads a list up to the first member that is not an entity tag. */
function tagsOf(list: string): readonly EntityTag[] {
  const tags: EntityTag[] = [];
  LIST_MEMBER.lastIndex = 0;
  for (;;) {
    const tag = parseEntityTag(LIST_MEMBER.exec(list)?.[1] ?? null);
    if (tag === null) return tags;
    tags.push(tag);
  }
}

/** Compares strongly (RFC 9110 §8.8.3.2): equal and both strong. */
export function isSameStrongTag(left: EntityTag | null, right: EntityTag | null): boolean {
  if (left === null || right === null || left.isWeak || right.isWeak) return false;
  return left.opaque === right.opaque;
}
