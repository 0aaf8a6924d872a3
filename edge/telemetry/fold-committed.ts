// What is a device after a batch was committed? The one place that says so: the hub runs it when it
// takes the batch in, and again when it starts over, from what the journal holds. Nothing else may
// enter here, or a restart would come to something else (P1).

import { isQuarantined } from "../../sync/quarantine.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { freshOf, type Committed } from "../journal/committed.ts";
import { limits } from "../limits.ts";
import { remember } from "./batch-memory.ts";
import { foldStream, streamOf, type DeviceState, type FreshReadings } from "./device-state.ts";

/** A device after a commit, and what of the batch was late or quarantined. */
export interface Folded {
  readonly state: DeviceState;
  readonly late: number;
  readonly quarantined: number;
}

/** Folds a batch into the device that it is of. */
export function foldCommitted(before: DeviceState, committed: Committed, stampMs: number): Folded {
  const { identity, contentHash, arrivedMs, sentMs, kept } = committed;
  const fresh = kept.flatMap((each) => freshReadings(freshOf(each)));
  const { streams, late, quarantined } = foldStreams(before.streams, fresh, stampMs);
  const conflicts = kept.reduce((sum, each) => sum + each.conflicts.length, 0);
  const state: DeviceState = {
    memory: remember(before.memory, identity, contentHash),
    streams,
    duplicates: before.duplicates + committed.duplicates,
    conflicts: before.conflicts + conflicts,
    late: before.late + late,
    lastCommitMs: arrivedMs,
    clockSkewMs: skewOf(before.clockSkewMs, sentMs, arrivedMs),
  };
  return { state, late, quarantined };
}

function freshReadings(batch: ReadingBatch): FreshReadings[] {
  const { times } = batch;
  return batch.columns.map(({ stream, kind, rows, values }) => {
    const isWhole = rows.length === times.length;
    return { stream, kind, times: isWhole ? times : rows.map((row) => times[row] ?? 0), values };
  });
}

function foldStreams(
  before: DeviceState["streams"],
  fresh: readonly FreshReadings[],
  stampMs: number,
): { streams: DeviceState["streams"]; late: number; quarantined: number } {
  const streams = { ...before };
  let late = 0;
  let quarantined = 0;
  for (const readings of fresh) {
    const held = streamOf(streams, readings.stream);
    const { inside, outside } = cutAtQuarantine(readings, stampMs);
    const lateFromMs = held.highWaterMs - limits.latenessMs;
    if ((inside.times[0] ?? lateFromMs) < lateFromMs)
      late += inside.times.filter((timeMs) => timeMs < lateFromMs).length;
    quarantined += outside;
    streams[readings.stream] = {
      ...foldStream(held, inside),
      quarantined: held.quarantined + outside,
      quarantineHighWaterMs: Math.max(
        held.quarantineHighWaterMs,
        outside === 0 ? 0 : (readings.times.at(-1) ?? 0),
      ),
    };
  }
  return { streams, late, quarantined };
}

/** Times ascend, so what is quarantined is at the end. */
function cutAtQuarantine(
  readings: FreshReadings,
  stampMs: number,
): { inside: FreshReadings; outside: number } {
  const { times, values } = readings;
  if (!isQuarantined(times.at(-1) ?? 0, stampMs)) return { inside: readings, outside: 0 };
  const count = times.findIndex((timeMs) => isQuarantined(timeMs, stampMs));
  return {
    inside: { ...readings, times: times.slice(0, count), values: values.slice(0, count) },
    outside: times.length - count,
  };
}

/** Exponential smoothing by an eighth, as for round-trip times (RFC 6298). */
function skewOf(heldMs: number | null, sentMs: number | null, nowMs: number): number | null {
  if (sentMs === null) return heldMs;
  const skewMs = nowMs - sentMs;
  return heldMs === null ? skewMs : Math.round(heldMs + (skewMs - heldMs) / 8);
}
