// What is held of many entries when only so many bytes fit? Those that a policy keeps. What is past
// its end goes before anything that could still be of use.

import { Heap } from "./heap.ts";
import type { Eviction, Slot } from "./slot.ts";

/** What may be held. */
export interface EntryBounds {
  readonly bytesMax: number;
  readonly entriesMax: number;
}

/**
 * Entries within their bounds.
 *
 * - Bounds: after `add` has returned, no more than they say is held, whatever came before.
 * - Presence: an entry is held from `add` until it is removed or given up, which `gone` is told; one
 *   that alone exceeds the bound is never held.
 * - Order: what is past its end is given up first, then what the policy says.
 * - Costs: `use` is O(1), the others O(log n), amortised.
 */
export class BoundedEntries<Entry> {
  readonly #bounds: EntryBounds;
  readonly #policy: Eviction<Entry>;
  readonly #byEnd = new Heap<Slot<Entry>>((slot, at) => {
    slot.endAt = at;
  });
  readonly #gone: (entry: Entry) => void;
  #bytes = 0;
  #entries = 0;

  /** @param gone  Is told of each entry that is given up, not of those that are removed. */
  constructor(bounds: EntryBounds, policy: Eviction<Entry>, gone: (entry: Entry) => void) {
    this.#bounds = bounds;
    this.#policy = policy;
    this.#gone = gone;
  }

  /** The weight of all that is held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether more is held than may be: only while something is being added. */
  get isOver(): boolean {
    return this.#bytes > this.#bounds.bytesMax || this.#entries > this.#bounds.entriesMax;
  }

  /**
   * Takes an entry in and makes room for it; false if it is not held then.
   *
   * @param before What it takes the place of, and whose uses count for it; null: nothing.
   * @param makeRoom Removes what is known to be of no use, while `isOver`; before anything is given up.
   */
  add(
    slot: Slot<Entry>,
    nowMs: number,
    before: Slot<Entry> | null = null,
    makeRoom?: () => void,
  ): boolean {
    const isProven = before?.list === "main";
    if (before !== null) {
      this.remove(before);
      slot.uses = before.uses;
    }
    if (slot.weight > this.#bounds.bytesMax) return false;
    this.#bytes += slot.weight;
    this.#entries += 1;
    this.#policy.add(slot, isProven);
    this.#byEnd.push(slot, slot.endsMs);
    while (this.isOver && this.#byEnd.firstRank < nowMs) {
      const past = this.#byEnd.first;
      if (past === undefined) break;
      this.remove(past);
      this.#gone(past.entry);
    }
    if (this.isOver) makeRoom?.();
    while (this.isOver) {
      const victim = this.#policy.evict();
      if (victim === null) break;
      this.#forget(victim);
      this.#gone(victim.entry);
    }
    return slot.endAt >= 0;
  }

  use(slot: Slot<Entry>): void {
    this.#policy.use(slot);
  }

  /** Takes out an entry that is held. */
  remove(slot: Slot<Entry>): void {
    this.#policy.remove(slot);
    this.#forget(slot);
  }

  #forget(slot: Slot<Entry>): void {
    this.#byEnd.removeAt(slot.endAt);
    this.#bytes -= slot.weight;
    this.#entries -= 1;
  }
}
