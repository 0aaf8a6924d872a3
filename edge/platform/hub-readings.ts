// How is what a batch, or a segment, holds of each stream told? As columns with times of their own.

import type { ReadingBatch } from "../../sync/wire/batch.ts";
import type { HeldReadings } from "../ports.ts";
import type { Segment } from "../segment/segment.ts";

/** The readings of a batch that was committed at `stampMs`. */
export function* readingsOfBatch(batch: ReadingBatch, stampMs: number): Iterable<HeldReadings> {
  const stampOf = (): number => stampMs;
  for (const { stream, kind, rows, values } of batch.columns)
    yield {
      stream,
      kind,
      times:
        rows.length === batch.times.length ? batch.times : rows.map((row) => batch.times[row] ?? 0),
      values,
      stampOf,
    };
}

/** The readings of a segment. */
export function* readingsOfSegment({ times, columns }: Segment): Iterable<HeldReadings> {
  for (const { stream, kind, rows, values, stamps } of columns)
    yield {
      stream,
      kind,
      times:
        rows.length === times.length
          ? times
          : Float64Array.from(rows, (row) => times[row] as number),
      values,
      stampOf: (at) => stamps[at] as number,
    };
}
