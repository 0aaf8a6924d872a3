// What travels over a link? One exchange is an up-frame and the down-frame that answers it. Both
// are encoding 0: varints, then a CRC-32C. docs/wire-format.md says every byte.

import { parseReplicaId, type ReplicaId } from "../brand.ts";
import type { Interval, LogEntry } from "../crdt/batch-log.ts";
import { ENTRY_BYTES_MAX, FRAME_BYTES_MAX, FRAME_ENTRIES_MAX, TIME_MS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";

/** Version of every frame; a receiver refuses others by name. */
export const PROTOCOL_VERSION = 1;

const MAGIC = 0x53;
const UP = 1;
const DOWN = 2;

/** Edge to origin: everything committed after `interval.from`, as far as one frame reaches. */
export interface UpFrame {
  readonly replica: ReplicaId;
  /** Drawn when the replica's storage was made: another life, another log. */
  readonly replicaEpoch: number;
  /** The lowest seq that the replica still holds; what is below is gone for ever. */
  readonly floor: number;
  /** The highest seq that it holds, so that the origin can tell the lag. */
  readonly head: number;
  /** The sender's clock, epoch milliseconds. */
  readonly sentMs: number;
  readonly interval: Interval;
}

type Outcome = "applied" | "behind" | "diverged";

/** Outcomes by their byte. */
const OUTCOMES: readonly Outcome[] = ["applied", "behind", "diverged"];

/** Origin to edge: what it now holds. */
export interface DownFrame {
  /**
   * `applied`: everything up to `cursor` is stored. `behind`: send again from `cursor`.
   * `diverged`: the entry at `cursor` is another one here, nothing was stored: draw a new
   * replicaEpoch.
   */
  readonly outcome: Outcome;
  readonly replicaEpoch: number;
  readonly cursor: number;
  /** The hub's clock, epoch milliseconds. */
  readonly hubNowMs: number;
}

/** Why bytes are not a frame. */
export type FrameError =
  | "too-large"
  | "not-a-frame"
  | "unknown-version"
  | "wrong-checksum"
  | "broken-frame";

/** Encodes an up-frame; equal frames have equal bytes, so a retry is byte-identical. */
export function encodeUpFrame(frame: UpFrame): Uint8Array {
  const writer = open(UP);
  writer.text(frame.replica);
  writer.varint(frame.replicaEpoch);
  writer.varint(frame.floor);
  writer.varint(frame.head);
  writer.varint(frame.sentMs);
  writer.varint(frame.interval.from);
  writer.varint(frame.interval.entries.length);
  let previous = 0;
  for (const entry of frame.interval.entries) {
    writer.zigzag(entry.stampMs - previous);
    writer.block(entry.body);
    previous = entry.stampMs;
  }
  return close(writer);
}

/** Decodes an up-frame. Every bound is checked before anything of that size is allocated. */
export function decodeUpFrame(bytes: Uint8Array): Result<UpFrame, FrameError> {
  const opened = openReader(bytes, UP);
  if (!opened.ok) return opened;
  const reader = opened.value;
  const replica = parseReplicaId(reader.text());
  const replicaEpoch = reader.varint();
  const floor = reader.varint();
  const head = reader.varint();
  const sentMs = reader.varint();
  const from = reader.varint();
  const entries = readEntries(reader, from);
  const to = from + entries.length;
  const isWhole = !reader.broken && reader.remaining === 0 && replica !== null;
  if (!isWhole || head < to || floor < 1 || sentMs > TIME_MS_MAX) return err("broken-frame");
  return ok({ replica, replicaEpoch, floor, head, sentMs, interval: { from, to, entries } });
}

/** Encodes a down-frame. */
export function encodeDownFrame(frame: DownFrame): Uint8Array {
  const writer = open(DOWN);
  writer.byte(OUTCOMES.indexOf(frame.outcome));
  writer.varint(frame.replicaEpoch);
  writer.varint(frame.cursor);
  writer.varint(frame.hubNowMs);
  return close(writer);
}

/** Decodes a down-frame. */
export function decodeDownFrame(bytes: Uint8Array): Result<DownFrame, FrameError> {
  const opened = openReader(bytes, DOWN);
  if (!opened.ok) return opened;
  const reader = opened.value;
  const outcome = OUTCOMES[reader.byte()];
  const replicaEpoch = reader.varint();
  const cursor = reader.varint();
  const hubNowMs = reader.varint();
  if (reader.broken || reader.remaining > 0 || outcome === undefined) return err("broken-frame");
  return ok({ outcome, replicaEpoch, cursor, hubNowMs });
}

function readEntries(reader: ByteReader, from: number): LogEntry[] {
  const count = reader.count(FRAME_ENTRIES_MAX, 16);
  const entries: LogEntry[] = [];
  let stampMs = 0;
  for (let i = 0; i < count && !reader.broken; i += 1) {
    stampMs += reader.zigzag();
    if (stampMs < 0 || stampMs > TIME_MS_MAX) reader.fail();
    entries.push({ seq: from + i + 1, stampMs, body: reader.block(ENTRY_BYTES_MAX) });
  }
  return entries;
}

function open(direction: number): ByteWriter {
  const writer = new ByteWriter();
  writer.byte(MAGIC);
  writer.byte(PROTOCOL_VERSION);
  writer.byte(direction);
  return writer;
}

function close(writer: ByteWriter): Uint8Array {
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

function openReader(bytes: Uint8Array, direction: number): Result<ByteReader, FrameError> {
  if (bytes.length > FRAME_BYTES_MAX + 1024) return err("too-large");
  if (bytes.length < 7 || bytes[0] !== MAGIC) return err("not-a-frame");
  if (bytes[1] !== PROTOCOL_VERSION) return err("unknown-version");
  const body = bytes.subarray(0, bytes.length - 4);
  if (new ByteReader(bytes.subarray(bytes.length - 4)).uint32() !== crc32c(body))
    return err("wrong-checksum");
  if (bytes[2] !== direction) return err("not-a-frame");
  return ok(new ByteReader(body.subarray(3)));
}
