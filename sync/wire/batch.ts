// What does a batch of readings look like on the wire and in the journal? One encoded batch is
// about a byte and a half a reading: a shared time column, then a column a stream.

import { parseDeviceId, parseStreamName, type DeviceId, type StreamName } from "../brand.ts";
import {
  BATCH_COLUMNS_MAX,
  BATCH_READINGS_MAX,
  BATCH_TIMES_MAX,
  ENTRY_BATCHES_MAX,
  NAME_CHARS_MAX,
} from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { ByteReader, ByteWriter, decodeText } from "./bytes.ts";
import {
  everyRow,
  readPresence,
  readTimes,
  readValues,
  writePresence,
  writeTimes,
  writeValues,
} from "./columns.ts";

/** How a device names a batch, so that a retry is recognised. */
export type BatchIdentity =
  | { readonly kind: "none" }
  | { readonly kind: "boot"; readonly boot: string; readonly seq: number }
  | { readonly kind: "key"; readonly key: string };

/** The values of one stream in a batch. */
export interface Column {
  readonly stream: StreamName;
  /** Booleans are held as 0 and 1. */
  readonly kind: "number" | "boolean";
  /** Indexes into the batch's times, ascending. */
  readonly rows: readonly number[];
  readonly values: readonly number[];
}

/** Readings of one device with distinct identities (stream, event time). */
export interface ReadingBatch {
  readonly device: DeviceId;
  readonly identity: BatchIdentity;
  /** First 8 bytes of the content's SHA-256, in hexadecimal. */
  readonly contentHash: string;
  /** True if the device gave no times and the hub assigned the time of the first commit. */
  readonly isTimeAssigned: boolean;
  /** Epoch milliseconds, strictly ascending. */
  readonly times: readonly number[];
  /** By stream, strictly ascending. */
  readonly columns: readonly Column[];
}

const HASH_BYTES = 8;
const HASH = /^[0-9a-f]{16}$/;

/** Counts the readings of a batch. */
export function readingsOf(batch: ReadingBatch): number {
  return batch.columns.reduce((sum, column) => sum + column.rows.length, 0);
}

/** An entry, and where in it the content hash of each batch stands. */
export interface EncodedBatches {
  readonly bytes: Uint8Array;
  readonly hashesAt: readonly number[];
}

/** Encodes the batches of one journal entry. */
export function encodeBatches(batches: readonly ReadingBatch[]): Uint8Array {
  return encodeWithPlaces(batches).bytes;
}

/** One writer for all: most of what it would cost to encode a batch is room that is thrown away. */
const shared = new ByteWriter();

/** Encodes the batches of one journal entry, whose content hashes may be set afterwards. */
export function encodeWithPlaces(batches: readonly ReadingBatch[]): EncodedBatches {
  const writer = shared;
  writer.clear();
  writer.varint(batches.length);
  const hashesAt = batches.map((batch) => writeBatch(writer, batch));
  return { bytes: writer.bytes(), hashesAt };
}

/** Sets the content hash of every batch, 16 hexadecimal digits, in the entry, and gives it back. */
export function withHash({ bytes, hashesAt }: EncodedBatches, contentHash: string): Uint8Array {
  for (const at of hashesAt) {
    for (let i = 0; i < HASH_BYTES; i += 1)
      bytes[at + i] = parseInt(contentHash.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Decodes the batches of one journal entry; anything out of bounds is an error, never a throw. */
export function decodeBatches(bytes: Uint8Array): Result<ReadingBatch[], "broken-batch"> {
  const reader = new ByteReader(bytes);
  const count = reader.count(ENTRY_BATCHES_MAX, 8);
  const batches: ReadingBatch[] = [];
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const batch = readBatch(reader);
    if (batch === null) return err("broken-batch");
    batches.push(batch);
  }
  return reader.broken || reader.remaining > 0 ? err("broken-batch") : ok(batches);
}

/** Decodes one batch as it stands in an entry; null if it is broken. */
export function decodeBatch(bytes: Uint8Array): ReadingBatch | null {
  const reader = new ByteReader(bytes);
  const batch = readBatch(reader);
  return reader.broken || reader.remaining > 0 ? null : batch;
}

/** Returns where the content hash stands. */
function writeBatch(writer: ByteWriter, batch: ReadingBatch): number {
  writer.byte(batch.isTimeAssigned ? 1 : 0);
  writeText(writer, batch.device);
  writeIdentity(writer, batch.identity);
  const hashAt = writer.length;
  for (let i = 0; i < HASH_BYTES; i += 1)
    writer.byte(parseInt(batch.contentHash.slice(2 * i, 2 * i + 2), 16));
  writer.varint(batch.times.length);
  writeTimes(writer, batch.times);
  writer.varint(batch.columns.length);
  for (const column of batch.columns) {
    writeText(writer, column.stream);
    writePresence(writer, column.rows, batch.times.length);
    writeValues(writer, column.kind, column.values);
  }
  return hashAt;
}

function readBatch(reader: ByteReader): ReadingBatch | null {
  const flags = reader.byte();
  const device = parseDeviceId(readText(reader));
  const identity = readIdentity(reader);
  const contentHash = hexOf(reader.raw(HASH_BYTES));
  const times = readTimes(reader, reader.count(BATCH_TIMES_MAX, 8));
  const columns = readColumns(reader, times.length);
  if (reader.broken || flags > 1 || device === null || identity === null || columns === null)
    return null;
  return HASH.test(contentHash)
    ? { device, identity, contentHash, isTimeAssigned: flags === 1, times, columns }
    : null;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte] ?? "";
  return text;
}

function readColumns(reader: ByteReader, timeCount: number): Column[] | null {
  const count = reader.count(BATCH_COLUMNS_MAX, 24);
  const columns: Column[] = [];
  // Most columns have all rows: they share them.
  const all = everyRow(timeCount);
  let readings = 0;
  let previous = "";
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const stream = parseStreamName(readText(reader));
    const rows = readPresence(reader, timeCount, all);
    readings += rows.length;
    if (stream === null || stream <= previous || readings > BATCH_READINGS_MAX) return null;
    columns.push({ stream, rows, ...readValues(reader, rows.length) });
    previous = stream;
  }
  return columns;
}

/** Names are short and ASCII: the runtime's coders cost more than the rest of such a text. */
const PLAIN_CHARS_MAX = 64;

/** Writes a text as ByteWriter.text() does. */
function writeText(writer: ByteWriter, text: string): void {
  const { length } = text;
  let isPlain = length <= PLAIN_CHARS_MAX;
  for (let at = 0; at < length && isPlain; at += 1) isPlain = text.charCodeAt(at) < 0x80;
  if (!isPlain) return writer.text(text);
  writer.varint(length);
  for (let at = 0; at < length; at += 1) writer.byte(text.charCodeAt(at));
}

/** Reads a text as ByteReader.text() does. */
function readText(reader: ByteReader): string {
  const bytes = reader.block(NAME_CHARS_MAX * 4);
  let isPlain = bytes.length <= PLAIN_CHARS_MAX;
  for (let at = 0; at < bytes.length && isPlain; at += 1) isPlain = (bytes[at] as number) < 0x80;
  if (isPlain) return String.fromCharCode(...bytes);
  return decodeText(bytes) ?? reader.fail("");
}

function writeIdentity(writer: ByteWriter, identity: BatchIdentity): void {
  switch (identity.kind) {
    case "none":
      writer.byte(0);
      return;
    case "boot":
      writer.byte(1);
      writeText(writer, identity.boot);
      writer.varint(identity.seq);
      return;
    case "key":
      writer.byte(2);
      writeText(writer, identity.key);
  }
}

function readIdentity(reader: ByteReader): BatchIdentity | null {
  const kind = reader.byte();
  if (kind === 0) return { kind: "none" };
  if (kind > 2) return null;
  const name = readText(reader);
  if (name.length === 0 || name.length > NAME_CHARS_MAX) return null;
  return kind === 1
    ? { kind: "boot", boot: name, seq: reader.varint() }
    : { kind: "key", key: name };
}
