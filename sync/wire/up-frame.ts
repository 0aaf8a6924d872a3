// What does an edge say to its hub? Everything it did after a position, as far as one frame reaches,
// and how much of the hub's it holds.

import { parseReplicaId, type ReplicaId } from "../brand.ts";
import type { LogEntry } from "../crdt/batch-log.ts";
import { ENTRY_BYTES_MAX, FRAME_ENTRIES_MAX, TIME_MS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { KeyDictionary } from "./dictionary.ts";
import {
  closeFrame,
  HAS_HELLO,
  HAS_LOG,
  HAS_NO_KEYS,
  HAS_STATE,
  NO_GROUPS,
  openFrame,
  PROTOCOL_VERSION,
  readFrame,
  readGroups,
  readPosition,
  UP,
  VERSIONS,
  writeGroups,
  writePosition,
  type FrameError,
  type Group,
  type NewKeys,
  type Position,
  type Versions,
} from "./frame.ts";

/** Who is speaking: by name until the hub has drawn a number for the link, by number after. */
export type Speaker =
  | { readonly kind: "hello"; readonly replica: ReplicaId; readonly replicaEpoch: number }
  | { readonly kind: "link"; readonly link: number };

/** Edge to hub: the delta-interval `(from.seq, to]` of the edge's history. */
export interface UpFrame {
  readonly speaker: Speaker;
  /** The lowest seq whose log entry the edge still holds; what is below is gone for ever. */
  readonly floor: number;
  /** The highest seq of the edge, so that the hub can tell the lag. */
  readonly head: number;
  /** The sender's clock, epoch milliseconds. */
  readonly sentMs: number;
  readonly from: Position;
  readonly to: number;
  /** What the edge holds of the hub's history. */
  readonly ack: Position;
  /** True if the edge holds no keys of the way down: after a start, or an answer it could not read. */
  readonly isKeyless: boolean;
  readonly log: readonly LogEntry[];
  readonly groups: readonly Group[];
}

/** A frame as received, with what it adds to the dictionary. */
export interface ReceivedUpFrame extends UpFrame {
  readonly version: number;
  /** Null if it has no groups. */
  readonly newKeys: NewKeys | null;
}

/**
 * Encodes an up-frame.
 *
 * @param keys The dictionary of the link's way up; `base` keys of it are known to the hub.
 */
export function encodeUpFrame(
  frame: UpFrame,
  keys: KeyDictionary = new KeyDictionary(),
  base = 0,
  version: number = PROTOCOL_VERSION,
): Uint8Array {
  const { speaker, log, groups, from } = frame;
  const flags =
    (speaker.kind === "hello" ? HAS_HELLO : 0) |
    (log.length > 0 ? HAS_LOG : 0) |
    (groups.length > 0 ? HAS_STATE : 0) |
    (frame.isKeyless ? HAS_NO_KEYS : 0);
  const writer = openFrame(UP, flags, version);
  if (speaker.kind === "hello") {
    writer.text(speaker.replica);
    writer.varint(speaker.replicaEpoch);
  } else writer.varint(speaker.link);
  writer.varint(frame.floor);
  writer.varint(frame.head);
  writer.varint(frame.sentMs);
  writePosition(writer, from);
  writer.varint(frame.to - from.seq);
  writePosition(writer, frame.ack);
  if (log.length > 0) writeLog(writer, log, from.seq);
  if (groups.length > 0) writeGroups(writer, groups, keys, base);
  return closeFrame(writer);
}

/**
 * Decodes an up-frame. Every bound is checked before anything of that size is allocated.
 *
 * @param keysOf The dictionary of a link's way up; it is not changed.
 */
export function decodeUpFrame(
  bytes: Uint8Array,
  keysOf: (link: number) => KeyDictionary = () => new KeyDictionary(),
  versions: Versions = VERSIONS,
): Result<ReceivedUpFrame, FrameError> {
  const opened = readFrame(bytes, UP, versions);
  if (!opened.ok) return opened;
  const { reader, flags, version } = opened.value;
  const speaker = readSpeaker(reader, flags);
  const floor = reader.varint();
  const head = reader.varint();
  const sentMs = reader.varint();
  const from = readPosition(reader);
  const to = from.seq + reader.varint();
  const ack = readPosition(reader);
  const log = flags & HAS_LOG ? readLog(reader, from.seq, to) : [];
  const state = flags & HAS_STATE ? readGroups(reader, keysOf(linkOf(speaker))) : NO_GROUPS;
  if (state === null) return err("no-dictionary");
  const isInBounds = to <= head && floor >= 1 && sentMs <= TIME_MS_MAX;
  if (reader.broken || reader.remaining > 0 || !isInBounds) return err("broken-frame");
  const isKeyless = (flags & HAS_NO_KEYS) !== 0;
  return ok({ speaker, version, floor, head, sentMs, from, to, ack, isKeyless, log, ...state });
}

function readSpeaker(reader: ByteReader, flags: number): Speaker {
  if ((flags & HAS_HELLO) === 0) return { kind: "link", link: reader.varint() };
  const replica = parseReplicaId(reader.text());
  if (replica === null) return { kind: "link", link: reader.fail() };
  return { kind: "hello", replica, replicaEpoch: reader.varint() };
}

/** A hello has no link, and no dictionary. */
function linkOf(speaker: Speaker): number {
  return speaker.kind === "link" ? speaker.link : 0;
}

function writeLog(writer: ByteWriter, log: readonly LogEntry[], from: number): void {
  writer.varint(log.length);
  let seq = from;
  let stampMs = 0;
  for (const entry of log) {
    writer.varint(entry.seq - seq - 1);
    writer.zigzag(entry.stampMs - stampMs);
    writer.block(entry.body);
    ({ seq, stampMs } = entry);
  }
}

function readLog(reader: ByteReader, from: number, to: number): LogEntry[] {
  const count = reader.count(FRAME_ENTRIES_MAX, 24);
  const log: LogEntry[] = [];
  let seq = from;
  let stampMs = 0;
  for (let i = 0; i < count && !reader.broken; i += 1) {
    seq += reader.varint() + 1;
    stampMs += reader.zigzag();
    if (seq > to || stampMs < 0 || stampMs > TIME_MS_MAX) reader.fail();
    log.push({ seq, stampMs, body: reader.block(ENTRY_BYTES_MAX) });
  }
  return log;
}
