// How is a replica stored? A row and a page are alike: facts about the replica (JSON), entries that
// are as they say now, and keys of entries that are gone; then a CRC-32C. To read rows again, in
// order, over the pages they follow, gives the state: nothing in a row depends on what was before.
// Each collection's part has its length, so that a release that does not know it can set it aside.

import { assert } from "../assert.ts";
import {
  COLLECTION_ID_MAX,
  IMAGE_BYTES_MAX,
  IMAGE_ENTRIES_MAX,
  IMAGE_PARTS_MAX,
} from "../limits.ts";
import { ByteReader, ByteWriter, decodeText, encodeText } from "../wire/bytes.ts";
import { crc32c } from "../wire/crc32c.ts";
import { readKeys, writeKeys } from "../wire/dictionary.ts";
import type { Codec } from "../wire/values.ts";
import type { Entry } from "./table.ts";

/** Facts by name; null: there is no such fact any more. */
export type Facts = ReadonlyMap<string, unknown>;

/** What a row or a page says. */
export interface Image {
  readonly facts: Facts;
  /** Collection to key to entry; null: it is gone. */
  readonly entries: ReadonlyMap<number, ReadonlyMap<string, Entry | null>>;
  /** What a newer release stored of collections that are not known, in its order; none: left out. */
  readonly unread?: readonly UnreadPart[];
}

/** Entries of a collection that is not known, as they are stored. */
export interface UnreadPart {
  readonly collection: number;
  readonly body: Uint8Array;
}

/** Finds how the values of a collection are stored; undefined for one that is not known. */
export type StoredCodec = (collection: number) => Codec<unknown> | undefined;

/** No image of version 1 begins like this: its facts were never of no bytes. */
const VERSION_MARK = 0;
const IMAGE_VERSION = 2;

/** Encodes an image. Equal images have equal bytes. */
export function encodeImage(image: Image, codecOf: StoredCodec): Uint8Array {
  const { facts, entries, unread = [] } = image;
  const writer = new ByteWriter();
  writer.byte(VERSION_MARK);
  writer.varint(IMAGE_VERSION);
  const noted = encodeText(JSON.stringify([...facts]));
  assert(noted.length <= IMAGE_BYTES_MAX, "What is stored of a replica can be read again");
  writer.block(noted);
  writer.varint(entries.size + unread.length);
  for (const [collection, held] of [...entries].toSorted(([a], [b]) => a - b)) {
    writer.varint(collection);
    writer.block(encodeEntries(held, codecOf(collection)));
  }
  for (const { collection, body } of unread) {
    writer.varint(collection);
    writer.block(body);
  }
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

function encodeEntries(
  entries: ReadonlyMap<string, Entry | null>,
  codec: Codec<unknown> | undefined,
): Uint8Array {
  const writer = new ByteWriter();
  const sorted = [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const held = sorted.flatMap(([key, entry]) => (entry === null ? [] : [{ key, entry }]));
  writeKeys(
    writer,
    sorted.flatMap(([key, entry]) => (entry === null ? [key] : [])),
  );
  writeKeys(
    writer,
    held.map(({ key }) => key),
  );
  for (const column of ["seq", "mark"] as const) {
    let previous = 0;
    for (const { entry } of held) {
      writer.zigzag(entry[column] - previous);
      previous = entry[column];
    }
  }
  codec?.write(
    writer,
    held.map(({ entry }) => entry.value),
  );
  return writer.bytes();
}

/** Tells whether a later release wrote an image: who takes it for damaged would write it over. */
export function isOfLaterRelease(bytes: Uint8Array): boolean {
  if (bytes[0] !== VERSION_MARK || !isSound(bytes)) return false;
  return new ByteReader(bytes.subarray(1)).varint() > IMAGE_VERSION;
}

function isSound(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  return new ByteReader(bytes.subarray(-4)).uint32() === crc32c(bytes.subarray(0, -4));
}

/** Decodes an image; null if its bytes are damaged, or of a version that is not known. */
export function decodeImage(bytes: Uint8Array, codecOf: StoredCodec): Image | null {
  if (!isSound(bytes)) return null;
  const body = bytes.subarray(0, -4);
  const isPlain = body[0] !== VERSION_MARK;
  const reader = new ByteReader(isPlain ? body : body.subarray(1));
  if (!isPlain && reader.varint() !== IMAGE_VERSION) return null;
  const facts = parseFacts(reader.block(IMAGE_BYTES_MAX));
  const read = isPlain ? readVersion1(reader, codecOf) : readParts(reader, codecOf);
  const isWhole = !reader.broken && reader.remaining === 0;
  return isWhole && read !== null && facts !== null ? { facts, ...read } : null;
}

/** Reads parts that have their length; one of a collection that is not known is set aside. */
function readParts(reader: ByteReader, codecOf: StoredCodec): Omit<Image, "facts"> | null {
  const entries = new Map<number, ReadonlyMap<string, Entry | null>>();
  const unread: UnreadPart[] = [];
  const count = reader.count(IMAGE_PARTS_MAX, 16);
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const collection = reader.varint();
    const body = reader.block(reader.remaining);
    const codec = codecOf(collection);
    if (codec === undefined) {
      unread.push({ collection, body });
      continue;
    }
    const part = new ByteReader(body);
    const before = entries.get(collection) ?? [];
    entries.set(collection, new Map([...before, ...readEntries(part, codec)]));
    if (part.broken || part.remaining > 0) return null;
  }
  return unread.length === 0 ? { entries } : { entries, unread };
}

/** Version 1 had no lengths: whoever does not know one of its collections cannot read on. */
function readVersion1(reader: ByteReader, codecOf: StoredCodec): Omit<Image, "facts"> | null {
  const entries = new Map<number, Map<string, Entry | null>>();
  const count = reader.count(COLLECTION_ID_MAX, 16);
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const collection = reader.varint();
    const codec = codecOf(collection);
    if (codec === undefined) return null;
    entries.set(collection, readEntries(reader, codec));
  }
  return { entries };
}

function readEntries(reader: ByteReader, codec: Codec<unknown>): Map<string, Entry | null> {
  const gone = readKeys(reader, IMAGE_ENTRIES_MAX);
  const keys = readKeys(reader, IMAGE_ENTRIES_MAX);
  const [seqs = [], marks = []] = [0, 1].map(() => {
    let number = 0;
    return keys.map(() => (number += reader.zigzag()));
  });
  const values = codec.read(reader, keys.length);
  const entries = new Map<string, Entry | null>(gone.map((key) => [key, null]));
  for (const [i, key] of keys.entries())
    entries.set(key, { value: values[i], seq: seqs[i] ?? 0, mark: marks[i] ?? 0 });
  return entries;
}

function parseFacts(bytes: Uint8Array): Facts | null {
  try {
    return new Map(JSON.parse(decodeText(bytes) ?? "") as [string, unknown][]);
  } catch {
    return null;
  }
}
