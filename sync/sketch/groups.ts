// How does a sketch travel? In groups of a kind that is no type's, which no other end looks at: nothing
// else of a frame knows of it, in either encoding.

import { COLLECTION_ID_MAX, SKETCH_SYMBOLS_MAX } from "../limits.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Group } from "../wire/frame.ts";
import { integersCodec } from "../wire/values.ts";
import type { Words } from "./sip-hash.ts";
import { SYMBOL_BYTES, Symbols } from "./symbols.ts";

/** The kind of such groups; their collection is the same number. */
const SKETCH: number = COLLECTION_ID_MAX;
/** Bits of an item's number by which it is asked for: one that has the same is told for nothing. */
const ASKED_BITS = 20;

/** What a hub holds at a place in its history. */
export interface Sketch {
  /** Drawn for this sketch. */
  readonly key: Words;
  readonly symbols: Symbols;
}

/** What of a sketch's items an edge lacks. */
export interface Wants {
  /** The first word of the sketch's key. */
  readonly sketch: number;
  /** See askedAs(). */
  readonly items: readonly number[];
}

/** By what an item is asked for. */
export function askedAs(low: number): number {
  return low >>> (32 - ASKED_BITS);
}

/** Takes the group apart that is no type's; undefined: there is none. */
export function takeOut(groups: readonly Group[]): { body?: Uint8Array; rest: readonly Group[] } {
  const found = groups.find(({ kind }) => kind === SKETCH);
  if (!found) return { rest: groups };
  return { body: found.body, rest: groups.filter((group) => group !== found) };
}

function groupOf(write: (writer: ByteWriter) => void): Group {
  const writer = new ByteWriter();
  write(writer);
  return { collection: SKETCH, kind: SKETCH, keys: [], body: writer.bytes() };
}

/** Asks for a sketch, in a hello; `entries`: so many are to be seen. */
export function askGroup(entries: number): Group {
  return groupOf((writer) => writer.varint(entries));
}

/** Null: it is none. */
export function readAsk(body: Uint8Array): number | null {
  const reader = new ByteReader(body);
  const entries = reader.varint();
  return reader.isDone ? entries : null;
}

/** Gives a sketch, with the first `count` symbols. */
export function sketchGroup({ key, symbols }: Sketch, count: number): Group {
  return groupOf((writer) => {
    for (const word of key) writer.uint32(word);
    symbols.write(writer, count);
  });
}

/** Null: it is none. */
export function readSketch(body: Uint8Array): Sketch | null {
  const reader = new ByteReader(body);
  const key: Words = [reader.uint32(), reader.uint32()];
  const count = reader.remaining / SYMBOL_BYTES;
  if (!Number.isInteger(count) || count < 1 || count > SKETCH_SYMBOLS_MAX) return null;
  return { key, symbols: Symbols.read(reader, count) };
}

/** Asks for what is lacking. */
export function wantsGroup({ sketch, items }: Wants): Group {
  return groupOf((writer) => {
    writer.uint32(sketch);
    integersCodec.write(
      writer,
      items.toSorted((left, right) => left - right),
    );
  });
}

/** Null: it is none. */
export function readWants(body: Uint8Array): Wants | null {
  const reader = new ByteReader(body);
  const sketch = reader.uint32();
  const items: number[] = [];
  while (!reader.broken && reader.remaining > 0 && items.length < SKETCH_SYMBOLS_MAX)
    items.push(reader.zigzag() + (items.at(-1) ?? 0));
  return reader.isDone ? { sketch, items } : null;
}

/** Says that what is told is what was asked for, and all that the sketch did not have. */
export function briefGroup(): Group {
  return groupOf(() => undefined);
}
