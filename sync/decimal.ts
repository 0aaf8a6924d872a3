// How are values added up exactly? As decimals: each value counts as its shortest round-trip text
// says (10.44 is 1044 hundredths), so sums do not depend on the order of arrival as floats would.

import { DECIMALS_MAX } from "./limits.ts";

/** `mantissa / 10^scale` in canonical form: no trailing zero in the mantissa unless scale is 0. */
export interface Decimal {
  readonly mantissa: bigint;
  readonly scale: number;
}

export const ZERO: Decimal = { mantissa: 0n, scale: 0 };

/** Powers of ten that a double holds exactly. */
const POW10 = /* @__PURE__ */ Float64Array.from({ length: 23 }, (_, exponent) =>
  Number(`1e${exponent}`),
);

/** Added, and taken away again, it leaves the whole number next to a double below 2^51. */
const ROUNDER = 1.5 * 2 ** 52;

/** Below 10^15 a double has exactly one decimal of its length: rounding cannot pick another. */
const EXACT_MANTISSA_MAX = 1e15;

/**
 * Finds the smallest scale at which every value is a whole number below 10^15, and those numbers.
 *
 * Dividing that whole number by 10^scale gives the very same double back, because both are exact
 * and division rounds correctly. Null if there is none: the values are then kept as doubles.
 */
export function scaledOf(
  values: readonly number[],
): { readonly scale: number; readonly mantissas: Float64Array } | null {
  const mantissas = new Float64Array(values.length);
  const scale = scaleInto(values, mantissas);
  return scale === null ? null : { scale, mantissas };
}

/** Room for numbers that are looked at before anything else is worked out: one batch's, at most. */
let room = /* @__PURE__ */ new Float64Array(256);

/** Gives room for `count` numbers, or more, until it is asked for the next time. */
export function roomFor(count: number): Float64Array {
  if (room.length < count) room = new Float64Array(2 * count);
  return room;
}

/** Writes what scaledOf() finds to `mantissas` and returns the scale; null if there is none. */
export function scaleInto(values: readonly number[], mantissas: Float64Array): number | null {
  let scale = 0;
  // Up to here the whole numbers are of a smaller scale.
  let stale = 0;
  for (let at = 0; at < values.length;) {
    at = fill(mantissas, values, at, values.length, scale);
    if (at === values.length) break;
    const larger = scaleFrom(values[at] ?? NaN, scale + 1);
    if (larger === null) return null;
    scale = larger;
    stale = at;
  }
  return fill(mantissas, values, 0, stale, scale) === stale ? scale : null;
}

/** Writes whole numbers at `scale` and stops where there is none; returns where. */
function fill(
  mantissas: Float64Array,
  values: readonly number[],
  from: number,
  to: number,
  scale: number,
): number {
  const power = powerOf(scale);
  for (let at = from; at < to; at += 1) {
    // What is not there is no number either, and to ask for it makes an object of each that is.
    const value = values[at] as number;
    const mantissa = wholeOf(value, power);
    if (!(Math.abs(mantissa) < EXACT_MANTISSA_MAX && mantissa / power === value)) return at;
    mantissas[at] = mantissa;
  }
  return to;
}

/** Finds the smallest scale from `least` on at which one value is a whole number below 10^15. */
export function scaleFrom(value: number, least: number): number | null {
  for (let scale = least; scale < POW10.length; scale += 1) if (fits(value, scale)) return scale;
  return null;
}

/** Returns `value * 10^scale` as a whole number, at a scale that it fits. */
export function mantissaOf(value: number, scale: number): number {
  return wholeOf(value, powerOf(scale));
}

/** Returns 10^scale, for a scale from 0 to 22. */
export function powerOf(scale: number): number {
  return POW10[scale] ?? NaN;
}

/**
 * Returns the whole number next to `value * power`, never minus zero. Where two are as near, neither
 * divided by the power is the value, so it does not matter which.
 */
export function wholeOf(value: number, power: number): number {
  return value * power + ROUNDER - ROUNDER;
}

/** Returns the double nearest to `mantissa / 10^scale`. */
export function valueOf(mantissa: number, scale: number): number {
  return mantissa / powerOf(scale);
}

/** Converts a finite double to the decimal of its shortest round-trip text. */
export function decimalOf(value: number): Decimal {
  const scale = scaleFrom(value, 0);
  if (scale !== null) return canonical(BigInt(mantissaOf(value, scale)), scale);
  const [digits = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = digits.split(".");
  const shift = fraction.length - Number(exponent);
  const mantissa = BigInt(whole + fraction);
  return shift >= 0 ? canonical(mantissa, shift) : canonical(mantissa * 10n ** BigInt(-shift), 0);
}

/** Tells whether a value has few enough decimals to be summed (DECIMALS_MAX). */
export function isSummable(value: number): boolean {
  return scaleFrom(value, 0) !== null || decimalOf(value).scale <= DECIMALS_MAX;
}

/** Adds two decimals exactly. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  const scaled = (part: Decimal): bigint => part.mantissa * 10n ** BigInt(scale - part.scale);
  return canonical(scaled(left) + scaled(right), scale);
}

/** Sums values exactly; while whole numbers stay below 2^53 no BigInt is made. */
export function sumOf(values: readonly number[]): Decimal {
  const mantissas = roomFor(values.length);
  const scale = scaleInto(values, mantissas);
  if (scale === null) return values.map(decimalOf).reduce(addDecimals, ZERO);
  let exact = 0n;
  let fast = 0;
  for (let at = 0; at < values.length; at += 1) {
    const mantissa = mantissas[at] as number;
    const next = fast + mantissa;
    if (Number.isSafeInteger(next)) {
      fast = next;
    } else {
      exact += BigInt(fast);
      fast = mantissa;
    }
  }
  return canonical(exact + BigInt(fast), scale);
}

/** Formats a decimal as plain text: `-12.5`. */
export function formatDecimal(decimal: Decimal): string {
  const { mantissa, scale } = decimal;
  const sign = mantissa < 0n ? "-" : "";
  const digits = String(mantissa)
    .slice(sign.length)
    .padStart(scale + 1, "0");
  return sign + (scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`);
}

/** Parses what formatDecimal() wrote; null for anything else. */
export function parseDecimal(text: string): Decimal | null {
  const match = /^(-?\d{1,400})(?:\.(\d{1,400}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = "0", fraction = ""] = match;
  return canonical(BigInt(whole + fraction), fraction.length);
}

/** Tells whether a value is a whole number below 10^15 at `scale`. */
export function fits(value: number, scale: number): boolean {
  const power = powerOf(scale);
  const mantissa = wholeOf(value, power);
  return Math.abs(mantissa) < EXACT_MANTISSA_MAX && mantissa / power === value;
}

function canonical(mantissa: bigint, scale: number): Decimal {
  const isShorter = scale > 0 && mantissa % 10n === 0n;
  return isShorter ? canonical(mantissa / 10n, scale - 1) : { mantissa, scale };
}
