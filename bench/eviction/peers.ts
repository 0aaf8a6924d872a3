// Policies to compare with, as their authors describe them, over the edge's own slots and lists.

import { Heap } from "../../edge/cache/eviction/heap.ts";
import { Queue } from "../../edge/cache/eviction/queue.ts";
import { Ghosts } from "../../edge/cache/eviction/ghosts.ts";
import type { Eviction, Slot } from "../../edge/cache/eviction/slot.ts";

/** S3-FIFO (Yang et al., SOSP 2023), counted in bytes: a tenth on probation, as many ghosts as entries. */
export class S3Fifo<Entry> implements Eviction<Entry> {
  readonly #small = new Queue<Entry>();
  readonly #main = new Queue<Entry>();
  readonly #ghosts: Ghosts;
  readonly #smallBytesMax: number;
  #entries = 0;

  constructor(bytesMax: number, entriesMax: number) {
    this.#smallBytesMax = bytesMax / 10;
    this.#ghosts = new Ghosts(entriesMax);
  }

  add(slot: Slot<Entry>): void {
    const isGhost = this.#ghosts.take(slot.hash, this.#entries);
    this.#entries += 1;
    slot.list = isGhost ? "main" : "probation";
    (isGhost ? this.#main : this.#small).push(slot);
  }

  use(slot: Slot<Entry>): void {
    slot.uses = Math.min(3, slot.uses + 1);
  }

  remove(slot: Slot<Entry>): void {
    this.#entries -= 1;
    (slot.list === "main" ? this.#main : this.#small).remove(slot);
  }

  evict(): Slot<Entry> | null {
    while (this.#small.bytes > this.#smallBytesMax || this.#main.oldest === null) {
      const slot = this.#small.oldest;
      if (slot === null) return null;
      if (slot.uses <= 1) {
        this.remove(slot);
        this.#ghosts.add(slot.hash);
        return slot;
      }
      this.#small.remove(slot);
      slot.uses = 0;
      slot.list = "main";
      this.#main.push(slot);
    }
    for (;;) {
      const slot = this.#main.oldest;
      if (slot === null) return null;
      if (slot.uses === 0) {
        this.remove(slot);
        return slot;
      }
      slot.uses -= 1;
      this.#main.remove(slot);
      this.#main.push(slot);
    }
  }
}

/** GreedyDual-Size-Frequency (Cherkasova 1998), its ranks kept up to date with each use. */
export class Gdsf<Entry> implements Eviction<Entry> {
  readonly #heap = new Heap<Slot<Entry>>((slot, at) => {
    slot.rankAt = at;
  });
  #floor = 0;

  add(slot: Slot<Entry>): void {
    slot.uses = 1;
    this.#heap.push(slot, this.#floor + 1 / slot.weight);
  }

  use(slot: Slot<Entry>): void {
    slot.uses += 1;
    this.#heap.removeAt(slot.rankAt);
    this.#heap.push(slot, this.#floor + slot.uses / slot.weight);
  }

  remove(slot: Slot<Entry>): void {
    this.#heap.removeAt(slot.rankAt);
  }

  evict(): Slot<Entry> | null {
    const slot = this.#heap.first;
    if (slot === undefined) return null;
    this.#floor = this.#heap.firstRank;
    this.remove(slot);
    return slot;
  }
}

/** How often names were seen lately: a count-min sketch whose counts are halved now and then. */
class Sketch {
  readonly #counts: Uint8Array;
  readonly #mask: number;
  readonly #sampleMax: number;
  #sample = 0;

  constructor(entriesMax: number) {
    const width = 2 ** Math.ceil(Math.log2(entriesMax * 4));
    this.#counts = new Uint8Array(width * 4);
    this.#mask = width - 1;
    this.#sampleMax = entriesMax * 10;
  }

  #at(hash: number, row: number): number {
    const mixed = Math.imul(
      hash ^ (hash >>> 15),
      [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1][row] ?? 1,
    );
    return row * (this.#mask + 1) + ((mixed ^ (mixed >>> 13)) & this.#mask);
  }

  add(hash: number): void {
    for (let row = 0; row < 4; row += 1) {
      const at = this.#at(hash, row);
      if ((this.#counts[at] ?? 0) < 15) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    }
    this.#sample += 1;
    if (this.#sample < this.#sampleMax) return;
    this.#sample /= 2;
    for (let at = 0; at < this.#counts.length; at += 1) {
      this.#counts[at] = (this.#counts[at] ?? 0) >> 1;
    }
  }

  of(hash: number): number {
    let least = 15;
    for (let row = 0; row < 4; row += 1) {
      least = Math.min(least, this.#counts[this.#at(hash, row)] ?? 0);
    }
    return least;
  }
}

/**
 * W-TinyLFU (Einziger et al. 2017) with a window of 1 %, a main part of which four fifths are for what
 * was used there, and aggregated victims for sizes (Einziger et al. 2022): who leaves the window stays
 * if it was seen more often than all that it would push out.
 */
export class WTinyLfu<Entry> implements Eviction<Entry> {
  readonly #window = new Queue<Entry>();
  readonly #main = new Queue<Entry>();
  /** What was used in the main part: its `uses` is 1. */
  readonly #protected = new Queue<Entry>();
  readonly #sketch: Sketch;
  readonly #windowBytesMax: number;
  readonly #mainBytesMax: number;

  constructor(bytesMax: number, entriesMax: number) {
    this.#sketch = new Sketch(entriesMax);
    this.#windowBytesMax = bytesMax / 100;
    this.#mainBytesMax = bytesMax - this.#windowBytesMax;
  }

  add(slot: Slot<Entry>): void {
    this.#sketch.add(slot.hash);
    slot.list = "probation";
    this.#window.push(slot);
  }

  use(slot: Slot<Entry>): void {
    this.#sketch.add(slot.hash);
    this.remove(slot);
    if (slot.list === "probation") {
      this.#window.push(slot);
      return;
    }
    slot.uses = 1;
    this.#protected.push(slot);
    while (this.#protected.bytes > this.#mainBytesMax * 0.8) {
      const oldest = this.#protected.oldest;
      if (oldest === null) return;
      this.#protected.remove(oldest);
      oldest.uses = 0;
      this.#main.push(oldest);
    }
  }

  remove(slot: Slot<Entry>): void {
    if (slot.list === "probation") this.#window.remove(slot);
    else (slot.uses === 1 ? this.#protected : this.#main).remove(slot);
  }

  evict(): Slot<Entry> | null {
    while (this.#window.bytes > this.#windowBytesMax) {
      const candidate = this.#window.oldest;
      if (candidate === null) break;
      const mainBytes = this.#main.bytes + this.#protected.bytes;
      const over = mainBytes + candidate.weight - this.#mainBytesMax;
      if (over > 0 && !this.#isBetter(candidate, over)) {
        this.remove(candidate);
        return candidate;
      }
      this.#window.remove(candidate);
      candidate.list = "main";
      this.#main.push(candidate);
    }
    const victim = this.#main.oldest ?? this.#protected.oldest ?? this.#window.oldest;
    if (victim !== null) this.remove(victim);
    return victim;
  }

  #isBetter(candidate: Slot<Entry>, bytes: number): boolean {
    const most = this.#sketch.of(candidate.hash);
    let [freed, seen] = [0, 0];
    for (let slot = this.#main.oldest; slot !== null && freed < bytes; slot = slot.newer) {
      freed += slot.weight;
      seen += this.#sketch.of(slot.hash);
      if (seen >= most) return false;
    }
    return true;
  }
}
