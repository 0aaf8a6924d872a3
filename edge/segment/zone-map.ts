// What is in a segment, without decoding it? Its zone map stands at the front, with a checksum of
// its own: how many readings, from when to when, and of each column the count, the least, the
// greatest and the exact sum. A query skips the segment, or is answered, from the first bytes alone.

import { parseStreamName, type StreamName } from "../../sync/brand.ts";
import { addDecimals, formatDecimal, parseDecimal, valueOf, ZERO } from "../../sync/decimal.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { ByteReader, decodeText, encodeText, type ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "./crc32c.ts";
import { exactSum } from "./exact-sum.ts";
import { SCALE_MAX, type Scaled } from "./scale.ts";
import { COLUMNS_MAX, INSTANTS_MAX, READINGS_MAX, type SegmentColumn } from "./segment.ts";

/** What a column of a segment adds up to; booleans count as 0 and 1. */
export interface ColumnZone {
  readonly stream: StreamName;
  readonly kind: "number" | "boolean";
  readonly count: number;
  readonly min: number;
  readonly max: number;
  /** Exact, as plain decimal text. */
  readonly sum: string;
}

/** What a segment holds. */
export interface ZoneMap {
  readonly readings: number;
  readonly instants: number;
  /** Epoch milliseconds of the first and the last instant; 0 if there is none. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly columns: readonly ColumnZone[];
}

/** A zone map with what a decoder needs beside it. */
export interface Header extends ZoneMap {
  /** Bytes of the header, with its checksum. */
  readonly bytes: number;
  /** Bytes of the times and the shared stamps. */
  readonly sharedBytes: number;
  /** Bytes of each column. */
  readonly columnBytes: readonly number[];
}

const VERSION = 1;
const BOOLEAN = 1;
/** Follows in place of a scale: the bounds as doubles, the sum as text. */
const AS_TEXT = 255;
const SUM_CHARS_MAX = 802;
/** The least that a column takes in a header: name, kind, count, zone, length. */
const COLUMN_BITS_MIN = 48;

/** Writes the front of a header; the lengths of the blocks and the checksum follow. */
export function writeHeader(
  writer: ByteWriter,
  times: Float64Array,
  columns: readonly SegmentColumn[],
  scaled: readonly (readonly Scaled[])[],
  blockBytes: readonly number[],
): void {
  writer.byte(VERSION);
  writer.varint(times.length);
  if (times.length > 0) {
    writer.varint(times[0] as number);
    writer.varint((times.at(-1) as number) - (times[0] as number));
  }
  writer.varint(columns.length);
  for (const [at, column] of columns.entries()) {
    writer.text(column.stream);
    writer.byte(column.kind === "boolean" ? BOOLEAN : 0);
    writer.varint(column.rows.length);
    writeZone(writer, column, scaled[at] ?? []);
    writer.varint(blockBytes[at + 1] as number);
  }
  writer.varint(blockBytes[0] as number);
  writer.uint32(crc32c(writer.bytes()));
}

/** Reads the zone map of a segment from all of its bytes, or from those at its front. */
export function readZoneMap(bytes: Uint8Array): Result<ZoneMap, "broken-segment"> {
  const header = readHeader(bytes);
  if (header === null) return err("broken-segment");
  const { readings, instants, firstMs, lastMs, columns } = header;
  return ok({ readings, instants, firstMs, lastMs, columns });
}

/** Reads the header; null if it is broken. */
export function readHeader(bytes: Uint8Array): Header | null {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return null;
  const instants = reader.varint();
  if (instants > INSTANTS_MAX) return null;
  const firstMs = instants > 0 ? reader.varint() : 0;
  const lastMs = instants > 0 ? firstMs + reader.varint() : 0;
  if (lastMs > TIME_MS_MAX) return null;
  const count = reader.count(COLUMNS_MAX, COLUMN_BITS_MIN);
  const columns: ColumnZone[] = [];
  const columnBytes: number[] = [];
  let readings = 0;
  for (let at = 0; at < count && !reader.broken; at += 1) {
    const zone = readZone(reader, instants);
    if (zone === null) return null;
    readings += zone.count;
    columns.push(zone);
    columnBytes.push(reader.varint());
  }
  const sharedBytes = reader.varint();
  const length = bytes.length - reader.remaining;
  const isWhole = reader.uint32() === crc32c(bytes.subarray(0, length));
  if (reader.broken || !isWhole || readings > READINGS_MAX) return null;
  return {
    readings,
    instants,
    firstMs,
    lastMs,
    columns,
    bytes: length + 4,
    sharedBytes,
    columnBytes,
  };
}

/** Numbers as whole numbers of a scale: the least, the greatest above it, the sum above count leasts. */
function writeZone(
  writer: ByteWriter,
  { kind, values }: SegmentColumn,
  scaled: readonly Scaled[],
): void {
  if (kind === "boolean") {
    writer.varint(sumAbove(values, 0));
    return;
  }
  const whole = scaled.find(({ leftOut }) => leftOut.length === 0);
  const { min, max } = boundsOf(whole === undefined ? values : whole.mantissas);
  const above = whole === undefined ? NaN : sumAbove(whole.mantissas, min);
  if (whole !== undefined && Number.isSafeInteger(above)) {
    writer.byte(whole.scale);
    writer.zigzag(min);
    writer.varint(max - min);
    writer.varint(above);
    return;
  }
  const bounds = boundsOf(values);
  writer.byte(AS_TEXT);
  writer.float64(bounds.min);
  writer.float64(bounds.max);
  writer.block(encodeText(formatDecimal(exactSum(values))));
}

function sumAbove(values: Float64Array, least: number): number {
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += (values[at] as number) - least;
  return sum;
}

function boundsOf(values: Float64Array): { readonly min: number; readonly max: number } {
  let min = Infinity;
  let max = -Infinity;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  // Minus zero is not less than zero: which of them came first must not show.
  return { min: min + 0, max: max + 0 };
}

function readZone(reader: ByteReader, instants: number): ColumnZone | null {
  const stream = parseStreamName(reader.text());
  const kind = reader.byte();
  const count = reader.varint();
  if (reader.broken || stream === null || kind > BOOLEAN || count < 1 || count > instants)
    return null;
  if (kind === BOOLEAN) {
    const yes = reader.varint();
    if (yes > count) return null;
    const [min, max] = [yes === count ? 1 : 0, yes > 0 ? 1 : 0];
    return { stream, kind: "boolean", count, min, max, sum: String(yes) };
  }
  const form = reader.byte();
  const zone = form === AS_TEXT ? readTextZone(reader) : readScaledZone(reader, form, count);
  return zone === null ? null : { stream, kind: "number", count, ...zone };
}

type Zone = Pick<ColumnZone, "min" | "max" | "sum">;

function readScaledZone(reader: ByteReader, scale: number, count: number): Zone | null {
  const min = reader.zigzag();
  const max = min + reader.varint();
  const above = reader.varint();
  if (scale > SCALE_MAX || !Number.isSafeInteger(max)) return null;
  const mantissa = BigInt(min) * BigInt(count) + BigInt(above);
  const sum = formatDecimal(addDecimals({ mantissa, scale }, ZERO));
  return { min: valueOf(min, scale), max: valueOf(max, scale), sum };
}

function readTextZone(reader: ByteReader): Zone | null {
  const min = reader.float64();
  const max = reader.float64();
  const sum = decodeText(reader.block(SUM_CHARS_MAX));
  const decimal = sum === null ? null : parseDecimal(sum);
  if (sum === null || decimal === null || formatDecimal(decimal) !== sum) return null;
  return Number.isFinite(min) && Number.isFinite(max) && min <= max ? { min, max, sum } : null;
}
