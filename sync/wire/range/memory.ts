// What do both ends of a link know of each other, once they have had an exchange in this encoding? Who
// they are and where they stand, a table of each collection that crossed the link, and what to expect.
// Lost, or of another exchange, it is begun anew: nothing is ever read that was not meant for it.

import { DICTIONARY_BYTES_MAX, DICTIONARY_KEYS_MAX } from "../../limits.ts";
import type { Position } from "../frame.ts";
import { Models } from "./coder.ts";
import { BYTE_SLOTS, NUMBER_SLOTS, SIGNED_SLOTS } from "./numbers.ts";
import { KeyTable } from "./table.ts";

/** What an exchange left both ends with. */
export interface Exchanged {
  readonly link: number;
  /** The version of plain frames that both read. */
  readonly version: number;
  /** The form of this encoding that both read, of FORM_MAX; none is said: FORM_MIN. */
  readonly form?: number;
  /** The checksum of the last frame, which the next one is coded behind. */
  readonly digest: number;
  /** Where the hub is in the edge's history, and the edge in the hub's. */
  readonly at: Position;
  readonly told: Position;
  /** The hub's clock as it answered. */
  readonly hubNowMs: number;
}

/** Numbers of an envelope that are told, each with slots of its own. */
const FIELDS = 16;

/** Forms of the encoding that are read; 1 was never released. */
export const FORM_MIN = 2;
export const FORM_MAX = 3;

export class LinkMemory {
  exchanged: Exchanged;
  readonly form: number;
  models: Models;
  tables: Map<number, KeyTable> = new Map();
  /** First slots of names of heads and of tails, of bytes, and of the envelope. */
  names: number;
  bytes: number;
  fields: number;

  constructor(exchanged: Exchanged) {
    this.exchanged = exchanged;
    this.form = exchanged.form ?? FORM_MIN;
    this.models = new Models(this.form > FORM_MIN);
    this.names = this.models.take(NUMBER_SLOTS * 4);
    this.bytes = this.models.take(BYTE_SLOTS);
    this.fields = this.models.take(SIGNED_SLOTS * FIELDS);
  }

  /** First slot of a field of the envelope. */
  field(number: number): number {
    return this.fields + SIGNED_SLOTS * number;
  }

  /** The table of a collection. */
  of(collection: number): KeyTable {
    const held = this.tables.get(collection) ?? new KeyTable(this.models, this.form > FORM_MIN);
    this.tables.set(collection, held);
    return held;
  }

  /** Bytes of memory that it takes, about. */
  get size(): number {
    let size = this.models.bytes;
    for (const { bytes } of this.tables.values()) size += bytes;
    return size;
  }

  /** Takes over where a frame has left both ends; tables that have grown too large begin anew. */
  settle(exchanged: Partial<Exchanged>): void {
    this.exchanged = { ...this.exchanged, ...exchanged };
    let keys = 0;
    for (const table of this.tables.values()) keys += table.keys.length;
    if (keys > DICTIONARY_KEYS_MAX || this.size > DICTIONARY_BYTES_MAX)
      Object.assign(this, new LinkMemory(this.exchanged));
  }
}

/** Where the edge stands in the hub's history once it has an answer. */
export function toldBy(
  ack: Position,
  state: { readonly from: number; readonly to: number } | null,
  digest: number,
): Position {
  if (state === null || state.to === state.from) return ack;
  return { seq: state.to, digest };
}
