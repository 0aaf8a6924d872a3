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
const POW10: readonly number[] = Array.from({ length: 23 }, (_, exponent) =>
  Number(`1e${exponent}`),
);

/** Below 10^15 a double has exactly one decimal of its length: rounding cannot pick another. */
const EXACT_MANTISSA_MAX = 1e15;

/**
 * Finds the smallest scale at which every value is a whole number below 10^15.
 *
 * Dividing that whole number by 10^scale gives the very same double back, because both are exact
 * and division rounds correctly. Null if there is none: the values are then kept as doubles.
 */
export function scaleOf(values: readonly number[]): number | null {
  let scale = 0;
  for (const value of values) {
    while (!fits(value, scale)) {
      scale += 1;
      if (scale >= POW10.length) return null;
    }
  }
  return values.every((value) => fits(value, scale)) ? scale : null;
}

/** Returns `value * 10^scale` as the whole number that scaleOf() promised. */
export function mantissaOf(value: number, scale: number): number {
  return Math.round(value * (POW10[scale] ?? NaN)) + 0;
}

/** Returns the double nearest to `mantissa / 10^scale`. */
export function valueOf(mantissa: number, scale: number): number {
  return mantissa / (POW10[scale] ?? NaN);
}

/** Converts a finite double to the decimal of its shortest round-trip text. */
export function decimalOf(value: number): Decimal {
  const scale = scaleOf([value]);
  if (scale !== null) return canonical(BigInt(mantissaOf(value, scale)), scale);
  const [digits = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = digits.split(".");
  const shift = fraction.length - Number(exponent);
  const mantissa = BigInt(whole + fraction);
  return shift >= 0 ? canonical(mantissa, shift) : canonical(mantissa * 10n ** BigInt(-shift), 0);
}

/** Tells whether a value has few enough decimals to be summed (DECIMALS_MAX). */
export function isSummable(value: number): boolean {
  return scaleOf([value]) !== null || decimalOf(value).scale <= DECIMALS_MAX;
}

/** Adds two decimals exactly. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  if (left.scale === right.scale) return canonical(left.mantissa + right.mantissa, left.scale);
  const scale = Math.max(left.scale, right.scale);
  const l = left.mantissa * 10n ** BigInt(scale - left.scale);
  const r = right.mantissa * 10n ** BigInt(scale - right.scale);
  return canonical(l + r, scale);
}

/** Sums values exactly; while whole numbers stay below 2^53 no BigInt is made. */
export function sumOf(values: readonly number[]): Decimal {
  const scale = scaleOf(values);
  if (scale === null) return values.map(decimalOf).reduce(addDecimals, ZERO);
  let exact = 0n;
  let fast = 0;
  for (const value of values) {
    const next = fast + mantissaOf(value, scale);
    if (Number.isSafeInteger(next)) {
      fast = next;
    } else {
      exact += BigInt(fast);
      fast = mantissaOf(value, scale);
    }
  }
  return canonical(exact + BigInt(fast), scale);
}

/** Formats a decimal as plain text: `-12.5`. */
export function formatDecimal(decimal: Decimal): string {
  const sign = decimal.mantissa < 0n ? "-" : "";
  const digits = String(decimal.mantissa < 0n ? -decimal.mantissa : decimal.mantissa);
  if (decimal.scale === 0) return sign + digits;
  const padded = digits.padStart(decimal.scale + 1, "0");
  const point = padded.length - decimal.scale;
  return `${sign}${padded.slice(0, point)}.${padded.slice(point)}`;
}

/** Parses what formatDecimal() wrote; null for anything else. */
export function parseDecimal(text: string): Decimal | null {
  const match = /^(-?\d{1,400})(?:\.(\d{1,400}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = "0", fraction = ""] = match;
  return canonical(BigInt(whole + fraction), fraction.length);
}

function fits(value: number, scale: number): boolean {
  const mantissa = mantissaOf(value, scale);
  return Math.abs(mantissa) < EXACT_MANTISSA_MAX && valueOf(mantissa, scale) === value;
}

function canonical(mantissa: bigint, scale: number): Decimal {
  let [m, s] = [mantissa, scale];
  while (s > 0 && m % 10n === 0n) [m, s] = [m / 10n, s - 1];
  return { mantissa: m, scale: s };
}
