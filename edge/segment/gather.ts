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

/** Readings of one stream and one kind that came together, in order. */
interface Run {
  readonly kind: SegmentColumn["kind"];
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Of all, or of each. */
  readonly stamps: number | ArrayLike<number>;
  /** Which of them, from here until before there; those of `stamps` too. */
  readonly from: number;
  readonly to: number;
}

/** The readings of one stream, as they came. */
class Lane {
  readonly runs: Run[] = [];
  readonly contested: number[] = [];
  count = 0;
  /** True as long as times ascend and the kind is one. */
  isPlain = true;
  #lastMs = -Infinity;

  add(run: Run): void {
    const { kind, times, from, to } = run;
    if (from === to) return;
    if (!((times[from] as number) > this.#lastMs) || kind !== (this.runs[0] ?? run).kind)
      this.isPlain = false;
    this.#lastMs = times[to - 1] as number;
    this.runs.push(run);
    this.count += to - from;
  }

  /** Copies one column of all runs. */
  copy(column: "times" | "values" | "stamps"): Float64Array {
    const copy = new Float64Array(this.count);
    let at = 0;
    for (const run of this.runs) {
      const { [column]: numbers, from, to } = run;
      if (typeof numbers === "number") copy.fill(numbers, at, at + to - from);
      else if (from === 0 && to === numbers.length) copy.set(numbers, at);
      else for (let i = from; i < to; i += 1) copy[at + i - from] = numbers[i] as number;
      at += to - from;
    }
    return copy;
  }

  /** Tells whether another lane's readings came with these, each at the same time as one of them. */
  isBeside(other: Lane): boolean {
    return (
      this.runs.length === other.runs.length &&
      this.runs.every(({ times, from, to }, at) => {
        const beside = other.runs[at] as Run;
        return times === beside.times && from === beside.from && to === beside.to;
      })
    );
  }
}

/** Columns with times of their own. */
interface Timed {
  readonly stream: StreamName;
  readonly kind: SegmentColumn["kind"];
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly stamps: Float64Array;
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
    const { stream, kind, rows, values } = column;
    const first = times[rows[from] as number] as number;
    const last = times[rows[to - 1] as number] as number;
    const lane = this.#lane(stream);
    if (rows.length === times.length) lane.add({ kind, times, values, stamps: stampMs, from, to });
    else {
      const own = Float64Array.from(
        { length: to - from },
        (_, at) => times[rows[from + at] ?? 0] ?? 0,
      );
      const part = values.slice(from, to);
      lane.add({ kind, times: own, values: part, stamps: stampMs, from: 0, to: own.length });
    }
    this.readings += to - from;
    this.firstMs = Math.min(this.firstMs, first);
    this.lastMs = Math.max(this.lastMs, last);
  }

  /** Adds what is sealed already, but for what has one of the stamps `dropped`. */
  addSegment(segment: Segment, dropped: ReadonlySet<number> = new Set()): void {
    for (const column of segment.columns) {
      const { stream, kind, rows, values, stamps, contested } = column;
      const times =
        rows.length === segment.times.length
          ? segment.times
          : Float64Array.from(rows, (row) => segment.times[row] as number);
      const lane = this.#lane(stream);
      // Runs of what is left between those that are dropped.
      let from = 0;
      for (let at = 0; at <= rows.length; at += 1) {
        if (at < rows.length && !dropped.has(stamps[at] as number)) continue;
        for (const position of contested)
          if (position >= from && position < at) lane.contested.push(lane.count + position - from);
        lane.add({ kind, times, values, stamps, from, to: at });
        from = at + 1;
      }
      this.readings += rows.length;
    }
  }

  /** Adds what another one has gathered, after what this one has. */
  addAll(other: Gather): void {
    for (const [stream, { runs, contested }] of other.#lanes) {
      const lane = this.#lane(stream);
      for (const position of contested) lane.contested.push(lane.count + position);
      for (const run of runs) lane.add(run);
    }
    this.readings += other.readings;
    this.firstMs = Math.min(this.firstMs, other.firstMs);
    this.lastMs = Math.max(this.lastMs, other.lastMs);
  }

  /** Puts everything together, cut where a segment's bounds are. */
  *segments(): Iterable<Segment> {
    const columns = this.#columns();
    const times = unionOf(columns.map((column) => column.times));
    const every = everyRow(times.length);
    const whole = columns.map((column) => ({
      ...column,
      rows: column.times.length === times.length ? every : rowsOf(column.times, times),
    }));
    const instants = Math.max(
      1,
      Math.min(INSTANTS_MAX, Math.floor(SEALED_READINGS_MAX / columns.length)),
    );
    for (let from = 0; from < times.length; from += instants) {
      const part = times.subarray(from, from + instants);
      const cut = whole.map((column) => cutColumn(column, from, from + part.length));
      yield { times: part, columns: cut.filter(({ rows }) => rows.length > 0) };
    }
  }

  /** The columns by stream. Those that came together have their times in common. */
  #columns(): Timed[] {
    let plain: { readonly lane: Lane; readonly times: Float64Array } | null = null;
    return [...this.#lanes.keys()].toSorted().flatMap((stream) => {
      const lane = this.#lane(stream);
      const [first] = lane.runs;
      if (first === undefined) return [];
      if (!lane.isPlain) return timedOf(stream, lane);
      plain = plain?.lane.isBeside(lane) === true ? plain : { lane, times: lane.copy("times") };
      const [values, stamps] = [lane.copy("values"), lane.copy("stamps")];
      const { kind } = first;
      return { stream, kind, times: plain.times, values, stamps, contested: lane.contested };
    });
  }

  #lane(stream: StreamName): Lane {
    const held = this.#lanes.get(stream);
    if (held !== undefined) return held;
    const lane = new Lane();
    this.#lanes.set(stream, lane);
    return lane;
  }
}

/** The columns of a stream whose readings have to be compared: one, or two if it has both kinds. */
function timedOf(stream: StreamName, lane: Lane): Timed[] {
  const readings = joined(lane);
  return (["boolean", "number"] as const).flatMap((kind) => {
    const own = readings.filter((reading) => reading.kind === kind);
    if (own.length === 0) return [];
    return {
      stream,
      kind,
      times: Float64Array.from(own, ({ timeMs }) => timeMs),
      values: Float64Array.from(own, ({ value }) => value),
      stamps: Float64Array.from(own, ({ stampMs }) => stampMs),
      contested: own.flatMap(({ isContested }, at) => (isContested ? [at] : [])),
    };
  });
}

function joined(lane: Lane): ReadingSet {
  const disputed = new Set(lane.contested);
  const [times, values, stamps] = [lane.copy("times"), lane.copy("values"), lane.copy("stamps")];
  const kinds = lane.runs.flatMap(({ kind, from, to }) =>
    Array.from({ length: to - from }, () => kind),
  );
  const readings = kinds
    .map((kind, at): Reading => ({
      timeMs: times[at] ?? 0,
      stampMs: stamps[at] ?? 0,
      kind,
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
function unionOf(columns: readonly Float64Array[]): Float64Array {
  const [first] = columns;
  if (first === undefined) return new Float64Array(0);
  if (columns.every((times) => areEqual(times, first))) return first;
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

function areEqual(left: Float64Array, right: Float64Array): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

function everyRow(count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row += 1) rows[row] = row;
  return rows;
}

/** Where each of `times` is in all of them. */
function rowsOf(times: Float64Array, all: Float64Array): Uint32Array {
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
    values: values.subarray(start, end),
    stamps: stamps.subarray(start, end),
    contested: Uint16Array.from(
      contested
        .filter((position) => position >= start && position < end)
        .map((position) => position - start),
    ),
  };
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
