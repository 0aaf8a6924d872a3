// How do numbers and names become bits? A number as how long it is, then its bits, of which the upper
// two are expected like its length; a byte as a path of eight bits, by the kind of the byte before.

import { decodeText, encodeText } from "../bytes.ts";
import type { RangeCoder } from "./coder.ts";

/** Lengths below it have a short path. */
const LONG = 15;
const LONG_AT = 16;
const UPPER_AT = 80;
/** Slots of a number: the paths of its length, then those of its two upper bits by length. */
export const NUMBER_SLOTS = 144;
/** Slots of a number that may be negative. */
export const SIGNED_SLOTS: number = NUMBER_SLOTS + 4;
/** Slots of a byte, by the upper half of the one before. */
export const BYTE_SLOTS: number = 16 * 256;

/** Codes a number of `bits` bits by the path to it; it takes 2^bits slots. */
export function codePath(coder: RangeCoder, at: number, bits: number, value: number): number {
  let node = 1;
  for (let i = bits - 1; i >= 0; i -= 1) node = node * 2 + coder.bit(at + node, (value >>> i) & 1);
  return node - (1 << bits);
}

/** How many bits a number from 1 to 2^53 takes, less 1. */
function lengthOf(number: number): number {
  return number < CLZ_BOUND
    ? 31 - Math.clz32(number)
    : 63 - Math.clz32(Math.floor(number / CLZ_BOUND));
}

const CLZ_BOUND = 2 ** 32;
/** Longer ones are no whole numbers any more. */
const LENGTH_MAX = 53;

/** Codes a whole number from 0 to 2^53 - 1. */
export function codeNumber(coder: RangeCoder, at: number, value: number): number {
  const written = value + 1;
  let length = coder.isReading ? 0 : lengthOf(written);
  const short = codePath(coder, at, 4, Math.min(length, LONG));
  length = short < LONG ? short : codePath(coder, at + LONG_AT, 6, length);
  if (length > LENGTH_MAX) return coder.fail();
  const unit = 2 ** length;
  if (length === 0) return 0;
  const rest = coder.isReading ? 0 : written - unit;
  const slots = at + UPPER_AT + short * 4;
  if (length === 1) return 1 + coder.bit(slots, rest);
  const quarter = unit / 4;
  const upper = Math.floor(rest / quarter);
  const first = coder.bit(slots, upper >>> 1);
  const second = coder.bit(slots + 1 + first, upper & 1);
  const lower = coder.plain(length - 2, rest - upper * quarter);
  const read = unit + (first * 2 + second) * quarter + lower - 1;
  return Number.isSafeInteger(read) ? read : coder.fail();
}

/** Codes a whole number whose size is below 2^53. */
export function codeSigned(coder: RangeCoder, at: number, value: number): number {
  const size = codeNumber(coder, at, Math.abs(value));
  if (size === 0) return 0;
  const isNegative = coder.bit(at + NUMBER_SLOTS + Math.min(size, 3), value < 0 ? 1 : 0);
  return isNegative ? -size : size;
}

/** Codes bytes whose number is known, behind a byte. */
export function codeBytes(coder: RangeCoder, at: number, bytes: Uint8Array, from: number): void {
  let before = from > 0 ? (bytes[from - 1] as number) : 0;
  for (let i = from; i < bytes.length && !coder.broken; i += 1) {
    before = codePath(coder, at + (before >>> 4) * 256, 8, bytes[i] as number);
    if (coder.isReading) bytes[i] = before;
  }
}

function sharedBytes(left: Uint8Array, right: Uint8Array): number {
  let shared = 0;
  while (shared < left.length && left[shared] === right[shared]) shared += 1;
  return shared;
}

/** Codes names one behind the other, each as what it shares with the one before, and the rest. */
export class NameCoder {
  readonly #coder: RangeCoder;
  readonly #at: number;
  readonly #bytesMax: number;
  readonly #bytesAt: number;
  #before: Uint8Array = new Uint8Array(0);

  /** @param at Slots of two numbers. */
  constructor(coder: RangeCoder, at: number, bytesAt: number, bytesMax: number) {
    this.#coder = coder;
    this.#at = at;
    this.#bytesAt = bytesAt;
    this.#bytesMax = bytesMax;
  }

  code(name: string): string {
    const coder = this.#coder;
    const given = encodeText(name);
    const shared = codeNumber(coder, this.#at, sharedBytes(this.#before, given));
    const rest = codeNumber(coder, this.#at + NUMBER_SLOTS, given.length - shared);
    const length = shared + rest;
    const isName = name.isWellFormed() && length <= this.#bytesMax;
    if (shared > this.#before.length || !isName) coder.fail();
    if (coder.broken) return "";
    const bytes = coder.isReading ? new Uint8Array(length) : given;
    if (coder.isReading) bytes.set(this.#before.subarray(0, shared));
    codeBytes(coder, this.#bytesAt, bytes, shared);
    this.#before = bytes;
    if (!coder.isReading) return name;
    return decodeText(bytes) ?? this.#notText();
  }

  #notText(): string {
    this.#coder.fail();
    return "";
  }
}
