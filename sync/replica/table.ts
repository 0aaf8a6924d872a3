// What does a replica hold, and what of it is new since when? Entries by collection and key, and in
// the order of their changes: an entry that is overwritten has one place in that order, its last, so
// that a link sends it once however long it was away.

import type { Collection } from "./kind.ts";

/** An entry. Change seq 0: it has no place in the order of changes. */
export interface Entry<Value = unknown> {
  readonly value: Value;
  /** The replica's seq of the last change. */
  readonly seq: number;
  /** At the hub: the link that it came from, 0 if none. At an edge: the hub's seq when they agreed. */
  readonly mark: number;
}

/** An entry that is held. */
export interface Held {
  readonly collection: Collection;
  readonly key: string;
  readonly entry: Entry;
}

/** Entries in memory. */
export class Table {
  readonly #collections = new Map<number, Map<string, Entry>>();
  readonly #bySeq = new Map<number, Held>();

  get(collection: Collection, key: string): Entry | undefined {
    return this.entries(collection).get(key);
  }

  /** The entries of a collection, as they are now and will be. */
  entries({ id }: Collection): ReadonlyMap<string, Entry> {
    return within(this.#collections, id);
  }

  /** Puts an entry in its place, or removes it; a seq that is not 0 is used once. */
  put(collection: Collection, key: string, entry: Entry | null): void {
    const entries = within(this.#collections, collection.id);
    this.#bySeq.delete(entries.get(key)?.seq ?? 0);
    place(entries, key, entry);
    if (entry?.seq) this.#bySeq.set(entry.seq, { collection, key, entry });
  }

  /** Lists what changed after `seq`, in the order of changes up to `head`. */
  *after(seq: number, head: number): Generator<Held> {
    // Looks at what is there, or at what may be there, whichever is less.
    const seqs =
      head - seq > this.#bySeq.size
        ? [...this.#bySeq.keys()].filter((at) => at > seq && at <= head).toSorted((a, b) => a - b)
        : Array.from({ length: head - seq }, (_, i) => seq + 1 + i);
    for (const at of seqs) {
      const change = this.#bySeq.get(at);
      if (change) yield change;
    }
  }
}

/** Sets what a map has under a key; null: nothing. */
export function place<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

/** What a map of maps has under a key. */
export function within<Key, Inner, Value>(
  maps: Map<Key, Map<Inner, Value>>,
  key: Key,
): Map<Inner, Value> {
  const inner = maps.get(key) ?? new Map<Inner, Value>();
  maps.set(key, inner);
  return inner;
}
