// What is left of readings that are not kept one by one? Their aggregates: of each stream the minutes
// of an hour, or the hours of a day, together in one item, with exact sums.

import { combine, type Aggregate } from "../sync/crdt/aggregate.ts";
import {
  addDecimals,
  decimalOf,
  formatDecimal,
  parseDecimal,
  valueOf,
  ZERO,
} from "../sync/decimal.ts";
import { ByteReader, ByteWriter, decodeText, encodeText } from "../sync/wire/bytes.ts";

/** Aggregates of a span by stream, then by the part of the span: its minute, or its hour. */
export type Rollup = Map<string, Map<number, Aggregate>>;

/** Streams of an item and parts of a span: what a decoder believes at most. */
const STREAMS_MAX = 256;
const PARTS_MAX = 60;
const SUM_BYTES_MAX = 802;
const VERSION = 1;
/** Follows in place of a scale: least and greatest as doubles, the sum as text. */
const AS_TEXT = 255;
const SCALE_MAX = 22;

/** Adds an aggregate to a part of a span. */
export function addPart(rollup: Rollup, stream: string, part: number, added: Aggregate): void {
  const parts = rollup.get(stream) ?? new Map<number, Aggregate>();
  rollup.set(stream, parts);
  const held = parts.get(part);
  parts.set(part, held === undefined ? added : combine(held, added));
}

/** Encodes a rollup of a span that begins at `startMs`. */
export function encodeRollup(rollup: Rollup, startMs: number): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(VERSION);
  writer.varint(rollup.size);
  for (const stream of [...rollup.keys()].toSorted()) {
    const parts = [...(rollup.get(stream) ?? [])].toSorted(([a], [b]) => a - b);
    writer.text(stream);
    writer.varint(parts.length);
    let before = startMs;
    let part = 0;
    for (const [at, aggregate] of parts) {
      writer.varint(at - part);
      part = at;
      writer.varint(aggregate.count);
      writer.zigzag(aggregate.firstMs - before);
      writer.varint(aggregate.lastMs - aggregate.firstMs);
      before = aggregate.lastMs;
      writeValues(writer, aggregate);
    }
  }
  return writer.bytes();
}

/** Decodes what encodeRollup() wrote; null if it is broken. */
export function decodeRollup(bytes: Uint8Array, startMs: number): Rollup | null {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return null;
  const rollup: Rollup = new Map();
  const streams = reader.count(STREAMS_MAX, 16);
  for (let i = 0; i < streams && !reader.broken; i += 1) {
    const parts = new Map<number, Aggregate>();
    rollup.set(reader.text(), parts);
    const count = reader.count(PARTS_MAX, 32);
    let before = startMs;
    let part = 0;
    for (let j = 0; j < count && !reader.broken; j += 1) {
      part += reader.varint();
      const readings = reader.varint();
      const firstMs = before + reader.zigzag();
      before = firstMs + reader.varint();
      const values = readValues(reader, readings);
      if (values === null) return null;
      parts.set(part, { count: readings, firstMs, lastMs: before, ...values });
    }
  }
  return reader.broken || reader.remaining > 0 ? null : rollup;
}

type Values = Pick<Aggregate, "sum" | "min" | "max">;

/** As whole numbers of one scale: the least, the greatest above it, the sum above count leasts. */
function writeValues(writer: ByteWriter, { count, sum, min, max }: Aggregate): void {
  const [least, greatest] = [decimalOf(min), decimalOf(max)];
  const scale = Math.max(sum.scale, least.scale, greatest.scale);
  const [low = 0n, high = 0n, total = 0n] = [least, greatest, sum].map(
    (decimal) => decimal.mantissa * 10n ** BigInt(scale - decimal.scale),
  );
  const above = total - low * BigInt(count);
  const isExact =
    scale <= SCALE_MAX &&
    [low * 2n, high * 2n, above].every((n) => Number.isSafeInteger(Number(n))) &&
    Object.is(valueOf(Number(low), scale), min) &&
    Object.is(valueOf(Number(high), scale), max);
  if (isExact) {
    writer.byte(scale);
    writer.zigzag(Number(low));
    writer.varint(Number(high - low));
    writer.varint(Number(above));
    return;
  }
  writer.byte(AS_TEXT);
  writer.float64(min);
  writer.float64(max);
  writer.block(encodeText(formatDecimal(sum)));
}

function readValues(reader: ByteReader, count: number): Values | null {
  const scale = reader.byte();
  if (scale === AS_TEXT) {
    const [min, max] = [reader.float64(), reader.float64()];
    const sum = parseDecimal(decodeText(reader.block(SUM_BYTES_MAX)) ?? "");
    return sum === null ? null : { min, max, sum };
  }
  if (scale > SCALE_MAX) return null;
  const low = reader.zigzag();
  const high = low + reader.varint();
  const above = reader.varint();
  const mantissa = BigInt(low) * BigInt(count) + BigInt(above);
  return { min: valueOf(low, scale), max: valueOf(high, scale), sum: exact(mantissa, scale) };
}

/** In canonical form. */
function exact(mantissa: bigint, scale: number): Aggregate["sum"] {
  return addDecimals({ mantissa, scale }, ZERO);
}
