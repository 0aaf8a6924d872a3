// How do times and values become bytes? Encoding 0, plain varint columns: times as second
// differences (a steady period costs a byte an instant), numbers as differences of scaled whole
// numbers, booleans as bits, presence as bits where a column has gaps.

import { powerOf, roomFor, scaleInto } from "../decimal.ts";
import { TIME_MS_MAX } from "../limits.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

const DECIMAL = 0;
const FLOAT64 = 1;
const BOOLEAN = 2;

/** Room for what is written next. */
let written = new Uint8Array(1_024);

/** Writes the first `count` of whole numbers, each as zigzag() does: those of a byte or two at once. */
function writeZigzags(writer: ByteWriter, values: Float64Array, count: number): void {
  if (written.length < 2 * count) written = new Uint8Array(4 * count);
  let length = 0;
  for (let at = 0; at < count; at += 1) {
    const value = values[at] as number;
    if (value < 8_192 && value >= -8_192) {
      const code = value < 0 ? -value * 2 - 1 : value * 2;
      if (code < 0x80) {
        written[length++] = code;
      } else {
        written[length++] = (code & 0x7f) | 0x80;
        written[length++] = code >> 7;
      }
      continue;
    }
    writer.raw(written.subarray(0, length));
    length = 0;
    writer.zigzag(value);
  }
  writer.raw(written.subarray(0, length));
}

/** Looks at what is left, as a view of the input; nothing, once the reader is broken. */
function restOf(reader: ByteReader): Uint8Array {
  const { buffer, byteOffset } = reader.raw(0);
  return new Uint8Array(buffer, byteOffset, reader.broken ? 0 : reader.remaining);
}

/** Reads `count` whole numbers, each as zigzag() does; breaks the reader if they are not there. */
function readZigzags(reader: ByteReader, values: Float64Array, count: number): void {
  let rest = restOf(reader);
  let from = 0;
  for (let at = 0; at < count && !reader.broken; at += 1) {
    const low = rest[from] ?? 0x80;
    const high = low < 0x80 ? 0 : (rest[from + 1] ?? 0);
    if (low < 0x80 || (high > 0 && high < 0x80)) {
      const code = (low & 0x7f) | (high << 7);
      values[at] = (code >>> 1) ^ -(code & 1);
      from += low < 0x80 ? 1 : 2;
      continue;
    }
    reader.raw(from);
    values[at] = reader.zigzag();
    rest = restOf(reader);
    from = 0;
  }
  reader.raw(from);
}

/** Writes ascending times (epoch milliseconds); their number is written by the caller. */
export function writeTimes(writer: ByteWriter, times: readonly number[]): void {
  const steps = roomFor(times.length);
  let previous = 0;
  let difference = 0;
  for (let at = 0; at < times.length; at += 1) {
    const time = times[at] as number;
    steps[at] = time - previous - difference;
    difference = previous === 0 ? 0 : time - previous;
    previous = time;
  }
  writeZigzags(writer, steps, times.length);
}

/** Makes a list of `count` numbers that are all about to be set: one that grows is copied many times. */
function listOf(count: number): number[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from would make a list of objects of it
  return new Array<number>(count);
}

/** Reads `count` times; breaks the reader unless they ascend strictly within bounds. */
export function readTimes(reader: ByteReader, count: number): number[] {
  const steps = roomFor(count);
  readZigzags(reader, steps, count);
  if (reader.broken) return [];
  const times = listOf(count);
  let previous = 0;
  let difference = 0;
  for (let at = 0; at < count; at += 1) {
    const time = previous + difference + (steps[at] as number);
    if (time < 0 || time > TIME_MS_MAX || (at > 0 && time <= previous)) reader.fail();
    difference = previous === 0 ? 0 : time - previous;
    previous = time;
    times[at] = time;
  }
  return times;
}

let every: readonly number[] = [];

/** Lists all rows of `count`: the same list as before, if it is as long, as those of batches are. */
export function everyRow(count: number): readonly number[] {
  if (every.length !== count) every = Array.from({ length: count }, (_, row) => row);
  return every;
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
  const { length } = values;
  const mantissas = roomFor(length);
  const scale = scaleInto(values, mantissas);
  if (scale === null) {
    writer.byte(FLOAT64);
    for (const value of values) writer.float64(value);
    return;
  }
  writer.byte(DECIMAL);
  writer.byte(scale);
  // Each number's difference from the one before, the first from 0.
  for (let at = length - 1; at > 0; at -= 1)
    mantissas[at] = (mantissas[at] as number) - (mantissas[at - 1] as number);
  writeZigzags(writer, mantissas, length);
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
  const steps = roomFor(count);
  readZigzags(reader, steps, count);
  if (reader.broken) return [];
  const values = listOf(count);
  let mantissa = 0;
  for (let at = 0; at < count; at += 1) {
    mantissa += steps[at] as number;
    if (!Number.isSafeInteger(mantissa)) reader.fail();
    values[at] = mantissa / power;
  }
  return values;
}
