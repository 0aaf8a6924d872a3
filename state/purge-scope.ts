// Which stored responses does a purge mark mean? Scopes as both ends build them: what a mark names
// and what a fill looks up are the same text.

import { fnv1a32 } from "../sync/hash.ts";

/** The scope that every stored response is in. */
export const EVERYTHING = "*";

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
