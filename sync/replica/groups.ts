// How do changed entries become the groups of a frame, and back? One group a collection, up to a
// bound of entries and bytes; and what is not known here is set apart, not lost.

import { FRAME_STATE_ENTRIES_MAX } from "../limits.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Group } from "../wire/frame.ts";
import type { Codec } from "../wire/values.ts";
import type { Collection, Kind } from "./kind.ts";
import type { Schema } from "./schema.ts";

interface Gathered {
  readonly kind: number;
  readonly codec: Codec<unknown>;
  readonly keys: string[];
  readonly values: unknown[];
}

/** Gathers entries for a frame. */
export class Groups {
  readonly #bytesMax: number;
  readonly #groups = new Map<number, Gathered>();
  #bytes = 0;
  #entries = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Tells whether an entry of about `bytes` finds room; the first always does. */
  hasRoom(key: string, bytes: number): boolean {
    this.#bytes += bytes + key.length;
    this.#entries += 1;
    if (this.#entries === 1) return true;
    return this.#bytes <= this.#bytesMax && this.#entries <= FRAME_STATE_ENTRIES_MAX;
  }

  add(collection: number, kind: number, codec: Codec<unknown>, key: string, value: unknown): void {
    const group = this.#groups.get(collection) ?? { kind, codec, keys: [], values: [] };
    this.#groups.set(collection, group);
    group.keys.push(key);
    group.values.push(value);
  }

  encode(): Group[] {
    return [...this.#groups].map(([collection, { kind, codec, keys, values }]) => {
      const writer = new ByteWriter();
      codec.write(writer, values);
      return { collection, kind, keys, body: writer.bytes() };
    });
  }
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
  codecOf: (kind: Kind) => Codec<unknown>,
): ReadGroups | null {
  const known: ReadGroup[] = [];
  const unknown: Group[] = [];
  for (const group of groups) {
    const collection = schema.find(group);
    if (collection === undefined) {
      unknown.push(group);
      continue;
    }
    const reader = new ByteReader(group.body);
    const values = codecOf(collection.kind).read(reader, group.keys.length);
    if (reader.broken || reader.remaining > 0) return null;
    known.push({ collection, keys: group.keys, values });
  }
  return { known, unknown };
}

/**
 * Tells whether a stamp in groups is later than `limitMs`. Those of what is not known cannot be read:
 * their author's clock speaks for them.
 */
export function isAnyAhead(
  { known, unknown }: ReadGroups,
  sentMs: number,
  limitMs: number,
): boolean {
  if (unknown.length > 0 && sentMs > limitMs) return true;
  return known.some(({ collection, values }) =>
    values.some((value) => (collection.kind.stampOf(value)?.wallMs ?? 0) > limitMs),
  );
}
