// What does a batch do to its hub? What is kept of it goes into the journal; beside it stands what a
// restart has to know to do the same again: who sent it, when, and which of its readings count.

import type { DeviceId } from "../../sync/brand.ts";
import { readingsOf, type BatchIdentity, type ReadingBatch } from "../../sync/wire/batch.ts";

/** A batch of which the hub has decided what becomes of it. */
export interface Committed {
  readonly device: DeviceId;
  readonly identity: BatchIdentity;
  readonly contentHash: string;
  /** When it came, by the origin's clock as far as it is known; epoch milliseconds. */
  readonly arrivedMs: number;
  /** The device's clock when it sent the batch, epoch milliseconds. */
  readonly sentMs: number | null;
  /** Readings that were held already. */
  readonly duplicates: number;
  readonly kept: readonly Kept[];
}

/** What the journal keeps of a batch: new readings, and conflicts, which the origin has to see too. */
export interface Kept {
  readonly batch: ReadingBatch;
  /** Positions of the conflicts, ascending, counted through all columns. */
  readonly conflicts: readonly number[];
}

/** Keeps the readings of a batch that `isKept` says, by position counted through all columns. */
export function selectReadings(
  batch: ReadingBatch,
  isKept: (position: number) => boolean,
): ReadingBatch {
  let start = 0;
  let dropped = 0;
  const parts = batch.columns.map((column) => {
    const from = start;
    start += column.rows.length;
    const positions: number[] = [];
    for (let at = 0; at < column.rows.length; at += 1) if (isKept(from + at)) positions.push(at);
    if (positions.length === column.rows.length) return column;
    dropped += column.rows.length - positions.length;
    return {
      ...column,
      rows: positions.map((at) => column.rows[at] ?? 0),
      values: positions.map((at) => column.values[at] ?? 0),
    };
  });
  if (dropped === 0) return batch;
  const used = [...new Set(parts.flatMap(({ rows }) => rows))].toSorted((a, b) => a - b);
  const newRow = new Map(used.map((row, at) => [row, at]));
  const columns = parts
    .filter(({ rows }) => rows.length > 0)
    .map((column) => ({ ...column, rows: column.rows.map((row) => newRow.get(row) ?? 0) }));
  return { ...batch, times: used.map((row) => batch.times[row] ?? 0), columns };
}

/** The readings that count: what is kept without the conflicts. */
export function freshOf({ batch, conflicts }: Kept): ReadingBatch {
  if (conflicts.length === 0) return batch;
  const left = new Set(conflicts);
  return selectReadings(batch, (position) => !left.has(position));
}

/** Counts the readings that count. */
export function countFresh({ kept }: Committed): number {
  return kept.reduce((sum, { batch, conflicts }) => sum + readingsOf(batch) - conflicts.length, 0);
}
