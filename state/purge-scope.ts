// Which stored responses does a purge mark mean? Scopes as both ends build them: what a mark names
// and what a fill looks up are the same text.

import { fnv1a32 } from "../sync/hash.ts";

/** The scope that every stored response is in. */
export const EVERYTHING = "*";

/** How the scope of a prefix begins. */
export const PREFIX = "prefix ";

/** The writer of the origin's marks; no region is called that. */
export const ORIGIN_WRITER = "origin";

/** Characters of a scope, all of them ASCII, so that with its writer it fits a key. */
const SCOPE_CHARS_MAX = 200;

/**
 * The scope of one published object: `url SITE/PATH`.
 *
 * A path that is long, or not ASCII, is named by a hash: two paths may share it, and then a purge of
 * one of them also purges the other.
 *
 * @param path The object's own, unescaped: a folder's is that of its index.html.
 */
export function urlScope(site: string, path: string): string {
  const scope = `url ${site}/${path}`;
  const isPlain = scope.length <= SCOPE_CHARS_MAX && /^[\x20-\x7e]*$/.test(path);
  return isPlain ? scope : `url ${site}/~${fnv1a32(path).toString(16)}`;
}

/**
 * Marks that scopes share by hash once their writer has named its most: so many for prefixes and so
 * many for all others. A purge of such a scope purges one in 1,024 of what it does not mean, and of
 * prefixes one in 1,024 for each character of a path.
 */
export const SHARED_MARKS = 1_024;

/** Scopes that a writer marks by name. */
export const NAMED_MARKS_MAX = 1_920;
/** Marks of one writer: those by name, the shared ones, and those of everything, hard and soft. */
export const WRITER_MARKS_MAX: number = NAMED_MARKS_MAX + 2 * SHARED_MARKS + 2;

/** How the scope of a soft purge begins: what it means is stale, not dead. */
export const SOFT = "soft ";
/** Characters of a scope that fit behind the word; of a longer one only its hash does. */
export const SOFT_SCOPE_CHARS_MAX: number = SCOPE_CHARS_MAX - SOFT.length;

/** The scope of a soft purge of what another scope means. */
export function softScope(scope: string): string {
  const isShort = scope.length <= SOFT_SCOPE_CHARS_MAX;
  return `${SOFT}${isShort ? scope : `~${fnv1a32(scope).toString(16)}`}`;
}

/** The shared mark of a scope. What is soft has none: past the bound of names it is purged for good. */
export function sharedMark(scope: string): string {
  if (scope.startsWith(SOFT)) return sharedMark(scope.slice(SOFT.length));
  return sharedMarkOf(fnv1a32(scope), scope.startsWith(PREFIX));
}

/** The shared marks of all prefixes of `text`, a site and a path. */
export function sharedPrefixMarks(text: string): Set<string> {
  const marks = new Set<string>();
  let hash = fnv1a32(PREFIX);
  for (const character of text.slice(0, SCOPE_CHARS_MAX)) {
    hash = fnv1a32(character, hash);
    marks.add(sharedMarkOf(hash, true));
  }
  return marks;
}

function sharedMarkOf(hash: number, isPrefix: boolean): string {
  return `${isPrefix ? SHARED_PREFIX : "~ "}${(hash % SHARED_MARKS).toString(16)}`;
}

/** How the shared marks of prefixes begin. */
export const SHARED_PREFIX = "~p ";

/** What a writer marks. */
export interface Marking {
  readonly scopes: readonly string[];
  /** True if one of them stands for others as well. */
  readonly isWidened: boolean;
}

/**
 * Chooses what to mark for a purge: the scopes themselves, as long as their writer has named fewer
 * than `namedMax`; past it, shared marks. A mark is never withdrawn, so their number has to end.
 */
export function markingOf(
  scopes: readonly string[],
  marked: ReadonlySet<string>,
  namedMax: number,
): Marking {
  let room = namedMax - [...marked].filter((scope) => !scope.startsWith("~")).length;
  const chosen = scopes.map((scope) => {
    if (scope === EVERYTHING || scope === softScope(EVERYTHING) || marked.has(scope)) return scope;
    room -= 1;
    return room >= 0 ? scope : sharedMark(scope);
  });
  const isWidened = chosen.some((scope, i) => scope !== scopes[i]);
  return { scopes: [...new Set(chosen)], isWidened };
}
