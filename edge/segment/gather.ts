// How do the readings of many commits become a segment? Stream by stream as they came. Nearly always
// that is in order and each identity once, and then nothing is compared; else the one rule decides
// (sync/crdt/reading-set.ts).

import type { StreamName } from "../../sync/brand.ts";
import { join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import type { Column } from "../../sync/wire/batch.ts";
import { INSTANTS_MAX, type Segment, type SegmentColumn } from "./segment.ts";

/** Readings of a sealed segment, so that its row stays small. */
export const SEALED_READINGS_MAX = 16_384;

/** The readings of one stream, as they came. */
class Lane {
  readonly kinds: SegmentColumn["kind"][] = [];
  readonly times: number[] = [];
  readonly values: number[] = [];
  readonly stamps: number[] = [];
  readonly contested: number[] = [];
  isPlain = true;

  add(kind: SegmentColumn["kind"], timeMs: number, value: number, stampMs: number): void {
    const { kinds, times } = this;
    const last = times.length - 1;
    if (last < 0) kinds.push(kind);
    else if (!(timeMs > (times[last] as number)) || kind !== kinds[0]) this.#compare();
    if (!this.isPlain && last >= 0) kinds.push(kind);
    times.push(timeMs);
    this.values.push(value);
    this.stamps.push(stampMs);
  }

  /** From here on the readings are not in order: of each the kind is kept. */
  #compare(): void {
    if (!this.isPlain) return;
    this.isPlain = false;
    while (this.kinds.length < this.times.length) this.kinds.push(this.kinds[0] ?? "number");
  }
}

/** Columns with times of their own. */
interface Timed {
  readonly stream: StreamName;
  readonly kind: SegmentColumn["kind"];
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly stamps: readonly number[];
  readonly contested: readonly number[];
}

/** Readings of one device, in the order of their commits. */
export class Gather {
  readonly #lanes = new Map<StreamName, Lane>();
  readings = 0;
  firstMs: number = Infinity;
  lastMs = 0;

  /** Adds the readings of a column from position `from` until before `to`. */
  add(times: readonly number[], column: Column, from: number, to: number, stampMs: number): void {
    const lane = this.#lane(column.stream);
    for (let at = from; at < to; at += 1)
      lane.add(
        column.kind,
        times[column.rows[at] as number] as number,
        column.values[at] as number,
        stampMs,
      );
    this.readings += to - from;
    this.firstMs = Math.min(this.firstMs, times[column.rows[from] as number] as number);
    this.lastMs = Math.max(this.lastMs, times[column.rows[to - 1] as number] as number);
  }

  /** Adds what is sealed already, but for what has one of the stamps `dropped`. */
  addSegment({ times, columns }: Segment, dropped: ReadonlySet<number> = new Set()): void {
    for (const { stream, kind, rows, values, stamps, contested } of columns) {
      const lane = this.#lane(stream);
      const disputed = new Set(contested);
      for (let at = 0; at < rows.length; at += 1) {
        const stampMs = stamps[at] as number;
        if (dropped.has(stampMs)) continue;
        if (disputed.has(at)) lane.contested.push(lane.times.length);
        lane.add(kind, times[rows[at] as number] as number, values[at] as number, stampMs);
      }
      this.readings += rows.length;
    }
  }

  /** Adds what another one has gathered, after what this one has. */
  addAll(other: Gather): void {
    for (const [stream, { kinds, times, values, stamps, contested, isPlain }] of other.#lanes) {
      const lane = this.#lane(stream);
      for (const position of contested) lane.contested.push(lane.times.length + position);
      for (let at = 0; at < times.length; at += 1)
        lane.add(
          kinds[isPlain ? 0 : at] ?? "number",
          times[at] as number,
          values[at] as number,
          stamps[at] as number,
        );
    }
    this.readings += other.readings;
    this.firstMs = Math.min(this.firstMs, other.firstMs);
    this.lastMs = Math.max(this.lastMs, other.lastMs);
  }

  /** Puts everything together, cut where a segment's bounds are. */
  *segments(): Iterable<Segment> {
    const columns = [...this.#lanes.keys()]
      .toSorted()
      .flatMap((stream) => timedOf(stream, this.#lanes.get(stream) ?? new Lane()));
    const times = unionOf(columns.map((column) => column.times));
    const whole = columns.map((column) => ({ ...column, rows: rowsOf(column.times, times) }));
    const instants = Math.max(
      1,
      Math.min(INSTANTS_MAX, Math.floor(SEALED_READINGS_MAX / columns.length)),
    );
    for (let from = 0; from < times.length; from += instants) {
      const part = times.slice(from, from + instants);
      const cut = whole.map((column) => cutColumn(column, from, from + part.length));
      yield { times: part, columns: cut.filter(({ rows }) => rows.length > 0) };
    }
  }

  #lane(stream: StreamName): Lane {
    const held = this.#lanes.get(stream);
    if (held !== undefined) return held;
    const lane = new Lane();
    this.#lanes.set(stream, lane);
    return lane;
  }
}

/** The columns of a stream: one, or two if it has booleans and numbers. */
function timedOf(stream: StreamName, lane: Lane): Timed[] {
  const { times, values, stamps, contested, kinds } = lane;
  if (times.length === 0) return [];
  if (lane.isPlain)
    return [{ stream, kind: kinds[0] ?? "number", times, values, stamps, contested }];
  const readings = joined(lane);
  return (["boolean", "number"] as const).flatMap((kind) => {
    const own = readings.filter((reading) => reading.kind === kind);
    if (own.length === 0) return [];
    return {
      stream,
      kind,
      times: own.map(({ timeMs }) => timeMs),
      values: own.map(({ value }) => value),
      stamps: own.map(({ stampMs }) => stampMs),
      contested: own.flatMap(({ isContested }, at) => (isContested ? [at] : [])),
    };
  });
}

function joined({ kinds, times, values, stamps, contested }: Lane): ReadingSet {
  const disputed = new Set(contested);
  const readings = times
    .map((timeMs, at): Reading => ({
      timeMs,
      stampMs: stamps[at] ?? 0,
      kind: kinds[at] ?? "number",
      value: values[at] ?? 0,
      isContested: disputed.has(at),
    }))
    .toSorted((a, b) => a.timeMs - b.timeMs);
  const set: Reading[] = [];
  for (const reading of readings) {
    const last = set.at(-1);
    if (last?.timeMs === reading.timeMs) set.splice(-1, 1, ...joinTwo(last, reading));
    else set.push(reading);
  }
  return set;
}

/** What is quarantined does not count, so it gives way to the one that came again in time. */
function joinTwo(left: Reading, right: Reading): ReadingSet {
  const isLeftOut = isQuarantined(left.timeMs, left.stampMs);
  if (isLeftOut === isQuarantined(right.timeMs, right.stampMs)) return join([left], [right]);
  return [isLeftOut ? right : left];
}

/** All times of ascending columns, once. */
function unionOf(columns: readonly (readonly number[])[]): Float64Array {
  const [first] = columns;
  if (first === undefined) return new Float64Array(0);
  if (columns.every((times) => areEqual(times, first))) return new Float64Array(first);
  const all = new Float64Array(columns.reduce((sum, times) => sum + times.length, 0));
  let length = 0;
  for (const times of columns) {
    all.set(times, length);
    length += times.length;
  }
  all.sort();
  let kept = 0;
  for (let at = 0; at < all.length; at += 1) {
    if (at > 0 && all[at] === all[kept - 1]) continue;
    all[kept] = all[at] as number;
    kept += 1;
  }
  return all.slice(0, kept);
}

function areEqual(left: ArrayLike<number>, right: ArrayLike<number>): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

/** Where each of `times` is in all of them. */
function rowsOf(times: ArrayLike<number>, all: Float64Array): Uint32Array {
  const rows = new Uint32Array(times.length);
  let row = 0;
  for (let at = 0; at < times.length; at += 1) {
    while (all[row] !== times[at]) row += 1;
    rows[at] = row;
  }
  return rows;
}

function cutColumn(
  column: Timed & { readonly rows: Uint32Array },
  from: number,
  to: number,
): SegmentColumn {
  const { stream, kind, rows, values, stamps, contested } = column;
  const start = firstAtLeast(rows, from);
  const end = firstAtLeast(rows, to);
  const own = new Uint16Array(end - start);
  for (let at = 0; at < own.length; at += 1) own[at] = (rows[start + at] as number) - from;
  return {
    stream,
    kind,
    rows: own,
    values: partOf(values, start, end),
    stamps: partOf(stamps, start, end),
    contested: Uint16Array.from(
      contested
        .filter((position) => position >= start && position < end)
        .map((position) => position - start),
    ),
  };
}

/** A typed array takes over a whole array at once. */
function partOf(numbers: readonly number[], start: number, end: number): Float64Array {
  return new Float64Array(end - start === numbers.length ? numbers : numbers.slice(start, end));
}

function firstAtLeast(rows: Uint32Array, row: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as number) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
