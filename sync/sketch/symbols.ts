// What differs between two sets, for as many bytes as differ? A rateless invertible Bloom lookup table
// (Yang, Gilad, Alizadeh, SIGCOMM 2024): each item is summed into some of a list of symbols, the first
// of them and then ever fewer. The difference of two lists is the list of the difference; where one
// item is left in a symbol it is found, and taken out of all others.
//
// A symbol has no count. Whether one item is left, and of which side, its checksum tells; and what is
// found is right if nothing at all is left in the end.

import { SKETCH_SYMBOLS_MAX } from "../limits.ts";
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { Words } from "./sip-hash.ts";

/** What only one of two sets has. */
export interface Difference {
  readonly onlyFirst: readonly Words[];
  readonly onlySecond: readonly Words[];
}

/** Bytes of a symbol: 8 of the sum, 2 of the sum of checksums. */
export const SYMBOL_BYTES = 10;

export class Symbols {
  readonly #sums = new Int32Array(SKETCH_SYMBOLS_MAX * 2);
  readonly #checks = new Uint16Array(SKETCH_SYMBOLS_MAX);
  /** How many there are. */
  readonly count: number;

  constructor(count: number = SKETCH_SYMBOLS_MAX) {
    this.count = count;
  }

  /** Adds an item; takes it out with `sign` -1. Sums are of 32 bits each, and go around. */
  add(low: number, high: number, sign: 1 | -1 = 1): void {
    const check = checkOf(low, high);
    let drawn = seedOf(low, high);
    for (let at = 0; at < this.count; drawn = next(drawn)) {
      this.#put(at, sign * low, sign * high, sign * check);
      at = after(at, drawn);
    }
  }

  #put(at: number, low: number, high: number, check: number): void {
    this.#sums[at * 2] = (this.#sums[at * 2] as number) + low;
    this.#sums[at * 2 + 1] = (this.#sums[at * 2 + 1] as number) + high;
    this.#checks[at] = (this.#checks[at] as number) + check;
  }

  /** Takes out all items of another list of at least as many symbols. */
  subtract(other: Symbols): void {
    for (let at = 0; at < this.count; at += 1) {
      const [low, high, check] = other.#at(at, 1);
      this.#put(at, -low, -high, -check);
    }
  }

  /** What is summed up in a symbol, or its negative. */
  #at(at: number, sign: 1 | -1): [low: number, high: number, check: number] {
    const low = (sign * (this.#sums[at * 2] as number)) | 0;
    const high = (sign * (this.#sums[at * 2 + 1] as number)) | 0;
    return [low, high, (sign * (this.#checks[at] as number)) & 0xffff];
  }

  /**
   * Takes all items out of what is left of the first set after the second was subtracted. Null: they
   * are too many, or these are no such symbols. Finds at most as many items as there are symbols.
   */
  peel(): Difference | null {
    const onlyFirst: Words[] = [];
    const onlySecond: Words[] = [];
    let room = this.count;
    const found = (at: number, sign: 1 | -1, items: Words[], others: Words[]): boolean => {
      const [low, high, check] = this.#at(at, sign);
      const isOne = checkOf(low, high) === check && covers(low, high, at);
      if (!isOne || (low === 0 && high === 0)) return false;
      this.add(low, high, sign === 1 ? -1 : 1);
      // What was no item comes back as one of the other side.
      const wrong = others.findIndex((item) => item[0] === low && item[1] === high);
      if (wrong < 0) items.push([low, high]);
      else others.splice(wrong, 1);
      return (room -= 1) >= 0;
    };
    for (let isMore = true; isMore;) {
      isMore = false;
      // From the last on: they have the fewest items.
      for (let at = this.count - 1; at >= 0 && room >= 0; at -= 1)
        if (found(at, 1, onlyFirst, onlySecond) || found(at, -1, onlySecond, onlyFirst))
          isMore = true;
    }
    return this.#isEmpty ? { onlyFirst, onlySecond } : null;
  }

  get #isEmpty(): boolean {
    return !this.#sums.some((sum) => sum !== 0) && !this.#checks.some((check) => check !== 0);
  }

  write(writer: ByteWriter, count: number): void {
    for (let at = 0; at < count; at += 1) {
      const [low, high, check] = this.#at(at, 1);
      writer.uint32(low >>> 0);
      writer.uint32(high >>> 0);
      writer.byte(check & 0xff);
      writer.byte(check >> 8);
    }
  }

  static read(reader: ByteReader, count: number): Symbols {
    const symbols = new Symbols(count);
    for (let at = 0; at < count; at += 1) {
      const [low, high] = [reader.uint32(), reader.uint32()];
      symbols.#put(at, low, high, reader.byte() + reader.byte() * 0x100);
    }
    return symbols;
  }
}

/** Spreads the bits of a word (the end of MurmurHash3). */
function spread(word: number): number {
  const half = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  const most = Math.imul(half ^ (half >>> 13), 0xc2b2ae35);
  return most ^ (most >>> 16);
}

/** What tells an item from a sum of several: items are hashes under a key, so nobody can choose it. */
function checkOf(low: number, high: number): number {
  return spread(high ^ Math.imul(low, 0x9e3779b1)) & 0xffff;
}

/** Draws of an item: which symbols it is in. */
function seedOf(low: number, high: number): number {
  return next(low ^ Math.imul(high, 0x85ebca77));
}

function next(drawn: number): number {
  return (drawn + 0x9e3779b9) | 0;
}

/** The next symbol of an item behind `at`: symbol i has it with a chance of 1 / (1 + i / 2). */
function after(at: number, drawn: number): number {
  const root = Math.sqrt((spread(drawn) >>> 0) + 1);
  return at + Math.max(1, Math.ceil((at + 1.5) * (65_536 / root - 1)));
}

function covers(low: number, high: number, wanted: number): boolean {
  let drawn = seedOf(low, high);
  let at = 0;
  while (at < wanted) {
    at = after(at, drawn);
    drawn = next(drawn);
  }
  return at === wanted;
}
