// How do numbers and names become bytes, and safely come back? Varints (7 bits a byte, lowest
// first) of whole numbers below 2^53, zigzag for signed ones. A reader never throws: past the end
// or past a bound it turns `broken`, gives zeros, and the decoder looks at `broken` at the end.

import { NAME_CHARS_MAX } from "../limits.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Encodes text as UTF-8. The encoder is left to what is not ASCII: to call it takes ten times as long. */
export function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1)
    if ((bytes[i] = text.charCodeAt(i)) > 0x7f) return encoder.encode(text);
  return bytes;
}

/** Decodes UTF-8; null if it is not that. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The highest number that a varint holds: up to it, doubles are exact. */
export const WHOLE_MAX: number = 2 ** 53 - 1;
/** For numbers of a fixed size. */
const SCRATCH: DataView = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));
/** Below it, shifts are exact. */
const SHIFTED_MAX = 2 ** 31;

/** Grows by doubling; `bytes()` copies what was written. */
export class ByteWriter {
  /** Small, because most is of one value. */
  #buffer = new Uint8Array(64);
  #length = 0;
  /** True if a value was given that no reader would take: what is written is worth nothing. */
  broken = false;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    const at = this.#take(1);
    this.#buffer[at] = value;
  }

  /** Writes a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    let at = this.#take(8);
    const buffer = this.#buffer;
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
    SCRATCH.setFloat64(0, value, true);
    this.#fixed(8);
  }

  uint32(value: number): void {
    SCRATCH.setUint32(0, value, true);
    this.#fixed(4);
  }

  #fixed(bytes: number): void {
    for (let i = 0; i < bytes; i += 1) this.byte(SCRATCH.getUint8(i));
  }

  /** Writes the length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
  }

  text(text: string): void {
    this.block(encodeText(text));
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** Begins anew in the same room, for a writer that is used again. */
  clear(): void {
    this.#length = 0;
    this.broken = false;
  }

  /** Makes room for bytes and says where; the buffer may be another one afterwards. */
  #take(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const grown = new Uint8Array(this.#length * 2);
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    return at;
  }
}

/** Reads what ByteWriter wrote, or anything else, without ever throwing. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  broken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** True if everything was read, and was as it should be. */
  get isDone(): boolean {
    return !this.broken && this.remaining === 0;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0;
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
        return byte === 0 || value > WHOLE_MAX ? this.fail() : value;
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
    return count > most || count * bitsEach > this.remaining * 8 ? this.fail() : count;
  }

  /** Reads `count` things; fewer if one breaks it. */
  times<Thing>(count: number, read: (reader: this) => Thing): Thing[] {
    const things: Thing[] = [];
    while (things.length < count && !this.broken) things.push(read(this));
    return things;
  }

  float64(): number {
    return this.#fixed(8).getFloat64(0, true);
  }

  uint32(): number {
    return this.#fixed(4).getUint32(0, true);
  }

  #fixed(bytes: number): DataView {
    for (let i = 0; i < bytes; i += 1) SCRATCH.setUint8(i, this.byte());
    return SCRATCH;
  }

  /** Reads a block as a view of the input, not a copy. */
  block(bytesMax: number): Uint8Array {
    const length = this.varint();
    return this.raw(length > bytesMax ? this.fail() : length);
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(bytesMax: number = NAME_CHARS_MAX * 4): string {
    return decodeText(this.block(bytesMax)) ?? this.fail("");
  }

  /** Marks the input as not what the decoder allows; gives `instead`, for whoever needs a value. */
  fail(): number;
  fail<Value>(instead: Value): Value;
  fail(instead: unknown = 0): unknown {
    this.broken = true;
    return instead;
  }

  /** Goes past `length` bytes and says where they begin; behind the end if they are not there. */
  #take(length: number): number {
    if (this.broken || length > this.remaining) return this.fail(this.#bytes.length);
    this.#at += length;
    return this.#at - length;
  }
}
