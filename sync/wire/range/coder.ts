// How do likely things become few bits? A binary range coder whose probabilities follow what came
// before, in whole numbers only, so that every end computes the same. One object writes and reads by
// the same calls: what is coded is said once, and both ends cannot differ about it.

/** Of each slot how often it was asked, up to here. */
const SEEN_MAX = 40;
/** By how many bits a probability follows, the quick one and the slow one, by how often it was asked. */
const QUICK: readonly Uint8Array[] = /* @__PURE__ */ [4, 5].map((most) =>
  Uint8Array.from({ length: SEEN_MAX + 1 }, (_, seen) => Math.min(seen + 1, most)),
);
const SLOW: Uint8Array = /* @__PURE__ */ Uint8Array.from({ length: SEEN_MAX + 1 }, (_, seen) =>
  Math.min(Math.ceil(Math.log2(seen + 1.5)) + 1, 7),
);
const HALF = 0x8000;
const RANGE_MIN = 2 ** 24;
const CARRY = 2 ** 32;
/** Bits that are written as they are at a time. */
const CHUNK_BITS = 12;

/** Probabilities by slot: two of each, 16 bits, that its next bit is 0. */
export class Models {
  quick: Uint16Array = new Uint16Array(512).fill(HALF);
  slow: Uint16Array = new Uint16Array(512).fill(HALF);
  seen: Uint8Array = new Uint8Array(512);
  #taken = 0;
  readonly quickRates: Uint8Array;

  /** @param isNewer True of the form of the encoding in which less is made of what came last. */
  constructor(isNewer: boolean) {
    this.quickRates = QUICK[Number(isNewer)] as Uint8Array;
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return this.seen.length * 5;
  }

  /** Takes `count` slots that nothing is known of, and says which is the first. */
  take(count: number): number {
    const at = this.#taken;
    this.#taken += count;
    if (this.#taken > this.seen.length) this.#grow(this.#taken * 2);
    return at;
  }

  #grow(length: number): void {
    const { quick, slow, seen } = this;
    this.quick = new Uint16Array(length).fill(HALF);
    this.slow = new Uint16Array(length).fill(HALF);
    this.seen = new Uint8Array(length);
    this.quick.set(quick);
    this.slow.set(slow);
    this.seen.set(seen);
  }
}

/** Writes bits, or reads what was written; of any other bytes it reads something. */
export class RangeCoder {
  readonly isReading: boolean;
  readonly models: Models;
  /** Set by whoever finds something that no writer writes. */
  broken = false;
  #range = CARRY - 1;
  #buffer: Uint8Array;
  #at = 0;
  /** Writing: the lower end of the range, at most CARRY above what is written. */
  #low = 0;
  /** The last byte and so many of 0xff, which a carry may still change; -1: there is none yet. */
  #cache = -1;
  #pending = 0;
  /** Reading: where in the range what is read lies. */
  #code = 0;

  /** @param bytes What is read; none: it writes. */
  constructor(models: Models, bytes?: Uint8Array) {
    this.models = models;
    this.isReading = bytes !== undefined;
    this.#buffer = bytes ?? new Uint8Array(256);
    if (bytes) for (let i = 0; i < 4; i += 1) this.#code = this.#code * 256 + this.#nextByte();
  }

  /** Codes one bit as its slot expects it, and lets the slot learn; reading gives what was written. */
  bit(slot: number, bit: number): number {
    const { quick, slow, seen, quickRates } = this.models;
    const near = quick[slot] as number;
    const far = slow[slot] as number;
    const times = seen[slot] as number;
    const bound = (this.#range >>> 12) * ((near + far) >>> 5);
    const isZero = this.isReading ? this.#code < bound : bit === 0;
    if (isZero) {
      this.#range = bound;
      quick[slot] = near + ((0x10000 - near) >>> (quickRates[times] as number));
      slow[slot] = far + ((0x10000 - far) >>> (SLOW[times] as number));
    } else {
      this.#range -= bound;
      if (this.isReading) this.#code -= bound;
      else this.#low += bound;
      quick[slot] = near - (near >>> (quickRates[times] as number));
      slow[slot] = far - (far >>> (SLOW[times] as number));
    }
    if (times < SEEN_MAX) seen[slot] = times + 1;
    while (this.#range < RANGE_MIN) this.#shift();
    return isZero ? 0 : 1;
  }

  /** Codes the lowest `bits` bits of a number as they are. */
  plain(bits: number, value: number): number {
    let left = bits;
    let rest = value;
    let read = 0;
    while (left > 0) {
      const now = Math.min(left, CHUNK_BITS);
      left -= now;
      const unit = 2 ** left;
      const part = Math.floor(rest / unit);
      rest -= part * unit;
      read += this.#chunk(now, part) * unit;
    }
    return read;
  }

  #chunk(bits: number, part: number): number {
    this.#range >>>= bits;
    let read = part;
    if (this.isReading) {
      // Only bytes that nobody wrote lie above.
      read = Math.min(2 ** bits - 1, Math.floor(this.#code / this.#range));
      this.#code -= read * this.#range;
    } else this.#low += read * this.#range;
    while (this.#range < RANGE_MIN) this.#shift();
    return read;
  }

  #shift(): void {
    this.#range = (this.#range << 8) >>> 0;
    if (this.isReading) this.#code = ((this.#code << 8) | this.#nextByte()) >>> 0;
    else this.#shiftLow();
  }

  #nextByte(): number {
    const byte = this.#buffer[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  /** Moves the uppermost byte of the lower end out, once no carry can change it. */
  #shiftLow(): void {
    const isCarry = this.#low >= CARRY;
    const low = this.#low % CARRY;
    const top = Math.floor(low / RANGE_MIN);
    if (top < 0xff || isCarry) {
      this.#flush(isCarry ? 1 : 0);
      this.#cache = top;
    } else this.#pending += 1;
    this.#low = (low % RANGE_MIN) * 256;
  }

  #flush(carry: number): void {
    if (this.#cache >= 0) this.#put(this.#cache + carry);
    for (; this.#pending > 0; this.#pending -= 1) this.#put(0xff + carry);
  }

  #put(byte: number): void {
    if (this.#at === this.#buffer.length) {
      const grown = new Uint8Array(this.#at * 2);
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    this.#buffer[this.#at] = byte;
    this.#at += 1;
  }

  /** Ends writing: the fewest bytes that lie in the range; zeros at the end are left out. */
  finish(): Uint8Array {
    const { isReading } = this;
    if (isReading) return this.#buffer;
    const top = this.#low + this.#range - 1;
    for (let unit = CARRY; unit >= 1; unit /= 256) {
      const end = Math.floor(top / unit) * unit;
      if (end < this.#low) continue;
      this.#low = end;
      break;
    }
    // Four bytes of the lower end, and the one before them.
    for (let i = 0; i < 5; i += 1) this.#shiftLow();
    this.#flush(0);
    let length = this.#at;
    while (length > 0 && this.#buffer[length - 1] === 0) length -= 1;
    return this.#buffer.slice(0, length);
  }

  /** True if all bytes were read, none was missing that a writer writes, and the last is not 0. */
  get isDone(): boolean {
    const { length } = this.#buffer;
    return !this.broken && this.#at >= length && this.#buffer[length - 1] !== 0;
  }

  /** Marks what is read as not what a writer writes, or what is written as not to be read. */
  fail(): number {
    this.broken = true;
    return 0;
  }
}
