// Which of the values in a request are readings? Takes one value after the other, whatever its
// wire form was, and keeps the good ones by stream; each bad one is counted and named.

import { parseStreamName, type StreamName } from "../../sync/brand.ts";
import { fits, isSummable, scaleFrom } from "../../sync/decimal.ts";
import type { ProblemItem } from "../../http/problem.ts";
import { limits } from "../limits.ts";
import { areTimes } from "./time.ts";

/** The good values of one stream, in the order they were sent. */
export interface StreamReadings {
  readonly stream: StreamName;
  readonly kind: "number" | "boolean";
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** Lists of a stream to which more can be added. */
interface OwnLists {
  readonly kind: "number" | "boolean";
  readonly times: number[];
  readonly values: number[];
}

/** Where in the request a value stands, for its error. */
export interface ValuePosition {
  readonly pointer: string;
  readonly index: number;
}

/** One position that moves from value to value, because most never have to be pointed at. */
export interface MovingPosition extends ValuePosition {
  index: number;
}

/** Sorts the values of one request. */
export class ReadingCollector {
  readonly timed: Map<string, StreamReadings> = new Map();
  /** Of those in `timed`; a column that came whole is held as it is until more comes. */
  readonly #own = new Map<string, OwnLists>();
  /** Values whose time the hub assigns: at most one a stream. */
  readonly timeless: Map<string, StreamReadings> = new Map();
  readonly errors: ProblemItem[] = [];
  rejected = 0;
  readonly #mayLackTime: boolean;

  /** @param mayLackTime True if the batch has an identity, so that a retry is recognised. */
  constructor(mayLackTime: boolean) {
    this.#mayLackTime = mayLackTime;
  }

  /** Takes one value. `timeMs` is null if none was given; "bad" if what was given is no time. */
  take(name: unknown, value: unknown, timeMs: number | null | "bad", at: ValuePosition): void {
    const stream = typeof name === "string" ? this.#streamOf(name) : null;
    if (stream === null) return this.reject("stream-name", STREAM_NAME, at, name);
    const problem = problemOf(value);
    if (problem !== null) return this.reject(problem, VALUE_PROBLEMS[problem], at, stream);
    if (timeMs === "bad") return this.reject("time", TIME, at, stream);
    const kind = typeof value === "boolean" ? "boolean" : "number";
    const numeric = Number(value) + 0;
    if (timeMs === null) this.#takeTimeless(stream, kind, numeric, at);
    else this.#takeTimed(stream, kind, numeric, timeMs, at);
  }

  /**
   * Takes a column in which null is absent: the same as `take` for each value, but what is like the
   * value before it is not asked everything again. The lists must not change any more.
   *
   * @returns How many values were there.
   */
  takeColumn(
    name: string,
    values: readonly unknown[],
    times: readonly (number | null | "bad")[],
    at: MovingPosition,
  ): number {
    if (this.#takeWhole(name, values, times)) return values.length;
    let count = 0;
    // A value that is a whole number at some scale can be summed; most are at that of the one before.
    let scale = 0;
    let held = this.#listsOf(name);
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      if (value === null) continue;
      count += 1;
      const timeMs = times[i] ?? null;
      if (held?.kind === "number" && typeof timeMs === "number" && isPlain(value, scale)) {
        held.times.push(timeMs);
        held.values.push(value + 0);
        continue;
      }
      at.index = i;
      this.take(name, value, timeMs, at);
      held = this.#listsOf(name);
      if (typeof value === "number") scale = scaleFrom(value, scale) ?? scale;
    }
    return count;
  }

  /** Takes a column of nothing but numbers with times, as most are; false: it is another. */
  #takeWhole(
    name: string,
    values: readonly unknown[],
    times: readonly (number | null | "bad")[],
  ): boolean {
    if (values.length === 0 || this.timed.has(name)) return false;
    if (this.timed.size >= limits.streamsPerDeviceMax) return false;
    const stream = parseStreamName(name);
    if (stream === null || !arePlain(values) || !areTimes(times)) return false;
    this.timed.set(name, { stream, kind: "number", times, values });
    return true;
  }

  /** Gives the lists of a stream, to add to them; undefined: there is nothing of it. */
  #listsOf(name: string): OwnLists | undefined {
    const own = this.#own.get(name);
    const held = own === undefined ? this.timed.get(name) : undefined;
    return held === undefined ? own : this.#hold(name, held);
  }

  #hold(name: string, { stream, kind, times, values }: StreamReadings): OwnLists {
    const own = { stream, kind, times: [...times], values: [...values] };
    this.timed.set(name, own);
    this.#own.set(name, own);
    return own;
  }

  /** Counts `count` values as rejected and lists one error for them. */
  reject(code: string, message: string, at: ValuePosition, stream: unknown, count = 1): void {
    this.rejected += count;
    if (this.errors.length >= limits.errorsListedMax) return;
    const named = typeof stream === "string" ? { stream: stream.slice(0, 80) } : {};
    this.errors.push({ pointer: at.pointer, ...named, index: at.index, code, message });
  }

  /** Rejects what is there of streams whose names begin with none of `prefixes`. */
  keepOnly(prefixes: readonly string[]): void {
    const message = `This credential is for streams that begin with ${prefixes.join(", ") || "nothing"}: ask for one that names this stream's prefix`;
    for (const taken of [this.timed, this.timeless])
      for (const [name, { stream, times }] of taken) {
        if (prefixes.some((prefix) => name.startsWith(prefix))) continue;
        taken.delete(name);
        this.#own.delete(name);
        const count = times.length;
        this.reject("stream-not-allowed", `${message} (${count} readings)`, WHOLE, stream, count);
      }
  }

  /** A name that has been taken is one: a request names few streams many times. */
  #streamOf(name: string): StreamName | null {
    return this.timed.get(name)?.stream ?? parseStreamName(name);
  }

  #takeTimed(
    stream: StreamName,
    kind: "number" | "boolean",
    value: number,
    timeMs: number,
    at: ValuePosition,
  ): void {
    const held = this.#listsOf(stream);
    if (held === undefined) {
      if (this.timed.size >= limits.streamsPerDeviceMax)
        return this.reject("too-many-streams", TOO_MANY_STREAMS, at, stream);
      this.#hold(stream, { stream, kind, times: [timeMs], values: [value] });
      return;
    }
    if (held.kind !== kind) return this.reject("type-mixed", TYPE_MIXED, at, stream);
    held.times.push(timeMs);
    held.values.push(value);
  }

  #takeTimeless(
    stream: StreamName,
    kind: "number" | "boolean",
    value: number,
    at: ValuePosition,
  ): void {
    if (!this.#mayLackTime) return this.reject(TIME_OR_KEY.code, TIME_OR_KEY.text, at, stream);
    if (this.timeless.has(stream)) return this.reject("time-required", TIME_REQUIRED, at, stream);
    if (this.timeless.size >= limits.streamsPerDeviceMax)
      return this.reject("too-many-streams", TOO_MANY_STREAMS, at, stream);
    this.timeless.set(stream, { stream, kind, times: [0], values: [value] });
  }
}

/** What concerns all readings of a stream stands at none of them. */
const WHOLE: ValuePosition = { pointer: "", index: 0 };

const STREAM_NAME = "A stream's name is a lower-case letter, then up to 63 of a-z, 0-9 and _";
const TIME =
  "A time is whole epoch milliseconds (seconds times 1000), or RFC 3339 text such as 2026-11-21T10:00:00Z, from 1970 to 9999";
const TYPE_MIXED =
  "One batch holds numbers or booleans of a stream, not both: send them under two names";
const TIME_REQUIRED =
  "Only one reading of a stream in a batch may lack its time: give the others theirs";

/** Said of a time that is only known once the reading has arrived, when nothing names the batch. */
export const TIME_OR_KEY = {
  code: "time-or-key-required",
  text: "Give the reading a time, or the batch an identity (boot and seq, or an Idempotency-Key), so that a retry is not counted again",
} as const;

export const TOO_MANY_STREAMS: string = `A device has at most ${limits.streamsPerDeviceMax} streams`;

type ValueProblem =
  | "value-missing"
  | "value-text"
  | "value-type"
  | "value-not-finite"
  | "value-too-fine";

const VALUE_PROBLEMS: Record<ValueProblem, string> = {
  "value-missing": "The value is missing: leave the reading out instead of sending null",
  "value-text": "A value is a number or a boolean; text belongs into the device's shadow",
  "value-type": "A value is a number or a boolean",
  "value-not-finite": "The value is beyond the range of a double",
  "value-too-fine": "The value has more than 30 decimals: round it",
};

/** Tells whether all are numbers that can be summed and are not minus zero, without asking each anew. */
export function arePlain(values: readonly unknown[]): values is readonly number[] {
  let scale = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if (typeof value !== "number") return false;
    if (!fits(value, scale)) {
      const larger = scaleFrom(value, scale);
      if (larger === null) return false;
      scale = larger;
    }
    if (value === 0 && Object.is(value, -0)) return false;
  }
  return true;
}

function isPlain(value: unknown, scale: number): value is number {
  return typeof value === "number" && fits(value, scale);
}

function problemOf(value: unknown): ValueProblem | null {
  if (typeof value === "boolean") return null;
  if (value === null || value === undefined) return "value-missing";
  if (typeof value === "string") return "value-text";
  if (typeof value !== "number") return "value-type";
  if (!Number.isFinite(value)) return "value-not-finite";
  return isSummable(value) ? null : "value-too-fine";
}
