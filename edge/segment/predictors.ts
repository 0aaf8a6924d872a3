// Which whole number comes next? Each block of a column names the predictor that was best for it;
// what is left of a number after its prediction is small, and that is what is stored.

/** Numbers that share a predictor. */
export const BLOCK = 256;
/** Beyond this a second difference would leave the whole numbers that a double holds. */
const CURVED_MAX = 2 ** 49;

const BASE = 0;
const PREVIOUS = 1;
const LINE = 2;
const CURVE = 3;
const MEAN_OF_TWO = 4;
const MEAN_OF_FOUR = 5;
export const PREDICTORS: number = MEAN_OF_FOUR + 1;

/** Counts the blocks of a column. */
export function blocksOf(count: number): number {
  return Math.ceil(count / BLOCK);
}

/**
 * Predicts the number after a, b, c and d, of which a is the latest.
 *
 * @param base What the column lies around.
 */
export function predict(
  predictor: number,
  base: number,
  a: number,
  b: number,
  c: number,
  d: number,
): number {
  switch (predictor) {
    case BASE:
      return base;
    case PREVIOUS:
      return a;
    case LINE:
      return 2 * a - b;
    case CURVE:
      return 3 * a - 3 * b + c;
    case MEAN_OF_TWO:
      return Math.floor((a + b) / 2);
    default:
      return Math.floor((a + b + c + d) / 4);
  }
}

/** Picks a predictor for each block; gives what is left of the numbers, and about its bits. */
export function takeResiduals(
  numbers: Float64Array,
  base: number,
): {
  readonly predictors: Uint8Array;
  readonly residuals: Float64Array;
  readonly bits: number;
} {
  let bits = 0;
  const predictors = new Uint8Array(blocksOf(numbers.length));
  const residuals = new Float64Array(numbers.length);
  const isCurvedAllowed = areBelow(numbers, CURVED_MAX);
  for (let block = 0; block < predictors.length; block += 1) {
    const from = block * BLOCK;
    const to = Math.min(from + BLOCK, numbers.length);
    const costs = costsOf(numbers, base, from, to, isCurvedAllowed);
    const least = Math.min(...costs);
    const predictor = costs.indexOf(least);
    predictors[block] = predictor;
    bits += least;
    subtract(numbers, base, from, to, predictor, residuals);
  }
  return { predictors, residuals, bits };
}

function areBelow(numbers: Float64Array, most: number): boolean {
  for (let at = 0; at < numbers.length; at += 1)
    if (Math.abs(numbers[at] as number) >= most) return false;
  return true;
}

/** About how many bits a residual takes. */
function bitsOf(residual: number): number {
  const size = residual < 0 ? -residual : residual;
  if (size < 0x40000000) return size === 0 ? 0 : 34 - Math.clz32(size);
  return 64 - Math.clz32(size / 0x40000000);
}

/** About how many bits a block takes with each predictor. */
function costsOf(
  numbers: Float64Array,
  base: number,
  from: number,
  to: number,
  isCurvedAllowed: boolean,
): number[] {
  const before = (at: number): number => (at < 0 ? base : (numbers[at] as number));
  let [a, b, c, d] = [before(from - 1), before(from - 2), before(from - 3), before(from - 4)];
  let [onBase, onPrevious, onLine, onCurve, onTwo, onFour] = [0, 0, 0, 0, 0, 0];
  for (let at = from; at < to; at += 1) {
    const number = numbers[at] as number;
    onBase += bitsOf(number - base);
    onPrevious += bitsOf(number - a);
    onLine += bitsOf(number - 2 * a + b);
    onCurve += bitsOf(number - 3 * a + 3 * b - c);
    onTwo += bitsOf(number - Math.floor((a + b) / 2));
    onFour += bitsOf(number - Math.floor((a + b + c + d) / 4));
    d = c;
    c = b;
    b = a;
    a = number;
  }
  return [onBase, onPrevious, onLine, isCurvedAllowed ? onCurve : Infinity, onTwo, onFour];
}

function subtract(
  numbers: Float64Array,
  base: number,
  from: number,
  to: number,
  predictor: number,
  into: Float64Array,
): void {
  const before = (at: number): number => (at < 0 ? base : (numbers[at] as number));
  let [a, b, c, d] = [before(from - 1), before(from - 2), before(from - 3), before(from - 4)];
  for (let at = from; at < to; at += 1) {
    const number = numbers[at] as number;
    into[at] = number - predict(predictor, base, a, b, c, d);
    d = c;
    c = b;
    b = a;
    a = number;
  }
}

/** Turns residuals, in place, into the numbers they are left of. */
export function addPredictions(
  residuals: Float64Array,
  base: number,
  predictors: Uint8Array,
): Float64Array {
  const numbers = residuals;
  let [a, b, c, d] = [base, base, base, base];
  for (let at = 0; at < numbers.length; at += 1) {
    const predictor = predictors[at >> 8] as number;
    const number = (numbers[at] as number) + predict(predictor, base, a, b, c, d);
    numbers[at] = number;
    d = c;
    c = b;
    b = a;
    a = number;
  }
  return numbers;
}
