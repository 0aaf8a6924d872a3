// How do the readings of a request become batches? In canonical form: streams by name, times
// ascending, one reading an identity. Equal readings give equal bytes, so that a retry is known by
// its content whatever its JSON looked like.

import type { DeviceId } from "../../sync/brand.ts";
import {
  encodeBatches,
  type BatchIdentity,
  type Column,
  type ReadingBatch,
} from "../../sync/wire/batch.ts";
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

/** Builds the batches of a request; the content hash is still to be set (withContentHash). */
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

/** Returns the bytes that the content hash is taken over. */
export function contentOf(batches: readonly ReadingBatch[]): Uint8Array {
  return encodeBatches(batches);
}

/** Sets the content hash of all batches of a request. */
export function withContentHash(
  batches: readonly ReadingBatch[],
  contentHash: string,
): ReadingBatch[] {
  return batches.map((batch) => ({ ...batch, contentHash }));
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
  const times = [...new Set(streams.flatMap((readings) => readings.times))].toSorted(
    (a, b) => a - b,
  );
  const rowOf = new Map(times.map((time, row) => [time, row]));
  const columns: Column[] = streams
    .map(({ stream, kind, times: own, values }) => ({
      stream,
      kind,
      rows: own.map((time) => rowOf.get(time) ?? 0),
      values,
    }))
    .toSorted((a, b) => (a.stream < b.stream ? -1 : 1));
  return { device, identity, contentHash: NO_HASH, isTimeAssigned, times, columns };
}

function isAscending(times: readonly number[]): boolean {
  return times.every((time, i) => i === 0 || (times[i - 1] ?? 0) < time);
}
