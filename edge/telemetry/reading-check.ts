// Which readings of a batch are new to this hub? A reading is (device, stream, event time). Above
// its stream's high-water mark it cannot be a repetition; below, the journal rows that meet its
// time are looked up.

import type { DeviceId } from "../../sync/brand.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import { decodeBatches, type Column, type ReadingBatch } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import type { HubStore } from "../ports.ts";
import { streamOf, type DeviceState } from "./device-state.ts";

/** What the check found, reading by reading. */
export interface CheckedBatch {
  /** What goes into the journal: new readings, and conflicts, which the origin has to see too. */
  readonly kept: ReadingBatch;
  /** The new readings, which are folded. */
  readonly fresh: ReadingBatch;
  readonly duplicates: number;
  readonly conflicts: number;
}

type Held = Map<string, Map<number, { kind: string; value: number }>>;

/** Checks one batch against the device's marks and the journal. */
export function checkReadings(
  batch: ReadingBatch,
  state: DeviceState,
  stampMs: number,
  store: HubStore,
): CheckedBatch {
  const old = timesBelowMarks(batch, state, stampMs);
  if (old.length === 0) return { kept: batch, fresh: batch, duplicates: 0, conflicts: 0 };
  const held = heldReadings(batch.device, old, store);
  const counts = { duplicates: 0, conflicts: 0 };
  const verdicts = batch.columns.map((column) =>
    column.rows.map((row, i) => {
      const timeMs = batch.times[row] ?? 0;
      const found = held.get(keyOf(column.stream, isQuarantined(timeMs, stampMs)))?.get(timeMs);
      if (found === undefined) return "fresh";
      const isSame = found.kind === column.kind && found.value === column.values[i];
      counts[isSame ? "duplicates" : "conflicts"] += 1;
      return isSame ? "duplicate" : "conflict";
    }),
  );
  return {
    kept: select(batch, (column, row) => verdicts[column]?.[row] !== "duplicate"),
    fresh: select(batch, (column, row) => verdicts[column]?.[row] === "fresh"),
    ...counts,
  };
}

/** Keeps the readings that `isKept` says, by column and position in it. */
export function select(
  batch: ReadingBatch,
  isKept: (column: number, position: number) => boolean,
): ReadingBatch {
  const parts = batch.columns.map((column, at) => {
    const positions = column.rows.flatMap((_, position) =>
      isKept(at, position) ? [position] : [],
    );
    return {
      ...column,
      rows: positions.map((p) => column.rows[p] ?? 0),
      values: positions.map((p) => column.values[p] ?? 0),
    };
  });
  const used = [...new Set(parts.flatMap((column) => column.rows))].toSorted((a, b) => a - b);
  const newRow = new Map(used.map((row, at) => [row, at]));
  const columns: Column[] = parts
    .filter((column) => column.rows.length > 0)
    .map((column) => ({ ...column, rows: column.rows.map((row) => newRow.get(row) ?? 0) }));
  return { ...batch, times: used.map((row) => batch.times[row] ?? 0), columns };
}

/** Lists the event times of the device's readings that the journal holds in [fromMs, toMs]. */
export function heldTimes(
  device: DeviceId,
  fromMs: number,
  toMs: number,
  store: HubStore,
): number[] {
  return store.overlapping(device, fromMs, toMs, limits.overlapRowsMax).flatMap(({ body }) => {
    const batches = decodeBatches(body);
    const own = batches.ok ? batches.value.filter((batch) => batch.device === device) : [];
    return own.flatMap(({ times }) => times);
  });
}

function timesBelowMarks(batch: ReadingBatch, state: DeviceState, stampMs: number): number[] {
  const old = new Set<number>();
  for (const column of batch.columns) {
    const marks = streamOf(state.streams, column.stream);
    for (const row of column.rows) {
      const timeMs = batch.times[row] ?? 0;
      const mark = isQuarantined(timeMs, stampMs) ? marks.quarantineHighWaterMs : marks.highWaterMs;
      if (timeMs <= mark) old.add(timeMs);
    }
  }
  return [...old].toSorted((a, b) => a - b);
}

/** Loads what the journal holds around `times`, oldest commit first, so that the first one wins. */
function heldReadings(device: DeviceId, times: readonly number[], store: HubStore): Held {
  const held: Held = new Map();
  let rowsLeft: number = limits.overlapRowsMax;
  for (const [firstMs, lastMs] of clusters(times)) {
    const rows = store.overlapping(device, firstMs, lastMs, rowsLeft);
    rowsLeft -= rows.length;
    for (const { body, stampMs } of rows) {
      const batches = decodeBatches(body);
      for (const batch of batches.ok ? batches.value : [])
        if (batch.device === device) hold(held, batch, stampMs);
    }
    // Past the bound the origin's check decides alone; here a repetition may be counted again.
    if (rowsLeft <= 0) break;
  }
  return held;
}

function hold(held: Held, batch: ReadingBatch, stampMs: number): void {
  for (const column of batch.columns) {
    column.rows.forEach((row, i) => {
      const timeMs = batch.times[row] ?? 0;
      const key = keyOf(column.stream, isQuarantined(timeMs, stampMs));
      const stream = held.get(key) ?? new Map<number, { kind: string; value: number }>();
      if (!stream.has(timeMs))
        stream.set(timeMs, { kind: column.kind, value: column.values[i] ?? 0 });
      held.set(key, stream);
    });
  }
}

/** Cuts ascending times where they are further apart than the lookup gap. */
function clusters(times: readonly number[]): [number, number][] {
  const cut: [number, number][] = [];
  for (const timeMs of times) {
    const last = cut.at(-1);
    if (last !== undefined && timeMs - last[1] <= limits.overlapGapMs) last[1] = timeMs;
    else cut.push([timeMs, timeMs]);
  }
  return cut;
}

function keyOf(stream: string, isQuarantinedReading: boolean): string {
  return isQuarantinedReading ? `!${stream}` : stream;
}
