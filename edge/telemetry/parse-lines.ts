// What does a body of line protocol say? Fields of points become readings: the device is a tag or
// given, the stream is `measurement_field`, and each device has its readings apart.

import type { Problem } from "../../http/problem.ts";
import { parseDeviceId, type DeviceId, type StreamName } from "../../sync/brand.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import { LineScanner } from "./line-scanner.ts";
import { Cursor, noReading, tooMany } from "./parsed-readings.ts";
import { ReadingCollector } from "./reading-collector.ts";
import { MAPPING_RULE, mapStreamName } from "./stream-mapping.ts";

/** Of each unit, as 2.x and 1.x name it: how many digits are cut off, and its milliseconds. */
const PRECISIONS = {
  ns: [6, 1],
  n: [6, 1],
  us: [3, 1],
  u: [3, 1],
  ms: [0, 1],
  s: [0, 1_000],
  m: [0, 60_000],
  h: [0, 3_600_000],
} as const;

export type Precision = keyof typeof PRECISIONS;

/** Readings before it are taken for those of a wrong `precision`: 3 March 1973. */
const TIME_MS_MIN = 1e11;

/** A request's readings, by device. */
export interface ParsedLines {
  readonly devices: ReadonlyMap<DeviceId, ReadingCollector>;
  /** What no device could be found for. */
  readonly lost: ReadingCollector;
  /** Readings in the request, good and bad. */
  readonly count: number;
}

/** Parses the `precision` of a write; null if there is no such unit. */
export function parsePrecision(text: string | null): Precision | null {
  const unit = text === null || text === "" ? "ns" : text;
  return Object.hasOwn(PRECISIONS, unit) ? (unit as Precision) : null;
}

/** Parses lines; `device` is that of points without a tag, null if there is none. */
export function parseLines(
  text: string,
  precision: Precision,
  device: string | null,
): Result<ParsedLines, Problem> {
  const parser = new LineParser(new LineScanner(text), precision, device);
  for (;;) {
    const more = parser.next();
    if (parser.count > limits.readingsPerRequestMax) return err(tooMany());
    if (parser.devices.size > limits.devicesPerRequestMax)
      return err(tooMany("devices", limits.devicesPerRequestMax));
    if (!more) break;
  }
  return parser.count === 0 ? err(noReading()) : ok(parser);
}

class LineParser implements ParsedLines {
  readonly devices = new Map<DeviceId, ReadingCollector>();
  readonly lost = new ReadingCollector(false);
  count = 0;
  readonly #scanner: LineScanner;
  readonly #precision: Precision;
  readonly #device: string | null;
  readonly #streams = new Map<string, Map<string, StreamName | null>>();
  readonly #at = new Cursor("");

  constructor(scanner: LineScanner, precision: Precision, device: string | null) {
    this.#scanner = scanner;
    this.#precision = precision;
    this.#device = device;
  }

  /** Takes one line; false at the end. */
  next(): boolean {
    const scanner = this.#scanner;
    const read = scanner.next();
    if (read === "end") return false;
    this.#at.index = scanner.line;
    if (read === "point") this.#takePoint();
    else {
      this.count += 1;
      const message = `Line ${scanner.line + 1}: ${read.problem}`;
      this.lost.reject("line-syntax", message, this.#at, null);
    }
    return true;
  }

  #takePoint(): void {
    const { fields, values, measurement, time } = this.#scanner;
    this.count += fields.length;
    const readings = this.#readingsOf(this.#scanner.device ?? this.#device ?? "");
    if (readings === null)
      return this.lost.reject("device-name", DEVICE, this.#at, measurement, fields.length);
    const timeMs = this.#timeOf(time);
    if (timeMs === "bad")
      return readings.reject("time", TIME, this.#at, measurement, fields.length);
    for (const [i, field] of fields.entries()) {
      const stream = this.#streamOf(measurement, field);
      if (stream === null) readings.reject("stream-name", STREAM, this.#at, measurement);
      else if (values[i] === null) readings.reject("value-not-exact", EXACT, this.#at, stream);
      else readings.take(stream, values[i], timeMs, this.#at);
    }
  }

  #readingsOf(name: string): ReadingCollector | null {
    const known = this.devices.get(name as DeviceId);
    if (known !== undefined) return known;
    const device = parseDeviceId(name);
    if (device === null) return null;
    const readings = new ReadingCollector(true);
    this.devices.set(device, readings);
    return readings;
  }

  #streamOf(measurement: string, field: string): StreamName | null {
    let streams = this.#streams.get(measurement);
    if (streams === undefined) this.#streams.set(measurement, (streams = new Map()));
    const known = streams.get(field);
    if (known !== undefined) return known;
    const stream = mapStreamName(field === "value" ? measurement : `${measurement}_${field}`);
    streams.set(field, stream);
    return stream;
  }

  /** Below a millisecond the digits are cut off, as of a time in text. */
  #timeOf(digits: string): number | null | "bad" {
    if (digits === "") return null;
    const [cut, ms] = PRECISIONS[this.#precision];
    const timeMs = Number(cut === 0 ? digits : digits.slice(0, -cut)) * ms;
    return timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX ? timeMs : "bad";
  }
}

const DEVICE =
  'Name the device, with 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-": a tag "device", or the parameter device=NAME';
const STREAM = `The stream is measurement_field, or the measurement alone if the field is "value"; ${MAPPING_RULE}`;
const EXACT = "An integer past 2^53 cannot be kept exactly: send it as a float if that will do";
const TIME =
  "The time is before March 1973 or after 9999: say with the parameter precision (ns, us, ms, s, m, h) what it is in";
