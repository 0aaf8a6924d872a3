// Which readings of a stream are there, and which value counts when replicas disagree? A grow-only
// map from event time to a min register of (commit stamp, kind, value): the same identity with
// another value is a conflict, and the one committed first wins on every replica, whatever the
// order of arrival. `contested` remembers that there was another value.

import { err, ok, type Result } from "../result.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import {
  readPresence,
  readTimes,
  readValues,
  writePresence,
  writeTimes,
  writeValues,
} from "../wire/columns.ts";

/** One reading of a known stream. */
export interface Reading {
  /** Event time, epoch milliseconds. */
  readonly timeMs: number;
  /** When the first hub that held it committed it, epoch milliseconds by that hub's clock. */
  readonly stampMs: number;
  readonly kind: "number" | "boolean";
  /** Finite; booleans as 0 and 1. */
  readonly value: number;
  /** True if another value was seen for the same identity. */
  readonly isContested: boolean;
}

/** Readings by strictly ascending event time. */
export type ReadingSet = readonly Reading[];

/** The set that holds nothing. */
export const bottom: ReadingSet = [];

/** Joins two sets: commutative, associative and idempotent (test/laws/reading-set.test.ts). */
export function join(left: ReadingSet, right: ReadingSet): ReadingSet {
  const joined: Reading[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    const a = left[l];
    const b = right[r];
    if (a !== undefined && (b === undefined || a.timeMs < b.timeMs)) {
      joined.push(a);
      l += 1;
    } else if (b !== undefined && (a === undefined || b.timeMs < a.timeMs)) {
      joined.push(b);
      r += 1;
    } else if (a !== undefined && b !== undefined) {
      joined.push(joinReading(a, b));
      l += 1;
      r += 1;
    }
  }
  return joined;
}

/** Tells whether joining `left` into `right` would change nothing. */
export function lessOrEqual(left: ReadingSet, right: ReadingSet): boolean {
  const joined = join(left, right);
  return joined.length === right.length && joined.every((reading, i) => isSame(reading, right[i]));
}

/** Tells whether two readings of one identity say the same. */
export function isSameValue(left: Reading, right: Reading): boolean {
  return left.kind === right.kind && left.value === right.value;
}

/** Encodes a set. Equal sets have equal bytes. */
export function encodeReadingSet(set: ReadingSet): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(set.length);
  writeTimes(
    writer,
    set.map((reading) => reading.timeMs),
  );
  let previous = 0;
  for (const { stampMs } of set) {
    writer.zigzag(stampMs - previous);
    previous = stampMs;
  }
  const rowsWhere = (predicate: (reading: Reading) => boolean): number[] =>
    set.flatMap((reading, row) => (predicate(reading) ? [row] : []));
  writePresence(
    writer,
    rowsWhere((reading) => reading.isContested),
    set.length,
  );
  for (const kind of ["number", "boolean"] as const) {
    const rows = rowsWhere((reading) => reading.kind === kind);
    writePresence(writer, rows, set.length);
    writeValues(
      writer,
      kind,
      rows.map((row) => set[row]?.value ?? 0),
    );
  }
  return writer.bytes();
}

/** Decodes what encodeReadingSet() wrote, at most `readingsMax` readings. */
export function decodeReadingSet(
  bytes: Uint8Array,
  readingsMax: number,
): Result<ReadingSet, "broken-set"> {
  const reader = new ByteReader(bytes);
  const count = reader.count(readingsMax, 8);
  const times = readTimes(reader, count);
  const stamps: number[] = [];
  let stampMs = 0;
  for (let i = 0; i < count && !reader.broken; i += 1) stamps.push((stampMs += reader.zigzag()));
  const contested = new Set(readPresence(reader, count));
  const values = new Map<number, { kind: "number" | "boolean"; value: number }>();
  for (const kind of ["number", "boolean"] as const) {
    const rows = readPresence(reader, count);
    const column = readValues(reader, rows.length);
    if (column.kind !== kind) reader.fail();
    rows.forEach((row, i) => values.set(row, { kind, value: column.values[i] ?? 0 }));
  }
  if (reader.broken || reader.remaining > 0 || values.size !== count) return err("broken-set");
  return ok(
    times.map((timeMs, row) => ({
      timeMs,
      stampMs: stamps[row] ?? 0,
      kind: values.get(row)?.kind ?? "number",
      value: values.get(row)?.value ?? 0,
      isContested: contested.has(row),
    })),
  );
}

function joinReading(a: Reading, b: Reading): Reading {
  const isContested = a.isContested || b.isContested || !isSameValue(a, b);
  const winner = precedes(a, b) ? a : b;
  return winner.isContested === isContested ? winner : { ...winner, isContested };
}

/** The total order of the min register: stamp, then kind, then value. */
function precedes(a: Reading, b: Reading): boolean {
  if (a.stampMs !== b.stampMs) return a.stampMs < b.stampMs;
  if (a.kind !== b.kind) return a.kind === "boolean";
  return a.value <= b.value;
}

function isSame(left: Reading, right: Reading | undefined): boolean {
  return (
    right !== undefined &&
    left.timeMs === right.timeMs &&
    left.stampMs === right.stampMs &&
    left.isContested === right.isContested &&
    isSameValue(left, right)
  );
}
