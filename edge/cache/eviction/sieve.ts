// SIEVE (Zhang et al., NSDI 2024): a queue and a hand that goes from the oldest to the newest, spares
// what was used since it came by, and gives up the first that was not. The cheapest policy that a scan
// does not empty.

import { Queue } from "./queue.ts";
import type { Eviction, Slot } from "./slot.ts";

/** Gives up what was not used since the hand last passed. */
export class Sieve<Entry> implements Eviction<Entry> {
  readonly #queue = new Queue<Entry>();
  #hand: Slot<Entry> | null = null;

  add(slot: Slot<Entry>): void {
    this.#queue.push(slot);
  }

  use(slot: Slot<Entry>): void {
    slot.isUsed = true;
  }

  remove(slot: Slot<Entry>): void {
    if (this.#hand === slot) this.#hand = slot.newer;
    this.#queue.remove(slot);
  }

  evict(): Slot<Entry> | null {
    let slot = this.#hand ?? this.#queue.oldest;
    while (slot !== null && slot.isUsed) {
      slot.isUsed = false;
      slot = slot.newer ?? this.#queue.oldest;
    }
    if (slot === null) return null;
    this.#hand = slot.newer;
    this.#queue.remove(slot);
    return slot;
  }
}
