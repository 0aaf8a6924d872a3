// How do changed entries become the groups of a frame, and back? One group a collection, up to a
// bound of entries and bytes; and what is not known here is set apart, not lost.

import { FRAME_STATE_ENTRIES_MAX } from "../limits.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Group } from "../wire/frame.ts";
import type { Collection } from "./kind.ts";
import type { Schema } from "./schema.ts";

/** Entries for a frame. */
export interface Gathered {
  readonly groups: Group[];
  /** The seq up to which they say everything. */
  readonly to: number;
  /** The latest time in their stamps; 0: none. */
  readonly latestMs: number;
}

/** Gathers entries for a frame of about `bytesMax` bytes. */
export class Groups {
  readonly #way: "up" | "down";
  readonly #bytesMax: number;
  readonly #groups = new Map<Collection, { readonly keys: string[]; readonly values: unknown[] }>();
  #bytes = 0;
  #entries = 0;
  #latestMs = 0;

  constructor(way: "up" | "down", bytesMax: number) {
    this.#way = way;
    this.#bytesMax = bytesMax;
  }

  /** Adds an entry; false: it finds no room. The first always does. */
  add(collection: Collection, key: string, value: unknown): boolean {
    this.#bytes += collection.kind.weigh(value) + key.length;
    this.#entries += 1;
    const isFull = this.#bytes > this.#bytesMax || this.#entries > FRAME_STATE_ENTRIES_MAX;
    if (isFull && this.#entries > 1) return false;
    const group = this.#groups.get(collection) ?? { keys: [], values: [] };
    this.#groups.set(collection, group);
    group.keys.push(key);
    group.values.push(value);
    this.#latestMs = Math.max(this.#latestMs, wallMsOf(collection, value));
    return true;
  }

  encode(to: number): Gathered {
    const groups = [...this.#groups].map(([{ id: collection, kind }, { keys, values }]) => {
      const writer = new ByteWriter();
      kind[this.#way].write(writer, values);
      return { collection, kind: kind.code, keys, body: writer.bytes() };
    });
    return { groups, to, latestMs: this.#latestMs };
  }
}

/** The time in a value's latest stamp; 0: none. */
export function wallMsOf(collection: Collection, value: unknown): number {
  return collection.kind.stampOf(value)?.wallMs ?? 0;
}

/** A group whose collection is known, with its values. */
export interface ReadGroup {
  readonly collection: Collection;
  readonly keys: readonly string[];
  readonly values: readonly unknown[];
}

/** Groups by whether their collection is known. */
export interface ReadGroups {
  readonly known: readonly ReadGroup[];
  readonly unknown: readonly Group[];
}

/** Reads groups; null if one that is known is not what its kind writes. */
export function readGroups(
  groups: readonly Group[],
  schema: Schema,
  way: "up" | "down",
): ReadGroups | null {
  const known: ReadGroup[] = [];
  const unknown: Group[] = [];
  for (const group of groups) {
    const collection = schema.find(group);
    if (!collection) {
      unknown.push(group);
      continue;
    }
    const reader = new ByteReader(group.body);
    const values = collection.kind[way].read(reader, group.keys.length);
    if (!reader.isDone) return null;
    known.push({ collection, keys: group.keys, values });
  }
  return { known, unknown };
}

/**
 * Tells whether a stamp in groups is later than `limitMs`. Those of what is not known cannot be read:
 * their author's clock speaks for them.
 */
export function isAnyAhead(groups: ReadGroups, sentMs: number, limitMs: number): boolean {
  if (groups.unknown.length > 0 && sentMs > limitMs) return true;
  return groups.known.some((group) =>
    group.values.some((value) => wallMsOf(group.collection, value) > limitMs),
  );
}
