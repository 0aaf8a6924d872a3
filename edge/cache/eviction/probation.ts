// The policy that is used unless another is asked for, of three parts. Who comes is on probation, a
// queue with a small share of the bytes, as in S3-FIFO (Yang et al., SOSP 2023): most of what comes is
// asked for once and is soon gone again. What is used there, or comes back soon after it was given up
// (a ghost), goes to the main part, which is GreedyDual-Size-Frequency (Cherkasova 1998): a rank of
// L + uses / weight, where L is the rank of what was given up last. So what is small and used often
// stays, and what was used often once does not stay for ever.
//
// A use only counts; the rank is computed again when it is the entry's turn to be given up.

import { Ghosts } from "./ghosts.ts";
import { Heap } from "./heap.ts";
import { Queue } from "./queue.ts";
import type { Eviction, Slot } from "./slot.ts";

/** What the policy is tuned by. */
export interface ProbationBounds {
  /** Bytes of all entries, of which those on probation have `probationShare`. */
  readonly bytesMax: number;
  readonly probationShare: number;
  /** Names that are remembered, for each entry that is held. */
  readonly ghostsPerEntry: number;
  readonly ghostsMax: number;
  /** Uses that count. */
  readonly usesMax: number;
}

/** Gives up what has least uses for its weight, and what is used once before that. */
export class Probation<Entry> implements Eviction<Entry> {
  readonly #bounds: ProbationBounds;
  readonly #probation = new Queue<Entry>();
  readonly #main = new Heap<Slot<Entry>>((slot, at) => {
    slot.rankAt = at;
  });
  readonly #ghosts: Ghosts;
  readonly #probationBytesMax: number;
  /** L: the rank of what the main part gave up last. */
  #floor = 0;
  #entries = 0;

  constructor(bounds: ProbationBounds) {
    this.#bounds = bounds;
    this.#ghosts = new Ghosts(bounds.ghostsMax);
    this.#probationBytesMax = bounds.bytesMax * bounds.probationShare;
  }

  add(slot: Slot<Entry>, isProven: boolean): void {
    const isGhost = this.#ghosts.take(slot.hash, this.#entries * this.#bounds.ghostsPerEntry);
    this.#entries += 1;
    if (isProven || isGhost) this.#promote(slot);
    else {
      slot.list = "probation";
      this.#probation.push(slot);
    }
  }

  use(slot: Slot<Entry>): void {
    slot.isUsed = true;
    if (slot.uses < this.#bounds.usesMax) slot.uses += 1;
  }

  remove(slot: Slot<Entry>): void {
    this.#entries -= 1;
    if (slot.list === "main") this.#main.removeAt(slot.rankAt);
    else this.#probation.remove(slot);
  }

  evict(): Slot<Entry> | null {
    while (this.#probation.bytes > this.#probationBytesMax || this.#main.first === undefined) {
      const slot = this.#probation.oldest;
      if (slot === null) return null;
      if (slot.uses === 0) return this.#giveUp(slot);
      this.#probation.remove(slot);
      this.#promote(slot);
    }
    return this.#evictMain();
  }

  #evictMain(): Slot<Entry> | null {
    for (;;) {
      const slot = this.#main.first;
      if (slot === undefined) return null;
      if (!slot.isUsed) {
        this.#floor = this.#main.firstRank;
        return this.#giveUp(slot);
      }
      this.#main.rerankFirst(this.#rankOf(slot));
    }
  }

  #promote(slot: Slot<Entry>): void {
    slot.list = "main";
    this.#main.push(slot, this.#rankOf(slot));
  }

  #rankOf(slot: Slot<Entry>): number {
    slot.isUsed = false;
    return this.#floor + (slot.uses + 1) / slot.weight;
  }

  #giveUp(slot: Slot<Entry>): Slot<Entry> {
    this.remove(slot);
    this.#ghosts.add(slot.hash);
    return slot;
  }
}
