// How do numbers become bits? As the step from the last one that was said of their key, in units of its
// last decimal; one of which nothing was said, from the last such one of its tail, or as it is.

import { fits, mantissaOf, powerOf, scaleFrom } from "../../decimal.ts";
import type { RangeCoder } from "./coder.ts";
import { codePath, codeSigned } from "./numbers.ts";
import { NO_SCALE, type KeyTable, type ValueSlots } from "./table.ts";

/** The case of a scale that stands for a number as its 64 bits. */
const AS_FLOAT = 31;
const SCALE_MAX = 22;

export class NumberCoder {
  readonly #coder: RangeCoder;
  readonly #table: KeyTable;
  /** How far the last one has gone. */
  step = 0;

  constructor(coder: RangeCoder, table: KeyTable) {
    this.#coder = coder;
    this.#table = table;
  }

  /** Codes the number of a key. */
  code(slots: ValueSlots, id: number, value: number): number {
    const coder = this.#coder;
    const table = this.#table;
    const scale = table.scaleOf(id);
    if (scale === NO_SCALE) return this.#codeFirst(slots, id, value);
    const last = table.mantissaOf(id);
    const isSteady = coder.bit(slots.isSteady, isFrom(value, scale, last) ? 1 : 0);
    if (!isSteady) return this.#codeFirst(slots, id, value);
    this.step = codeSigned(coder, slots.step, mantissaAt(value, scale) - last);
    return this.#note(id, last + this.step, scale);
  }

  #codeFirst(slots: ValueSlots, id: number, value: number): number {
    const coder = this.#coder;
    const table = this.#table;
    const tail = table.tailOf[id] as number;
    let scale = table.usualScale(tail);
    let from = table.usualNumber(tail);
    this.step = 0;
    const isKnown = scale !== NO_SCALE;
    if (!isKnown || !coder.bit(slots.isUsual, isFrom(value, scale, from) ? 1 : 0)) {
      scale = codePath(coder, slots.scale, 5, leastScale(value));
      from = 0;
    }
    if (scale === AS_FLOAT) return this.#codeFloat(id, value);
    if (scale > SCALE_MAX) return coder.fail();
    const mantissa = from + codeSigned(coder, slots.first, mantissaAt(value, scale) - from);
    table.setUsual(tail, mantissa, scale);
    return this.#note(id, mantissa, scale);
  }

  #codeFloat(id: number, value: number): number {
    const coder = this.#coder;
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    for (let at = 0; at < 8; at += 2) view.setUint16(at, coder.plain(16, view.getUint16(at)));
    this.#table.setNumber(id, 0, NO_SCALE);
    const read = view.getFloat64(0);
    return Number.isFinite(read) && !Object.is(read, -0) ? read : coder.fail();
  }

  #note(id: number, mantissa: number, scale: number): number {
    if (!Number.isSafeInteger(mantissa)) return this.#coder.fail();
    this.#table.setNumber(id, mantissa, scale);
    // Of -0 too.
    return scale === 0 ? mantissa + 0 : mantissa / powerOf(scale);
  }
}

/** Tells whether a number is a whole one with so many decimals, and the way to it is not too long. */
function isFrom(value: number, scale: number, from: number): boolean {
  const isAt = scale === 0 ? Number.isSafeInteger(value) : fits(value, scale);
  return isAt && Number.isSafeInteger(mantissaAt(value, scale) - from);
}

function mantissaAt(value: number, scale: number): number {
  return scale === 0 ? value : mantissaOf(value, scale);
}

function leastScale(value: number): number {
  return Number.isSafeInteger(value) ? 0 : (scaleFrom(value, 1) ?? AS_FLOAT);
}
