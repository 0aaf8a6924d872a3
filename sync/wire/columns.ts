// How do times and values become bytes? Encoding 0, plain varint columns: times as second
// differences (a steady period costs a byte an instant), numbers as differences of scaled whole
// numbers, booleans as bits, presence as bits where a column has gaps.

import { powerOf, scaledOf } from "../decimal.ts";
import { TIME_MS_MAX } from "../limits.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

const DECIMAL = 0;
const FLOAT64 = 1;
const BOOLEAN = 2;

/** Writes ascending times (epoch milliseconds); their number is written by the caller. */
export function writeTimes(writer: ByteWriter, times: readonly number[]): void {
  let previous = 0;
  let difference = 0;
  for (const time of times) {
    writer.zigzag(time - previous - difference);
    difference = previous === 0 ? 0 : time - previous;
    previous = time;
  }
}

/** Reads `count` times; breaks the reader unless they ascend strictly within bounds. */
export function readTimes(reader: ByteReader, count: number): number[] {
  const times: number[] = [];
  let previous = 0;
  let difference = 0;
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const time = previous + difference + reader.zigzag();
    if (time < 0 || time > TIME_MS_MAX || (i > 0 && time <= previous)) reader.fail();
    difference = previous === 0 ? 0 : time - previous;
    previous = time;
    times.push(time);
  }
  return times;
}

/** Lists all rows of `count`. */
export function everyRow(count: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < count; row += 1) rows.push(row);
  return rows;
}

/** Writes which of `count` rows are present: one byte if all are, else a bit a row. */
export function writePresence(writer: ByteWriter, rows: readonly number[], count: number): void {
  writer.byte(rows.length === count ? 0 : 1);
  if (rows.length === count) return;
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (const row of rows) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
  writer.raw(bits);
}

/**
 * Reads which of `count` rows are present, ascending.
 *
 * @param all All of them, for columns of one batch to share.
 */
export function readPresence(
  reader: ByteReader,
  count: number,
  all?: readonly number[],
): readonly number[] {
  const flag = reader.byte();
  if (flag > 1) reader.fail();
  const bits = flag === 0 ? null : reader.raw(Math.ceil(count / 8));
  if (reader.broken) return [];
  if (bits === null) return all ?? everyRow(count);
  const rows: number[] = [];
  for (let row = 0; row < count; row += 1) {
    if (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) rows.push(row);
  }
  return rows;
}

/** Writes values; booleans are given as 0 and 1. Their number is known to the reader. */
export function writeValues(
  writer: ByteWriter,
  kind: "number" | "boolean",
  values: readonly number[],
): void {
  if (kind === "boolean") {
    writer.byte(BOOLEAN);
    const bits = new Uint8Array(Math.ceil(values.length / 8));
    values.forEach((value, i) => {
      if (value !== 0) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
    });
    writer.raw(bits);
    return;
  }
  const scaled = scaledOf(values);
  if (scaled === null) {
    writer.byte(FLOAT64);
    for (const value of values) writer.float64(value);
    return;
  }
  writer.byte(DECIMAL);
  writer.byte(scaled.scale);
  writeDifferences(writer, scaled.mantissas);
}

/** Writes each number's difference from the one before, the first from 0, as zigzag() does. */
function writeDifferences(writer: ByteWriter, numbers: Float64Array): void {
  // Most are small and take a byte each: those in a row are written at once.
  const row = new Uint8Array(numbers.length);
  let length = 0;
  let before = 0;
  for (const number of numbers) {
    const difference = number - before;
    before = number;
    if (difference < 64 && difference >= -64) {
      row[length] = difference < 0 ? -difference * 2 - 1 : difference * 2;
      length += 1;
      continue;
    }
    writer.raw(row.subarray(0, length));
    length = 0;
    writer.zigzag(difference);
  }
  writer.raw(row.subarray(0, length));
}

/** Reads `count` values and what kind they are; breaks the reader on anything not finite. */
export function readValues(
  reader: ByteReader,
  count: number,
): { readonly kind: "number" | "boolean"; readonly values: number[] } {
  const encoding = reader.byte();
  if (encoding === BOOLEAN) {
    const bits = reader.raw(Math.ceil(count / 8));
    const isBroken = reader.broken;
    const bit = (_: unknown, i: number): number => ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
    return { kind: "boolean", values: isBroken ? [] : Array.from({ length: count }, bit) };
  }
  if (encoding === FLOAT64) return { kind: "number", values: readFloats(reader, count) };
  if (encoding !== DECIMAL) reader.fail();
  return { kind: "number", values: readDecimals(reader, count) };
}

function readFloats(reader: ByteReader, count: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const value = reader.float64();
    if (!Number.isFinite(value)) reader.fail();
    values.push(value);
  }
  return values;
}

function readDecimals(reader: ByteReader, count: number): number[] {
  const scale = reader.byte();
  if (scale > 22) reader.fail();
  const power = powerOf(scale);
  const values: number[] = [];
  let mantissa = 0;
  for (let i = 0; i < count && !reader.broken; i += 1) {
    mantissa += reader.zigzag();
    if (!Number.isSafeInteger(mantissa)) reader.fail();
    values.push(mantissa / power);
  }
  return values;
}
