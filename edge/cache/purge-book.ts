// Has a stored response been purged? It is dead if a mark that means it is newer than what was known
// of purges before it was asked for. No clock takes part: marks are numbered by their writers.

import { parseGroups } from "../../http/cache-groups.ts";
import {
  EVERYTHING,
  PREFIX,
  SHARED_PREFIX,
  sharedMark,
  sharedPrefixMarks,
  SOFT,
  softScope,
  urlScope,
} from "../../state/purge-scope.ts";
import { parsePurgeKey } from "../../state/region.ts";
import { groupScope, objectOf, siteScope, tagScope } from "../purge-scopes.ts";
import type { PurgeView, StoredMeta } from "./stored-response.ts";

/** What of a lease is about purges. */
export interface KnownPurges {
  readonly purgeView: PurgeView;
  readonly purges: readonly (readonly [key: string, seq: number])[];
  readonly purgeFloor: PurgeView;
}

type Seqs = Map<string, number>;

/** What purges have made of a stored response: a soft one leaves it to be validated. */
export type PurgeVerdict = "alive" | "stale" | "dead";

/** What of a stored response its scopes are read from. */
interface Scoped {
  readonly site: string;
  readonly path: string;
  readonly scopes: readonly string[];
}

/** Marks by their scopes. */
class Marks {
  readonly #seqs = new Map<string, Seqs>();
  /** Prefixes as in their scopes, behind the word. */
  readonly #prefixes: (readonly [text: string, seqs: Seqs])[] = [];
  /** Whether any prefix is marked together with others. */
  #hasSharedPrefixes = false;

  open(scope: string): Seqs {
    const known = this.#seqs.get(scope);
    if (known !== undefined) return known;
    const seqs: Seqs = new Map();
    this.#seqs.set(scope, seqs);
    if (scope.startsWith(SHARED_PREFIX)) this.#hasSharedPrefixes = true;
    if (scope.startsWith(PREFIX)) this.#prefixes.push([scope.slice(PREFIX.length), seqs]);
    return seqs;
  }

  /** Tells whether a mark that means a response is newer than what it was stored with. */
  has({ site, path, scopes }: Scoped, seen: Seqs, named: (scope: string) => string): boolean {
    const text = `${site}${path}`;
    const isMeant = (scope: string): boolean => isAhead(this.#seqs.get(scope), seen);
    if (scopes.some((scope) => isMeant(named(scope)) || isMeant(sharedMark(scope)))) return true;
    if (this.#hasSharedPrefixes && [...sharedPrefixMarks(text)].some(isMeant)) return true;
    return this.#prefixes.some(([prefix, seqs]) => text.startsWith(prefix) && isAhead(seqs, seen));
  }
}

/** The purges that are known at one moment. */
export class PurgeBook {
  /** What a response that is asked for now is stored with. */
  readonly view: PurgeView;
  readonly #hard = new Marks();
  readonly #soft = new Marks();
  /** What this book has found alive, and under which key. */
  readonly #alive = new WeakMap<StoredMeta, string>();

  constructor({ purgeView, purges, purgeFloor }: KnownPurges) {
    this.view = purgeView;
    for (const [key, seq] of purges) {
      const { writer, scope } = parsePurgeKey(key);
      const isSoft = scope.startsWith(SOFT);
      const marks = isSoft ? this.#soft.open(scope.slice(SOFT.length)) : this.#hard.open(scope);
      marks.set(writer, seq);
    }
    // Which scopes the marks have that are not named is not known: any.
    const all = this.#hard.open(EVERYTHING);
    for (const [writer, seq] of purgeFloor) all.set(writer, Math.max(seq, all.get(writer) ?? 0));
  }

  /** Tells what purges have made of what is stored under a cache key. */
  verdictOn(key: string, meta: StoredMeta): PurgeVerdict {
    if (this.#alive.get(meta) === key) return "alive";
    const seen: Seqs = new Map(meta.purgeView ?? []);
    if (this.view.some(([writer, seq]) => seq > (seen.get(writer) ?? 0))) {
      const scoped = scopedOf(key, meta);
      if (this.#hard.has(scoped, seen, (scope) => scope)) return "dead";
      if (this.#soft.has(scoped, seen, (scope) => softScope(scope).slice(SOFT.length)))
        return "stale";
    }
    this.#alive.set(meta, key);
    return "alive";
  }

  /** Tells whether what is stored under a cache key is not to be served any more. */
  isPurged(key: string, meta: StoredMeta): boolean {
    return this.verdictOn(key, meta) === "dead";
  }
}

/** Reads what a response, stored under a key `SITE|PATH?QUERY`, is purged by. */
function scopedOf(key: string, { fields }: StoredMeta): Scoped {
  const [site, target] = split(key, "|");
  const [path] = split(target, "?");
  const named = (name: string): readonly string[] =>
    fields.flatMap(([field, value]) => (field === name ? [value] : []));
  const tags = named("cache-tag").flatMap((value) => value.split(","));
  const groups = named("cache-groups").flatMap((value) => parseGroups(value));
  const scopes = [
    EVERYTHING,
    siteScope(site),
    urlScope(site, objectOf(path)),
    ...tags.map((tag) => tagScope(tag.trim())),
    ...groups.map((group) => groupScope(site, group)),
  ];
  return { site, path, scopes };
}

/** The book of whoever knows of no purge. */
export const NO_PURGES: PurgeBook = new PurgeBook({ purgeView: [], purges: [], purgeFloor: [] });

function isAhead(seqs: Seqs | undefined, seen: Seqs): boolean {
  return seqs !== undefined && [...seqs].some(([writer, seq]) => seq > (seen.get(writer) ?? 0));
}

/** What is before and behind the first `mark`. */
function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
