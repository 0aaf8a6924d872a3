// What is in a sealed segment? An hour of a device, or as many instants as fit: all its streams over
// one column of event times, with the commit stamps that decide conflicts at the origin. Which
// device it is of, and where it is kept, the holder knows.

import type { StreamName } from "../../sync/brand.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";

/** Event times of a segment. */
export const INSTANTS_MAX = 4_096;
/** Columns of a segment; a stream that has numbers and booleans has two. */
export const COLUMNS_MAX = 512;
/** Readings of a segment, so that few bytes cannot ask for much memory. */
export const READINGS_MAX: number = 64 * INSTANTS_MAX;

/** The readings of one stream that are of one kind. */
export interface SegmentColumn {
  readonly stream: StreamName;
  readonly kind: "number" | "boolean";
  /** Indexes into the segment's times, ascending; at least one. */
  readonly rows: Uint16Array;
  /** Finite, bit by bit as they came; booleans as 0 and 1. */
  readonly values: Float64Array;
  /** When each reading was committed, epoch milliseconds. */
  readonly stamps: Float64Array;
  /** Positions in `values` whose identity had another value too, ascending. */
  readonly contested: Uint16Array;
}

/** Readings of one device. */
export interface Segment {
  /** Epoch milliseconds, strictly ascending; each has a reading. */
  readonly times: Float64Array;
  /** By stream, then booleans before numbers. */
  readonly columns: readonly SegmentColumn[];
}

/** Tells whether a segment is within the bounds, in order and complete. */
export function isLegal({ times, columns }: Segment): boolean {
  if (times.length > INSTANTS_MAX || columns.length > COLUMNS_MAX) return false;
  if (!areTimes(times)) return false;
  const readings = columns.reduce((sum, { rows }) => sum + rows.length, 0);
  const covered = new Uint8Array(times.length);
  for (const [at, column] of columns.entries()) {
    if (!isColumn(column, times.length)) return false;
    const before = columns[at - 1];
    if (before !== undefined && !areOrdered(before, column)) return false;
    const { rows } = column;
    for (let i = 0; i < rows.length; i += 1) covered[rows[i] as number] = 1;
  }
  return readings <= READINGS_MAX && !covered.includes(0);
}

/** Tells whether two legal columns may stand in this order. */
function areOrdered(left: SegmentColumn, right: SegmentColumn): boolean {
  if (left.stream !== right.stream) return left.stream < right.stream;
  if (left.kind !== "boolean" || right.kind !== "number") return false;
  const taken = new Set(left.rows);
  return right.rows.every((row) => !taken.has(row));
}

/** Tells whether times ascend strictly, within bounds. */
export function areTimes(times: Float64Array): boolean {
  let previous = -1;
  for (let at = 0; at < times.length; at += 1) {
    const time = times[at] as number;
    if (!(time > previous) || Math.floor(time) !== time) return false;
    previous = time;
  }
  return previous <= TIME_MS_MAX;
}

/** Tells whether a column is complete and in order, beside `instants` times. */
export function isColumn(column: SegmentColumn, instants: number): boolean {
  const { rows, values, stamps, contested } = column;
  if (rows.length === 0 || values.length !== rows.length || stamps.length !== rows.length)
    return false;
  return (
    ascends(rows, instants) &&
    ascends(contested, rows.length) &&
    areStamps(stamps) &&
    (column.kind === "number" ? areFinite(values) : areBits(values))
  );
}

function ascends(positions: Uint16Array, below: number): boolean {
  let previous = -1;
  for (let at = 0; at < positions.length; at += 1) {
    const position = positions[at] as number;
    if (position <= previous) return false;
    previous = position;
  }
  return previous < below;
}

function areStamps(stamps: Float64Array): boolean {
  for (let at = 0; at < stamps.length; at += 1) {
    const stamp = stamps[at] as number;
    if (!(stamp >= 0 && stamp <= TIME_MS_MAX) || Math.floor(stamp) !== stamp) return false;
  }
  return true;
}

function areFinite(values: Float64Array): boolean {
  // The difference of a finite value to itself is 0, of any other NaN.
  let sum = 0;
  for (let at = 0; at < values.length; at += 1)
    sum += (values[at] as number) - (values[at] as number);
  return sum === 0;
}

function areBits(values: Float64Array): boolean {
  for (let at = 0; at < values.length; at += 1)
    if (!Object.is(values[at], 0) && values[at] !== 1) return false;
  return true;
}
