// How do the readings of a request become batches? In canonical form: streams by name, times
// ascending, one reading an identity. Equal readings give equal bytes, so that a retry is known by
// its content whatever its JSON looked like.

import type { DeviceId } from "../../sync/brand.ts";
import type { BatchIdentity, Column, ReadingBatch } from "../../sync/wire/batch.ts";
import { everyRow } from "../../sync/wire/columns.ts";
import type { ReadingCollector, StreamReadings } from "./reading-collector.ts";

/** The batches of one request, and what its own repetitions came to. */
export interface BuiltBatches {
  /** At most two: readings with times, and readings whose time the hub assigns (time 0 here). */
  readonly batches: readonly ReadingBatch[];
  /** Readings that stand twice in the request with the same value, and with another one. */
  readonly duplicates: number;
  readonly conflicts: number;
}

const NO_HASH = "0000000000000000";

/** Builds the batches of a request; the content hash is still to be set (withHash of their encoding). */
export function buildBatches(
  device: DeviceId,
  identity: BatchIdentity,
  readings: ReadingCollector,
): BuiltBatches {
  const timed = settle([...readings.timed.values()]);
  const timeless = settle([...readings.timeless.values()]);
  const batches = [
    { isTimeAssigned: false, streams: timed.streams },
    { isTimeAssigned: true, streams: timeless.streams },
  ]
    .filter(({ streams }) => streams.length > 0)
    .map(({ isTimeAssigned, streams }) => toBatch(device, identity, isTimeAssigned, streams));
  return { batches, duplicates: timed.duplicates, conflicts: timed.conflicts };
}

/** Sorts each stream by time and settles what stands twice: the smaller value, as on every replica. */
function settle(streams: readonly StreamReadings[]): {
  streams: StreamReadings[];
  duplicates: number;
  conflicts: number;
} {
  let duplicates = 0;
  let conflicts = 0;
  const settled = streams.map((readings) => {
    const { times, values } = readings;
    if (isAscending(times)) return readings;
    const order = times
      .map((_, i) => i)
      .toSorted((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || (values[a] ?? 0) - (values[b] ?? 0));
    const kept = order.filter((row, at) => {
      const before = order[at - 1];
      if (before === undefined || times[before] !== times[row]) return true;
      if (values[before] === values[row]) duplicates += 1;
      else conflicts += 1;
      return false;
    });
    return {
      ...readings,
      times: kept.map((row) => times[row] ?? 0),
      values: kept.map((row) => values[row] ?? 0),
    };
  });
  return { streams: settled, duplicates, conflicts };
}

function toBatch(
  device: DeviceId,
  identity: BatchIdentity,
  isTimeAssigned: boolean,
  streams: readonly StreamReadings[],
): ReadingBatch {
  const shared = sharedTimes(streams);
  const times = shared ?? timesOf(streams);
  const rowsOf = shared === null ? rowsIn(times) : sharedRows(times.length);
  const columns: Column[] = streams
    .map(({ stream, kind, times: own, values }) => ({ stream, kind, rows: rowsOf(own), values }))
    .toSorted((a, b) => (a.stream < b.stream ? -1 : 1));
  return { device, identity, contentHash: NO_HASH, isTimeAssigned, times, columns };
}

/** The times of all streams if they have the same, as most batches' do; otherwise null. */
function sharedTimes(streams: readonly StreamReadings[]): readonly number[] | null {
  const first = streams[0]?.times ?? [];
  return streams.every(({ times }) => isSame(times, first)) ? first : null;
}

function timesOf(streams: readonly StreamReadings[]): readonly number[] {
  const times = new Set(streams.flatMap((readings) => readings.times));
  return [...times].toSorted((a, b) => a - b);
}

function rowsIn(times: readonly number[]): (own: readonly number[]) => readonly number[] {
  const rowOf = new Map(times.map((time, row) => [time, row]));
  return (own) => own.map((time) => rowOf.get(time) ?? 0);
}

function sharedRows(count: number): () => readonly number[] {
  const rows = everyRow(count);
  return () => rows;
}

function isSame(left: readonly number[], right: readonly number[]): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i += 1) if (left[i] !== right[i]) return false;
  return true;
}

function isAscending(times: readonly number[]): boolean {
  for (let i = 1; i < times.length; i += 1)
    if ((times[i - 1] ?? 0) >= (times[i] ?? 0)) return false;
  return true;
}
