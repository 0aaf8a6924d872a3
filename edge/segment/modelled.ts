// How are small whole numbers written in the fewest bytes? Each as a few yes-or-no questions for the
// range coder: is it zero, which sign, how many digits, the highest digits. What is likely depends
// on how large the two numbers before were; the lowest digits are noise and go as they are.

import { pow2 } from "./powers.ts";
import { newModels, RangeDecoder, RangeEncoder } from "./range-coder.ts";

/** Sizes that are told apart. */
const CONTEXTS = 13;
const SIZE_MAX = 4_095;
/** Digits below the first one that are modelled. */
const DIGITS = 3;
const EXPONENTS = 54;
const PLAIN_BITS = 8;
const PLAIN = 0x100;
/** Below this, whole numbers are shifted as such. */
const SMALL = 0x40000000;

const SIGNS_AT = CONTEXTS;
const EXPONENTS_AT: number = SIGNS_AT + 3;
const DIGITS_AT: number = EXPONENTS_AT + CONTEXTS * EXPONENTS;
/** Copied, not made, for each column. */
const MODELS: Int32Array = newModels(DIGITS_AT + (EXPONENTS << DIGITS));

function contextOf(last: number, secondLast: number): number {
  const size =
    2 * (last < SIZE_MAX ? last : SIZE_MAX) + (secondLast < SIZE_MAX ? secondLast : SIZE_MAX);
  if (size < 3) return size;
  const context = 33 - Math.clz32(size);
  return context < CONTEXTS ? context : CONTEXTS - 1;
}

/** The place of the highest digit of a whole number above 0. */
function exponentOf(size: number): number {
  if (size < SMALL) return 31 - Math.clz32(size);
  return 61 - Math.clz32(size / SMALL);
}

/** Writes whole numbers whose double is below 2^53. */
export function encodeModelled(residuals: Float64Array): Uint8Array {
  const coder = new RangeEncoder(residuals.length);
  const models = MODELS.slice();
  let last = 0;
  let secondLast = 0;
  let sign = 0;
  for (let at = 0; at < residuals.length; at += 1) {
    const residual = residuals[at] as number;
    const context = contextOf(last, secondLast);
    const size = residual < 0 ? -residual : residual;
    coder.bit(models, context, size === 0 ? 1 : 0);
    secondLast = last;
    last = size;
    if (size === 0) {
      sign = 0;
      continue;
    }
    coder.bit(models, SIGNS_AT + sign, residual < 0 ? 1 : 0);
    sign = residual < 0 ? 1 : 2;
    writeSize(coder, models, size, EXPONENTS_AT + context * EXPONENTS);
  }
  return coder.finish();
}

/** Reads `count` numbers; anything gives some. */
export function decodeModelled(bytes: Uint8Array, count: number): Float64Array {
  const coder = new RangeDecoder(bytes);
  const models = MODELS.slice();
  const residuals = new Float64Array(count);
  let last = 0;
  let secondLast = 0;
  let sign = 0;
  for (let at = 0; at < count; at += 1) {
    const context = contextOf(last, secondLast);
    secondLast = last;
    if (coder.bit(models, context) === 1) {
      last = 0;
      sign = 0;
      continue;
    }
    sign = coder.bit(models, SIGNS_AT + sign) === 1 ? 1 : 2;
    last = readSize(coder, models, EXPONENTS_AT + context * EXPONENTS);
    residuals[at] = sign === 1 ? -last : last;
  }
  return residuals;
}

function writeSize(coder: RangeEncoder, models: Int32Array, size: number, at: number): void {
  const exponent = exponentOf(size);
  for (let digit = 0; digit < exponent; digit += 1) coder.bit(models, at + digit, 1);
  coder.bit(models, at + exponent, 0);
  let below = exponent;
  let prefix = 1;
  for (; below > 0 && prefix < 1 << DIGITS; below -= 1) {
    const digit =
      size < SMALL ? (size >>> (below - 1)) & 1 : Math.floor(size / pow2(below - 1)) & 1;
    coder.bit(models, DIGITS_AT + (exponent << DIGITS) + prefix, digit);
    prefix = prefix * 2 + digit;
  }
  writePlain(coder, size - prefix * pow2(below), below);
}

function readSize(coder: RangeDecoder, models: Int32Array, at: number): number {
  let exponent = 0;
  while (exponent < EXPONENTS - 1 && coder.bit(models, at + exponent) === 1) exponent += 1;
  let below = exponent;
  let prefix = 1;
  for (; below > 0 && prefix < 1 << DIGITS; below -= 1)
    prefix = prefix * 2 + coder.bit(models, DIGITS_AT + (exponent << DIGITS) + prefix);
  return prefix * pow2(below) + readPlain(coder, below);
}

function writePlain(coder: RangeEncoder, value: number, bits: number): void {
  if (bits === 0) return;
  if (bits <= PLAIN_BITS) {
    coder.plain(value, bits);
    return;
  }
  const low = value % PLAIN;
  writePlain(coder, (value - low) / PLAIN, bits - PLAIN_BITS);
  coder.plain(low, PLAIN_BITS);
}

function readPlain(coder: RangeDecoder, bits: number): number {
  if (bits === 0) return 0;
  if (bits <= PLAIN_BITS) return coder.plain(bits);
  const high = readPlain(coder, bits - PLAIN_BITS);
  return high * PLAIN + coder.plain(PLAIN_BITS);
}

/** How many answers before one its likelihood depends on. */
const HISTORY = 8;

/** Writes bits, each as the eight before it make likely: periods and runs cost next to nothing. */
export function encodeModelledBits(bits: Uint8Array): Uint8Array {
  const coder = new RangeEncoder(bits.length >> 3);
  const models = newModels(1 << HISTORY);
  let history = 0;
  for (let at = 0; at < bits.length; at += 1) {
    const bit = bits[at] as number;
    coder.bit(models, history, bit);
    history = ((history << 1) | bit) & ((1 << HISTORY) - 1);
  }
  return coder.finish();
}

/** Reads `count` bits; anything gives some. */
export function decodeModelledBits(bytes: Uint8Array, count: number): Uint8Array {
  const coder = new RangeDecoder(bytes);
  const models = newModels(1 << HISTORY);
  const bits = new Uint8Array(count);
  let history = 0;
  for (let at = 0; at < count; at += 1) {
    const bit = coder.bit(models, history);
    bits[at] = bit;
    history = ((history << 1) | bit) & ((1 << HISTORY) - 1);
  }
  return bits;
}
