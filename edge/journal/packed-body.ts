// How small can an entry be that waits for an origin that is away, or is kept for one that asks again?
// Its readings as segments, the rest as it was; or, once the origin holds it, by the names under which
// its readings are sealed. Unpacked, it is the same to the byte, or it is not packed at all.

import type { DeviceId, StreamName } from "../../sync/brand.ts";
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from "../../sync/limits.ts";
import {
  decodeBatches,
  encodeBatches,
  readingsOf,
  type ReadingBatch,
} from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { everyRow } from "../../sync/wire/columns.ts";
import { crc32c } from "../segment/crc32c.ts";
import type { HeldReadings, TimeRange } from "../ports.ts";
import { decodeSegment } from "../segment/decode.ts";
import { encodeSteps } from "../segment/encode.ts";
import { Gather } from "../segment/gather.ts";
import type { Segment } from "../segment/segment.ts";
import { decodePart, encodePart } from "./slot-note.ts";

const AS_IT_WAS = 0;
const AS_SEGMENTS = 1;
const BY_REFERENCE = 2;
/** Bytes of a batch, on average, below which what names its readings is hardly less. */
const REFERRED_BYTES_MIN = 160;
/** What is said of an entry by reference before the number of its batches, which its body has too. */
const REFERRED_FRONT_BYTES = 5;

/** Finds what is sealed of a device with times in a range, or near. */
export type FindReadings = (device: DeviceId, range: TimeRange) => Iterable<HeldReadings>;

/** Packs a body; yields how many readings a step took. */
export function* packSteps(body: Uint8Array): Generator<number, Uint8Array> {
  const packed = yield* tryPack(body);
  if (packed !== null && packed.length < body.length) return packed;
  const writer = new ByteWriter();
  writer.byte(AS_IT_WAS);
  writer.raw(body);
  return writer.bytes();
}

/**
 * Packs a body whose readings are sealed: by what names them; yields how many readings a step took.
 * Null: they cannot be told by that, it is not worth it, or some are of before `sinceMs` and may leave
 * the segments first.
 */
export function* referSteps(
  body: Uint8Array,
  stampMs: number,
  find: FindReadings,
  sinceMs: number,
): Generator<number, Uint8Array | null> {
  const batches = decodeBatches(body);
  if (!batches.ok || body.length < REFERRED_BYTES_MIN * batches.value.length) return null;
  const writer = new ByteWriter();
  writer.byte(BY_REFERENCE);
  writer.uint32(crc32c(body));
  writer.varint(batches.value.length);
  let end = writer.length - REFERRED_FRONT_BYTES;
  for (const batch of batches.value) {
    const range = [batch.times[0] ?? 0, batch.times.at(-1) ?? 0] as const;
    if (range[0] < sinceMs) return null;
    writer.block(encodePart(withoutReadings(batch)));
    writer.zigzag(range[0] - stampMs);
    writer.varint(range[1] - range[0]);
    const found = encodePart(findBatch(batch, range, stampMs, find));
    if (!isAt(body, end, found)) return null;
    end += found.length;
    yield readingsOf(batch);
  }
  return writer.broken || end !== body.length ? null : writer.bytes();
}

/** Tells whether a packed body is one of referBody(). */
function isReferred(packed: Uint8Array): boolean {
  return packed[0] === BY_REFERENCE;
}

/** Unpacks what packBody() or referBody() wrote; null if it is broken, or what it names is gone. */
export function unpackBody(
  packed: Uint8Array,
  stampMs: number,
  find: FindReadings,
): Uint8Array | null {
  if (packed[0] === AS_IT_WAS) return packed.subarray(1);
  return isReferred(packed) ? rebuild(packed, stampMs, find) : unpackSegments(packed);
}

function unpackSegments(packed: Uint8Array): Uint8Array | null {
  const reader = new ByteReader(packed);
  if (reader.byte() !== AS_SEGMENTS) return null;
  const count = reader.count(ENTRY_BATCHES_MAX, 16);
  const batches: ReadingBatch[] = [];
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const batch = readBatch(reader);
    if (batch === null) return null;
    batches.push(batch);
  }
  return reader.broken || reader.remaining > 0 ? null : encodeBatches(batches);
}

function* tryPack(body: Uint8Array): Generator<number, Uint8Array | null> {
  const batches = decodeBatches(body);
  if (!batches.ok) return null;
  const writer = new ByteWriter();
  writer.byte(AS_SEGMENTS);
  writer.varint(batches.value.length);
  let end = writer.length - 1;
  for (const batch of batches.value) {
    // What is unpacked is encoded again: that has to give these very bytes.
    const part = encodePart(batch);
    const [segment, more] = segmentsOf(batch);
    if (segment === undefined || more !== undefined) return null;
    if (!isWhole(batch, segment) || !isAt(body, end, part)) return null;
    end += part.length;
    writer.block(encodePart(withoutReadings(batch)));
    writer.block(yield* encodeSteps(segment));
  }
  return end === body.length ? writer.bytes() : null;
}

function withoutReadings(batch: ReadingBatch): ReadingBatch {
  return { ...batch, times: [], columns: [] };
}

/** Tells whether some bytes stand in a body from a position on. */
function isAt(body: Uint8Array, position: number, bytes: Uint8Array): boolean {
  return areSame(body.subarray(position, position + bytes.length), bytes);
}

/** Tells whether a segment holds a batch as it is: a time that no column has is in none. */
function isWhole({ times, columns }: ReadingBatch, segment: Segment): boolean {
  return (
    segment.times.length === times.length &&
    segment.columns.length === columns.length &&
    segment.columns.every(({ rows }, at) => rows.length === columns[at]?.rows.length)
  );
}

function segmentsOf({ times, columns }: ReadingBatch) {
  const gather = new Gather();
  for (const column of columns) gather.add(times, column, 0, column.rows.length, times[0] ?? 0);
  return gather.segments();
}

function readBatch(reader: ByteReader): ReadingBatch | null {
  const named = decodePart(reader.block(ENTRY_BYTES_MAX));
  const segment = decodeSegment(reader.block(ENTRY_BYTES_MAX));
  if (named === null || !segment.ok) return null;
  const { times, columns } = segment.value;
  return {
    ...named,
    times: Array.from(times),
    columns: columns.map(({ stream, kind, rows, values }) => ({
      stream: stream as StreamName,
      kind,
      rows: Array.from(rows),
      values: Array.from(values),
    })),
  };
}

function rebuild(packed: Uint8Array, stampMs: number, find: FindReadings): Uint8Array | null {
  const reader = new ByteReader(packed);
  reader.byte();
  const crc = reader.uint32();
  const count = reader.count(ENTRY_BATCHES_MAX, 16);
  const batches: ReadingBatch[] = [];
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const batch = rebuildBatch(reader, stampMs, find);
    if (batch === null) return null;
    batches.push(batch);
  }
  if (reader.broken || reader.remaining > 0) return null;
  const body = encodeBatches(batches);
  return crc32c(body) === crc ? body : null;
}

function rebuildBatch(
  reader: ByteReader,
  stampMs: number,
  find: FindReadings,
): ReadingBatch | null {
  const named = decodePart(reader.block(ENTRY_BYTES_MAX));
  const firstMs = stampMs + reader.zigzag();
  const lastMs = firstMs + reader.varint();
  if (named === null || reader.broken) return null;
  return findBatch(named, [firstMs, lastMs], stampMs, find);
}

/** Finds the readings of a batch, which was committed at `stampMs`; of it, only what names it counts. */
function findBatch(
  named: ReadingBatch,
  range: TimeRange,
  stampMs: number,
  find: FindReadings,
): ReadingBatch {
  const found = new Map<string, Found>();
  for (const held of find(named.device, range)) take(held, stampMs, range, found);
  const columns = [...found.keys()].toSorted().flatMap((stream) => found.get(stream) ?? []);
  for (const column of columns) settle(column);
  const times = timesOf(columns);
  const all = everyRow(times.length);
  return {
    ...named,
    times,
    columns: columns.map(({ stream, kind, times: own, values }) => {
      const rows = own.length === times.length ? all : rowsOf(own, times);
      return { stream, kind, rows, values };
    }),
  };
}

/** Readings of one column. */
interface Found {
  readonly stream: StreamName;
  readonly kind: "number" | "boolean";
  times: number[];
  values: number[];
}

/** Adds what was committed at `stampMs`; a reading may come twice. */
function take(
  { stream, kind, times, values, stampOf }: HeldReadings,
  stampMs: number,
  [firstMs, lastMs]: TimeRange,
  found: Map<string, Found>,
): void {
  const column = found.get(stream) ?? { stream: stream as StreamName, kind, times: [], values: [] };
  for (let at = firstAtLeast(times, firstMs); at < times.length; at += 1) {
    const timeMs = times[at] as number;
    if (timeMs > lastMs) break;
    if (stampOf(at) !== stampMs) continue;
    column.times.push(timeMs);
    column.values.push(values[at] as number);
  }
  if (column.times.length > 0) found.set(stream, column);
}

/** The position of the first of ascending times that is not before `timeMs`. */
function firstAtLeast(times: ArrayLike<number>, timeMs: number): number {
  let [from, to] = [0, times.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((times[middle] as number) < timeMs) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Puts a column in order, each time once. */
function settle(column: Found): void {
  const { times, values } = column;
  if (times.every((timeMs, at) => at === 0 || timeMs > (times[at - 1] as number))) return;
  const valueAt = new Map(times.map((timeMs, at) => [timeMs, values[at] as number]));
  column.times = [...valueAt.keys()].toSorted((a, b) => a - b);
  column.values = column.times.map((timeMs) => valueAt.get(timeMs) ?? 0);
}

/** The times of all columns; nearly always they are the same. */
function timesOf(columns: readonly Found[]): readonly number[] {
  const first = columns[0]?.times ?? [];
  if (columns.every(({ times }) => areSame(times, first))) return first;
  return [...new Set(columns.flatMap(({ times }) => times))].toSorted((a, b) => a - b);
}

function areSame(left: ArrayLike<number>, right: ArrayLike<number>): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

/** Where each of some times is in all of them. */
function rowsOf(own: readonly number[], times: readonly number[]): number[] {
  let row = -1;
  return own.map((timeMs) => (row = times.indexOf(timeMs, row + 1)));
}
