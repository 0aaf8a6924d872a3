// What does one line of line protocol (InfluxDB 1.x, 2.x) consist of? Measurement, tags, fields and
// time, read in one pass; a line that is wrong says what was expected, and the next one is read.

import { parseNumberText } from "./number-text.ts";
import { TextScanner } from "./text-scanner.ts";

/** What is behind a `\` belongs to the name if it would else end it. */
const MEASUREMENT = /(?:[^, \n\\]|\\[, =]?)*/y;
const NAME = /(?:[^,= \n\\]|\\[, =]?)*/y;
const TEXT = /"(?:[^"\\]|\\[^])*"/y;
const BARE = /[^, \r\n]*/y;
const SPACES = / */y;
const REST = /[^\n]*\n?/y;
const LINE_END = /\r?\n/y;
/** The tag that names the device; the other tags say nothing here. */
const DEVICE_TAG = "device";

/** Booleans as clients write them. */
const TRUE = ["t", "T", "true", "True", "TRUE"];
const FALSE = ["f", "F", "false", "False", "FALSE"];

/** Reads one line after the other; what it read of one is gone with the next. */
export class LineScanner {
  /** The line's number, from 0; text with line ends in it is one line. */
  line = -1;
  measurement = "";
  /** The tag that names the device; null without one. */
  device: string | null = null;
  readonly fields: string[] = [];
  /** Of a field each: text comes as "", and null is an integer that a double cannot hold. */
  readonly values: (number | boolean | "" | null)[] = [];
  /** The digits of the time; empty without one. */
  time = "";
  readonly #text: TextScanner;

  constructor(text: string) {
    this.#text = new TextScanner(text);
  }

  /** Reads the next line with a point in it: "point", what is wrong with it, or "end". */
  next(): "point" | "end" | { readonly problem: string } {
    const text = this.#text;
    while (!text.isAtEnd) {
      this.line += 1;
      text.take(SPACES);
      if (text.take(LINE_END) !== null || text.isAtEnd) continue;
      if (!text.skip("#")) return this.#point();
      text.take(REST);
    }
    return "end";
  }

  #point(): "point" | { readonly problem: string } {
    this.device = null;
    this.fields.length = 0;
    this.values.length = 0;
    const start = this.#text.at;
    this.measurement = this.#name(MEASUREMENT);
    const problem =
      (this.measurement === "" ? "a measurement was expected" : null) ??
      this.#tags() ??
      this.#fieldSet() ??
      this.#timestamp();
    if (problem === null) return "point";
    // Text may have line ends in it; one that never ends must not take the next lines with it.
    this.#text.at = start;
    this.#text.take(REST);
    return { problem };
  }

  #tags(): string | null {
    while (this.#text.skip(",")) {
      const tag = this.#name(NAME);
      const value = this.#text.skip("=") ? this.#name(NAME) : "";
      if (tag === "" || value === "") return "a tag is key=value";
      if (tag === DEVICE_TAG) this.device = value;
    }
    return this.#text.take(SPACES) === "" ? "fields were expected, behind a space" : null;
  }

  #fieldSet(): string | null {
    do {
      const field = this.#name(NAME);
      if (field === "" || !this.#text.skip("=")) return "a field is key=value";
      const isText = this.#text.take(TEXT) !== null;
      const value = isText ? "" : valueOf(this.#text.take(BARE) ?? "");
      if (value === undefined) return 'a value is 1.5, 12i, 12u, true or "text"';
      this.fields.push(field);
      this.values.push(value);
    } while (this.#text.skip(","));
    return null;
  }

  #timestamp(): string | null {
    const text = this.#text;
    const isSpaced = text.take(SPACES) !== "";
    this.time = text.take(BARE) ?? "";
    text.take(SPACES);
    const isTime = this.time === "" || (isSpaced && /^-?\d+$/.test(this.time));
    const isWhole = isTime && (text.isAtEnd || text.take(LINE_END) !== null);
    return isWhole ? null : "a time is a whole number, behind a space";
  }

  #name(pattern: RegExp): string {
    const name = this.#text.take(pattern) ?? "";
    return name.includes("\\") ? name.replaceAll(/\\([, =])/g, "$1") : name;
  }
}

/** Reads a number or a boolean; undefined if it is neither. */
function valueOf(text: string): number | boolean | null | undefined {
  const number = parseNumberText(text);
  if (number !== null) return number;
  if (/^-?\d+i$|^\d+u$/.test(text)) {
    const value = Number(text.slice(0, -1));
    return Number.isSafeInteger(value) ? value : null;
  }
  return TRUE.includes(text) || (FALSE.includes(text) ? false : undefined);
}
