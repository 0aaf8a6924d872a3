// How do the keys of a group become bits? Sorted as both ends hold them: how far it is from head to
// head, and which of its keys are there; then keys that are new, as names.

import { KEY_BYTES_MAX, FRAME_STATE_ENTRIES_MAX } from "../../limits.ts";
import type { RangeCoder } from "./coder.ts";
import { FORM_MIN, type LinkMemory } from "./memory.ts";
import { codeNumber, codeSigned, NameCoder, NUMBER_SLOTS } from "./numbers.ts";
import { divide, TAIL_CLASSES, type KeySlots, type KeyTable, type Side } from "./table.ts";

/** Heads with more keys have those that are there counted, not marked. */
const MARKED_MAX = 16;
/** Above all numbers of keys: new keys of a head that is known sort behind the others of it. */
const NEW = 2 ** 17;
const HEAD = 2 ** 18;
/** One key in so many is most of a table. */
const DENSE = 16;
/** Keys in the order in which they are coded, by number; and of each the place where it was given. */
export interface CodedKeys {
  readonly ids: readonly number[];
  readonly from: readonly number[];
}

/** What is to be written: known keys by head, new ones of known heads, and new heads. */
interface Sorted {
  /** head * HEAD + key, or + NEW + place among the new ones. */
  readonly known: Float64Array;
  readonly added: readonly string[];
  readonly addedFrom: readonly number[];
  /** By head: places among the new ones. */
  readonly heads: ReadonlyMap<string, readonly number[]>;
  /** Of each key, by number, where it was given. */
  readonly places: Int32Array;
}

/** Sorts keys to be written; null if one comes twice. */
function sort(table: KeyTable, keys: readonly string[]): Sorted | null {
  const fresh: number[] = [];
  const known: number[] = [];
  const places = new Int32Array(table.keys.length);
  for (let i = 0; i < keys.length; i += 1) {
    const id = table.ids.get(keys[i] as string);
    if (id === undefined) fresh.push(i);
    else {
      known.push((table.headOf[id] as number) * HEAD + id);
      places[id] = i;
    }
  }
  fresh.sort((a, b) => ((keys[a] as string) < (keys[b] as string) ? -1 : 1));
  const added = fresh.map((at) => keys[at] as string);
  const heads = new Map<string, number[]>();
  for (const [place, key] of added.entries()) {
    if (key === added[place - 1]) return null;
    const name = key.slice(0, divide(key));
    const head = table.headIds.get(name);
    if (head !== undefined) known.push(head * HEAD + NEW + place);
    else if (heads.get(name)?.push(place) === undefined) heads.set(name, [place]);
  }
  const sorted = inOrder(table, known, added.length);
  for (let i = 1; i < sorted.length; i += 1) if (sorted[i] === sorted[i - 1]) return null;
  return { known: sorted, added, addedFrom: fresh, heads, places };
}

/** Sorts places of keys; those of most of a table are found quicker by looking at all of it. */
function inOrder(table: KeyTable, known: readonly number[], added: number): Float64Array {
  const sorted = Float64Array.from(known);
  if (added > 0 || known.length * DENSE < table.keys.length) return sorted.sort();
  const times = new Uint8Array(table.keys.length);
  for (const each of known) times[each % HEAD] = (times[each % HEAD] as number) + 1;
  let at = 0;
  for (const [head, ids] of table.keysOf.entries())
    for (const id of ids)
      for (let left = times[id] as number; left > 0; left -= 1, at += 1)
        sorted[at] = head * HEAD + id;
  return sorted;
}

/** Codes keys; of none it reads them. */
export class KeyCoder {
  readonly #coder: RangeCoder;
  readonly #table: KeyTable;
  readonly #slots: KeySlots;
  readonly #headNames: NameCoder;
  readonly #tailNames: NameCoder;
  readonly #given: Sorted | null;
  readonly #isFirstForm: boolean;
  /** Keys that still find room. */
  readonly #room: number;
  readonly #ids: number[] = [];
  readonly #from: number[] = [];
  /** How far of the sorted ones is written. */
  #at = 0;

  constructor(
    coder: RangeCoder,
    memory: LinkMemory,
    { table, side }: { readonly table: KeyTable; readonly side: Side },
    room: number,
    keys: readonly string[] | null,
  ) {
    this.#coder = coder;
    this.#table = table;
    this.#slots = table.keySlots[side];
    this.#room = Math.min(room, FRAME_STATE_ENTRIES_MAX);
    const { names, bytes, form } = memory;
    this.#isFirstForm = form === FORM_MIN;
    this.#headNames = new NameCoder(coder, names, bytes, KEY_BYTES_MAX);
    this.#tailNames = new NameCoder(coder, names + NUMBER_SLOTS * 2, bytes, KEY_BYTES_MAX);
    this.#given = keys && sort(table, keys);
    if (keys && !this.#given) coder.fail();
  }

  code(): CodedKeys {
    const coder = this.#coder;
    if (!coder.broken) {
      this.#codeKnownHeads();
      this.#codeNewHeads();
    }
    return { ids: this.#ids, from: this.#from };
  }

  #codeKnownHeads(): void {
    const coder = this.#coder;
    const { heads } = this.#table;
    const slots = this.#slots;
    const headCount = heads.length;
    let left = codeNumber(coder, slots.counts, this.#headsGiven());
    if (left > headCount || left > this.#room) coder.fail();
    let next = 0;
    for (; left > 0 && !coder.broken; left -= 1) {
      const given = Math.floor((this.#given?.known[this.#at] ?? 0) / HEAD);
      const head = next + codeNumber(coder, slots.gaps, Math.max(0, given - next));
      if (head >= headCount) coder.fail();
      else this.#codeHead(head);
      next = head + 1;
    }
  }

  #headsGiven(): number {
    let count = 0;
    let last = -1;
    for (const each of this.#given?.known ?? []) {
      const head = Math.floor(each / HEAD);
      if (head !== last) count += 1;
      last = head;
    }
    return count;
  }

  /** Codes which keys of a head are there, then its new ones. */
  #codeHead(head: number): void {
    const coder = this.#coder;
    const table = this.#table;
    const keys = table.keysOf[head] as number[];
    const held = keys.length;
    if (held > MARKED_MAX) this.#codeCounted(head, keys);
    else {
      let there = 0;
      for (let i = 0; i < held; i += 1) {
        const id = keys[i] as number;
        const slot = table.maskSlot(this.#slots, id, there);
        if (coder.bit(slot, this.#isNext(head, id) ? 1 : 0)) {
          this.#take(id);
          there += 1;
        }
      }
    }
    const places = this.#newOf(head);
    const { more } = this.#slots;
    if (!coder.bit(more, places.length > 0 ? 1 : 0)) return;
    if (this.#isFirstForm) {
      this.#codeMore(head, places, 1);
      return;
    }
    const { length } = this.#ids;
    this.#codeMore(head, this.#codeGets(head, 0, places), 0);
    if (this.#ids.length === length) coder.fail();
  }

  /** Codes new keys of a head, each behind a bit that it is there; of the first `told` that is known. */
  #codeMore(head: number, places: readonly number[], told: number): void {
    const coder = this.#coder;
    const table = this.#table;
    const { more } = this.#slots;
    const last = table.keysOf[head]?.at(-1);
    let tail = last === undefined ? -1 : (table.tailOf[last] as number);
    for (let i = 0; i < told || coder.bit(more + 1, i < places.length ? 1 : 0); i += 1) {
      if (coder.broken || this.#ids.length >= this.#room) coder.fail();
      if (coder.broken) return;
      tail = this.#codeNew(head, tail, places[i] ?? 0);
    }
  }

  /** Codes which of the first tails a head gets keys of, and gives the places of the others. */
  #codeGets(head: number, isNew: number, places: readonly number[]): readonly number[] {
    const coder = this.#coder;
    const table = this.#table;
    const { length } = table.heads[head] as string;
    const given = this.#given;
    const byTail = new Map(
      places.map((place) => [table.tailIds.get(given?.added[place]?.slice(length) ?? ""), place]),
    );
    const had = table.tailsOf[head] as number;
    const slots = this.#slots.gets + isNew * TAIL_CLASSES;
    const tails = Math.min(table.tails.length, TAIL_CLASSES);
    const got = new Set<number>();
    for (let tail = 0; tail < tails && !coder.broken; tail += 1) {
      if (had & (1 << tail)) continue;
      const place = byTail.get(tail);
      if (!coder.bit(slots + tail, place === undefined ? 0 : 1)) continue;
      if (this.#ids.length >= this.#room) coder.fail();
      else this.#add(head, tail, place ?? 0);
      if (place !== undefined) got.add(place);
    }
    return places.filter((place) => !got.has(place));
  }

  #codeCounted(head: number, keys: readonly number[]): void {
    const coder = this.#coder;
    const { within } = this.#slots;
    let count = 0;
    const given = this.#given;
    if (given) {
      const end = head * HEAD + NEW;
      while ((given.known[this.#at + count] ?? Infinity) < end) count += 1;
    }
    count = codeNumber(coder, within, count);
    if (count > keys.length || count + this.#ids.length > this.#room) coder.fail();
    let next = 0;
    for (; count > 0 && !coder.broken; count -= 1) {
      let place = next;
      if (given) while (!this.#isNext(head, keys[place] as number)) place += 1;
      place = next + codeNumber(coder, within + NUMBER_SLOTS, place - next);
      const id = keys[place];
      if (id === undefined) coder.fail();
      else this.#take(id);
      next = place + 1;
    }
  }

  #codeNewHeads(): void {
    const coder = this.#coder;
    const table = this.#table;
    const { counts } = this.#slots;
    const given = [...(this.#given?.heads ?? [])];
    let left = codeNumber(coder, counts + NUMBER_SLOTS, given.length);
    for (let i = 0; left > 0 && !coder.broken; left -= 1, i += 1) {
      const [name, places] = given[i] ?? ["", [0]];
      const head = this.#headNames.code(name);
      if (table.headIds.has(head)) coder.fail();
      if (!coder.broken) this.#codeNewHead(table.addHead(head), places);
    }
  }

  #codeNewHead(head: number, places: readonly number[]): void {
    const coder = this.#coder;
    const rest = this.#isFirstForm ? places : this.#codeGets(head, 1, places);
    const least = this.#table.keysOf[head]?.length === 0 ? 1 : 0;
    const slots = this.#slots.counts + NUMBER_SLOTS * 2;
    const count = least + codeNumber(coder, slots, rest.length - least);
    if (count + this.#ids.length > this.#room) coder.fail();
    else this.#codeTails(head, count, rest);
  }

  #codeTails(head: number, count: number, places: readonly number[]): void {
    let tail = -1;
    for (let at = 0; at < count && !this.#coder.broken; at += 1)
      tail = this.#codeNew(head, tail, places[at] ?? 0);
  }

  /** Codes a key that is new by its tail, and gives the tail's number. */
  #codeNew(head: number, before: number, place: number): number {
    const coder = this.#coder;
    const table = this.#table;
    const key = this.#given?.added[place] ?? "";
    const tail = this.#codeTail(key.slice((table.heads[head] as string).length), before + 1);
    if (!coder.broken) this.#add(head, tail, place);
    return tail;
  }

  #add(head: number, tail: number, place: number): void {
    const id = this.#table.add(head, tail, this.#given?.added[place]);
    if (id < 0) {
      this.#coder.fail();
      return;
    }
    this.#ids.push(id);
    this.#from.push(this.#given?.addedFrom[place] ?? 0);
  }

  /** Codes a tail by its number, and the name of one that is new. */
  #codeTail(given: string, expected: number): number {
    const coder = this.#coder;
    const table = this.#table;
    const { length } = table.tails;
    const known = table.tailIds.get(given) ?? length;
    const tail = expected + codeSigned(coder, this.#slots.tails, known - expected);
    if (tail < 0 || tail > length) return coder.fail();
    if (tail < length) return tail;
    const name = this.#tailNames.code(given);
    if (table.tailIds.has(name)) return coder.fail();
    return table.addTail(name);
  }

  #isNext(head: number, id: number): boolean {
    return this.#given?.known[this.#at] === head * HEAD + id;
  }

  /** Places of the new keys of a known head. */
  #newOf(head: number): readonly number[] {
    const { known } = this.#given ?? {};
    const first = head * HEAD + NEW;
    const places: number[] = [];
    for (let next = known?.[this.#at] ?? 0; next >= first && next < first + HEAD - NEW;) {
      places.push(next - first);
      this.#at += 1;
      next = known?.[this.#at] ?? 0;
    }
    return places;
  }

  #take(id: number): void {
    this.#ids.push(id);
    this.#from.push(this.#given?.places[id] ?? 0);
    this.#at += 1;
    if (this.#ids.length > this.#room) this.#coder.fail();
  }
}
