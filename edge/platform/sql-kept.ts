// Which entries are kept for the origin in front of the journal, while newer ones are given up? Packed,
// in pages by seq: the oldest of what waits, as a policy that gives up the newest wants it.

import type { SlotEntry } from "./sql-journal-rows.ts";
import type { Packed } from "./sql-journal.ts";
import { seqKey, seqOfKey, unpackEntry } from "./sql-journal.ts";
import type { Item, SqlPages } from "./sql-pages.ts";

interface Extent {
  readonly first: number;
  /** No entry of the page is behind it. */
  readonly end: number;
  /** Bytes of this page and all behind it. */
  readonly bytesFrom: number;
}

/** Behind every key. */
const END = "~";

/** Entries that are in no journal any more, and still to be sent; ascending, maybe with holes. */
export class SqlKept {
  readonly #pages: SqlPages;
  #extents: readonly Extent[] = [];

  constructor(pages: SqlPages) {
    this.#pages = pages;
    this.#look();
  }

  /** The lowest seq; null if nothing is kept. */
  get first(): number | null {
    return this.#extents[0]?.first ?? null;
  }

  /** The highest seq; 0 if nothing is kept. */
  get last(): number {
    return this.#extents.at(-1)?.end ?? 0;
  }

  get bytes(): number {
    return this.bytesAfter(0);
  }

  /** Bytes of the pages that have something after `seq`. */
  bytesAfter(seq: number): number {
    // What was kept first goes first, and ends ascend.
    let [low, high] = [0, this.#extents.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#extents[middle] as Extent).end <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#extents[low]?.bytesFrom ?? 0;
  }

  read(seq: number): SlotEntry | null {
    const bytes = this.#pages.get(seqKey(seq));
    return bytes === null ? null : unpackEntry(seq, bytes);
  }

  /** The lowest seq that is kept behind `seq`; null if there is none. */
  nextAfter(seq: number): number | null {
    const item = seq >= this.last ? null : this.#pages.seek(seqKey(seq + 1));
    return item === null ? null : seqOfKey(item[0]);
  }

  /** Entries that follow each other, from the first behind `seq` on. */
  *run(seq: number): Iterable<SlotEntry> {
    let next: number | null = null;
    for (const [key, bytes] of this.#pages.range(seqKey(seq + 1), END)) {
      const at = seqOfKey(key);
      if (next !== null && at !== next) return;
      next = at + 1;
      const entry = unpackEntry(at, bytes);
      if (entry !== null) yield entry;
    }
  }

  /** Adds entries, ascending, behind those that are kept. */
  add(packed: readonly Packed[]): void {
    const last = packed.at(-1);
    if (last === undefined) return;
    this.#pages.put(packed.map(toItem), last.seq);
    this.#look();
  }

  /** Puts entries in the place of those of their seq. */
  replace(packed: readonly Packed[]): void {
    if (packed.length === 0) return;
    this.#pages.put(packed.map(toItem), this.last);
    this.#look();
  }

  /** The seq behind which the second page begins, if there is one. */
  firstPageEnd(): number {
    return this.#extents[0]?.end ?? 0;
  }

  /** Drops the first page, and tells which entries it held. */
  dropFirst(): SlotEntry[] {
    const items = this.#pages.dropFirst(END, Infinity) ?? [];
    this.#look();
    return items.flatMap(([key, bytes]) => unpackEntry(seqOfKey(key), bytes) ?? []);
  }

  #look(): void {
    const extents: Extent[] = [];
    let bytesFrom = 0;
    for (const { first, mark, bytes } of this.#pages.extents().toReversed()) {
      const next = extents.at(-1);
      bytesFrom += bytes;
      extents.push({
        first: seqOfKey(first),
        end: next === undefined ? mark : next.first - 1,
        bytesFrom,
      });
    }
    this.#extents = extents.toReversed();
  }
}

function toItem({ seq, bytes }: Packed): Item {
  return [seqKey(seq), bytes];
}
