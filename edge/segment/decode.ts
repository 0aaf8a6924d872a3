// What does a sealed segment say? Nothing here throws: whatever the bytes are, the answer is a legal
// segment or that they are broken, and every bound is checked before anything is allocated.

import { err, ok, type Result } from "../../sync/result.ts";
import { ByteReader } from "../../sync/wire/bytes.ts";
import { crc32c } from "./crc32c.ts";
import { finish } from "../steps.ts";
import { HAS_CONTESTED, HAS_STAMPS } from "./encode.ts";
import { AS_BEFORE, readPresence } from "./presence.ts";
import { areTimes, isColumn, isLegal, type Segment, type SegmentColumn } from "./segment.ts";
import { readStampRuns } from "./stamp-runs.ts";
import { readTimeColumn } from "./time-column.ts";
import { readValueColumn, type Inflate } from "./value-column.ts";
import { readHeader, type Header } from "./zone-map.ts";

/** The readings of one stream that are of one kind, with times of their own. */
export interface StreamSlice {
  readonly kind: "number" | "boolean";
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly stamps: Float64Array;
  /** Positions in `values`, ascending. */
  readonly contested: Uint16Array;
}

/** A segment taken apart, not decoded. */
interface Opened {
  readonly header: Header;
  readonly times: Float64Array;
  /** The stamp of each instant. */
  readonly stamps: Float64Array;
  readonly blocks: readonly Uint8Array[];
}

const FORM_MASK = 7;
const FLAGS_MAX = 31;

/** Decodes what encodeSegment() wrote; `inflate` is needed if that had a `deflate`. */
export function decodeSegment(
  bytes: Uint8Array,
  inflate?: Inflate,
): Result<Segment, "broken-segment"> {
  return finish(decodeSteps(bytes, inflate));
}

/** Decodes a segment as decodeSegment() does, column by column; yields how many values one has. */
export function* decodeSteps(
  bytes: Uint8Array,
  inflate?: Inflate,
): Generator<number, Result<Segment, "broken-segment">, undefined> {
  const opened = open(bytes);
  if (opened === null) return err("broken-segment");
  const columns: SegmentColumn[] = [];
  for (let at = 0; at < opened.blocks.length; at += 1) {
    const column = decodeBlock(opened, at, inflate, columns);
    if (column === null) return err("broken-segment");
    columns.push(column);
    yield column.rows.length;
  }
  const segment = { times: opened.times, columns };
  return isLegal(segment) ? ok(segment) : err("broken-segment");
}

/**
 * Decodes the readings of one stream from `fromMs` until before `toMs`, by kind, and nothing of the
 * other streams.
 */
export function decodeColumn(
  bytes: Uint8Array,
  stream: string,
  fromMs: number,
  toMs: number,
  inflate?: Inflate,
): Result<readonly StreamSlice[], "broken-segment"> {
  const opened = open(bytes);
  if (opened === null || !areTimes(opened.times)) return err("broken-segment");
  const slices: StreamSlice[] = [];
  for (const [at, zone] of opened.header.columns.entries()) {
    if (zone.stream !== stream) continue;
    const column = decodeBlock(opened, at, inflate, []);
    if (column === null || !isColumn(column, opened.times.length)) return err("broken-segment");
    const slice = sliceOf(column, opened.times, fromMs, toMs);
    if (slice.values.length > 0) slices.push(slice);
  }
  return ok(slices);
}

function open(bytes: Uint8Array): Opened | null {
  const header = readHeader(bytes);
  if (header === null) return null;
  const reader = new ByteReader(bytes.subarray(header.bytes));
  const shared = new ByteReader(reader.raw(header.sharedBytes));
  const blocks = header.columnBytes.map((length) => reader.raw(length));
  const isWhole = reader.uint32() === crc32c(bytes.subarray(0, bytes.length - 4));
  if (reader.broken || reader.remaining > 0 || !isWhole) return null;
  const times = readTimeColumn(shared, header.instants, header.firstMs);
  const stamps = readStampRuns(shared, times);
  if (shared.broken || shared.remaining > 0) return null;
  return (times.at(-1) ?? 0) === header.lastMs ? { header, times, stamps, blocks } : null;
}

/** Decodes column `at`; `before` holds those before it, if they are decoded already. */
function decodeBlock(
  { header, times, stamps, blocks }: Opened,
  at: number,
  inflate: Inflate | undefined,
  before: readonly SegmentColumn[],
): SegmentColumn | null {
  const zone = header.columns[at];
  const block = blocks[at];
  if (zone === undefined || block === undefined) return null;
  const { stream, kind, count } = zone;
  const reader = new ByteReader(block);
  const flags = reader.byte();
  if (flags > FLAGS_MAX) return null;
  const rows =
    (flags & FORM_MASK) === AS_BEFORE
      ? rowsBefore(header, blocks, reader, at, before)
      : readPresence(reader, flags & FORM_MASK, count, times.length);
  if (rows.length !== count || reader.broken) return null;
  const shared = pick(stamps, rows);
  const own = (flags & HAS_STAMPS) === 0 ? shared : readStampRuns(reader, pick(times, rows));
  const contested = (flags & HAS_CONTESTED) === 0 ? [] : readContested(reader, count);
  const values = readValueColumn(reader, kind, count, zone.min, inflate);
  if (reader.broken || reader.remaining > 0) return null;
  return { stream, kind, rows, values, stamps: own, contested: Uint16Array.from(contested) };
}

/** The rows of an earlier column, which says them itself. */
function rowsBefore(
  header: Header,
  blocks: readonly Uint8Array[],
  reader: ByteReader,
  at: number,
  before: readonly SegmentColumn[],
): Uint16Array {
  const source = reader.varint();
  const count = header.columns[source]?.count ?? 0;
  const block = blocks[source];
  if (source >= at || block === undefined || ((block[0] ?? 0) & FORM_MASK) === AS_BEFORE) {
    reader.fail();
    return new Uint16Array(0);
  }
  const held = before[source];
  if (held !== undefined) return held.rows;
  const inner = new ByteReader(block);
  const form = inner.byte() & FORM_MASK;
  const rows = readPresence(inner, form, count, header.instants);
  if (inner.broken) reader.fail();
  return rows;
}

function readContested(reader: ByteReader, count: number): number[] {
  const length = reader.count(count, 8);
  const contested: number[] = [];
  let position = -1;
  for (let i = 0; i < length && !reader.broken; i += 1) {
    position += 1 + reader.varint();
    if (position >= count) reader.fail();
    contested.push(position);
  }
  if (length === 0) reader.fail();
  return contested;
}

function pick(from: Float64Array, rows: Uint16Array): Float64Array {
  const picked = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) picked[at] = from[rows[at] as number] as number;
  return picked;
}

function sliceOf(
  { kind, rows, values, stamps, contested }: SegmentColumn,
  times: Float64Array,
  fromMs: number,
  toMs: number,
): StreamSlice {
  const own = pick(times, rows);
  const from = firstAt(own, fromMs);
  const to = Math.max(from, firstAt(own, toMs));
  return {
    kind,
    times: own.subarray(from, to),
    values: values.subarray(from, to),
    stamps: stamps.subarray(from, to),
    contested: contested
      .filter((position) => position >= from && position < to)
      .map((position) => position - from),
  };
}

/** The position of the first time that is not before `timeMs`. */
function firstAt(times: Float64Array, timeMs: number): number {
  let [from, to] = [0, times.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((times[middle] as number) < timeMs) from = middle + 1;
    else to = middle;
  }
  return from;
}
