// How are small whole numbers written fast? Adaptive Rice codes (Rice 1979; JPEG-LS's way to follow
// the mean): a number's high part in ones, its low part in as many bits as the last ones needed;
// where most are zero, the length of the run of zeros instead.

import { BitReader, BitWriter } from "./bits.ts";
import { pow2 } from "./powers.ts";

/** As many ones say that the number follows whole. */
const ONES_MAX = 24;
const WHOLE_BITS = 53;
/** Below this, whole numbers are shifted as such. */
const SMALL = 0x40000000;
/** Below this mean, zeros are counted. */
const SPARSE_BELOW = 1;

/** Follows a mean: how many low bits are the cheapest. */
class Mean {
  #mean: number;
  readonly #weight: number;

  constructor(mean: number, weight: number) {
    this.#mean = mean;
    this.#weight = weight;
  }

  get isSparse(): boolean {
    return this.#mean < SPARSE_BELOW;
  }

  lowBits(): number {
    // The best number of low bits is the logarithm of 0.7 means.
    const size = this.#mean * 0.7;
    if (size < 0x40000000) return size < 1 ? 0 : 31 - Math.clz32(size);
    return 61 - Math.clz32(size / 0x40000000);
  }

  add(number: number): void {
    this.#mean += (number - this.#mean) * this.#weight;
  }

  addZeros(count: number): void {
    // After 64 zeros nothing is left that would matter.
    for (let i = Math.min(count, 64); i > 0; i -= 1) this.#mean -= this.#mean * this.#weight;
  }
}

interface Means {
  readonly all: Mean;
  readonly others: Mean;
  readonly runs: Mean;
}

function newMeans(): Means {
  return { all: new Mean(8, 0.125), others: new Mean(4, 0.25), runs: new Mean(4, 0.25) };
}

/** Writes whole numbers whose double is below 2^53. */
export function encodeRice(residuals: Float64Array): Uint8Array {
  const writer = new BitWriter(residuals.length);
  const { all, others, runs } = newMeans();
  let at = 0;
  while (at < residuals.length) {
    if (!all.isSparse) {
      const folded = fold(residuals[at] as number);
      writeCode(writer, folded, all.lowBits());
      all.add(folded);
      at += 1;
      continue;
    }
    const from = at;
    while (at < residuals.length && residuals[at] === 0) at += 1;
    writeCode(writer, at - from, runs.lowBits());
    runs.add(at - from);
    all.addZeros(at - from);
    if (at === residuals.length) break;
    const folded = fold(residuals[at] as number);
    writeCode(writer, folded - 1, others.lowBits());
    others.add(folded - 1);
    all.add(folded);
    at += 1;
  }
  return writer.bytes();
}

/** Reads `count` numbers; anything gives some. */
export function decodeRice(bytes: Uint8Array, count: number): Float64Array {
  const reader = new BitReader(bytes);
  const { all, others, runs } = newMeans();
  const residuals = new Float64Array(count);
  let at = 0;
  while (at < count) {
    if (!all.isSparse) {
      const folded = readCode(reader, all.lowBits());
      residuals[at] = unfold(folded);
      all.add(folded);
      at += 1;
      continue;
    }
    const run = readCode(reader, runs.lowBits());
    runs.add(run);
    all.addZeros(run);
    at += run;
    if (at >= count) break;
    const folded = readCode(reader, others.lowBits()) + 1;
    residuals[at] = unfold(folded);
    others.add(folded - 1);
    all.add(folded);
    at += 1;
  }
  return residuals;
}

function fold(number: number): number {
  return number < 0 ? -number * 2 - 1 : number * 2;
}

function unfold(folded: number): number {
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

function writeCode(writer: BitWriter, number: number, lowBits: number): void {
  const high =
    number < SMALL ? number >>> Math.min(lowBits, 31) : Math.floor(number / pow2(lowBits));
  if (high >= ONES_MAX) {
    writer.bits((1 << ONES_MAX) - 1, ONES_MAX);
    writer.wide(number, WHOLE_BITS);
    return;
  }
  writer.bits((2 << high) - 2, high + 1);
  writer.wide(number - high * pow2(lowBits), lowBits);
}

function readCode(reader: BitReader, lowBits: number): number {
  const high = reader.ones(ONES_MAX);
  if (high === ONES_MAX) return reader.wide(WHOLE_BITS);
  return high * pow2(lowBits) + reader.wide(lowBits);
}
