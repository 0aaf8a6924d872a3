// Which readings of a batch are new to this hub? A reading is (device, stream, event time). Above
// its stream's high-water mark it cannot be a repetition; below, what the hub holds near its time is
// looked up, and only what is asked for is kept of that.

import type { DeviceId } from "../../sync/brand.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import type { Column, ReadingBatch } from "../../sync/wire/batch.ts";
import { selectReadings, type Kept } from "../journal/committed.ts";
import { limits } from "../limits.ts";
import type { HeldReadings, HubStore, TimeRange } from "../ports.ts";
import { streamOf, type DeviceState } from "./device-state.ts";

/** What the check found, reading by reading. */
export interface CheckedBatch {
  readonly kept: Kept;
  readonly duplicates: number;
}

/** What is asked for, by lane and event time; what the journal holds of it replaces null. */
type Asked = Map<string, Map<number, { readonly kind: string; readonly value: number } | null>>;

/** Checks one batch against the device's marks and what the hub holds. */
export function checkReadings(
  batch: ReadingBatch,
  state: DeviceState,
  stampMs: number,
  store: HubStore,
): CheckedBatch {
  const asked = askedBelowMarks(batch, state, stampMs);
  if (asked.size === 0) return { kept: { batch, conflicts: [] }, duplicates: 0 };
  findHeld(asked, batch.device, store);
  const verdicts = batch.columns.flatMap((column) =>
    column.rows.map((row, i) => {
      const timeMs = batch.times[row] ?? 0;
      const lane = laneOf(column.stream, isQuarantined(timeMs, stampMs));
      const found = asked.get(lane)?.get(timeMs) ?? null;
      if (found === null) return "fresh";
      return found.kind === column.kind && found.value === column.values[i]
        ? "duplicate"
        : "conflict";
    }),
  );
  const kept = verdicts.filter((verdict) => verdict !== "duplicate");
  return {
    kept: {
      batch: selectReadings(batch, (position) => verdicts[position] !== "duplicate"),
      conflicts: kept.flatMap((verdict, at) => (verdict === "conflict" ? [at] : [])),
    },
    duplicates: verdicts.length - kept.length,
  };
}

/** Lists the event times of the device's readings that the hub holds in `range`. */
export function heldTimes(device: DeviceId, range: TimeRange, store: HubStore): number[] {
  return [...store.held(device, [range], limits.overlapBytesMax)].flatMap(({ times }) =>
    Array.from(times),
  );
}

function askedBelowMarks(batch: ReadingBatch, state: DeviceState, stampMs: number): Asked {
  const asked: Asked = new Map();
  for (const column of batch.columns) {
    const marks = streamOf(state.streams, column.stream);
    if (isAbove(batch, column, marks.highWaterMs, stampMs)) continue;
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

/** Tells whether all of a column is newer than what is held, and none of it quarantined: times ascend. */
function isAbove(
  { times }: ReadingBatch,
  { rows }: Column,
  highWaterMs: number,
  stampMs: number,
): boolean {
  const firstMs = times[rows[0] ?? 0] ?? 0;
  return firstMs > highWaterMs && !isQuarantined(times[rows.at(-1) ?? 0] ?? 0, stampMs);
}

/**
 * Finds what is asked for, oldest commit first, so that the first one wins. Past `overlapBytesMax`
 * the origin's check decides alone; a repetition may then be counted here again.
 */
function findHeld(asked: Asked, device: DeviceId, store: HubStore): void {
  const times = new Set([...asked.values()].flatMap((lane) => [...lane.keys()]));
  const ranges = rangesOf([...times].toSorted((a, b) => a - b));
  for (const held of store.held(device, ranges, limits.overlapBytesMax)) find(asked, held);
}

function find(asked: Asked, { stream, kind, times, values, stampOf }: HeldReadings): void {
  const inside = asked.get(laneOf(stream, false));
  const outside = asked.get(laneOf(stream, true));
  if (inside === undefined && outside === undefined) return;
  for (let at = 0; at < times.length; at += 1) {
    const timeMs = times[at] as number;
    const lane = isQuarantined(timeMs, stampOf(at)) ? outside : inside;
    if (lane?.get(timeMs) === null) lane.set(timeMs, { kind, value: values[at] as number });
  }
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
