// What does a replica hold, and what of it is new since when? Entries by collection and key, and in
// the order of their changes: an entry that is overwritten has one place in that order, its last, so
// that a link sends it once however long it was away.

/** An entry. Change seq 0: it has no place in the order of changes. */
export interface Entry<Value = unknown> {
  readonly value: Value;
  /** The replica's seq of the last change. */
  readonly seq: number;
  /** At the hub: the link that it came from, 0 if none. At an edge: the hub's seq when they agreed. */
  readonly mark: number;
}

/** A changed entry in its place. */
export interface Change {
  readonly collection: number;
  readonly key: string;
  readonly entry: Entry;
}

const NONE: ReadonlyMap<string, Entry> = new Map();

/** Entries in memory. */
export class Table {
  readonly #collections = new Map<number, Map<string, Entry>>();
  readonly #bySeq = new Map<number, Change>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  collections(): Iterable<number> {
    return this.#collections.keys();
  }

  /** The highest seq of an entry; 0: none. */
  get last(): number {
    return [...this.#bySeq.keys()].reduce((last, seq) => Math.max(last, seq), 0);
  }

  get(collection: number, key: string): Entry | undefined {
    return this.#collections.get(collection)?.get(key);
  }

  entries(collection: number): ReadonlyMap<string, Entry> {
    return this.#collections.get(collection) ?? NONE;
  }

  /** Puts an entry in its place, or removes it; a seq that is not 0 is used once. */
  put(collection: number, key: string, entry: Entry | null): void {
    const entries = this.#collections.get(collection) ?? new Map<string, Entry>();
    this.#collections.set(collection, entries);
    const before = entries.get(key);
    if (before && before.seq !== entry?.seq) this.#bySeq.delete(before.seq);
    this.#size -= entries.size;
    if (entry) entries.set(key, entry);
    else entries.delete(key);
    this.#size += entries.size;
    if (entry?.seq) this.#bySeq.set(entry.seq, { collection, key, entry });
  }

  /** Lists what changed after `seq`, in the order of changes up to `head`. */
  *after(seq: number, head: number): Generator<Change> {
    for (const at of this.#seqsAfter(seq, head)) {
      const change = this.#bySeq.get(at);
      if (change) yield change;
    }
  }

  /** Looks at what is there, or at what may be there, whichever is less. */
  #seqsAfter(seq: number, head: number): Iterable<number> {
    if (head - seq > this.#bySeq.size)
      return [...this.#bySeq.keys()]
        .filter((at) => at > seq && at <= head)
        .toSorted((a, b) => a - b);
    return Array.from({ length: head - seq }, (_, i) => seq + 1 + i);
  }
}
