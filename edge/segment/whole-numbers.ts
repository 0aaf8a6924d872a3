// How is a column of whole numbers stored? As what a predictor leaves of each, written by the coder
// that needs the fewest bytes. Times, values, gaps and stamps all come down to this.

import type { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { decodeModelled, encodeModelled } from "./modelled.ts";
import { addPredictions, blocksOf, PREDICTORS, takeResiduals } from "./predictors.ts";
import { decodeRice, encodeRice } from "./rice.ts";

/** Numbers, and what is left of them, are below this: any prediction from them stays exact. */
const SIZE_MAX = 2 ** 50;

/** Of more, Rice codes are not tried. */
const RICE_NUMBERS_MAX = 128;

const CONSTANT = 0;
const RICE = 1;
const MODELLED = 2;

/** Whole numbers below 2^50 with what predictors leave of them. */
export interface PlannedNumbers {
  /** What they lie around. */
  readonly base: number;
  /** Null: all are the base. */
  readonly left: ReturnType<typeof takeResiduals> | null;
  /** About how many bits they take. */
  readonly bits: number;
}

/** Predicts whole numbers, and says about how many bits they will take. */
export function planWholeNumbers(numbers: Float64Array): PlannedNumbers {
  const base = middleOf(numbers);
  if (areAll(numbers, base)) return { base, left: null, bits: 0 };
  const left = takeResiduals(numbers, base);
  return { base, left, bits: left.bits };
}

/**
 * Writes whole numbers below 2^50: the coder, what they lie around, a predictor a block (four bits
 * each), and a block of codes. How many they are, the reader knows.
 */
export function writeWholeNumbers(writer: ByteWriter, numbers: Float64Array): void {
  writePlanned(writer, planWholeNumbers(numbers));
}

/** Writes planned numbers, as writeWholeNumbers() does. */
export function writePlanned(writer: ByteWriter, { base, left }: PlannedNumbers): void {
  if (left === null) {
    writer.byte(CONSTANT);
    writer.zigzag(base);
    return;
  }
  const { predictors, residuals } = left;
  const modelled = encodeModelled(residuals);
  // The models of few numbers have learnt nothing: of many they are always the better.
  const rice = residuals.length <= RICE_NUMBERS_MAX ? encodeRice(residuals) : null;
  const codes = rice !== null && rice.length <= modelled.length ? rice : modelled;
  writer.byte(codes === rice ? RICE : MODELLED);
  writer.zigzag(base);
  for (let block = 0; block < predictors.length; block += 2)
    writer.byte((predictors[block] as number) | ((predictors[block + 1] ?? 0) << 4));
  writer.block(codes);
}

/** Reads `count` whole numbers, or breaks the reader. */
export function readWholeNumbers(reader: ByteReader, count: number): Float64Array {
  const coder = reader.byte();
  const base = reader.zigzag();
  if (coder > MODELLED || Math.abs(base) >= SIZE_MAX) reader.fail();
  if (coder === CONSTANT || reader.broken)
    return new Float64Array(reader.broken ? 0 : count).fill(base);
  const predictors = readPredictors(reader, blocksOf(count));
  const codes = reader.block(reader.remaining);
  if (reader.broken) return new Float64Array(0);
  const residuals = coder === RICE ? decodeRice(codes, count) : decodeModelled(codes, count);
  const numbers = addPredictions(residuals, base, predictors);
  if (!areWithin(numbers)) reader.fail();
  return reader.broken ? new Float64Array(0) : numbers;
}

function readPredictors(reader: ByteReader, count: number): Uint8Array {
  const predictors = new Uint8Array(count);
  for (let block = 0; block < count; block += 2) {
    const pair = reader.byte();
    predictors[block] = pair & 15;
    if (block + 1 < count) predictors[block + 1] = pair >> 4;
    else if (pair > 15) reader.fail();
  }
  for (const predictor of predictors) if (predictor >= PREDICTORS) reader.fail();
  return predictors;
}

function areAll(numbers: Float64Array, base: number): boolean {
  for (let at = 0; at < numbers.length; at += 1) if (numbers[at] !== base) return false;
  return true;
}

/** The whole number nearest to the mean. */
function middleOf(numbers: Float64Array): number {
  const first = numbers[0] ?? 0;
  let sum = 0;
  for (let at = 0; at < numbers.length; at += 1) sum += (numbers[at] as number) - first;
  return first + Math.round(sum / Math.max(1, numbers.length));
}

function areWithin(numbers: Float64Array): boolean {
  for (let at = 0; at < numbers.length; at += 1)
    if (!(Math.abs(numbers[at] as number) < SIZE_MAX)) return false;
  return true;
}
