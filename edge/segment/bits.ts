// How are codes of a few bits packed into bytes? Highest bit first, the last byte filled with
// zeros. A reader past the end gives zeros: whoever reads knows how many codes there are.

const WORD_BITS = 24;
const WORD = 0x1000000;

/** Packs codes; `bytes()` gives what was written. */
export class BitWriter {
  #buffer: Uint8Array;
  #length = 0;
  #held = 0;
  #heldBits = 0;

  constructor(bytesLikely: number) {
    this.#buffer = new Uint8Array(bytesLikely + 8);
  }

  /** Writes the lowest `count` bits of a whole number below 2^24, at most 24. */
  bits(value: number, count: number): void {
    this.#held = (this.#held << count) | value;
    this.#heldBits += count;
    if (this.#length + 4 > this.#buffer.length) this.#grow();
    while (this.#heldBits >= 8) {
      this.#heldBits -= 8;
      this.#buffer[this.#length] = this.#held >>> this.#heldBits;
      this.#length += 1;
    }
  }

  /** Writes a whole number below 2^count, of at most 53 bits. */
  wide(value: number, count: number): void {
    if (count <= WORD_BITS) {
      this.bits(value, count);
      return;
    }
    const low = value % WORD;
    this.wide((value - low) / WORD, count - WORD_BITS);
    this.bits(low, WORD_BITS);
  }

  bytes(): Uint8Array {
    if (this.#heldBits > 0) this.bits(0, 8 - this.#heldBits);
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(): void {
    const grown = new Uint8Array(this.#buffer.length * 2);
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}

/** Reads what BitWriter wrote, or anything else. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #heldBits = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads at most 24 bits. */
  bits(count: number): number {
    while (this.#heldBits < count) this.#load();
    this.#heldBits -= count;
    return (this.#held >>> this.#heldBits) & ((1 << count) - 1);
  }

  /** Reads a whole number of at most 53 bits. */
  wide(count: number): number {
    if (count <= WORD_BITS) return this.bits(count);
    const high = this.wide(count - WORD_BITS);
    return high * WORD + this.bits(WORD_BITS);
  }

  /** Counts the ones before a zero and reads both; after `most` ones there is no zero. */
  ones(most: number): number {
    while (this.#heldBits < WORD_BITS) this.#load();
    const window = this.#held << (32 - this.#heldBits);
    const count = Math.min(Math.clz32(~window), most);
    this.#heldBits -= count < most ? count + 1 : count;
    return count;
  }

  #load(): void {
    this.#held = (this.#held << 8) | (this.#bytes[this.#at] ?? 0);
    this.#at += 1;
    this.#heldBits += 8;
  }
}
