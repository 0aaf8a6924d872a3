// How small can an entry be that waits for an origin that is away, or is kept for one that asks again?
// Its readings as segments, the rest as it was; or, once the origin holds it, by the names under which
// its readings are sealed. Unpacked, it is the same to the byte, or it is not packed at all.

import type { DeviceId, StreamName } from "../../sync/brand.ts";
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from "../../sync/limits.ts";
import { decodeBatches, encodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import type { HeldReadings, TimeRange } from "../ports.ts";
import { decodeSegment } from "../segment/decode.ts";
import { encodeSegment } from "../segment/encode.ts";
import { Gather } from "../segment/gather.ts";
import { decodePart, encodePart } from "./slot-note.ts";

const AS_IT_WAS = 0;
const AS_SEGMENTS = 1;
const BY_REFERENCE = 2;
/** Bytes of a batch, on average, below which what names its readings is hardly less. */
const REFERRED_BYTES_MIN = 160;

/** Finds what is sealed of a device with times in a range, or near. */
export type FindReadings = (device: DeviceId, range: TimeRange) => Iterable<HeldReadings>;

/** Packs a body. */
export function packBody(body: Uint8Array): Uint8Array {
  const packed = tryPack(body);
  if (packed !== null && packed.length < body.length && areEqual(unpackSegments(packed), body))
    return packed;
  const writer = new ByteWriter();
  writer.byte(AS_IT_WAS);
  writer.raw(body);
  return writer.bytes();
}

/**
 * Packs a body whose readings are sealed: by what names them. Null: they cannot be told by that, it is
 * not worth it, or some are of before `sinceMs` and may leave the segments first.
 */
export function referBody(
  body: Uint8Array,
  stampMs: number,
  find: FindReadings,
  sinceMs: number,
): Uint8Array | null {
  const batches = decodeBatches(body);
  if (!batches.ok || body.length < REFERRED_BYTES_MIN * batches.value.length) return null;
  const writer = new ByteWriter();
  writer.byte(BY_REFERENCE);
  writer.uint32(crc32c(body));
  writer.varint(batches.value.length);
  for (const batch of batches.value) {
    const { times } = batch;
    if ((times[0] ?? 0) < sinceMs) return null;
    writer.block(encodePart({ ...batch, times: [], columns: [] }));
    writer.zigzag((times[0] ?? 0) - stampMs);
    writer.varint((times.at(-1) ?? 0) - (times[0] ?? 0));
  }
  if (writer.broken) return null;
  const packed = writer.bytes();
  return areEqual(rebuild(packed, stampMs, find), body) ? packed : null;
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

function tryPack(body: Uint8Array): Uint8Array | null {
  const batches = decodeBatches(body);
  if (!batches.ok) return null;
  const writer = new ByteWriter();
  writer.byte(AS_SEGMENTS);
  writer.varint(batches.value.length);
  for (const batch of batches.value) {
    const [segment, more] = segmentsOf(batch);
    if (segment === undefined || more !== undefined) return null;
    writer.block(encodePart({ ...batch, times: [], columns: [] }));
    writer.block(encodeSegment(segment));
  }
  return writer.bytes();
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
  const found = new Map<string, Found>();
  for (const held of find(named.device, [firstMs, lastMs]))
    take(held, stampMs, [firstMs, lastMs], found);
  const streams = [...found.keys()].toSorted();
  const columns = streams.flatMap((stream) => found.get(stream) ?? []);
  const times = [...new Set(columns.flatMap(({ values }) => [...values.keys()]))].toSorted(
    (a, b) => a - b,
  );
  return {
    ...named,
    times,
    columns: columns.map(({ stream, kind, values }) => ({
      stream,
      kind,
      rows: times.flatMap((timeMs, row) => (values.has(timeMs) ? [row] : [])),
      values: times.flatMap((timeMs) => values.get(timeMs) ?? []),
    })),
  };
}

/** Readings of one column, by time. */
interface Found {
  readonly stream: StreamName;
  readonly kind: "number" | "boolean";
  readonly values: Map<number, number>;
}

/** Adds what was committed at `stampMs`; a reading may come twice. */
function take(
  { stream, kind, times, values, stampOf }: HeldReadings,
  stampMs: number,
  [firstMs, lastMs]: TimeRange,
  found: Map<string, Found>,
): void {
  for (let at = 0; at < times.length; at += 1) {
    const timeMs = times[at] ?? 0;
    if (timeMs < firstMs || stampOf(at) !== stampMs) continue;
    if (timeMs > lastMs) return;
    const column = found.get(stream) ?? { stream: stream as StreamName, kind, values: new Map() };
    column.values.set(timeMs, values[at] ?? 0);
    found.set(stream, column);
  }
}

function areEqual(left: Uint8Array | null, right: Uint8Array): boolean {
  return left?.length === right.length && left.every((byte, at) => byte === right[at]);
}
