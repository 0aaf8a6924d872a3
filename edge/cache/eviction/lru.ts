// Least recently used: the oldest policy, and the one that a scan empties. Here to be compared with.

import { Queue } from "./queue.ts";
import type { Eviction, Slot } from "./slot.ts";

/** Gives up what was used longest ago. */
export class Lru<Entry> implements Eviction<Entry> {
  readonly #queue = new Queue<Entry>();

  add(slot: Slot<Entry>): void {
    this.#queue.push(slot);
  }

  use(slot: Slot<Entry>): void {
    this.#queue.remove(slot);
    this.#queue.push(slot);
  }

  remove(slot: Slot<Entry>): void {
    this.#queue.remove(slot);
  }

  evict(): Slot<Entry> | null {
    const slot = this.#queue.oldest;
    if (slot !== null) this.#queue.remove(slot);
    return slot;
  }
}
