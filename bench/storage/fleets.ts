// What do devices send? A fleet's hours, and a boat's log, as commands in the order in which they
// reach a hub.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { IngestCommand } from "../../edge/ingest.ts";
import { parseDeviceId, parseStreamName } from "../../sync/brand.ts";
import { encodeBatches, type Column } from "../../sync/wire/batch.ts";
import { Chance, envDevice } from "../segment/data-sets.ts";

/** A command, and when it comes. */
export interface Arrival {
  readonly command: IngestCommand;
  readonly nowMs: number;
  readonly readings: number;
}

const START_MS: number = Date.UTC(2026, 0, 15);
const PERIOD_MS = 10_000;
const JITTER_MS = 40;
const DEVICES = 100;
const SEED = 20_260_115;

interface Device {
  readonly name: string;
  readonly phaseMs: number;
  readonly sources: ReturnType<typeof envDevice>;
  seq: number;
  at: number;
}

/** A hundred devices of four streams each, every ten seconds: batches of `instants`, in turn. */
export function* fleet(readings: number, instants: number): Iterable<Arrival> {
  const chance = new Chance(SEED);
  const devices = Array.from({ length: DEVICES }, (_, at): Device => ({
    name: `sensor-${String(at).padStart(3, "0")}`,
    phaseMs: Math.floor(chance.next() * PERIOD_MS),
    sources: envDevice(chance),
    seq: 0,
    at: 0,
  }));
  // Devices do not send in step: each begins with a batch of another length.
  for (const [at, device] of devices.entries()) device.at = -Math.floor((at * instants) / DEVICES);
  for (let sent = 0; sent < readings;) {
    for (const device of devices) {
      const arrival = next(device, instants, chance);
      sent += arrival.readings;
      yield arrival;
    }
  }
}

function next(device: Device, instants: number, chance: Chance): Arrival {
  const from = Math.max(0, device.at);
  device.at += instants;
  const times = Array.from(
    { length: Math.max(1, device.at - from) },
    (_, at) => START_MS + device.phaseMs + (from + at) * PERIOD_MS + jitter(chance),
  );
  device.at = Math.max(device.at, from + 1);
  const hourOf = (timeMs: number): number => (timeMs - START_MS) / 3_600_000;
  const columns = device.sources.map(({ stream, next: value }) => ({
    stream,
    values: times.map((timeMs) => value(hourOf(timeMs))),
  }));
  device.seq += 1;
  const nowMs = (times.at(-1) ?? 0) + 20 + Math.floor(chance.next() * 280);
  return arrivalOf(device.name, device.seq, times, columns, nowMs);
}

function jitter(chance: Chance): number {
  return chance.within(JITTER_MS);
}

function arrivalOf(
  name: string,
  seq: number,
  times: readonly number[],
  columns: readonly { stream: string; rows?: readonly number[]; values: readonly number[] }[],
  nowMs: number,
): Arrival {
  const device = parseDeviceId(name);
  if (device === null) throw new TypeError(`Not a device: ${name}`);
  const identity = { kind: "boot", boot: "b-20260115", seq } as const;
  const contentHash = seq.toString(16).padStart(16, "0");
  const cells = columns.map(({ stream, rows, values }): Column => {
    const parsed = parseStreamName(stream);
    if (parsed === null) throw new TypeError(`Not a stream: ${stream}`);
    return { stream: parsed, kind: "number", rows: rows ?? times.map((_, row) => row), values };
  });
  const batch = { device, identity, contentHash, isTimeAssigned: false, times, columns: cells };
  const entry = encodeBatches([batch]);
  return {
    command: { device, identity, contentHash, entry, sentMs: null, isStrict: false },
    nowMs,
    readings: cells.reduce((sum, { rows }) => sum + rows.length, 0),
  };
}

/** The boat's log, a minute a batch. */
export function* boat(): Iterable<Arrival> {
  const file = new URL("../../examples/data/boat.csv.gz", import.meta.url);
  const [, ...lines] = gunzipSync(readFileSync(file)).toString().trim().split("\n");
  const minutes = new Map<number, Map<string, Map<number, number>>>();
  for (const line of lines) {
    const [second = "", stream = "", value = ""] = line.split(",");
    const timeMs = START_MS + Number(second) * 1000;
    const minute = Math.floor(timeMs / 60_000);
    const streams = minutes.get(minute) ?? new Map<string, Map<number, number>>();
    minutes.set(minute, streams);
    const readings = streams.get(stream) ?? new Map<number, number>();
    streams.set(stream, readings.set(timeMs, Number(value)));
  }
  let seq = 0;
  for (const [minute, streams] of [...minutes].toSorted(([a], [b]) => a - b)) {
    const all = new Set([...streams.values()].flatMap((readings) => [...readings.keys()]));
    const times = [...all].toSorted((a, b) => a - b);
    const rowOf = new Map(times.map((timeMs, row) => [timeMs, row]));
    const columns = [...streams.keys()].toSorted().map((stream) => {
      const readings = [...(streams.get(stream) ?? [])].toSorted(([a], [b]) => a - b);
      return {
        stream,
        rows: readings.map(([timeMs]) => rowOf.get(timeMs) ?? 0),
        values: readings.map(([, value]) => value),
      };
    });
    seq += 1;
    yield arrivalOf("boat-1", seq, times, columns, (minute + 1) * 60_000 + 100);
  }
}
