// What of a hub's readings goes, and what stays of it? A page whose hours are all too old, or the
// oldest if there are too many bytes: readings are folded to minutes, minutes to hours, and what
// goes is added to what stays in the same transaction. What the origin does not hold never goes.

import { fold, type Aggregate } from "../../sync/crdt/aggregate.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { limits } from "../limits.ts";
import type { FoldedReadings, TimeRange } from "../ports.ts";
import { addPart, decodeRollup, encodeRollup, type Rollup } from "../../state/rollup.ts";
import type { Segment, SegmentColumn } from "../segment/segment.ts";
import type { Item, SqlPages } from "./sql-pages.ts";
import { HOUR_MS, hourKey, partsOf, type SqlSegments } from "./sql-segments.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** How much of each class is kept. */
export interface Kept {
  readonly ms: number;
  readonly bytes: number;
}

/** How much of the classes is kept. */
export interface Retention {
  readonly raw: Kept;
  readonly minutes: Kept;
  readonly hours: Kept;
}

export const RETENTION: Retention = {
  raw: { ms: limits.rawKeptMs, bytes: limits.rawBytesMax },
  minutes: { ms: limits.minutesKeptMs, bytes: limits.minutesBytesMax },
  hours: { ms: limits.hoursKeptMs, bytes: limits.hoursBytesMax },
};

/** The classes of a hub's readings. */
export interface Classes {
  readonly segments: SqlSegments;
  readonly minutes: SqlPages;
  readonly hours: SqlPages;
}

/** Folded items of a class, by key. */
type Folds = Map<string, Rollup>;

/**
 * Drops what is over; yields after each page.
 *
 * @param ackedSeq Up to this entry the origin holds everything.
 * @param write Runs a transaction.
 */
export function* retain(
  { segments, minutes, hours }: Classes,
  retention: Retention,
  nowMs: number,
  ackedSeq: number,
  write: (run: () => boolean) => boolean,
): Generator<number> {
  const { raw } = retention;
  yield* dropOver(segments.pages, raw, nowMs, write, (below) => {
    const items = segments.pages.dropFirst(below, ackedSeq);
    if (items !== null) add(minutes, minutesOf(items, segments));
    return items !== null;
  });
  yield* dropOver(minutes, retention.minutes, nowMs, write, (below) => {
    const items = minutes.dropFirst(below, Infinity);
    if (items !== null) add(hours, hoursOf(items));
    return items !== null;
  });
  yield* dropOver(hours, retention.hours, nowMs, write, (below) => {
    return hours.dropFirst(below, Infinity) !== null;
  });
}

function* dropOver(
  pages: SqlPages,
  { ms, bytes: bytesMax }: Kept,
  nowMs: number,
  write: (run: () => boolean) => boolean,
  drop: (below: string) => boolean,
): Generator<number> {
  const oldestMs = Math.max(0, Math.floor((nowMs - ms) / HOUR_MS) * HOUR_MS);
  let excess = pages.bytes() - bytesMax;
  for (let dropped = 0; dropped < limits.retainPagesMax; dropped += 1) {
    const [first] = pages.extents(1);
    if (first === undefined) return;
    const below = excess > 0 ? "~" : hourKey(oldestMs, "");
    if (!write(() => drop(below))) return;
    excess -= first.bytes;
    yield limits.sliceReadings;
  }
}

/** Adds folds to what is there of their spans. */
function add(pages: SqlPages, folds: Folds): void {
  const edits = [...folds.keys()].toSorted().map((key): Item => {
    const { hourMs: startMs } = partsOf(key);
    const rollup = folds.get(key) ?? new Map();
    const bytes = pages.get(key);
    const held = bytes === null ? null : decodeRollup(bytes, startMs);
    for (const [stream, parts] of held ?? [])
      for (const [part, aggregate] of parts) addPart(rollup, stream, part, aggregate);
    return [key, encodeRollup(rollup, startMs)];
  });
  pages.put(edits, 0);
}

function minutesOf(items: readonly Item[], segments: SqlSegments): Folds {
  const folds: Folds = new Map();
  for (const item of items) {
    const segment = segments.decode(item);
    const { hourMs, device } = partsOf(item[0]);
    const key = hourKey(hourMs, device);
    const rollup = folds.get(key) ?? new Map();
    folds.set(key, rollup);
    if (segment !== null) foldSegment(rollup, segment, hourMs);
  }
  return folds;
}

/** Folds the readings of a segment that are not quarantined into the minutes of its hour. */
export function foldSegment(rollup: Rollup, segment: Segment, hourMs: number): void {
  for (const column of segment.columns)
    for (const [minute, aggregate] of minutesOfColumn(segment.times, column, hourMs))
      addPart(rollup, column.stream, minute, aggregate);
}

function minutesOfColumn(
  times: Float64Array,
  { rows, values, stamps }: SegmentColumn,
  hourMs: number,
): Map<number, Aggregate> {
  const minutes = new Map<number, { times: number[]; values: number[] }>();
  for (let at = 0; at < rows.length; at += 1) {
    const timeMs = times[rows[at] as number] as number;
    if (isQuarantined(timeMs, stamps[at] as number)) continue;
    const minute = Math.floor((timeMs - hourMs) / MINUTE_MS);
    const part = minutes.get(minute) ?? { times: [], values: [] };
    minutes.set(minute, part);
    part.times.push(timeMs);
    part.values.push(values[at] as number);
  }
  return new Map(
    [...minutes].map(([minute, part]) => [minute, fold(part.times, part.values)] as const),
  );
}

function hoursOf(items: readonly Item[]): Folds {
  const folds: Folds = new Map();
  for (const [key, bytes] of items) {
    const { hourMs, device } = partsOf(key);
    const dayMs = Math.floor(hourMs / DAY_MS) * DAY_MS;
    const day = hourKey(dayMs, device);
    const rollup = folds.get(day) ?? new Map();
    folds.set(day, rollup);
    for (const [stream, parts] of decodeRollup(bytes, hourMs) ?? [])
      for (const aggregate of parts.values())
        addPart(rollup, stream, (hourMs - dayMs) / HOUR_MS, aggregate);
  }
  return folds;
}

/** How long a part of a class is, and the span that an item has of them. */
interface Parts {
  readonly partMs: number;
  readonly spanMs: number;
}

export const MINUTE: Parts = { partMs: MINUTE_MS, spanMs: HOUR_MS };
export const HOUR: Parts = { partMs: HOUR_MS, spanMs: DAY_MS };

/** The aggregates of a device whose part begins in the range, oldest first. */
export function* foldedIn(
  pages: SqlPages,
  device: DeviceId,
  [firstMs, lastMs]: TimeRange,
  { partMs, spanMs }: Parts,
): Iterable<FoldedReadings> {
  let startMs = Math.floor(firstMs / spanMs) * spanMs;
  while (startMs <= lastMs) {
    const key = hourKey(startMs, device);
    const item = pages.seek(key);
    if (item === null) return;
    const rollup = item[0] === key ? decodeRollup(item[1], startMs) : null;
    for (const [stream, parts] of rollup ?? [])
      for (const [part, aggregate] of parts) {
        const partStartMs = startMs + part * partMs;
        if (partStartMs >= firstMs && partStartMs <= lastMs)
          yield { stream, startMs: partStartMs, aggregate };
      }
    // Spans of nobody are stepped over.
    startMs = Math.max(startMs + spanMs, partsOf(item[0]).hourMs);
  }
}
