// What does an edge say to its hub? Everything it did after a position, as far as one frame reaches,
// and how much of the hub's it holds.

import { parseReplicaId, type ReplicaId } from "../brand.ts";
import type { LogEntry } from "../crdt/batch-log.ts";
import type { Result } from "../result.ts";
import type { ByteReader } from "./bytes.ts";
import { KeyDictionary, type NewKeys } from "./dictionary.ts";
import {
  closeFrame,
  decodeFrame,
  HAS_EXTENSION,
  HAS_HELLO,
  HAS_LOG,
  HAS_NO_KEYS,
  HAS_STATE,
  NO_GROUPS,
  openFrame,
  positionCodec,
  PROTOCOL_VERSION,
  readGroups,
  UP,
  VERSIONS,
  writeGroups,
  type FrameError,
  type Group,
  type Position,
  type Versions,
} from "./frame.ts";
import { LOG_LANE, type LogLane } from "./log-lane.ts";
import { naturalCodec, recordCodec, timeCodec } from "./values.ts";

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

/** Those that are known, beside HAS_LOG where there is a log. */
const FLAGS: number = HAS_HELLO | HAS_STATE | HAS_NO_KEYS | HAS_EXTENSION;

/** What every frame says of itself, after who speaks; `length` is how far it reaches. */
const FIELDS = /* @__PURE__ */ recordCodec({
  floor: naturalCodec,
  head: naturalCodec,
  sentMs: timeCodec,
  from: positionCodec,
  length: naturalCodec,
  ack: positionCodec,
});

/** Encodes an up-frame of a link with a log; see encodeUp(). */
export function encodeUpFrame(
  frame: UpFrame,
  keys: KeyDictionary = new KeyDictionary(),
  base = 0,
  version: number = PROTOCOL_VERSION,
): Uint8Array {
  return encodeUp(frame, keys, base, version, LOG_LANE);
}

/** Decodes an up-frame of a link with a log; see decodeUp(). */
export function decodeUpFrame(
  bytes: Uint8Array,
  keysOf: (link: number) => KeyDictionary = () => new KeyDictionary(),
  versions: Versions = VERSIONS,
): Result<ReceivedUpFrame, FrameError> {
  return decodeUp(bytes, keysOf, versions, LOG_LANE);
}

/**
 * Encodes an up-frame.
 *
 * @param keys The dictionary of the link's way up; `base` keys of it are known to the hub.
 * @param lane The link's log; none: what the frame says of it is left out.
 */
export function encodeUp(
  frame: UpFrame,
  keys: KeyDictionary,
  base: number,
  version: number,
  lane?: LogLane,
): Uint8Array {
  const { speaker, groups, from } = frame;
  const log = lane ? frame.log : [];
  const isHello = speaker.kind === "hello";
  const flags =
    (isHello ? HAS_HELLO : 0) |
    (log.length > 0 ? HAS_LOG : 0) |
    (groups.length > 0 ? HAS_STATE : 0) |
    (frame.isKeyless ? HAS_NO_KEYS : 0);
  const writer = openFrame(UP, flags, version);
  if (isHello) writer.text(speaker.replica);
  writer.varint(isHello ? speaker.replicaEpoch : speaker.link);
  FIELDS.write(writer, [{ ...frame, length: frame.to - from.seq }]);
  if (log.length > 0) lane?.write(writer, log, from.seq);
  if (groups.length > 0) writeGroups(writer, groups, keys, base);
  return closeFrame(writer);
}

/**
 * Decodes an up-frame. Every bound is checked before anything of that size is allocated.
 *
 * @param keysOf The dictionary of a link's way up; it is not changed.
 * @param lane The link's log; none: a frame that has one is broken.
 */
export function decodeUp(
  bytes: Uint8Array,
  keysOf: (link: number) => KeyDictionary,
  versions: Versions,
  lane?: LogLane,
): Result<ReceivedUpFrame, FrameError> {
  return decodeFrame(
    bytes,
    UP,
    lane ? FLAGS | HAS_LOG : FLAGS,
    versions,
    ({ reader, flags, version }) => {
      const speaker = readSpeaker(reader, flags);
      const [fields] = FIELDS.read(reader, 1);
      if (!fields) return undefined;
      const { length, ...rest } = fields;
      const { from, floor, head } = rest;
      const to = from.seq + length;
      if (to > head || floor < 1) reader.fail();
      const log = (flags & HAS_LOG && lane?.read(reader, from.seq, to)) || [];
      // A hello has no link, and no dictionary.
      const link = speaker.kind === "link" ? speaker.link : 0;
      const state = flags & HAS_STATE ? readGroups(reader, keysOf(link)) : NO_GROUPS;
      const isKeyless = (flags & HAS_NO_KEYS) !== 0;
      return state && { ...rest, speaker, version, to, isKeyless, log, ...state };
    },
  );
}

function readSpeaker(reader: ByteReader, flags: number): Speaker {
  if (!(flags & HAS_HELLO)) return { kind: "link", link: reader.varint() };
  const replica = parseReplicaId(reader.text()) ?? reader.fail("" as ReplicaId);
  return { kind: "hello", replica, replicaEpoch: reader.varint() };
}
