// What do doubles of any kind add up to, exactly? Each counts as its shortest round-trip text says
// (sync/decimal.ts). Here without a BigInt a value: the digits are added in two halves, by scale.

import { addDecimals, ZERO, type Decimal } from "../../sync/decimal.ts";

/** Digits of the lower half; a double has at most 21 before it is written with an exponent. */
const LOW_DIGITS = 10;

/** Halves of sums of digits. */
interface Bucket {
  high: number;
  low: number;
}

/** Adds the values exactly, at most 4,096 of them. */
export function exactSum(values: Float64Array): Decimal {
  const buckets = new Map<number, Bucket>();
  for (const value of values) addText(buckets, String(value));
  let sum = ZERO;
  for (const [scale, { high, low }] of buckets) {
    const mantissa = BigInt(high) * BigInt(10 ** LOW_DIGITS) + BigInt(low);
    const decimal =
      scale < 0 ? { mantissa: mantissa * 10n ** BigInt(-scale), scale: 0 } : { mantissa, scale };
    sum = addDecimals(sum, decimal);
  }
  return sum;
}

function addText(buckets: Map<number, Bucket>, text: string): void {
  const exponentAt = text.indexOf("e");
  const exponent = exponentAt < 0 ? 0 : Number(text.slice(exponentAt + 1));
  const isNegative = text.startsWith("-");
  const plain = text.slice(isNegative ? 1 : 0, exponentAt < 0 ? undefined : exponentAt);
  const point = plain.indexOf(".");
  const digits = point < 0 ? plain : plain.slice(0, point) + plain.slice(point + 1);
  const scale = (point < 0 ? 0 : plain.length - point - 1) - exponent;
  const bucket = buckets.get(scale) ?? { high: 0, low: 0 };
  if (bucket.high === 0 && bucket.low === 0) buckets.set(scale, bucket);
  const sign = isNegative ? -1 : 1;
  bucket.high += sign * Number(digits.slice(0, -LOW_DIGITS));
  bucket.low += sign * Number(digits.slice(-LOW_DIGITS));
}
