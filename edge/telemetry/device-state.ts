// What does a hub know of one device beside its journal? Its batches, its streams' totals and marks,
// and its minute aggregates. This is a regional view: only the origin sees all regions.

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

/** One minute's aggregates, by stream. */
export type MinuteRollup = Readonly<Record<string, StoredAggregate>>;

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

/** Folds one minute's fresh readings into its aggregates. */
export function foldMinute(rollup: MinuteRollup, fresh: readonly FreshReadings[]): MinuteRollup {
  const streams = { ...rollup };
  for (const { stream, times, values } of fresh) {
    const held = Object.hasOwn(streams, stream) ? streams[stream] : undefined;
    const added = fold(times, values);
    streams[stream] = storeAggregate(
      held === undefined ? added : combine(loadAggregate(held), added),
    );
  }
  return streams;
}

/** Names the minute of an event time by its start. */
export function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS) * MINUTE_MS;
}
