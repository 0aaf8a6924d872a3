// How do numbers and names become bytes, and safely come back? Varints (7 bits a byte, lowest
// first) of whole numbers below 2^53, zigzag for signed ones. A reader never throws: past the end
// or past a bound it turns `broken`, gives zeros, and the decoder looks at `broken` at the end.

import { NAME_CHARS_MAX } from "../limits.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Encodes text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8; null if it is not that. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Below it, shifts are exact. */
const SHIFTED_MAX = 2 ** 31;

/** Grows by doubling; `bytes()` copies what was written. */
export class ByteWriter {
  #buffer = new Uint8Array(256);
  #length = 0;
  /** True if a value was given that no reader would take: what is written is worth nothing. */
  broken = false;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  /** Writes a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(8);
    const buffer = this.#buffer;
    let at = this.#length;
    let rest = value;
    for (; rest >= SHIFTED_MAX; at += 1) {
      buffer[at] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    // What is left has at most 31 bits, which shifts are faster for.
    for (; rest >= 0x80; at += 1) {
      buffer[at] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    buffer[at] = rest;
    this.#length = at + 1;
  }

  /** Writes a whole number whose double is below 2^53. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  float64(value: number): void {
    this.#reserve(8);
    new DataView(this.#buffer.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  uint32(value: number): void {
    this.#reserve(4);
    new DataView(this.#buffer.buffer).setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Writes the length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string): void {
    this.block(encoder.encode(text));
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + more));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Reads what ByteWriter wrote, or anything else, without ever throwing. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  broken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.broken || this.#at >= this.#bytes.length) return this.fail();
    this.#at += 1;
    return this.#bytes[this.#at - 1] ?? 0;
  }

  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let unit = 0x80;
    for (let i = 1; i < 8; i += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        // A shorter form exists: refused, so that equal values have equal bytes.
        return byte === 0 || !Number.isSafeInteger(value) ? this.fail() : value;
      }
      unit *= 0x80;
    }
    return this.fail();
  }

  zigzag(): number {
    const value = this.varint();
    if (value < SHIFTED_MAX) return (value >>> 1) ^ -(value & 1);
    return value % 2 === 0 ? value / 2 : -((value + 1) / 2);
  }

  /** Reads a count of things of which each takes at least `bitsEach` bits of what is left. */
  count(most: number, bitsEach: number): number {
    const count = this.varint();
    if (count > most || count * bitsEach > this.remaining * 8) return this.fail();
    return count;
  }

  float64(): number {
    if (!this.#has(8)) return 0;
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  uint32(): number {
    if (!this.#has(4)) return 0;
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** Reads a block as a view of the input, not a copy. */
  block(bytesMax: number): Uint8Array {
    const length = this.varint();
    if (length > bytesMax) this.fail();
    return this.raw(length);
  }

  raw(length: number): Uint8Array {
    if (!this.#has(length)) return new Uint8Array(0);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    const text = decodeText(this.block(NAME_CHARS_MAX * 4));
    if (text === null) this.fail();
    return text ?? "";
  }

  /** Marks the input as not what the decoder allows; gives 0, for whoever needs a number. */
  fail(): number {
    this.broken = true;
    return 0;
  }

  #has(length: number): boolean {
    if (!this.broken && length <= this.remaining) return true;
    this.fail();
    return false;
  }
}
