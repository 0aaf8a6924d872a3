// How is a replica stored? A row and a page are alike: facts about the replica (JSON), entries that
// are as they say now, and keys of entries that are gone; then a CRC-32C. To read rows again, in
// order, over the pages they follow, gives the state: nothing in a row depends on what was before.
// Each collection's part has its length, so that a release that does not know it can set it aside.

import { assert } from "../assert.ts";
import { IMAGE_BYTES_MAX, IMAGE_ENTRIES_MAX, IMAGE_PARTS_MAX } from "../limits.ts";
import { ByteReader, ByteWriter, encodeText } from "../wire/bytes.ts";
import { readKeys, writeKeys } from "../wire/dictionary.ts";
import { closeFrame, isSound } from "../wire/frame.ts";
import { byKey, integersCodec, recordCodec, unitCodec, type Codec } from "../wire/values.ts";
import { within, type Entry } from "./table.ts";

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
  assert(noted.length <= IMAGE_BYTES_MAX, "Facts can be read again");
  writer.block(noted);
  writer.varint(entries.size + unread.length);
  for (const [collection, held] of byKey(entries)) {
    writer.varint(collection);
    writer.block(encodeEntries(held, codecOf(collection)));
  }
  for (const { collection, body } of unread) {
    writer.varint(collection);
    writer.block(body);
  }
  return closeFrame(writer);
}

function encodeEntries(
  entries: ReadonlyMap<string, Entry | null>,
  codec: Codec<unknown> | undefined,
): Uint8Array {
  const writer = new ByteWriter();
  const all = [...entries.keys()].toSorted();
  const keys = all.filter((key) => entries.get(key));
  writeKeys(
    writer,
    all.filter((key) => !entries.get(key)),
  );
  writeKeys(writer, keys);
  entryCodec((codec ?? unitCodec) as Codec<unknown>).write(
    writer,
    keys.map((key) => entries.get(key) as Entry),
  );
  return writer.bytes();
}

function entryCodec(value: Codec<unknown>): Codec<Entry> {
  return recordCodec<Entry>({ seq: integersCodec, mark: integersCodec, value });
}

/** Null: the bytes are damaged. The first version did not name itself: null. */
function openImage(
  bytes: Uint8Array,
): { readonly version: number | null; readonly reader: ByteReader } | null {
  if (bytes.length < 4 || !isSound(bytes)) return null;
  const reader = new ByteReader(bytes.subarray(bytes[0] === VERSION_MARK ? 1 : 0, -4));
  return { version: bytes[0] === VERSION_MARK ? reader.varint() : null, reader };
}

/**
 * Decodes an image; null if its bytes are damaged, undefined if a later release wrote it: who took it
 * for damaged would write it over.
 *
 * A part has its length, so that one of a collection that is not known is set aside. Version 1, which
 * did not say so, had no lengths: whoever does not know one of its collections cannot read on.
 */
export function decodeImage(bytes: Uint8Array, codecOf: StoredCodec): Image | null | undefined {
  const opened = openImage(bytes);
  if (!opened) return null;
  const { version, reader } = opened;
  if (version !== null && version !== IMAGE_VERSION) return undefined;
  const facts = parseFacts(reader.text(IMAGE_BYTES_MAX));
  const entries = new Map<number, Map<string, Entry | null>>();
  const unread: UnreadPart[] = [];
  reader.times(reader.count(IMAGE_PARTS_MAX, 16), () => {
    const collection = reader.varint();
    const codec = codecOf(collection);
    const part = version === null ? reader : new ByteReader(reader.block(reader.remaining));
    if (codec) readEntries(part, codec, within(entries, collection));
    else if (version !== null) unread.push({ collection, body: part.raw(part.remaining) });
    if (version === null ? !codec : !part.isDone) reader.fail();
  });
  const setAside = unread.length > 0 && { unread };
  return reader.isDone && facts ? { facts, entries, ...setAside } : null;
}

function readEntries(
  reader: ByteReader,
  codec: Codec<unknown>,
  held: Map<string, Entry | null>,
): void {
  const gone = readKeys(reader, IMAGE_ENTRIES_MAX);
  const keys = readKeys(reader, IMAGE_ENTRIES_MAX);
  const entries = entryCodec(codec).read(reader, keys.length);
  for (const key of gone) held.set(key, null);
  for (const [i, key] of keys.entries()) held.set(key, entries[i] ?? null);
}

function parseFacts(text: string): Facts | null {
  try {
    return new Map(JSON.parse(text) as [string, unknown][]);
  } catch {
    return null;
  }
}
