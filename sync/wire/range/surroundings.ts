// What does the frame around its groups give them? What stamps and removals are told from, how much they
// may stand for; and a sum of what they said, by which the ends find that they hold something else.

import { crc32c } from "../crc32c.ts";
import type { RangeCoder } from "./coder.ts";
import { codeBytes } from "./numbers.ts";
import type { Rows } from "./rows.ts";

const MIXER = 0x9e3779b1;

export class Surroundings {
  readonly way: "up" | "down";
  /** What is expected of keys and values differs by it: an answer to a frame with state says less. */
  readonly side: "up" | "down" | "reply";
  /** What stamps are told from. */
  readonly baseMs: number;
  /** What the next removal is told from. */
  context: number;
  /** The sum, 32 bits. */
  sum = 0;
  /** Bytes of texts and bodies that the frame may still stand for. */
  #bytesLeft: number;
  readonly #double = new DataView(new ArrayBuffer(8));

  constructor(side: Surroundings["side"], baseMs: number, context: number, bytesMax: number) {
    this.way = side === "up" ? "up" : "down";
    this.side = side;
    this.baseMs = baseMs;
    this.context = context;
    this.#bytesLeft = bytesMax;
  }

  /** Codes bytes whose number was coded. */
  codeText(
    coder: RangeCoder,
    at: number,
    given: Uint8Array | undefined,
    length: number,
    bytesMax: number,
  ): Uint8Array {
    this.#bytesLeft -= length;
    if (length > bytesMax || this.#bytesLeft < 0) coder.fail();
    if (coder.broken) return new Uint8Array(0);
    const bytes = (!coder.isReading && given) || new Uint8Array(length);
    codeBytes(coder, at, bytes, 0);
    this.#mix(crc32c(bytes));
    return bytes;
  }

  /** Adds words of 32 bits to the sum. */
  note(...words: readonly number[]): void {
    for (const word of words) this.#mix(word);
  }

  /** Adds numbers to it, each as its 64 bits. */
  noteNumbers(...numbers: readonly number[]): void {
    for (const number of numbers) this.#mixDouble(number);
  }

  /** Adds what a row says, behind the digest of its key. */
  add(digest: number, { isThere, wallMs, logical, tags, numbers }: Rows, at: number): void {
    this.#mix(digest);
    this.#mix(tags[at] as number);
    this.#mix((isThere[at] as number) * 65_536 + (logical[at] as number));
    this.#mixDouble(wallMs[at] as number);
    this.#mixDouble(numbers[at] as number);
  }

  #mixDouble(value: number): void {
    this.#double.setFloat64(0, value);
    this.#mix(this.#double.getUint32(0));
    this.#mix(this.#double.getUint32(4));
  }

  #mix(word: number): void {
    const mixed = Math.imul(this.sum ^ word, MIXER);
    this.sum = mixed ^ (mixed >>> 15);
  }
}
