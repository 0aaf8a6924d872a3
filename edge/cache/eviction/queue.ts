// The slots of one list, in the order in which they came: a doubly linked list through the slots.

import type { Slot } from "./slot.ts";

/** A queue of slots; all of it is O(1). A slot is in one queue at a time. */
export class Queue<Entry> {
  oldest: Slot<Entry> | null = null;
  #newest: Slot<Entry> | null = null;
  /** The weight of all. */
  bytes = 0;

  push(slot: Slot<Entry>): void {
    [slot.older, slot.newer] = [this.#newest, null];
    if (this.#newest === null) this.oldest = slot;
    else this.#newest.newer = slot;
    this.#newest = slot;
    this.bytes += slot.weight;
  }

  remove(slot: Slot<Entry>): void {
    if (slot.older === null) this.oldest = slot.newer;
    else slot.older.newer = slot.newer;
    if (slot.newer === null) this.#newest = slot.older;
    else slot.newer.older = slot.older;
    [slot.older, slot.newer] = [null, null];
    this.bytes -= slot.weight;
  }
}
