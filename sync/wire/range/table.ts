// What do both ends of a link know of a collection that crossed it? Its keys, as heads with tails
// ("pump-417" and "/temp"), and of each key what was said of it last. A cache, as a dictionary is.

import { KEY_BYTES_MAX } from "../../limits.ts";
import { encodeText } from "../bytes.ts";
import { crc32c } from "../crc32c.ts";
import type { Models } from "./coder.ts";
import { NUMBER_SLOTS, SIGNED_SLOTS } from "./numbers.ts";

/** Bytes of memory that a key, a head and a tail take beside their own, about. */
const KEY_ROOM = 140;
const HEAD_ROOM = 105;
const TAIL_ROOM = 85;
/** Keys of a head that are listed without room for others. */
const SHORT = 8;
const NO_KEYS: number[] = [];
/** Tails whose values are expected each by itself. */
export const TAIL_CLASSES = 16;
/** Classes of values beside them: by the step of the same key in the group before. */
const STEP_CLASSES = 8;
/** Stamps of a head that are remembered while its keys are coded. */
export const EARLIER_MAX = 6;
/** No decimals are known. */
export const NO_SCALE = -1;
/** Nothing was said. */
export const NO_TAG = 15;

/** Slots of what values of one class are expected to be. */
export interface ValueSlots {
  readonly isSteady: number;
  readonly isUsual: number;
  readonly scale: number;
  readonly step: number;
  readonly first: number;
}

export type Side = "up" | "down" | "reply";

/** Slots of which keys of a collection are there, in one way of the link. */
export interface KeySlots {
  /** How many heads, new heads, keys of a new head. */
  readonly counts: number;
  readonly gaps: number;
  /** Of heads with many keys: how many of these, and how far from one to the next. */
  readonly within: number;
  readonly tails: number;
  readonly mask: number;
  /** Whether another new key of the head follows. */
  readonly more: number;
  /** Whether a head gets a key of a tail that it has not: by tail, and whether the head is new. */
  readonly gets: number;
}

/** Slots of one collection. */
export interface TableSlots {
  readonly flags: number;
  readonly tags: number;
  readonly ages: number;
  readonly counters: number;
  readonly contexts: number;
  readonly texts: number;
  readonly like: number;
  /** Whether a stamp is an earlier one of its head in this frame, and which. */
  readonly earlier: number;
}

/** Slots of which keys of a head are there: by their tail, and how many were. */
const MASK_SLOTS: number = TAIL_CLASSES * 3;
const FLAGS = 8;

/** A list of numbers that grows. */
class Numbers {
  values = new Float64Array(64);

  set(at: number, value: number): void {
    if (at >= this.values.length) {
      const grown = new Float64Array(at * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[at] = value;
  }
}

/** Where a key is divided: before its last `|`, else its last `/`; at its end if it has neither. */
export function divide(key: string): number {
  const component = key.lastIndexOf("|");
  const path = component < 0 ? key.lastIndexOf("/") : component;
  return path < 0 ? key.length : path;
}

export class KeyTable {
  /** The kind of the last group; -1: there was none. */
  kind = -1;
  readonly slots: TableSlots;
  readonly keySlots: Readonly<Record<Side, KeySlots>>;
  readonly keys: string[] = [];
  readonly ids: Map<string, number> = new Map();
  readonly heads: string[] = [];
  readonly headIds: Map<string, number> = new Map();
  readonly tails: string[] = [];
  readonly tailIds: Map<string, number> = new Map();
  /** Of each head its keys, by number. */
  readonly keysOf: number[][] = [];
  /** Of each head which of the first tails it has, a bit each. */
  readonly tailsOf: number[] = [];
  readonly headOf: number[] = [];
  readonly tailOf: number[] = [];
  readonly #models: Models;
  readonly #isNewer: boolean;
  readonly #digests = new Numbers();
  /** Of each key: what was said of it last, and its number with how many decimals. */
  readonly #tags: number[] = [];
  readonly #scales: number[] = [];
  readonly #mantissas = new Numbers();
  /** Of each tail: decimals and number of the last value without one before it. */
  readonly #usualScales: number[] = [];
  readonly #usual = new Numbers();
  /** Of each tail: whether numbers lie nearer to each other than to 0, in bits. */
  readonly #nearness: number[] = [];
  readonly #classes: (ValueSlots | undefined)[] = [];
  bytes = 0;

  constructor(models: Models, isNewer: boolean) {
    this.#models = models;
    this.#isNewer = isNewer;
    const [up, down] = [takeKeySlots(models, isNewer), takeKeySlots(models, isNewer)];
    this.keySlots = { up, down, reply: isNewer ? takeKeySlots(models, isNewer) : down };
    this.slots = {
      flags: models.take(FLAGS),
      tags: models.take(16 * 16),
      ages: models.take(SIGNED_SLOTS * 2),
      counters: models.take(NUMBER_SLOTS + 2),
      contexts: models.take(SIGNED_SLOTS),
      texts: models.take(NUMBER_SLOTS),
      like: models.take(3),
      earlier: isNewer ? models.take(EARLIER_MAX + 1) : 0,
    };
  }

  /** The slot of whether a key is there; `there` of its head were. */
  maskSlot({ mask }: KeySlots, id: number, there: number): number {
    const tail = Math.min(this.tailOf[id] as number, TAIL_CLASSES - 1);
    return mask + tail * 3 + Math.min(there, 2);
  }

  addHead(head: string): number {
    const id = this.heads.length;
    this.heads.push(head);
    this.headIds.set(head, id);
    this.keysOf.push(NO_KEYS);
    this.tailsOf.push(0);
    this.bytes += head.length + HEAD_ROOM;
    return id;
  }

  addTail(tail: string): number {
    const id = this.tails.length;
    this.tails.push(tail);
    this.tailIds.set(tail, id);
    this.#usualScales.push(NO_SCALE);
    this.#nearness.push(0);
    this.bytes += tail.length + TAIL_ROOM;
    return id;
  }

  /**
   * Adds a key of a head and a tail; -1: it is there, or too long.
   *
   * @param key The key itself, if there is one already: it is not held twice.
   */
  add(head: number, tail: number, key: string = this.#keyOf(head, tail)): number {
    const name = encodeText(key);
    if (this.ids.has(key) || name.length > KEY_BYTES_MAX) return -1;
    const id = this.keys.length;
    this.#digests.set(id, crc32c(name));
    this.keys.push(key);
    this.ids.set(key, id);
    this.headOf.push(head);
    this.tailOf.push(tail);
    this.#addTo(head, id);
    if (tail < TAIL_CLASSES) this.tailsOf[head] = (this.tailsOf[head] as number) | (1 << tail);
    this.#tags.push(NO_TAG);
    this.#scales.push(NO_SCALE);
    this.bytes += key.length + KEY_ROOM;
    return id;
  }

  #keyOf(head: number, tail: number): string {
    return `${this.heads[head] ?? ""}${this.tails[tail] ?? ""}`;
  }

  /** Most heads have a few keys, and a list that may grow is many times as long as these. */
  #addTo(head: number, id: number): void {
    const held = this.keysOf[head] as number[];
    if (held.length < SHORT) this.keysOf[head] = held.concat(id);
    else held.push(id);
  }

  /** The checksum of a key. */
  digestOf(id: number): number {
    return this.#digests.values[id] as number;
  }

  /** The number of a key, which is added if it is new. */
  take(key: string): number {
    const id = this.ids.get(key);
    if (id !== undefined) return id;
    const at = divide(key);
    const [head, tail] = [key.slice(0, at), key.slice(at)];
    return this.add(
      this.headIds.get(head) ?? this.addHead(head),
      this.tailIds.get(tail) ?? this.addTail(tail),
      key,
    );
  }

  tagOf(id: number): number {
    return this.#tags[id] as number;
  }

  scaleOf(id: number): number {
    return this.#scales[id] as number;
  }

  mantissaOf(id: number): number {
    return this.#mantissas.values[id] as number;
  }

  setTag(id: number, tag: number): void {
    this.#tags[id] = tag;
  }

  /** Notes the number that was said of a key; with NO_SCALE nothing is known of it. */
  setNumber(id: number, mantissa: number, scale: number): void {
    this.#scales[id] = scale;
    this.#mantissas.set(id, mantissa);
  }

  usualScale(tail: number): number {
    return this.#usualScales[tail] as number;
  }

  /** What the first number of a key is told from: the last one of its tail, or 0. */
  usualNumber(tail: number): number {
    return (this.#nearness[tail] as number) > 0 ? (this.#usual.values[tail] as number) : 0;
  }

  /** Notes the first number of a key. */
  setUsual(tail: number, mantissa: number, scale: number): void {
    if (this.#usualScales[tail] === scale) {
      const apart = Math.abs(mantissa - (this.#usual.values[tail] as number));
      const gain = bitsOf(Math.abs(mantissa)) - bitsOf(apart) - 1;
      this.#nearness[tail] = Math.max(-16, Math.min(16, (this.#nearness[tail] as number) + gain));
    }
    this.#usualScales[tail] = scale;
    this.#usual.set(tail, mantissa);
  }

  /** The slots of values of a tail. */
  ofTail(tail: number, side: Side): ValueSlots {
    const at = Math.min(tail, TAIL_CLASSES - 1);
    return this.#class(side === "reply" && this.#isNewer ? at + TAIL_CLASSES + STEP_CLASSES : at);
  }

  /** The slots of values whose key has gone so far in the group before. */
  ofStep(step: number): ValueSlots {
    return this.#class(TAIL_CLASSES + Math.min(Math.abs(step), STEP_CLASSES - 1));
  }

  #class(at: number): ValueSlots {
    const held = this.#classes[at];
    if (held) return held;
    const slots = {
      isSteady: this.#models.take(2),
      isUsual: this.#models.take(2),
      scale: this.#models.take(32),
      step: this.#models.take(SIGNED_SLOTS),
      first: this.#models.take(SIGNED_SLOTS),
    };
    this.#classes[at] = slots;
    return slots;
  }
}

function takeKeySlots(models: Models, isNewer: boolean): KeySlots {
  return {
    counts: models.take(NUMBER_SLOTS * 3),
    gaps: models.take(NUMBER_SLOTS),
    within: models.take(NUMBER_SLOTS * 2),
    tails: models.take(SIGNED_SLOTS),
    mask: models.take(MASK_SLOTS),
    more: models.take(2),
    gets: isNewer ? models.take(TAIL_CLASSES * 2) : 0,
  };
}

function bitsOf(size: number): number {
  return size < 1 ? 0 : 32 - Math.clz32(Math.min(size, 2 ** 31));
}
