// Where do the bytes of our frames go? Takes frames of version 1 apart by docs/wire-format.md: what
// the envelope takes, new keys, numbers of keys, stamps, and values.

import { ByteReader } from "../../sync/wire/bytes.ts";
import { KeyDictionary, writeKeys, type NewKeys } from "../../sync/wire/dictionary.ts";
import { ByteWriter } from "../../sync/wire/bytes.ts";
import { decodeDownFrame } from "../../sync/wire/down-frame.ts";
import type { Group } from "../../sync/wire/frame.ts";
import { decodeUpFrame } from "../../sync/wire/up-frame.ts";

/** Raw bytes by what they say, and how many entries there were. */
export interface Parts {
  entries: number;
  envelopes: number;
  newKeys: number;
  keyNumbers: number;
  stamps: number;
  values: number;
}

const LWW_KIND = 1;

/** Follows a link without its dictionary: every number is a key. */
class AnyKeys extends KeyDictionary {
  override holds(): boolean {
    return true;
  }

  override keyOf(number: number): string | undefined {
    return number < 0 ? undefined : `#${number}`;
  }
}

interface Opened {
  readonly groups: readonly Group[];
  readonly newKeys: NewKeys | null;
}

export class Anatomy {
  readonly parts: Parts = {
    entries: 0,
    envelopes: 0,
    newKeys: 0,
    keyNumbers: 0,
    stamps: 0,
    values: 0,
  };

  /** Takes a frame apart. Throws for one that is none. */
  look(bytes: Uint8Array): void {
    const { groups, newKeys } = openFrame(bytes);
    const { parts } = this;
    const added = newKeys?.added ?? [];
    const names = new ByteWriter();
    writeKeys(names, added);
    const namesBytes = added.length === 0 ? 0 : names.bytes().length;
    let inGroups = 0;
    for (const group of groups) {
      const stamps = group.kind === LWW_KIND ? stampBytes(group) : 0;
      const numbers = numberBytes(group, newKeys);
      parts.entries += group.keys.length;
      parts.keyNumbers += numbers;
      parts.stamps += stamps;
      parts.values += group.body.length - stamps;
      inGroups += numbers + group.body.length;
    }
    parts.newKeys += namesBytes;
    parts.envelopes += bytes.length - inGroups - namesBytes;
  }
}

function openFrame(bytes: Uint8Array): Opened {
  const up = decodeUpFrame(bytes, () => new AnyKeys());
  if (up.ok) return up.value;
  const down = decodeDownFrame(bytes, new AnyKeys());
  if (!down.ok) throw new Error(`A frame cannot be taken apart: ${down.error}`);
  return { groups: down.value.state?.groups ?? [], newKeys: down.value.newKeys };
}

/** Stamps are two columns, of differences and of counters; they come first. */
function stampBytes({ body, keys }: Group): number {
  const reader = new ByteReader(body);
  for (let i = 0; i < keys.length; i += 1) reader.zigzag();
  for (let i = 0; i < keys.length; i += 1) reader.varint();
  return body.length - reader.remaining;
}

function numberBytes({ keys }: Group, newKeys: NewKeys | null): number {
  const numberOf = new Map(newKeys?.added.map((key, i) => [key, newKeys.base + i]));
  const writer = new ByteWriter();
  let last = 0;
  for (const key of keys) {
    const number = numberOf.get(key) ?? Number(key.slice(1));
    writer.zigzag(number - last);
    last = number;
  }
  return writer.bytes().length;
}
