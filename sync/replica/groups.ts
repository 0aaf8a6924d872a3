// How do changed entries become the groups of a frame, and back? One group a collection; and what is
// not known here is set apart, not lost.

import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Group } from "../wire/frame.ts";
import type { Collection } from "./kind.ts";
import type { Schema } from "./schema.ts";

/** An entry as it travels. */
export interface Said {
  readonly collection: Collection;
  readonly key: string;
  readonly value: unknown;
}

/** Entries for a frame. */
export interface Gathered {
  readonly groups: Group[];
  /** The seq up to which they say everything. */
  readonly to: number;
  /** The latest time in their stamps; 0: none. */
  readonly latestMs: number;
}

/** Writes the groups of entries, in the order of their collections' first ones. */
export function writtenGroups(said: readonly Said[], way: "up" | "down"): Group[] {
  const byCollection = Map.groupBy(said, ({ collection }) => collection);
  return [...byCollection].map(([{ id: collection, kind }, entries]) => {
    const writer = new ByteWriter();
    kind[way].write(
      writer,
      entries.map(({ value }) => value),
    );
    const keys = entries.map(({ key }) => key);
    return { collection, kind: kind.code, keys, body: writer.bytes() };
  });
}

/** The time in a value's latest stamp; 0: none. */
export function wallMsOf({ collection, value }: Omit<Said, "key">): number {
  return collection.kind.stampOf?.(value)?.wallMs ?? 0;
}

/** Groups by whether their collection is known. */
export interface ReadGroups {
  readonly known: readonly Said[];
  readonly unknown: readonly Group[];
}

/** Reads groups; null if one that is known is not what its kind writes. */
export function readGroups(
  groups: readonly Group[],
  schema: Schema,
  way: "up" | "down",
): ReadGroups | null {
  const known: Said[] = [];
  const unknown: Group[] = [];
  for (const group of groups) {
    const collection = schema.find(group);
    if (!collection) {
      unknown.push(group);
      continue;
    }
    const { keys, body } = group;
    const reader = new ByteReader(body);
    const values = collection.kind[way].read(reader, keys.length);
    if (!reader.isDone) return null;
    for (const [i, key] of keys.entries()) known.push({ collection, key, value: values[i] });
  }
  return { known, unknown };
}
