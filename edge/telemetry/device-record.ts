// How is a device kept on disk? Its batches' numbers and hashes, its streams' totals and marks, in a
// quarter of the bytes of the JSON that earlier releases wrote, and which is still read.

import { assert } from "../../sync/assert.ts";
import { ByteReader, ByteWriter, decodeText } from "../../sync/wire/bytes.ts";
import { limits } from "../limits.ts";
import type { BatchMemory, BootMemory } from "./batch-memory.ts";
import type { DeviceState, StreamState } from "./device-state.ts";

/** A device, and the last journal entry that is folded into it. */
export interface DeviceRecord {
  readonly state: DeviceState;
  readonly seq: number;
}

/** JSON begins with a brace. */
const VERSION = 1;
const BRACE = 0x7b;
const HASH = /^[0-9a-f]{16}$/;
const HASH_BYTES = 8;
const SUM_BYTES_MAX = 802;
/** What stands beside a stream's name. */
const IS_BOOLEAN = 1;
const HAS_TOTAL = 2;
const HAS_LATEST = 4;
const FLAGS_MAX = 7;

/** Encodes a device. */
export function encodeDevice({ state, seq }: DeviceRecord): Uint8Array {
  const { memory, streams, duplicates, conflicts, late, lastCommitMs, clockSkewMs } = state;
  const writer = new ByteWriter();
  writer.byte(VERSION);
  for (const number of [seq, duplicates, conflicts, late, lastCommitMs]) writer.varint(number);
  writer.byte(clockSkewMs === null ? 0 : 1);
  if (clockSkewMs !== null) writer.zigzag(clockSkewMs);
  writeMemory(writer, memory);
  const named = Object.entries(streams);
  writer.varint(named.length);
  for (const [name, stream] of named) writeStream(writer, name, stream, lastCommitMs);
  return writer.bytes();
}

/** Decodes what encodeDevice() wrote, or the JSON of an earlier release; null if it is broken. */
export function decodeDevice(bytes: Uint8Array): DeviceRecord | null {
  if (bytes[0] === BRACE) {
    const text = decodeText(bytes);
    return text === null ? null : (JSON.parse(text) as DeviceRecord);
  }
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return null;
  const [seq = 0, duplicates = 0, conflicts = 0, late = 0, lastCommitMs = 0] = reader.times(
    5,
    (from) => from.varint(),
  );
  const clockSkewMs = reader.byte() === 0 ? null : reader.zigzag();
  const memory = readMemory(reader);
  const count = reader.count(limits.streamsPerDeviceMax, 40);
  const streams = Object.fromEntries(reader.times(count, () => readStream(reader, lastCommitMs)));
  const state = { memory, streams, duplicates, conflicts, late, lastCommitMs, clockSkewMs };
  return reader.isDone ? { state, seq } : null;
}

function writeMemory(writer: ByteWriter, { boots, keys }: BatchMemory): void {
  writer.varint(boots.length);
  for (const { boot, contiguous, highest, recent } of boots) {
    writer.text(boot);
    writer.varint(contiguous);
    writer.varint(highest);
    writer.varint(recent.length);
    let before = 0;
    for (const [seq, hash] of recent) {
      writer.varint(seq - before);
      before = seq;
      writeHash(writer, hash);
    }
  }
  writer.varint(keys.length);
  for (const [key, hash] of keys) {
    writer.text(key);
    writeHash(writer, hash);
  }
}

function readMemory(reader: ByteReader): BatchMemory {
  const boots = reader.times(reader.count(limits.bootsPerDeviceMax, 32), readBoot);
  const keys = reader.times(reader.count(limits.keysPerDeviceMax, 72), (from) => {
    return [from.text(), readHash(from)] as const;
  });
  return { boots, keys };
}

function readBoot(reader: ByteReader): BootMemory {
  const boot = reader.text();
  const contiguous = reader.varint();
  const highest = reader.varint();
  let seq = 0;
  const recent = reader.times(reader.count(limits.batchWindow, 72), (from) => {
    seq += from.varint();
    return [seq, readHash(from)] as const;
  });
  return { boot, contiguous, highest, recent };
}

function writeHash(writer: ByteWriter, hash: string): void {
  assert(HASH.test(hash), "A content hash is 16 hexadecimal digits");
  for (let at = 0; at < 2 * HASH_BYTES; at += 2)
    writer.byte((digitOf(hash.charCodeAt(at)) << 4) | digitOf(hash.charCodeAt(at + 1)));
}

/** The value of a lower-case hexadecimal digit: "0" is 48, "a" is 97. */
function digitOf(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

function readHash(reader: ByteReader): string {
  let hash = "";
  for (const byte of reader.raw(HASH_BYTES)) hash += byte.toString(16).padStart(2, "0");
  return hash;
}

/** Times lie near the last commit. */
function writeStream(
  writer: ByteWriter,
  name: string,
  { kind, total, highWaterMs, quarantineHighWaterMs, latest, quarantined }: StreamState,
  nearMs: number,
): void {
  writer.text(name);
  writer.byte(
    (kind === "boolean" ? IS_BOOLEAN : 0) |
      (total === null ? 0 : HAS_TOTAL) |
      (latest === null ? 0 : HAS_LATEST),
  );
  writer.zigzag(highWaterMs - nearMs);
  writer.varint(quarantineHighWaterMs);
  writer.varint(quarantined);
  if (latest !== null) {
    writer.zigzag(latest[0] - highWaterMs);
    writer.float64(latest[1]);
  }
  if (total === null) return;
  const [count, sum, min, max, firstMs, lastMs] = total;
  writer.varint(count);
  writer.text(sum);
  writer.float64(min);
  writer.float64(max);
  writer.varint(firstMs);
  writer.zigzag(lastMs - highWaterMs);
}

function readStream(reader: ByteReader, nearMs: number): readonly [string, StreamState] {
  const name = reader.text();
  const flags = reader.byte();
  if (flags > FLAGS_MAX) reader.fail();
  const highWaterMs = nearMs + reader.zigzag();
  const quarantineHighWaterMs = reader.varint();
  const quarantined = reader.varint();
  const latest =
    (flags & HAS_LATEST) === 0
      ? null
      : ([highWaterMs + reader.zigzag(), reader.float64()] as const);
  const total = (flags & HAS_TOTAL) === 0 ? null : readTotal(reader, highWaterMs);
  const kind = (flags & IS_BOOLEAN) === 0 ? "number" : "boolean";
  return [name, { kind, total, highWaterMs, quarantineHighWaterMs, latest, quarantined }];
}

function readTotal(reader: ByteReader, highWaterMs: number): NonNullable<StreamState["total"]> {
  const count = reader.varint();
  const sum = reader.text(SUM_BYTES_MAX);
  const [min, max] = [reader.float64(), reader.float64()];
  return [count, sum, min, max, reader.varint(), highWaterMs + reader.zigzag()];
}
