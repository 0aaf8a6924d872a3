// How does a yes or no cost less than a bit? A binary range coder (Martin 1979, as in LZMA): a
// question whose answer is likely takes a small part of a range. How likely, a model counts; both
// ends count alike, in whole numbers only.

/** A range is part of this: three bytes, so that every number here is a small one to the engine. */
const WHOLE = 0x1000000;
/** Below this a range is widened by a byte. */
const RANGE_MIN = 0x10000;
/** The highest of the three bytes, all ones: a carry may yet go through it. */
const FULL = 0xff0000;
const ONE = 0x8000;
const ANSWERS_BITS = 5;
const ANSWERS_MAX = (1 << ANSWERS_BITS) - 1;

/** By how much of the distance the n-th answer moves a model, in 65536ths. */
const STEPS = Int32Array.from({ length: ANSWERS_MAX + 1 }, (_, answers) =>
  Math.floor(65_536 / (answers + 1.5)),
);

/** Makes models that know nothing: a probability of 15 bits and how many answers it saw, of 5. */
export function newModels(count: number): Int32Array {
  return new Int32Array(count).fill((ONE / 2) << ANSWERS_BITS);
}

function afterYes(model: number): number {
  const yes = model >> ANSWERS_BITS;
  const answers = model & ANSWERS_MAX;
  const next = yes + (((ONE - yes) * (STEPS[answers] as number)) >> 16);
  return (next << ANSWERS_BITS) | (answers < ANSWERS_MAX ? answers + 1 : ANSWERS_MAX);
}

function afterNo(model: number): number {
  const yes = model >> ANSWERS_BITS;
  const answers = model & ANSWERS_MAX;
  const next = yes - ((yes * (STEPS[answers] as number)) >> 16);
  return (next << ANSWERS_BITS) | (answers < ANSWERS_MAX ? answers + 1 : ANSWERS_MAX);
}

/** Writes answers. */
export class RangeEncoder {
  #buffer: Uint8Array;
  #length = 0;
  #low = 0;
  #range = WHOLE;
  /** The last byte is held back, with the 255s after it, until no carry can reach it. */
  #held = 0;
  #pending = 0;

  constructor(bytesLikely: number) {
    this.#buffer = new Uint8Array(bytesLikely + 8);
  }

  /** Writes an answer, 1 for yes, under the model at `at`. */
  bit(models: Int32Array, at: number, answer: number): void {
    const model = models[at] as number;
    const bound = Math.floor((this.#range * (model >> ANSWERS_BITS)) / ONE);
    if (answer === 1) {
      this.#range = bound;
      models[at] = afterYes(model);
    } else {
      this.#low += bound;
      this.#range -= bound;
      models[at] = afterNo(model);
    }
    while (this.#range < RANGE_MIN) this.#widen();
  }

  /** Writes bits of which nothing is known: a whole number below 2^count, count at most 8. */
  plain(value: number, count: number): void {
    this.#range = this.#range >>> count;
    this.#low += value * this.#range;
    while (this.#range < RANGE_MIN) this.#widen();
  }

  /** Ends; what a reader past the end takes for zeros is left out. */
  finish(): Uint8Array {
    // Of all numbers in the range, the one with the most zeros at its end.
    for (let unit = WHOLE; unit >= 1; unit /= 256) {
      const rounded = Math.ceil(this.#low / unit) * unit;
      if (rounded >= this.#low + this.#range) continue;
      this.#low = rounded;
      break;
    }
    for (let i = 0; i < 4; i += 1) this.#shift();
    let end = this.#length;
    while (end > 1 && this.#buffer[end - 1] === 0) end -= 1;
    // The first byte only ever catches a carry that cannot come.
    return this.#buffer.subarray(1, end);
  }

  #widen(): void {
    this.#range <<= 8;
    this.#shift();
  }

  #shift(): void {
    if (this.#low < FULL || this.#low >= WHOLE) {
      const carry = this.#low >>> 24;
      if (this.#length + this.#pending + 1 > this.#buffer.length) this.#grow();
      this.#buffer[this.#length] = this.#held + carry;
      this.#length += 1;
      for (; this.#pending > 0; this.#pending -= 1) {
        this.#buffer[this.#length] = 0xff + carry;
        this.#length += 1;
      }
      this.#held = (this.#low >>> 16) & 0xff;
    } else {
      this.#pending += 1;
    }
    this.#low = (this.#low & 0xffff) << 8;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#buffer.length * 2 + this.#pending);
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}

/** Reads what RangeEncoder wrote; anything else gives some answers too. */
export class RangeDecoder {
  readonly #bytes: Uint8Array;
  #at = 0;
  #code = 0;
  #range = WHOLE;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    for (let i = 0; i < 3; i += 1) this.#code = (this.#code << 8) | this.#next();
  }

  bit(models: Int32Array, at: number): number {
    const model = models[at] as number;
    const bound = Math.floor((this.#range * (model >> ANSWERS_BITS)) / ONE);
    const isYes = this.#code < bound;
    if (isYes) {
      this.#range = bound;
      models[at] = afterYes(model);
    } else {
      this.#code -= bound;
      this.#range -= bound;
      models[at] = afterNo(model);
    }
    while (this.#range < RANGE_MIN) this.#widen();
    return isYes ? 1 : 0;
  }

  plain(count: number): number {
    this.#range = this.#range >>> count;
    // Broken input can lie past the range: the highest number there is stands for it.
    const value = Math.min(Math.floor(this.#code / this.#range), (1 << count) - 1);
    this.#code -= value * this.#range;
    while (this.#range < RANGE_MIN) this.#widen();
    return value;
  }

  #widen(): void {
    this.#range <<= 8;
    // Broken input can lie past the range; it must not grow.
    this.#code = ((this.#code << 8) | this.#next()) & (WHOLE - 1);
  }

  #next(): number {
    const byte = this.#at < this.#bytes.length ? (this.#bytes[this.#at] as number) : 0;
    this.#at += 1;
    return byte;
  }
}
