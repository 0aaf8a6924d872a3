// Which readings of a batch are new to this hub? A reading is (device, stream, event time). Above
// its stream's high-water mark it cannot be a repetition; below, the journal rows that meet its
// time are looked up, each once, and only what is asked for is kept of them.

import type { DeviceId } from "../../sync/brand.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import { decodeBatches, type Column, type ReadingBatch } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import type { HubStore, TimeRange } from "../ports.ts";
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

/** What is asked for, by lane and event time; what the journal holds of it replaces null. */
type Asked = Map<string, Map<number, { readonly kind: string; readonly value: number } | null>>;

/** Checks one batch against the device's marks and the journal. */
export function checkReadings(
  batch: ReadingBatch,
  state: DeviceState,
  stampMs: number,
  store: HubStore,
): CheckedBatch {
  const asked = askedBelowMarks(batch, state, stampMs);
  if (asked.size === 0) return { kept: batch, fresh: batch, duplicates: 0, conflicts: 0 };
  findHeld(asked, batch.device, state.longestSpanMs, store);
  const counts = { duplicates: 0, conflicts: 0 };
  const verdicts = batch.columns.map((column) =>
    column.rows.map((row, i) => {
      const timeMs = batch.times[row] ?? 0;
      const lane = laneOf(column.stream, isQuarantined(timeMs, stampMs));
      const found = asked.get(lane)?.get(timeMs) ?? null;
      if (found === null) return "fresh";
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

/** Lists the event times of the device's readings that the journal holds in `range`. */
export function heldTimes(
  device: DeviceId,
  range: TimeRange,
  longestSpanMs: number,
  store: HubStore,
): number[] {
  const rows = [...store.overlapping(device, [range], longestSpanMs, limits.overlapBytesMax)];
  return rows.flatMap(({ body }) => batchesOf(body, device).flatMap(({ times }) => times));
}

function askedBelowMarks(batch: ReadingBatch, state: DeviceState, stampMs: number): Asked {
  const asked: Asked = new Map();
  for (const column of batch.columns) {
    const marks = streamOf(state.streams, column.stream);
    for (const row of column.rows) {
      const timeMs = batch.times[row] ?? 0;
      const isOutside = isQuarantined(timeMs, stampMs);
      if (timeMs > (isOutside ? marks.quarantineHighWaterMs : marks.highWaterMs)) continue;
      const lane = laneOf(column.stream, isOutside);
      asked.set(lane, (asked.get(lane) ?? new Map()).set(timeMs, null));
    }
  }
  return asked;
}

/**
 * Finds in the journal what is asked for, oldest commit first, so that the first one wins. Past
 * `overlapBytesMax` the origin's check decides alone; a repetition may then be counted here again.
 */
function findHeld(asked: Asked, device: DeviceId, longestSpanMs: number, store: HubStore): void {
  const times = new Set([...asked.values()].flatMap((lane) => [...lane.keys()]));
  const ranges = rangesOf([...times].toSorted((a, b) => a - b));
  for (const row of store.overlapping(device, ranges, longestSpanMs, limits.overlapBytesMax)) {
    for (const batch of batchesOf(row.body, device)) find(asked, batch, row.stampMs);
  }
}

function find(asked: Asked, batch: ReadingBatch, stampMs: number): void {
  for (const { stream, kind, rows, values } of batch.columns) {
    const inside = asked.get(laneOf(stream, false));
    const outside = asked.get(laneOf(stream, true));
    if (inside === undefined && outside === undefined) continue;
    for (const [i, row] of rows.entries()) {
      const timeMs = batch.times[row] ?? 0;
      const lane = isQuarantined(timeMs, stampMs) ? outside : inside;
      if (lane?.get(timeMs) === null) lane.set(timeMs, { kind, value: values[i] ?? 0 });
    }
  }
}

function batchesOf(body: Uint8Array, device: DeviceId): ReadingBatch[] {
  const batches = decodeBatches(body);
  return batches.ok ? batches.value.filter((batch) => batch.device === device) : [];
}

/** Cuts ascending times into ranges where they are far apart, into so few that it stays cheap. */
function rangesOf(times: readonly number[]): TimeRange[] {
  for (let gapMs: number = limits.overlapGapMs; ; gapMs *= 2) {
    const ranges = cutAt(times, gapMs);
    if (ranges.length <= limits.overlapRangesMax) return ranges;
  }
}

function cutAt(times: readonly number[], gapMs: number): TimeRange[] {
  const cut: [number, number][] = [];
  for (const timeMs of times) {
    const last = cut.at(-1);
    if (last !== undefined && timeMs - last[1] <= gapMs) last[1] = timeMs;
    else cut.push([timeMs, timeMs]);
  }
  return cut;
}

function laneOf(stream: string, isOutside: boolean): string {
  return isOutside ? `!${stream}` : stream;
}
