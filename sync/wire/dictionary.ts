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

/** Keys by number, from 0. */
export class KeyDictionary {
  #keys: string[] = [];
  #numbers = new Map<string, number>();
  /** Checksum of the keys up to each number: the two ends compare them before they trust one. */
  #digests: number[] = [];
  /** Bytes of the keys up to each number. */
  #bytes: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** Bytes of memory that its first `size` keys take, about. */
  bytesOf(size: number = this.#keys.length): number {
    return this.#bytes[size - 1] ?? 0;
  }

  /** Tells whether other keys would find room after the first `size`. */
  hasRoom(added: readonly string[], size: number = this.#keys.length): boolean {
    const bytes = added.reduce((sum, key) => sum + roomOf(key), this.bytesOf(size));
    return size + added.length <= DICTIONARY_KEYS_MAX && bytes <= DICTIONARY_BYTES_MAX;
  }

  /** The checksum of the first `size` keys; null if it does not hold so many. */
  digest(size: number): number | null {
    return size === 0 ? 0 : (this.#digests[size - 1] ?? null);
  }

  /** Tells whether its first `size` keys are those of the other end. */
  holds(size: number, digest: number): boolean {
    return this.digest(size) === digest;
  }

  numberOf(key: string): number | undefined {
    return this.#numbers.get(key);
  }

  keyOf(number: number): string | undefined {
    return this.#keys[number];
  }

  /** Forgets all but the first `size` keys. */
  truncate(size: number): void {
    while (this.#keys.length > size) {
      this.#numbers.delete(this.#keys.pop() ?? "");
      this.#digests.pop();
      this.#bytes.pop();
    }
  }

  add(key: string): void {
    this.#numbers.set(key, this.#keys.length);
    this.#digests.push(crc32c(encodeText(key), this.#digests.at(-1) ?? 0));
    this.#bytes.push(this.bytesOf() + roomOf(key));
    this.#keys.push(key);
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
  const count = reader.count(most, 16);
  const keys: string[] = [];
  let previous: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const shared = reader.varint();
    const rest = reader.block(KEY_BYTES_MAX);
    if (shared > previous.length || shared + rest.length > KEY_BYTES_MAX) reader.fail();
    if (reader.broken) break;
    const bytes = new Uint8Array(shared + rest.length);
    bytes.set(previous.subarray(0, shared));
    bytes.set(rest, shared);
    const key = decodeText(bytes);
    if (key === null) reader.fail();
    keys.push(key ?? "");
    previous = bytes;
  }
  return keys;
}
