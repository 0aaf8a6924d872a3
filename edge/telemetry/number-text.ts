// Is a text a number as CSV and line protocol write them? Digits, a point, an exponent, and nothing
// of what else `Number()` takes: blanks, hexadecimal, Infinity.

/** Without an end, so that it never fails behind its first character and tries again. */
const NUMBER = /[+-]?(?:\d+\.?|\.\d)\d*(?:[eE][+-]?\d+)?/y;

/** Parses a decimal number; null if it is none. Past a double's range it is infinite. */
export function parseNumberText(text: string): number | null {
  NUMBER.lastIndex = 0;
  return NUMBER.test(text) && NUMBER.lastIndex === text.length ? Number(text) : null;
}
