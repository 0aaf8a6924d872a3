// What does a hub know of one device beside its journal? Its batches, its streams' totals and marks,
// and the minute aggregates of each hour. This is a regional view: only the origin sees all regions.

import {
  combine,
  EMPTY,
  fold,
  loadAggregate,
  storeAggregate,
  type StoredAggregate,
} from "../../sync/crdt/aggregate.ts";
import { NO_MEMORY, type BatchMemory } from "./batch-memory.ts";

/** What a hub keeps of one stream. */
export interface StreamState {
  readonly kind: "number" | "boolean";
  /** The fold of its distinct readings that are not quarantined; null if there is none. */
  readonly total: StoredAggregate | null;
  /** Latest event time inside, and latest among the quarantined; 0 if none. */
  readonly highWaterMs: number;
  readonly quarantineHighWaterMs: number;
  /** The reading with the latest event time: [epoch milliseconds, value]. */
  readonly latest: readonly [number, number] | null;
  readonly quarantined: number;
}

/** What a hub keeps of one device. */
export interface DeviceState {
  readonly memory: BatchMemory;
  readonly streams: Readonly<Record<string, StreamState>>;
  /** Counts since this hub first saw the device. */
  readonly duplicates: number;
  readonly conflicts: number;
  readonly late: number;
  readonly lastCommitMs: number;
  /** Smoothed arrival minus `sent`, milliseconds; null if the device never said. */
  readonly clockSkewMs: number | null;
}

/** One hour's minute aggregates: stream to minute of the hour (0 to 59) to aggregate. */
export type HourRollup = Readonly<Record<string, Readonly<Record<string, StoredAggregate>>>>;

export const NEW_DEVICE: DeviceState = {
  memory: NO_MEMORY,
  streams: {},
  duplicates: 0,
  conflicts: 0,
  late: 0,
  lastCommitMs: 0,
  clockSkewMs: null,
};

export const NEW_STREAM: StreamState = {
  kind: "number",
  total: null,
  highWaterMs: 0,
  quarantineHighWaterMs: 0,
  latest: null,
  quarantined: 0,
};

export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;

/** Distinct readings of one stream that a commit adds; times ascend. */
export interface FreshReadings {
  readonly stream: string;
  readonly kind: "number" | "boolean";
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** The state of a stream; a plain lookup would find "constructor", which is a legal stream name. */
export function streamOf(streams: DeviceState["streams"], stream: string): StreamState {
  return Object.hasOwn(streams, stream) ? (streams[stream] ?? NEW_STREAM) : NEW_STREAM;
}

/** Folds fresh, not quarantined readings into a stream's state. */
export function foldStream(state: StreamState, fresh: FreshReadings): StreamState {
  const lastMs = fresh.times.at(-1);
  const last = fresh.values.at(-1);
  if (lastMs === undefined || last === undefined) return state;
  const total = combine(
    state.total === null ? EMPTY : loadAggregate(state.total),
    fold(fresh.times, fresh.values),
  );
  const isNewest = state.latest === null || lastMs > state.latest[0];
  return {
    ...state,
    kind: isNewest ? fresh.kind : state.kind,
    total: storeAggregate(total),
    highWaterMs: Math.max(state.highWaterMs, lastMs),
    latest: isNewest ? [lastMs, last] : state.latest,
  };
}

/** Cuts fresh readings of a device into hours, for the rollups to be loaded one by one. */
export function byHour(fresh: readonly FreshReadings[]): Map<number, FreshReadings[]> {
  const hours = new Map<number, FreshReadings[]>();
  for (const readings of fresh) {
    for (const [hourMs, part] of cut(readings, HOUR_MS))
      hours.set(hourMs, [...(hours.get(hourMs) ?? []), part]);
  }
  return hours;
}

/** Folds one hour's fresh readings into its minute aggregates. */
export function foldHour(
  rollup: HourRollup,
  hourMs: number,
  fresh: readonly FreshReadings[],
): HourRollup {
  const streams = { ...rollup };
  for (const readings of fresh) {
    const minutes = { ...streams[readings.stream] };
    for (const [minuteMs, part] of cut(readings, MINUTE_MS)) {
      const minute = String((minuteMs - hourMs) / MINUTE_MS);
      const held = minutes[minute];
      const added = fold(part.times, part.values);
      minutes[minute] = storeAggregate(
        held === undefined ? added : combine(loadAggregate(held), added),
      );
    }
    streams[readings.stream] = minutes;
  }
  return streams;
}

/** Cuts readings at multiples of `sizeMs`. */
function* cut(readings: FreshReadings, sizeMs: number): Generator<[number, FreshReadings]> {
  const { times, values } = readings;
  let start = 0;
  for (let row = 1; row <= times.length; row += 1) {
    const window = Math.floor((times[start] ?? 0) / sizeMs);
    const next = times[row];
    if (next !== undefined && Math.floor(next / sizeMs) === window) continue;
    yield [
      window * sizeMs,
      { ...readings, times: times.slice(start, row), values: values.slice(start, row) },
    ];
    start = row;
  }
}
