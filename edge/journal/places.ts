// Where in the journal is a device's event time? For each device, the batches that are only in the
// journal so far, with their span of times. In memory: it is rebuilt from the slots' notes.

import type { ReadingBatch } from "../../sync/wire/batch.ts";
import type { TimeRange } from "../ports.ts";

/** A batch in a slot. */
export interface Place {
  readonly seq: number;
  readonly start: number;
  readonly end: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The places of all devices. */
export class Places {
  readonly #places = new Map<string, Place[]>();

  add(seq: number, { device, times }: ReadingBatch, start: number, end: number): void {
    const place = { seq, start, end, firstMs: times[0] ?? 0, lastMs: times.at(-1) ?? 0 };
    const held = this.#places.get(device);
    if (held === undefined) this.#places.set(device, [place]);
    else held.push(place);
  }

  /** The places that meet one of the ranges, oldest first. */
  meeting(device: string, ranges: readonly TimeRange[]): Place[] {
    const held = this.#places.get(device) ?? [];
    return held.filter(({ firstMs, lastMs }) =>
      ranges.some(([from, to]) => lastMs >= from && firstMs <= to),
    );
  }

  /** Forgets the places of entries. */
  forget(seqs: ReadonlySet<number>): void {
    this.#keep((place) => !seqs.has(place.seq));
  }

  /** Forgets the places of all entries up to `seq`. */
  forgetUpTo(seq: number): void {
    this.#keep((place) => place.seq > seq);
  }

  #keep(isKept: (place: Place) => boolean): void {
    for (const [device, places] of this.#places) {
      const kept = places.filter(isKept);
      if (kept.length === 0) this.#places.delete(device);
      else this.#places.set(device, kept);
    }
  }
}
