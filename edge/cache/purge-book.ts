// Has a stored response been purged? It is dead if a mark that means it is newer than what was known
// of purges before it was asked for. No clock takes part: marks are numbered by their writers.

import {
  EVERYTHING,
  PREFIX,
  SHARED_PREFIX,
  sharedMark,
  sharedPrefixMarks,
  urlScope,
} from "../../state/purge-scope.ts";
import { parsePurgeKey } from "../../state/region.ts";
import { objectOf, siteScope, tagScope } from "../purge-scopes.ts";
import type { PurgeView, StoredMeta } from "./stored-response.ts";

/** What of a lease is about purges. */
export interface KnownPurges {
  readonly purgeView: PurgeView;
  readonly purges: readonly (readonly [key: string, seq: number])[];
  readonly purgeFloor: PurgeView;
}

type Seqs = Map<string, number>;

/** The purges that are known at one moment. */
export class PurgeBook {
  /** What a response that is asked for now is stored with. */
  readonly view: PurgeView;
  readonly #marks = new Map<string, Seqs>();
  /** Prefixes as in their scopes, behind the word. */
  readonly #prefixes: (readonly [text: string, seqs: Seqs])[] = [];
  /** Whether any prefix is marked together with others. */
  #hasSharedPrefixes = false;
  /** What this book has found alive, and under which key. */
  readonly #alive = new WeakMap<StoredMeta, string>();

  constructor({ purgeView, purges, purgeFloor }: KnownPurges) {
    this.view = purgeView;
    for (const [key, seq] of purges) {
      const { writer, scope } = parsePurgeKey(key);
      const seqs = this.#marks.get(scope) ?? this.#open(scope);
      seqs.set(writer, seq);
    }
    // Which scopes the marks have that are not named is not known: any.
    const all = this.#marks.get(EVERYTHING) ?? this.#open(EVERYTHING);
    for (const [writer, seq] of purgeFloor) all.set(writer, Math.max(seq, all.get(writer) ?? 0));
  }

  /** Tells whether what is stored under a cache key has been purged. */
  isPurged(key: string, meta: StoredMeta): boolean {
    if (this.#alive.get(meta) === key) return false;
    const seen: Seqs = new Map(meta.purgeView ?? []);
    const isNew = this.view.some(([writer, seq]) => seq > (seen.get(writer) ?? 0));
    if (isNew && this.#marksOf(key, meta).some((seqs) => isAhead(seqs, seen))) return true;
    this.#alive.set(meta, key);
    return false;
  }

  #open(scope: string): Seqs {
    const seqs: Seqs = new Map();
    this.#marks.set(scope, seqs);
    if (scope.startsWith(SHARED_PREFIX)) this.#hasSharedPrefixes = true;
    if (scope.startsWith(PREFIX)) this.#prefixes.push([scope.slice(PREFIX.length), seqs]);
    return seqs;
  }

  /** The marks that mean what is stored under a key, `SITE|PATH?QUERY`. */
  #marksOf(key: string, { fields }: StoredMeta): Seqs[] {
    const [site, target] = split(key, "|");
    const [path] = split(target, "?");
    const tags = fields.flatMap(([name, value]) => (name === "cache-tag" ? value.split(",") : []));
    const scopes = [
      EVERYTHING,
      siteScope(site),
      urlScope(site, objectOf(path)),
      ...tags.map((tag) => tagScope(tag.trim())),
    ];
    const shared = this.#hasSharedPrefixes ? sharedPrefixMarks(`${site}${path}`) : [];
    return [
      ...[...scopes, ...scopes.map(sharedMark), ...shared].flatMap(
        (scope) => this.#marks.get(scope) ?? [],
      ),
      ...this.#prefixes.flatMap(([text, seqs]) => (`${site}${path}`.startsWith(text) ? seqs : [])),
    ];
  }
}

/** The book of whoever knows of no purge. */
export const NO_PURGES: PurgeBook = new PurgeBook({ purgeView: [], purges: [], purgeFloor: [] });

function isAhead(seqs: Seqs, seen: Seqs): boolean {
  return [...seqs].some(([writer, seq]) => seq > (seen.get(writer) ?? 0));
}

/** What is before and behind the first `mark`. */
function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
