// How small can an entry be that waits for an origin that is away? Its readings as segments, the rest
// as it was; unpacked, it is the same to the byte, or it is not packed at all.

import type { StreamName } from "../../sync/brand.ts";
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from "../../sync/limits.ts";
import { decodeBatches, encodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { decodeSegment } from "../segment/decode.ts";
import { encodeSegment } from "../segment/encode.ts";
import { Gather } from "../segment/gather.ts";
import { decodePart, encodePart } from "./slot-note.ts";

const AS_IT_WAS = 0;
const AS_SEGMENTS = 1;

/** Packs a body. */
export function packBody(body: Uint8Array): Uint8Array {
  const packed = tryPack(body);
  if (packed !== null && packed.length < body.length && areEqual(unpackBody(packed), body))
    return packed;
  const writer = new ByteWriter();
  writer.byte(AS_IT_WAS);
  writer.raw(body);
  return writer.bytes();
}

/** Unpacks what packBody() wrote; null if it is broken. */
export function unpackBody(packed: Uint8Array): Uint8Array | null {
  if (packed[0] === AS_IT_WAS) return packed.subarray(1);
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

function areEqual(left: Uint8Array | null, right: Uint8Array): boolean {
  return left?.length === right.length && left.every((byte, at) => byte === right[at]);
}
