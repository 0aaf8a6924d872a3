// How does a key travel once and not with every change? Each direction of a link numbers the keys
// that it has carried. A dictionary is a cache: it lives in memory, and either end may begin it anew
// (base 0) at any time, at the price of sending keys again.

import {
  DICTIONARY_BYTES_MAX,
  DICTIONARY_KEY_ROOM,
  DICTIONARY_KEYS_MAX,
  FRAME_KEYS_MAX,
  KEY_BYTES_MAX,
} from "../limits.ts";
import { crc32c } from "./crc32c.ts";
import { decodeText, encodeText, type ByteReader, type ByteWriter } from "./bytes.ts";

/** What a frame adds to the dictionary of its direction, once it is applied. */
export interface NewKeys {
  /** Keys that the frame builds on; what the receiver holds beyond them is void. */
  readonly base: number;
  readonly added: readonly string[];
}

/** A key, with the checksum and the bytes of memory, about, of it and all before it. */
interface Numbered {
  readonly key: string;
  readonly digest: number;
  readonly bytes: number;
}

/** Keys by number, from 0. */
export class KeyDictionary {
  readonly #keys: Numbered[] = [];
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#keys.length;
  }

  /** Bytes of memory that its first `size` keys take, about. */
  bytesOf(size: number = this.size): number {
    return this.#keys[size - 1]?.bytes ?? 0;
  }

  /** Tells whether other keys would find room after the first `size`. */
  hasRoom(added: readonly string[], size: number = this.size): boolean {
    const bytes = added.reduce((sum, key) => sum + roomOf(key), this.bytesOf(size));
    return size + added.length <= DICTIONARY_KEYS_MAX && bytes <= DICTIONARY_BYTES_MAX;
  }

  /** The checksum of the first `size` keys; null if it does not hold so many. */
  digest(size: number): number | null {
    return size === 0 ? 0 : (this.#keys[size - 1]?.digest ?? null);
  }

  /** Tells whether its first `size` keys are those of the other end. */
  holds(size: number, digest: number): boolean {
    return this.digest(size) === digest;
  }

  numberOf(key: string): number | undefined {
    return this.#numbers.get(key);
  }

  keyOf(number: number): string | undefined {
    return this.#keys[number]?.key;
  }

  /** Takes over what the other end has added. */
  take({ base, added }: NewKeys): void {
    this.truncate(base);
    for (const key of added) this.add(key);
  }

  /** Forgets all but the first `size` keys. */
  truncate(size: number): void {
    for (const { key } of this.#keys.splice(size)) this.#numbers.delete(key);
  }

  add(key: string): void {
    const digest = crc32c(encodeText(key), this.digest(this.size) ?? 0);
    this.#numbers.set(key, this.size);
    this.#keys.push({ key, digest, bytes: this.bytesOf() + roomOf(key) });
  }
}

function roomOf(key: string): number {
  return key.length + DICTIONARY_KEY_ROOM;
}

/** Writes new keys in ascending order: each as what it shares with the one before, and the rest. */
export function writeKeys(writer: ByteWriter, keys: readonly string[]): void {
  writer.varint(keys.length);
  let previous: Uint8Array = new Uint8Array(0);
  for (const key of keys) {
    const bytes = encodeText(key);
    let shared = 0;
    while (shared < previous.length && bytes[shared] === previous[shared]) shared += 1;
    writer.varint(shared);
    writer.block(bytes.subarray(shared));
    previous = bytes;
  }
}

/** Reads what writeKeys() wrote; breaks the reader on anything else. */
export function readKeys(reader: ByteReader, most: number = FRAME_KEYS_MAX): string[] {
  let previous: Uint8Array = new Uint8Array(0);
  return reader.times(reader.count(most, 16), () => {
    const shared = reader.varint();
    const rest = reader.block(KEY_BYTES_MAX);
    if (shared > previous.length || shared + rest.length > KEY_BYTES_MAX) reader.fail();
    if (reader.broken) return "";
    const bytes = new Uint8Array(shared + rest.length);
    bytes.set(previous.subarray(0, shared));
    bytes.set(rest, shared);
    previous = bytes;
    return decodeText(bytes) ?? reader.fail("");
  });
}
