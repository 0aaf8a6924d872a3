// What if the clock of a region was ahead, and the origin says so? The rows that the origin does not
// hold get the stamps that the origin's clock would have given; times that were assigned for want of
// a clock move along. Nobody else has seen those rows, so nothing is contradicted.

import type { DeviceId } from "../sync/brand.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import { assert } from "../sync/assert.ts";
import { AHEAD_MS_MAX } from "../sync/clock/hlc.ts";
import { FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX } from "../sync/limits.ts";
import { decodeBatches, type ReadingBatch } from "../sync/wire/batch.ts";
import { limits } from "./limits.ts";
import type { HubStore, Restamp } from "./ports.ts";
import type { DeviceState, StreamState } from "./telemetry/device-state.ts";

/**
 * Stamps the rows after `cursor` anew, in their order, where they lie too far ahead of `hubNowMs`.
 *
 * @returns False if there are more rows than one turn may stamp; call it again.
 * @param offsetMs How far the origin's clock is ahead of this one: far below 0.
 */
export function restampJournal(
  store: HubStore,
  cursor: number,
  hubNowMs: number,
  offsetMs: number,
): boolean {
  const [acknowledged] = cursor === 0 ? [] : store.entriesAfter(cursor - 1, 0, 1);
  let lastStampMs = acknowledged?.seq === cursor ? acknowledged.stampMs : 0;
  const changes: Restamp[] = [];
  let after = cursor;
  while (after < store.extent().head && changes.length < limits.restampRowsMax) {
    const entries = store.entriesAfter(after, FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX);
    for (const entry of entries) {
      const isAhead = entry.stampMs > hubNowMs + AHEAD_MS_MAX;
      const change = isAhead ? changeOf(entry, lastStampMs, hubNowMs, offsetMs) : null;
      if (change !== null) changes.push(change);
      lastStampMs = Math.max(lastStampMs, change?.stampMs ?? entry.stampMs);
      after = entry.seq;
    }
  }
  store.restamp(changes);
  if (after < store.extent().head) return false;
  store.amend(statesUpTo(store, hubNowMs));
  return true;
}

/** The devices of which a mark is ahead, with marks that are not. */
function statesUpTo(store: HubStore, hubNowMs: number): Map<DeviceId, DeviceState> {
  const amended = new Map<DeviceId, DeviceState>();
  for (const device of store.deviceIds()) {
    const state = store.loadDevice(device);
    if (state !== null && isAnyAhead(state, hubNowMs))
      amended.set(device, withMarksUpTo(state, hubNowMs));
  }
  return amended;
}

/** Says what one row becomes. */
function changeOf(
  entry: LogEntry,
  lastStampMs: number,
  hubNowMs: number,
  offsetMs: number,
): Restamp {
  const decoded = decodeBatches(entry.body);
  assert(decoded.ok, "A stored row decodes");
  const guessMs = entry.stampMs + offsetMs;
  // The clock may have been wrong by something else then. A row is not older than the one before it,
  // nor than the readings that it holds, as far as those are believable.
  const likelyMs = guessMs < lastStampMs || guessMs > hubNowMs ? hubNowMs : guessMs;
  const stampMs = Math.max(likelyMs, lastStampMs, newestBefore(decoded.value, hubNowMs));
  const byMs = stampMs - entry.stampMs;
  const change = (batch: ReadingBatch): ReadingBatch =>
    batch.isTimeAssigned ? moved(batch, byMs) : batch;
  return { seq: entry.seq, stampMs, change };
}

/** The latest time that a device gave, up to `nowMs`. */
function newestBefore(batches: readonly ReadingBatch[], nowMs: number): number {
  const given = batches.filter((batch) => !batch.isTimeAssigned).flatMap(({ times }) => times);
  return given.reduce((newest, timeMs) => (timeMs <= nowMs ? Math.max(newest, timeMs) : newest), 0);
}

function moved(batch: ReadingBatch, byMs: number): ReadingBatch {
  return { ...batch, times: batch.times.map((timeMs) => Math.max(0, timeMs + byMs)) };
}

function isAnyAhead(state: DeviceState, nowMs: number): boolean {
  const marks = Object.values(state.streams).map(({ highWaterMs }) => highWaterMs);
  return state.lastCommitMs > nowMs || marks.some((mark) => mark > nowMs);
}

/** A mark that is ahead would make what comes now late, and drop its minutes. */
function withMarksUpTo(state: DeviceState, nowMs: number): DeviceState {
  const streams = Object.entries(state.streams).map(([stream, held]): [string, StreamState] => {
    const highWaterMs = Math.min(held.highWaterMs, nowMs);
    const latest =
      held.latest === null ? null : ([Math.min(held.latest[0], nowMs), held.latest[1]] as const);
    return [stream, { ...held, highWaterMs, latest }];
  });
  return {
    ...state,
    lastCommitMs: Math.min(state.lastCommitMs, nowMs),
    streams: Object.fromEntries(streams),
  };
}
