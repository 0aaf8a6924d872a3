// Is a text a number as CSV and line protocol write them? Digits, a point, an exponent; one pass,
// and nothing of what else `Number()` takes: blanks, hexadecimal, Infinity.

const ZERO = 48;
const NINE = 57;

/** Parses a decimal number; null if it is none. Past a double's range it is infinite. */
export function parseNumberText(text: string): number | null {
  let at = skipSign(text, 0);
  const whole = skipDigits(text, at);
  const isPoint = text[whole] === ".";
  const end = isPoint ? skipDigits(text, whole + 1) : whole;
  // A point alone is no number.
  if (end - at - (isPoint ? 1 : 0) === 0) return null;
  at = end;
  if (text[at] === "e" || text[at] === "E") {
    const digits = skipSign(text, at + 1);
    at = skipDigits(text, digits);
    if (at === digits) return null;
  }
  return at === text.length ? Number(text) : null;
}

/** Tells whether a text is digits from `start` to `end`, at least one. */
export function isDigits(text: string, start: number, end: number): boolean {
  return start < end && skipDigits(text, start) >= end;
}

function skipSign(text: string, at: number): number {
  return text[at] === "-" || text[at] === "+" ? at + 1 : at;
}

function skipDigits(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) break;
  }
  return at;
}
