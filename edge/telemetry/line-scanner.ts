// What does one line of line protocol (InfluxDB 1.x, 2.x) consist of? Measurement, tags, fields and
// time, read in one pass; a line that is wrong says what was expected, and the next one is read.

import { isDigits, parseNumberText } from "./number-text.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const EQUALS = 61;
const BACKSLASH = 92;
/** The tag that names the device; the other tags say nothing here. */
const DEVICE_TAG = "device";

/** Booleans as clients write them. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["t", "T", "true", "True", "TRUE"].map((text) => [text, true] as const),
  ...["f", "F", "false", "False", "FALSE"].map((text) => [text, false] as const),
]);

/** Reads one line after the other; what it read of one is gone with the next. */
export class LineScanner {
  /** The line's number, from 0. */
  line = -1;
  measurement = "";
  /** The tag that names the device; null without one. */
  device: string | null = null;
  readonly fields: string[] = [];
  /** Of a field each: text comes as "", and null is an integer that a double cannot hold. */
  readonly values: (number | boolean | "" | null)[] = [];
  /** The digits of the time; empty without one. */
  time = "";
  readonly #text: string;
  #at = 0;
  #lineEnds = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads the next line with a point in it: "point", what is wrong with it, or "end". */
  next(): "point" | "end" | { readonly problem: string } {
    while (this.#at < this.#text.length) {
      this.line = this.#lineEnds;
      this.#skipSpaces();
      const code = this.#code();
      if (code === HASH) this.#skipLine();
      else if (!this.#isLineEnd()) return this.#point();
      else this.#endLine();
    }
    return "end";
  }

  #point(): "point" | { readonly problem: string } {
    this.device = null;
    this.fields.length = 0;
    this.values.length = 0;
    this.time = "";
    const [start, lineEnds] = [this.#at, this.#lineEnds];
    this.measurement = this.#name(false);
    const problem =
      (this.measurement === "" ? "a measurement was expected" : null) ??
      this.#tags() ??
      this.#fieldSet() ??
      this.#timestamp();
    if (problem === null) return "point";
    // Text may have line ends in it; one that never ends must not take the next lines with it.
    this.#at = start;
    this.#lineEnds = lineEnds;
    this.#skipLine();
    return { problem };
  }

  #tags(): string | null {
    while (this.#code() === COMMA) {
      this.#at += 1;
      const tag = this.#name(true);
      if (tag === "" || this.#code() !== EQUALS) return "a tag is key=value";
      this.#at += 1;
      const value = this.#name(true);
      if (value === "") return "a tag is key=value";
      if (tag === DEVICE_TAG) this.device = value;
    }
    return this.#code() === SPACE ? null : "fields were expected, behind a space";
  }

  #fieldSet(): string | null {
    this.#skipSpaces();
    for (;;) {
      const field = this.#name(true);
      if (field === "" || this.#code() !== EQUALS) return "a field is key=value";
      this.#at += 1;
      const value = this.#code() === QUOTE ? this.#quoted() : this.#bare();
      if (value === undefined)
        return `the value of ${field.slice(0, 80)} is no number, integer (12i), boolean or "text"`;
      this.fields.push(field);
      this.values.push(value);
      if (this.#code() !== COMMA) return null;
      this.#at += 1;
    }
  }

  #timestamp(): string | null {
    const isSpaced = this.#code() === SPACE;
    this.#skipSpaces();
    const start = this.#at;
    while (!this.#isLineEnd() && this.#code() !== SPACE) this.#at += 1;
    const end = this.#at;
    this.#skipSpaces();
    const digits = this.#text[start] === "-" ? start + 1 : start;
    const isTime = start === end || (isSpaced && isDigits(this.#text, digits, end));
    if (!isTime || !this.#isLineEnd()) return "a time is a whole number, behind a space";
    this.time = this.#text.slice(start, end);
    this.#endLine();
    return null;
  }

  /** Reads up to a comma, a space, a line end, and in tags and fields "="; `\` escapes those. */
  #name(endsAtEquals: boolean): string {
    const start = this.#at;
    let isEscaped = false;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#code();
      if (code === COMMA || code === SPACE || code === LF) break;
      if (code === EQUALS && endsAtEquals) break;
      if (code !== BACKSLASH) continue;
      const next = this.#text.charCodeAt(this.#at + 1);
      if (next !== COMMA && next !== SPACE && next !== EQUALS) continue;
      isEscaped = true;
      this.#at += 1;
    }
    const name = this.#text.slice(start, this.#at);
    return isEscaped ? name.replaceAll(/\\([, =])/g, "$1") : name;
  }

  /** Reads text in quotes, whose content nobody needs: it is no reading. */
  #quoted(): "" | undefined {
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#code();
      if (code === BACKSLASH) this.#at += 1;
      else if (code === LF) this.#lineEnds += 1;
      else if (code === QUOTE) {
        this.#at += 1;
        return "";
      }
    }
    return undefined;
  }

  /** Reads a number or a boolean; undefined if it is neither. */
  #bare(): number | boolean | null | undefined {
    const start = this.#at;
    while (!this.#isLineEnd() && this.#code() !== COMMA && this.#code() !== SPACE) this.#at += 1;
    const text = this.#text.slice(start, this.#at);
    const last = text.at(-1);
    if (last !== "i" && last !== "u")
      return BOOLEANS.get(text) ?? parseNumberText(text) ?? undefined;
    const digits = last === "i" && text.startsWith("-") ? 1 : 0;
    if (!isDigits(text, digits, text.length - 1)) return undefined;
    const value = Number(text.slice(0, -1));
    return Number.isSafeInteger(value) ? value : null;
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #skipSpaces(): void {
    while (this.#code() === SPACE) this.#at += 1;
  }

  #isLineEnd(): boolean {
    const code = this.#code();
    if (code === CR) return this.#text.charCodeAt(this.#at + 1) === LF;
    return code === LF || this.#at >= this.#text.length;
  }

  #endLine(): void {
    this.#at += this.#code() === CR ? 2 : 1;
    this.#lineEnds += 1;
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end + 1;
    this.#lineEnds += 1;
  }
}
