// How much is a power? Exactly, from a table: raising numbers is slow where it is done per digit.

const TENS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const TWOS = Float64Array.from({ length: 64 }, (_, exponent) => 2 ** exponent);

/** Returns 10^exponent for an exponent from 0 to 22. */
export function pow10(exponent: number): number {
  return TENS[exponent] as number;
}

/** Returns 2^exponent for an exponent from 0 to 63. */
export function pow2(exponent: number): number {
  return TWOS[exponent] as number;
}
