// What does a SenML pack (RFC 8428, JSON) say? Base fields are resolved record by record (§4.5), a
// time below 2^28 seconds is relative to now (§4.5.3), and what is no reading is named and left out.

import type { Problem } from "../../http/problem.ts";
import { addDecimals, decimalOf, formatDecimal } from "../../sync/decimal.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import {
  Cursor,
  escapePointer,
  finishReadings,
  isObject,
  malformed,
  parseKey,
  tooMany,
  type ParsedReadings,
} from "./parsed-readings.ts";
import { ReadingCollector, TIME_OR_KEY } from "./reading-collector.ts";
import { SENML_NAME, SenmlNames } from "./senml-name.ts";

type SenmlRecord = Readonly<Record<string, unknown>>;

/** What holds from a record on. */
interface Base {
  readonly bn: string;
  readonly bt: number;
  readonly bv: number;
}

/** The types of the fields (§12.2). */
const TYPES: Readonly<Record<string, string | undefined>> = Object.assign(
  Object.create(null) as Record<string, string>,
  ...["bn", "bu", "n", "u", "vs", "vd"].map((name) => ({ [name]: "string" })),
  ...["bt", "bv", "bs", "bver", "v", "s", "t", "ut"].map((name) => ({ [name]: "number" })),
  { vb: "boolean" },
);
/** Seconds from which a time counts from 1970. */
const ABSOLUTE_FROM = 2 ** 28;
/** Version 10 is RFC 8428, below it are its drafts; 26 has the secondary units (RFC 9100, RFC 8798). */
const VERSION_MAX = 10;
const VERSION_SECONDARY_UNITS = 26;

/** Parses a pack that is already JSON; `device` is that of the path, `nowMs` when it arrived. */
export function parseSenml(
  pack: unknown,
  device: string,
  key: string | null,
  nowMs: number,
): Result<ParsedReadings, Problem> {
  if (!Array.isArray(pack)) return err(malformed("", "A SenML pack is an array of records"));
  const identity = parseKey(key);
  if (!identity.ok) return identity;
  const parser = new SenmlParser(device, identity.value.kind !== "none", nowMs);
  for (const record of pack as readonly unknown[]) {
    const problem = parser.take(record);
    if (problem !== null) return err(problem);
    if (parser.count > limits.readingsPerRequestMax) return err(tooMany());
  }
  const { readings, count, isRelative } = parser;
  return finishReadings(identity.value, readings, count, isRelative);
}

class SenmlParser {
  readonly readings: ReadingCollector;
  count = 0;
  isRelative = false;
  readonly #isNamed: boolean;
  readonly #nowMs: number;
  readonly #names: SenmlNames;
  #base: Base = { bn: "", bt: 0, bv: 0 };
  readonly #at = new Cursor("");

  constructor(device: string, isNamed: boolean, nowMs: number) {
    this.readings = new ReadingCollector(isNamed);
    this.#names = new SenmlNames(device);
    this.#isNamed = isNamed;
    this.#nowMs = nowMs;
  }

  /** Takes one record; the problem is one of the whole pack. */
  take(record: unknown): Problem | null {
    if (!isObject(record)) return malformed(this.#at.pointer, "A SenML record is an object");
    const problem = problemOf(record, this.#at);
    if (problem !== null) return problem;
    const { bn = this.#base.bn, bt = this.#base.bt, bv = this.#base.bv } = record as Partial<Base>;
    this.#base = { bn, bt, bv };
    if (Object.keys(record).some((name) => name in TYPES && !name.startsWith("b"))) {
      this.count += 1;
      this.#takeReading(record);
    }
    this.#at.index += 1;
    return null;
  }

  #takeReading(record: SenmlRecord): void {
    const { readings } = this;
    const at = this.#at;
    const { n = "", v, vb } = record;
    const name = this.#base.bn + String(n);
    const value = typeof v === "number" ? sum(this.#base.bv, v) : vb;
    if (value === undefined) return this.#rejectOther(record, name);
    const stream = this.#names.streamOf(name);
    if (stream === null) return readings.reject("stream-name", SENML_NAME, at, name);
    const timeMs = this.#timeOf(record["t"]);
    if (timeMs === "relative")
      return readings.reject(TIME_OR_KEY.code, TIME_OR_KEY.text, at, stream);
    readings.take(stream, value, timeMs, at);
    if (record["s"] === undefined) return;
    this.count += 1;
    readings.reject("senml-sum", SUM, at, stream);
  }

  /** Says why a record without a number or a boolean is none. */
  #rejectOther({ vs, vd, s }: SenmlRecord, name: string): void {
    const at = this.#at;
    if (vs !== undefined || vd !== undefined)
      return this.readings.reject("value-text", TEXT, at, name);
    if (s !== undefined) return this.readings.reject("senml-sum", SUM, at, name);
    this.readings.reject("value-missing", "A record has v or vb", at, name);
  }

  /** Null is roughly now, which the hub fixes once. */
  #timeOf(t: unknown): number | null | "bad" | "relative" {
    const seconds = this.#base.bt + Number(t ?? 0);
    if (seconds === 0) return null;
    const isRelative = seconds < ABSOLUTE_FROM;
    if (isRelative && !this.#isNamed) return "relative";
    const ms = Math.round(seconds * 1_000) + (isRelative ? this.#nowMs : 0);
    if (isRelative) this.isRelative = true;
    return ms >= 0 && ms <= TIME_MS_MAX ? ms : "bad";
  }
}

/** What makes the whole pack unreadable (§4.4): a field of another type, or one that must be known. */
function problemOf(record: SenmlRecord, at: Cursor): Problem | null {
  const say = (name: string, message: string): Problem =>
    malformed(`${at.pointer}/${escapePointer(name)}`, message);
  for (const name of Object.keys(record)) {
    // A number past a double's range is the reading's own fault, and named with it.
    const type = TYPES[name];
    if (type !== undefined && typeof record[name] !== type)
      return say(name, `${name} is a ${type}`);
    if (name.endsWith("_"))
      return say(name, "A field that ends with _ must be understood, and this one is not");
  }
  const { bver = VERSION_MAX } = record;
  const isKnown = Number(bver) <= VERSION_MAX || bver === VERSION_SECONDARY_UNITS;
  return isKnown ? null : say("bver", `Versions up to ${VERSION_MAX} are known`);
}

/** Adds as decimals, so that 0.1 and 0.2 are 0.3. */
function sum(base: number, value: number): number {
  if (base === 0 || !Number.isFinite(base) || !Number.isFinite(value)) return base + value;
  return Number(formatDecimal(addDecimals(decimalOf(base), decimalOf(value))));
}

const TEXT =
  "A reading is a number (v) or a boolean (vb); text and data (vs, vd) belong into the device's shadow";
const SUM =
  "A sum (s) adds up readings since nobody knows when: send the readings (v), sums are made of them";
