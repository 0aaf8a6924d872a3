// What do the frames of both directions have in common? An envelope (magic, version, CRC-32C), keys
// by number, and groups: one a collection, each with its length, so that a receiver can leave one
// alone that it does not know. docs/wire-format.md says every byte.

import {
  COLLECTION_ID_MAX,
  DICTIONARY_KEYS_MAX,
  EXTENSION_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_GROUPS_MAX,
  FRAME_STATE_ENTRIES_MAX,
} from "../limits.ts";
import { err, type Result } from "../result.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import { readKeys, writeKeys, type KeyDictionary, type NewKeys } from "./dictionary.ts";
import { each, integersCodec, naturalCodec, recordCodec, type Codec } from "./values.ts";

/** The versions that an end of a link speaks: the newest one, and the one before it. */
export interface Versions {
  readonly min: number;
  readonly max: number;
}

/** Version of every frame that this code writes. */
export const PROTOCOL_VERSION = 1;
export const VERSIONS: Versions = { min: 1, max: PROTOCOL_VERSION };

const MAGIC = 0x53;
/** Bytes before the fields: magic, version, direction, flags. */
const HEAD_BYTES = 4;
const CRC_BYTES = 4;

export const UP = 1;
export const DOWN = 2;

/** Flags of a frame. */
export const HAS_HELLO = 1;
export const HAS_LOG = 2;
export const HAS_STATE = 4;
/** Up: the sender holds no keys of the way down, so the answer builds on none. */
export const HAS_NO_KEYS = 8;
export const HAS_EXTENSION = 0x80;

/** A place in a replica's history: what was done up to `seq`, and a checksum that tells whose. */
export interface Position {
  readonly seq: number;
  /** CRC-32C of what ends there: of the frame, or of the log's entry. 0 at the beginning. */
  readonly digest: number;
}

export const ORIGIN_POSITION: Position = { seq: 0, digest: 0 };

export function isSamePosition(left: Position, right: Position): boolean {
  return left.seq === right.seq && left.digest === right.digest;
}

export function hasPosition(positions: readonly Position[], at: Position): boolean {
  return positions.some((position) => isSamePosition(position, at));
}

/** Entries of one collection as they travel; the values are in `body`, as its kind writes them. */
export interface Group {
  readonly collection: number;
  readonly kind: number;
  readonly keys: readonly string[];
  readonly body: Uint8Array;
}

/** What a frame without groups says of them. */
export const NO_GROUPS: { readonly groups: readonly Group[]; readonly newKeys: null } = {
  groups: [],
  newKeys: null,
};

/** Why bytes are not a frame. */
export type FrameError =
  | "too-large"
  | "not-a-frame"
  | "unknown-version"
  | "wrong-checksum"
  | "broken-frame"
  /** It builds on keys that this end does not hold, or holds otherwise. */
  | "no-dictionary";

/** An opened envelope. */
export interface Opened {
  readonly reader: ByteReader;
  readonly version: number;
  readonly flags: number;
}

/** Begins a frame. */
export function openFrame(direction: number, flags: number, version: number): ByteWriter {
  const writer = new ByteWriter();
  writer.raw(Uint8Array.of(MAGIC, version, direction, flags));
  return writer;
}

/** Ends a frame, or what is stored, with its checksum. */
export function closeFrame(writer: ByteWriter): Uint8Array {
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

/**
 * Decodes a frame of `known` flags; an extension is left alone.
 *
 * @param read Gives null if the frame builds on keys that this end does not hold; undefined if it is
 *   broken.
 */
export function decodeFrame<Frame>(
  bytes: Uint8Array,
  direction: number,
  known: number,
  versions: Versions,
  read: (opened: Opened) => Frame | null | undefined,
): Result<Frame, FrameError> {
  const error = errorIn(bytes, direction, versions);
  if (error) return err(error);
  const [, version = 0, , flags = 0] = bytes;
  const reader = new ByteReader(bytes.subarray(HEAD_BYTES, -CRC_BYTES));
  // A flag that is not known would move every field behind it.
  if (flags & ~known) reader.fail();
  if (flags & HAS_EXTENSION) reader.block(EXTENSION_BYTES_MAX);
  const frame = read({ reader, version, flags });
  if (frame === null) return err("no-dictionary");
  return frame && reader.isDone ? { ok: true, value: frame } : err("broken-frame");
}

function errorIn(bytes: Uint8Array, direction: number, versions: Versions): FrameError | null {
  if (bytes.length > FRAME_BYTES_MAX) return "too-large";
  const [magic, version = 0, way] = bytes;
  if (bytes.length < HEAD_BYTES + CRC_BYTES || magic !== MAGIC) return "not-a-frame";
  if (version < versions.min || version > versions.max) return "unknown-version";
  if (!isSound(bytes)) return "wrong-checksum";
  return way === direction ? null : "not-a-frame";
}

/** Tells whether bytes are followed by their checksum. */
export function isSound(bytes: Uint8Array): boolean {
  return digestOf(bytes) === crc32c(bytes.subarray(0, -CRC_BYTES));
}

/** The checksum that a frame ends with, which names it. */
export function digestOf(frame: Uint8Array): number {
  return new ByteReader(frame.subarray(-CRC_BYTES)).uint32();
}

export const positionCodec: Codec<Position> = /* @__PURE__ */ recordCodec({
  seq: naturalCodec,
  digest: /* @__PURE__ */ each<number>(
    (writer, value) => writer.uint32(value),
    (reader) => reader.uint32(),
  ),
});

/**
 * Writes groups, their keys by number. New keys join `keys` at once: a frame that is given up is
 * followed by one that truncates to the same base.
 *
 * @param base Keys that the receiver is known to hold.
 */
export function writeGroups(
  writer: ByteWriter,
  groups: readonly Group[],
  keys: KeyDictionary,
  base: number,
): void {
  keys.truncate(base);
  let added = newKeys(groups, keys);
  if (!keys.hasRoom(added)) {
    keys.truncate(0);
    added = newKeys(groups, keys);
  }
  writer.varint(keys.size);
  if (keys.size > 0) writer.uint32(keys.digest(keys.size) ?? 0);
  writeKeys(writer, added);
  for (const key of added) keys.add(key);
  writer.varint(groups.length);
  for (const group of groups) {
    const body = new ByteWriter();
    body.varint(group.keys.length);
    integersCodec.write(
      body,
      group.keys.map((key) => keys.numberOf(key) ?? 0),
    );
    body.raw(group.body);
    writer.varint(group.collection);
    writer.varint(group.kind);
    writer.block(body.bytes());
  }
}

/** In the order of their UTF-16 code units. */
function newKeys(groups: readonly Group[], keys: KeyDictionary): string[] {
  const wanted = new Set(groups.flatMap((group) => group.keys));
  return [...wanted].filter((key) => keys.numberOf(key) === undefined).toSorted();
}

/** Reads what writeGroups() wrote. Null: it builds on keys that this end does not hold. */
export function readGroups(
  reader: ByteReader,
  keys: KeyDictionary,
): { readonly groups: Group[]; readonly newKeys: NewKeys } | null {
  const base = reader.varint();
  if (base > 0 && !keys.holds(base, reader.uint32())) return null;
  const added = readKeys(reader);
  if (base + added.length > DICTIONARY_KEYS_MAX) reader.fail();
  else if (base > 0 && !keys.hasRoom(added, base)) return null;
  // A key that no entry has would be remembered for nothing.
  const unused = new Set(added.keys());
  const keyOf = (number: number): string | undefined => {
    unused.delete(number - base);
    return number < base ? keys.keyOf(number) : added[number - base];
  };
  let room = FRAME_STATE_ENTRIES_MAX;
  const groups = reader.times(reader.count(FRAME_GROUPS_MAX, 32), () => {
    const group = readGroup(reader, keyOf, room);
    room -= group.keys.length;
    return group;
  });
  if (unused.size > 0) reader.fail();
  return { groups, newKeys: { base, added } };
}

function readGroup(
  reader: ByteReader,
  keyOf: (number: number) => string | undefined,
  room: number,
): Group {
  const collection = reader.varint();
  const kind = reader.varint();
  const body = new ByteReader(reader.block(FRAME_BYTES_MAX));
  const numbers = integersCodec.read(body, body.count(room, 8));
  const keys = numbers.map((number) => keyOf(number) ?? body.fail(""));
  const isNamed = collection >= 1 && collection <= COLLECTION_ID_MAX && kind <= COLLECTION_ID_MAX;
  if (body.broken || !isNamed) reader.fail();
  return { collection, kind, keys, body: body.raw(body.remaining) };
}
