// What does a policy of eviction know of an entry? Its weight, how often it was used, and its place in
// the policy's own lists. A slot is in one policy at a time, or in none.

/** The place of one entry. What is not `readonly` is the policy's alone. */
export class Slot<Entry> {
  readonly entry: Entry;
  /** Bytes that the entry counts for. */
  readonly weight: number;
  /** Epoch milliseconds past which the entry is of no use. */
  readonly endsMs: number;
  /** A hash of what the entry is called, by which it is known again after it was given up. */
  readonly hash: number;
  /** Uses since it came, as far as the policy counts. */
  uses = 0;
  /** Whether it was used since the policy last looked at it. */
  isUsed = false;
  /** Which of the policy's lists it is in, or was in last. */
  list: "probation" | "main" = "probation";
  older: Slot<Entry> | null = null;
  newer: Slot<Entry> | null = null;
  /** Its places in two heaps, by rank and by end; -1: in none. */
  rankAt = -1;
  endAt = -1;

  constructor(entry: Entry, weight: number, endsMs: number, hash: number) {
    this.entry = entry;
    this.weight = weight;
    this.endsMs = endsMs;
    this.hash = hash;
  }
}

/**
 * Which entry is given up when there is no room?
 *
 * - `add` takes a slot in that is in no policy; `isProven`: it takes the place of one that had proved to
 *   be worth its bytes. `remove` takes out one that the policy holds.
 * - `evict` takes out and gives the slot that is given up next; null if it holds none.
 * - Costs: `use` is O(1), the others O(log n) at most, `evict` amortised over the uses before it.
 */
export interface Eviction<Entry> {
  add(slot: Slot<Entry>, isProven: boolean): void;
  use(slot: Slot<Entry>): void;
  remove(slot: Slot<Entry>): void;
  evict(): Slot<Entry> | null;
}
