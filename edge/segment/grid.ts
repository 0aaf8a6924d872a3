// Do whole numbers lie on a coarser grid? An instrument's step is often wider than its last digit:
// a wind vane that tells 5 degrees, a position in thousandths of a minute printed as degrees. The
// grid's own numbers are smaller, and their noise is not multiplied.

import { pow10 } from "./powers.ts";

/** Numbers on their grid. */
export interface Gridded {
  /** 0 is every whole number from `first` in steps of `step`; above it, minutes of 10^(1 - minutes). */
  readonly minutes: number;
  readonly step: number;
  readonly first: number;
  readonly numbers: Float64Array;
}

/** Minutes are told with at most four decimals. */
export const MINUTES_MAX = 5;
/** Rounded to fewer decimals than this of a degree, a minute's decimals would not be told apart. */
const SCALE_MIN = 3;
const SAMPLES = 16;

/** Finds the coarsest grid that all the numbers lie on. */
export function toGrid(mantissas: Float64Array, scale: number): Gridded {
  const step = stepOf(mantissas);
  if (step > 1) {
    const least = (mantissas[0] as number) % step;
    const first = least < 0 ? least + step : least;
    const numbers = new Float64Array(mantissas.length);
    for (let at = 0; at < numbers.length; at += 1)
      numbers[at] = ((mantissas[at] as number) - first) / step;
    return { minutes: 0, step, first, numbers };
  }
  if (scale >= SCALE_MIN) {
    for (let minutes = 1; minutes <= MINUTES_MAX; minutes += 1) {
      const numbers = inMinutes(mantissas, scale, minutes);
      if (numbers !== null) return { minutes, step: 1, first: 0, numbers };
    }
  }
  return { minutes: 0, step: 1, first: 0, numbers: mantissas };
}

/** Gives the numbers back that toGrid() took. */
export function fromGrid({ minutes, step, first, numbers }: Gridded, scale: number): Float64Array {
  if (minutes === 0 && step === 1) return numbers;
  const mantissas = new Float64Array(numbers.length);
  for (let at = 0; at < numbers.length; at += 1) {
    const number = numbers[at] as number;
    mantissas[at] = minutes > 0 ? degreesOf(number, scale, minutes) : number * step + first;
  }
  return mantissas;
}

/** The greatest step of which all differences are multiples; 1 of one number. */
function stepOf(mantissas: Float64Array): number {
  const first = mantissas[0] as number;
  let step = 0;
  for (let at = 1; at < mantissas.length; at += 1) {
    step = gcd(Math.abs((mantissas[at] as number) - first), step);
    if (step === 1) return 1;
  }
  return step === 0 ? 1 : step;
}

/** The greatest common divisor; that of 0 and a number is the number. */
export function gcd(left: number, right: number): number {
  let [a, b] = [left, right];
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

function inMinutes(mantissas: Float64Array, scale: number, minutes: number): Float64Array | null {
  const stride = Math.max(1, Math.floor(mantissas.length / SAMPLES));
  // A grid as fine as the last digit would fit anything.
  if (unitsOf(minutes) * 4 > pow10(scale)) return null;
  for (let at = 0; at < mantissas.length; at += stride)
    if (!isOnGrid(mantissas[at] as number, scale, minutes)) return null;
  const numbers = new Float64Array(mantissas.length);
  for (let at = 0; at < numbers.length; at += 1) {
    const number = minutesOf(mantissas[at] as number, scale, minutes);
    if (degreesOf(number, scale, minutes) !== mantissas[at]) return null;
    numbers[at] = number;
  }
  return numbers;
}

function isOnGrid(mantissa: number, scale: number, minutes: number): boolean {
  return degreesOf(minutesOf(mantissa, scale, minutes), scale, minutes) === mantissa;
}

function minutesOf(mantissa: number, scale: number, minutes: number): number {
  return Math.round((mantissa * unitsOf(minutes)) / pow10(scale)) + 0;
}

function degreesOf(number: number, scale: number, minutes: number): number {
  return Math.round((number * pow10(scale)) / unitsOf(minutes)) + 0;
}

/** Grid units of a degree. */
function unitsOf(minutes: number): number {
  return 6 * pow10(minutes);
}
