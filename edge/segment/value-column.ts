// How are the values of a column stored? Every codec that may do well is tried, and the one with the
// fewest bytes is kept; of equals, the one with the lowest number. So equal columns have equal bytes.

import { powerOf } from "../../sync/decimal.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import {
  readGorilla,
  readHalves,
  readRaw,
  writeGorilla,
  writeHalves,
  writeRaw,
} from "./doubles.ts";
import { fromGrid, MINUTES_MAX, toGrid, type Gridded } from "./grid.ts";
import { decodeModelledBits, encodeModelledBits } from "./modelled.ts";
import { packBits, unpackBits } from "./packed-bits.ts";
import { SCALE_MAX, type Scaled } from "./scale.ts";
import { readWholeNumbers, writeWholeNumbers } from "./whole-numbers.ts";

/** Makes bytes fewer; `Inflate` makes them what they were, or null if they are none of its own. */
export type Deflate = (bytes: Uint8Array) => Uint8Array;
/** Gives at most `bytesMax` bytes; null if there are more, or if the input is broken. */
export type Inflate = (bytes: Uint8Array, bytesMax: number) => Uint8Array | null;

const CONSTANT = 0;
const DECIMAL = 1;
const DEFLATED = 2;
const GORILLA = 3;
const HALVES = 4;
const RAW = 5;
const BITS = 6;
const MODELLED_BITS = 7;

/** Set in the byte of a grid if its step and its first number follow. */
const HAS_STEP = 8;
const VARINT_BYTES_MAX = 8;

interface Coded {
  readonly codec: number;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const NOTHING_READ = new Float64Array(0);

/**
 * Writes the values of a column; the reader knows how many there are and the least of them.
 *
 * @param scaled What scalings() found; nothing for booleans.
 */
export function writeValueColumn(
  writer: ByteWriter,
  kind: "number" | "boolean",
  values: Float64Array,
  scaled: readonly Scaled[],
  deflate: Deflate | undefined,
): void {
  const coded = smallest(
    kind === "boolean" ? codedBits(values) : codedNumbers(values, scaled, deflate),
  );
  writer.byte(coded.codec);
  writer.raw(coded.bytes);
}

/** Reads `count` values to the end of the reader, or breaks it. */
export function readValueColumn(
  reader: ByteReader,
  kind: "number" | "boolean",
  count: number,
  least: number,
  inflate: Inflate | undefined,
): Float64Array {
  const codec = reader.byte();
  if (codec === CONSTANT)
    return new Float64Array(reader.broken ? 0 : count).fill(
      reader.remaining === 0 ? least : reader.float64(),
    );
  return kind === "boolean"
    ? readBooleans(reader, codec, count)
    : readNumbers(reader, codec, count, inflate);
}

function readBooleans(reader: ByteReader, codec: number, count: number): Float64Array {
  if (codec === BITS) return Float64Array.from(unpackBits(reader.raw((count + 7) >> 3), count));
  if (codec === MODELLED_BITS)
    return Float64Array.from(decodeModelledBits(reader.raw(reader.remaining), count));
  reader.fail();
  return NOTHING_READ;
}

function readNumbers(
  reader: ByteReader,
  codec: number,
  count: number,
  inflate: Inflate | undefined,
): Float64Array {
  switch (codec) {
    case DECIMAL:
      return readDecimals(reader, count, readWholeNumbers);
    case DEFLATED:
      return readDecimals(reader, count, (from, most) => readDifferences(from, most, inflate));
    case GORILLA:
      return readGorilla(reader.raw(reader.remaining), count);
    case HALVES:
      return readHalves(reader, count);
    case RAW:
      return readRaw(reader, count);
    default:
      reader.fail();
      return NOTHING_READ;
  }
}

function smallest(tried: readonly Coded[]): Coded {
  return tried.reduce((best, coded) => (coded.bytes.length < best.bytes.length ? coded : best));
}

function codedBits(values: Float64Array): Coded[] {
  if (isConstant(values)) return [{ codec: CONSTANT, bytes: NOTHING }];
  const bits = Uint8Array.from(values);
  return [
    { codec: BITS, bytes: packBits(bits) },
    { codec: MODELLED_BITS, bytes: encodeModelledBits(bits) },
  ];
}

function codedNumbers(
  values: Float64Array,
  scaled: readonly Scaled[],
  deflate: Deflate | undefined,
): Coded[] {
  if (isConstant(values)) {
    const isMinusZero = Object.is(values[0], -0);
    return [{ codec: CONSTANT, bytes: isMinusZero ? writeRaw(values.subarray(0, 1)) : NOTHING }];
  }
  const tried: Coded[] = [];
  for (const scaling of scaled) {
    const gridded = toGrid(scaling.mantissas, scaling.scale);
    tried.push({ codec: DECIMAL, bytes: writeDecimals(values, scaling, gridded, undefined) });
    if (deflate === undefined) continue;
    tried.push({ codec: DEFLATED, bytes: writeDecimals(values, scaling, gridded, deflate) });
  }
  // Where all are decimals, their digits say more than their bits.
  if (scaled.some(({ leftOut }) => leftOut.length === 0)) return tried;
  return [
    ...tried,
    { codec: GORILLA, bytes: writeGorilla(values) },
    { codec: HALVES, bytes: writeHalves(values) },
    { codec: RAW, bytes: writeRaw(values) },
  ];
}

function isConstant(values: Float64Array): boolean {
  for (let at = 1; at < values.length; at += 1) if (!Object.is(values[at], values[0])) return false;
  return true;
}

function writeDecimals(
  values: Float64Array,
  { scale, leftOut }: Scaled,
  { minutes, step, first, numbers }: Gridded,
  deflate: Deflate | undefined,
): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(scale);
  writer.byte(step > 1 ? HAS_STEP : minutes);
  if (step > 1) {
    writer.varint(step);
    writer.varint(first);
  }
  writer.varint(leftOut.length);
  let before = -1;
  for (const at of leftOut) {
    writer.varint(at - before - 1);
    writer.float64(values[at] as number);
    before = at;
  }
  if (deflate === undefined) writeWholeNumbers(writer, numbers);
  else writer.raw(deflate(differencesOf(numbers)));
  return writer.bytes();
}

function readDecimals(
  reader: ByteReader,
  count: number,
  readNumbersOf: (reader: ByteReader, count: number) => Float64Array,
): Float64Array {
  const scale = reader.byte();
  const grid = reader.byte();
  const hasStep = grid === HAS_STEP;
  if (scale > SCALE_MAX || (grid > MINUTES_MAX && !hasStep)) reader.fail();
  const step = hasStep ? reader.varint() : 1;
  const first = hasStep ? reader.varint() : 0;
  const leftOut = readLeftOut(reader, count);
  const numbers = readNumbersOf(reader, count);
  const mantissas = fromGrid({ minutes: hasStep ? 0 : grid, step, first, numbers }, scale);
  const power = powerOf(scale);
  for (let at = 0; at < mantissas.length; at += 1)
    mantissas[at] = (mantissas[at] as number) / power;
  for (const [at, value] of leftOut) mantissas[at] = value;
  return mantissas;
}

function readLeftOut(reader: ByteReader, count: number): Map<number, number> {
  const leftOut = new Map<number, number>();
  const length = reader.count(count, 72);
  let before = -1;
  for (let i = 0; i < length && !reader.broken; i += 1) {
    before += 1 + reader.varint();
    if (before >= count) reader.fail();
    leftOut.set(before, reader.float64());
  }
  return leftOut;
}

function differencesOf(numbers: Float64Array): Uint8Array {
  const writer = new ByteWriter();
  let before = 0;
  for (const number of numbers) {
    writer.zigzag(number - before);
    before = number;
  }
  return writer.bytes();
}

function readDifferences(
  reader: ByteReader,
  count: number,
  inflate: Inflate | undefined,
): Float64Array {
  const deflated = reader.raw(reader.remaining);
  const bytes =
    reader.broken || inflate === undefined ? null : inflate(deflated, count * VARINT_BYTES_MAX);
  const inner = new ByteReader(bytes ?? NOTHING);
  const numbers = new Float64Array(count);
  let before = 0;
  for (let at = 0; at < count && !inner.broken; at += 1) numbers[at] = before += inner.zigzag();
  if (inner.broken || inner.remaining > 0) reader.fail();
  return numbers;
}
