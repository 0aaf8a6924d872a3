// Which readings are segments measured on? A real log, a fleet as it might be, and the two ends:
// doubles of which every bit is noise, and values that never change. All from seeds.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Segment, SegmentColumn } from "../../edge/segment/segment.ts";
import { parseStreamName, type StreamName } from "../../sync/brand.ts";

/** Segments, an hour of a device each. */
export interface DataSet {
  readonly name: string;
  readonly segments: readonly Segment[];
}

const HOUR_MS = 3_600_000;
const DAY_MS: number = Date.UTC(2026, 0, 15);
const PERIOD_MS = 10_000;
const JITTER_MS = 40;
const DEVICES = 100;
const HOURS = 4;
/** Instants of a commit: a hundred readings of four streams. */
const COMMIT_INSTANTS = 25;
const SEED = 20_260_115;

/** All data sets. */
export function dataSets(): DataSet[] {
  return [
    boat(),
    fleet("env fleet", JITTER_MS, envDevice),
    fleet("raw doubles", JITTER_MS, rawDevice),
    fleet("constants", 0, constantDevice),
    fleet("switches", JITTER_MS, switchDevice),
  ];
}

/** Numbers from a seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 until before 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Normal, around 0, with a deviation of 1. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** A whole number within plus or minus `most`. */
  within(most: number): number {
    return Math.floor(this.next() * (2 * most + 1)) - most;
  }
}

type Kind = SegmentColumn["kind"];
/** A stream's next value. */
export interface Source {
  readonly stream: string;
  readonly kind?: Kind;
  readonly next: (hour: number) => number;
}

function nameOf(text: string): StreamName {
  const stream = parseStreamName(text);
  if (stream === null) throw new TypeError(`Not a stream: ${text}`);
  return stream;
}

/** A commit's stamp is when its last instant reached the hub; a network takes 20 to 300 ms. */
function stampsOf(times: Float64Array, starts: (at: number) => boolean, chance: Chance) {
  const stamps = new Float64Array(times.length);
  let from = 0;
  for (let at = 1; at <= times.length; at += 1) {
    if (at < times.length && !starts(at)) continue;
    stamps.fill((times[at - 1] as number) + 20 + Math.floor(chance.next() * 280), from, at);
    from = at;
  }
  return stamps;
}

function boat(): DataSet {
  const file = new URL("../../examples/data/boat.csv.gz", import.meta.url);
  const [, ...lines] = gunzipSync(readFileSync(file)).toString().trim().split("\n");
  const hours = new Map<number, Map<string, Map<number, number>>>();
  for (const line of lines) {
    const [second = "", stream = "", value = ""] = line.split(",");
    const timeMs = DAY_MS + Number(second) * 1000;
    const hour = Math.floor(timeMs / HOUR_MS);
    const streams = hours.get(hour) ?? new Map<string, Map<number, number>>();
    const readings = streams.get(stream) ?? new Map<number, number>();
    readings.set(timeMs, Number(value));
    hours.set(hour, streams.set(stream, readings));
  }
  const chance = new Chance(SEED);
  const segments = [...hours.values()].map((streams) => boatHour(streams, chance));
  return { name: "boat", segments };
}

function boatHour(streams: Map<string, Map<number, number>>, chance: Chance): Segment {
  const all = new Set([...streams.values()].flatMap((readings) => [...readings.keys()]));
  const times = Float64Array.from(all).toSorted();
  const rowOf = new Map([...times].map((time, row) => [time, row]));
  const minute = (at: number): number => Math.floor((times[at] as number) / 60_000);
  const stamps = stampsOf(times, (at) => minute(at) !== minute(at - 1), chance);
  const columns = [...streams.keys()].toSorted().map((stream): SegmentColumn => {
    const readings = [...(streams.get(stream) ?? [])].toSorted(([a], [b]) => a - b);
    const rows = Uint16Array.from(readings, ([time]) => rowOf.get(time) ?? 0);
    return {
      stream: nameOf(stream),
      kind: "number",
      rows,
      values: Float64Array.from(readings, ([, value]) => value),
      stamps: Float64Array.from(rows, (row) => stamps[row] as number),
      contested: new Uint16Array(0),
    };
  });
  return { times, columns };
}

function fleet(name: string, jitterMs: number, sourcesOf: (chance: Chance) => Source[]): DataSet {
  const chance = new Chance(SEED);
  const segments: Segment[] = [];
  for (let device = 0; device < DEVICES; device += 1) {
    const sources = sourcesOf(chance);
    const phaseMs = Math.floor(chance.next() * PERIOD_MS);
    for (let hour = 0; hour < HOURS; hour += 1)
      segments.push(fleetHour(DAY_MS + hour * HOUR_MS + phaseMs, jitterMs, sources, chance));
  }
  return { name, segments };
}

function fleetHour(fromMs: number, jitterMs: number, sources: Source[], chance: Chance): Segment {
  const count = HOUR_MS / PERIOD_MS;
  const times = Float64Array.from(
    { length: count },
    (_, at) => fromMs + at * PERIOD_MS + chance.within(jitterMs),
  );
  const stamps = stampsOf(times, (at) => at % COMMIT_INSTANTS === 0, chance);
  const hourOf = (at: number): number => ((times[at] as number) - DAY_MS) / HOUR_MS;
  const columns = sources.map(({ stream, kind, next }): SegmentColumn => ({
    stream: nameOf(stream),
    kind: kind ?? "number",
    rows: Uint16Array.from({ length: count }, (_, row) => row),
    values: Float64Array.from({ length: count }, (_, at) => next(hourOf(at))),
    stamps,
    contested: new Uint16Array(0),
  }));
  return { times, columns };
}

function rounded(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals + 0;
}

/** Something that wanders, seen by a sensor with noise of its own. */
function wandering(chance: Chance, start: number, pace: number, noise: number): () => number {
  let level = start;
  return () => {
    level += chance.normal() * pace;
    return level + chance.normal() * noise;
  };
}

export function envDevice(chance: Chance): Source[] {
  const temperature = wandering(chance, 18 + chance.next() * 6, 0.005, 0.012);
  const humidity = wandering(chance, 40 + chance.next() * 20, 0.03, 0.05);
  const pressure = wandering(chance, 1_005 + chance.next() * 15, 0.005, 0.03);
  const battery = 3.6 + chance.next() * 0.5;
  const swing = 1 + chance.next() * 4;
  return [
    { stream: "battery", next: (hour) => rounded(battery - hour * 0.0006, 3) },
    { stream: "humidity", next: () => rounded(humidity(), 1) },
    { stream: "pressure", next: () => rounded(pressure(), 1) },
    {
      stream: "temperature",
      next: (hour) => rounded(temperature() + swing * Math.sin((hour * Math.PI) / 12), 2),
    },
  ];
}

function rawDevice(chance: Chance): Source[] {
  return ["flow", "machine_temperature", "power", "torque"].map((stream) => ({
    stream,
    next: wandering(chance, 60 + chance.next() * 60, 0.4, 0.2),
  }));
}

function constantDevice(chance: Chance): Source[] {
  return ["gain", "limit", "set_point", "zero"].map((stream) => {
    const value = rounded(chance.next() * 100, 2);
    return { stream, next: () => value };
  });
}

function switchDevice(chance: Chance): Source[] {
  return ["door", "motion", "pump", "valve"].map((stream, at) => {
    let isOn = 0;
    const flips = 0.004 * 4 ** at;
    const next = (): number => (isOn = chance.next() < flips ? 1 - isOn : isOn);
    return { stream, kind: "boolean", next };
  });
}
