// How do the rows of a group become bits? Whether a key is there, its stamp as its age, its case as the
// one before, its value as the step from the last one.

import { LOGICAL_MAX } from "../../clock/hlc.ts";
import { STRING_BYTES_MAX, TIME_MS_MAX } from "../../limits.ts";
import type { RangeCoder } from "./coder.ts";
import type { CodedKeys } from "./keys.ts";
import { FORM_MIN, type LinkMemory } from "./memory.ts";
import { codeNumber, codePath, codeSigned, SIGNED_SLOTS } from "./numbers.ts";
import { NUMBER, TEXT, type Form, type Rows } from "./rows.ts";
import type { Surroundings } from "./surroundings.ts";
import { EARLIER_MAX, type KeyTable } from "./table.ts";
import { NumberCoder } from "./values.ts";

/** Flags of a table, behind those of groups. */
const IS_SAME_STAMP = 4;
const HAS_COUNTER = 6;
const FIELD_UNIT = 4;
/** Stamps are told in units of at most so many bits of a millisecond. */
const SHIFT_MAX = 10;
/** Cases that there are, but a float's: a number says by itself whether it is whole. */
const CASE_MAX = 6;
const FLOAT = 4;

/** What is coded of a group. */
interface Content {
  readonly table: KeyTable;
  readonly form: Form;
  readonly rows: Rows;
}

export class RowCoder {
  readonly #coder: RangeCoder;
  readonly #memory: LinkMemory;
  readonly #around: Surroundings;
  readonly #table: KeyTable;
  readonly #form: Form;
  readonly #rows: Rows;
  readonly #numbers: NumberCoder;
  /** Of stamps: their unit, and that of the row before. */
  #unit = 1;
  #head = -1;
  #wallMs = -1;
  #logical = 0;
  /** Of the head: wall times with counters, by turns. */
  readonly #earlier: number[] = [];

  constructor(
    coder: RangeCoder,
    memory: LinkMemory,
    around: Surroundings,
    { table, form, rows }: Content,
  ) {
    this.#coder = coder;
    this.#memory = memory;
    this.#around = around;
    this.#table = table;
    this.#form = form;
    this.#rows = rows;
    this.#numbers = new NumberCoder(coder, table);
  }

  /** Codes all rows; `before` are the steps of the first keys in the group before. Gives theirs. */
  code({ ids, from }: CodedKeys, before: readonly number[]): number[] {
    const coder = this.#coder;
    const rows = this.#rows;
    const steps: number[] = [];
    if (this.#form.value === "written") this.#codeUnit();
    for (let i = 0; i < ids.length && !coder.broken; i += 1) {
      const id = ids[i] as number;
      const at = coder.isReading ? i : (from[i] as number);
      const hasNumber = this.#hasNumber(id, at);
      if (hasNumber) this.#codeNumber(id, at, before[i]);
      steps.push(hasNumber ? this.#numbers.step : 0);
      this.#around.add(this.#table.digestOf(id), rows, at);
    }
    return steps;
  }

  /** Codes what stands before a number; true: there is one. */
  #hasNumber(id: number, at: number): boolean {
    const { hasPresence, value } = this.#form;
    if (hasPresence && !this.#codePresence(id, at)) return false;
    if (value !== "written") return value !== "none";
    this.#codeStamp(this.#table.headOf[id] as number, at);
    return this.#codeCase(id, at) === NUMBER;
  }

  #codeNumber(id: number, at: number, before: number | undefined): void {
    const table = this.#table;
    const { numbers, tags } = this.#rows;
    const slots =
      before === undefined
        ? table.ofTail(table.tailOf[id] as number, this.#around.side)
        : table.ofStep(before);
    const value = this.#numbers.code(slots, id, numbers[at] as number);
    const isNatural = Number.isSafeInteger(value) && value >= 0;
    if (this.#form.value === "natural" && !isNatural) this.#coder.fail();
    tags[at] = NUMBER;
    numbers[at] = value;
  }

  /** Codes whether a key is there, and of one that is gone the natural. */
  #codePresence(id: number, at: number): boolean {
    const coder = this.#coder;
    const { isThere, numbers } = this.#rows;
    const { value, hasContext } = this.#form;
    const table = this.#table;
    const { tags, contexts } = table.slots;
    // A path begins at its second slot.
    const read = coder.bit(tags + table.tagOf(id) * 16, isThere[at] as number);
    isThere[at] = read;
    if (value === "none" || read === 0) table.setTag(id, read);
    if (read === 1 || !hasContext) return read === 1;
    const around = this.#around;
    around.context += codeSigned(coder, contexts, (numbers[at] as number) - around.context);
    if (!(around.context >= 0 && Number.isSafeInteger(around.context))) coder.fail();
    numbers[at] = around.context;
    return false;
  }

  /** Codes which case a scalar is, and its text. */
  #codeCase(id: number, at: number): number {
    const coder = this.#coder;
    const table = this.#table;
    const { tags, texts } = this.#rows;
    const read = codePath(coder, table.slots.tags + table.tagOf(id) * 16, 3, tags[at] as number);
    if (read === FLOAT || read > CASE_MAX) coder.fail();
    table.setTag(id, read);
    tags[at] = read;
    if (read !== TEXT) return read;
    const { bytes } = this.#memory;
    const length = codeNumber(coder, table.slots.texts, texts[at]?.length ?? 0);
    texts[at] = this.#around.codeText(coder, bytes, texts[at], length, STRING_BYTES_MAX);
    return read;
  }

  /** Stamps of a clock with a quantum are told in units of it. */
  #codeUnit(): void {
    const coder = this.#coder;
    let low = 0;
    if (!coder.isReading) for (const wallMs of this.#rows.wallMs) low |= wallMs % 2 ** SHIFT_MAX;
    const shift = low === 0 ? SHIFT_MAX : 31 - Math.clz32(low & -low);
    const read = codePath(coder, this.#memory.field(FIELD_UNIT), 4, shift);
    if (read > SHIFT_MAX) coder.fail();
    this.#unit = 2 ** read;
  }

  /** Codes a stamp: that of the row before, which often is of the same head, or how old it is. */
  #codeStamp(head: number, at: number): void {
    const coder = this.#coder;
    const { wallMs, logical } = this.#rows;
    const { flags } = this.#table.slots;
    const isSameHead = head === this.#head ? 1 : 0;
    this.#head = head;
    const isLike = wallMs[at] === this.#wallMs && logical[at] === this.#logical ? 1 : 0;
    const isSame = this.#wallMs >= 0 && coder.bit(flags + IS_SAME_STAMP + isSameHead, isLike);
    if (!isSame && !(isSameHead && this.#codeEarlier(at))) this.#codeAge(isSameHead, at);
    if (this.#memory.form > FORM_MIN) this.#remember(isSameHead);
    wallMs[at] = this.#wallMs;
    logical[at] = this.#logical;
  }

  /** Codes whether a stamp is one that the head had before the last one, and which; true: it is. */
  #codeEarlier(at: number): boolean {
    const coder = this.#coder;
    const earlier = this.#earlier;
    const count = earlier.length / 2 - 1;
    if (count < 1) return false;
    const { wallMs, logical } = this.#rows;
    let given = 0;
    while (given < count) {
      if (earlier[given * 2] === wallMs[at] && earlier[given * 2 + 1] === logical[at]) break;
      given += 1;
    }
    const slots = this.#table.slots.earlier;
    if (!coder.bit(slots, given < count ? 1 : 0)) return false;
    let place = 0;
    while (place < count - 1 && coder.bit(slots + 1 + place, given > place ? 1 : 0)) place += 1;
    this.#wallMs = earlier[place * 2] as number;
    this.#logical = earlier[place * 2 + 1] as number;
    return true;
  }

  /** Keeps the stamps of a head, the last one at the end. */
  #remember(isSameHead: number): void {
    const earlier = this.#earlier;
    if (!isSameHead) earlier.length = 0;
    for (let at = 0; at < earlier.length; at += 2)
      if (earlier[at] === this.#wallMs && earlier[at + 1] === this.#logical) {
        earlier.splice(at, 2);
        break;
      }
    earlier.push(this.#wallMs, this.#logical);
    if (earlier.length > EARLIER_MAX * 2) earlier.splice(0, 2);
  }

  #codeAge(isSameHead: number, at: number): void {
    const coder = this.#coder;
    const { wallMs, logical } = this.#rows;
    const { flags, ages, counters } = this.#table.slots;
    const base = Math.floor(this.#around.baseMs / this.#unit);
    const age = base - (wallMs[at] as number) / this.#unit;
    this.#wallMs = (base - codeSigned(coder, ages + isSameHead * SIGNED_SLOTS, age)) * this.#unit;
    if (!(this.#wallMs >= 0 && this.#wallMs <= TIME_MS_MAX)) coder.fail();
    const given = logical[at] as number;
    const hasCounter = coder.bit(flags + HAS_COUNTER, given === 0 ? 0 : 1);
    this.#logical = hasCounter ? 1 + codeNumber(coder, counters, given - 1) : 0;
    if (this.#logical > LOGICAL_MAX) coder.fail();
  }
}
