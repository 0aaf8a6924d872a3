// How do a hub's entries get into what the origin holds? Their readings are sorted by lane, and each
// lane's segments are joined with its own: what is held already counts once (P2).

import { InvariantError } from "../../sync/assert.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { bottom, join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import { decodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import type { Lane, ShardStore } from "../ports.ts";
import { FreeTimes, laneKey } from "./free-times.ts";
import { mergeReadings } from "./merge-readings.ts";
import { batchName, recall, type Recollection } from "./timeless.ts";

/** What entries came to. */
export interface JoinedEntries {
  /** Readings that were not held before. */
  readonly added: number;
  /** Entries that do not decode. */
  readonly poison: readonly LogEntry[];
}

/**
 * Joins entries with what is held; within a transaction.
 *
 * @throws RangeError or InvariantError if one of them can never be stored (isImpossible()).
 */
export function joinEntries(entries: readonly LogEntry[], store: ShardStore): JoinedEntries {
  const { lanes, poison } = gather(entries, store);
  let added = 0;
  for (const { lane, readings } of lanes.values()) added += mergeReadings(lane, readings, store);
  return { added, poison };
}

/** Tells whether trying again would fail in the same way: a row too large, or a broken invariant. */
export function isImpossible(error: unknown): boolean {
  return error instanceof RangeError || error instanceof InvariantError;
}

interface Gathered {
  readonly lanes: Map<string, { lane: Lane; readings: ReadingSet }>;
  readonly poison: LogEntry[];
  readonly times: FreeTimes;
}

/** Sorts the readings of all fresh entries by lane, so that each segment is written once a frame. */
function gather(entries: readonly LogEntry[], store: ShardStore): Gathered {
  const gathered: Gathered = { lanes: new Map(), poison: [], times: new FreeTimes(store) };
  for (const entry of entries) {
    const batches = decodeBatches(entry.body);
    if (!batches.ok) gathered.poison.push(entry);
    for (const batch of batches.ok ? batches.value : []) {
      const recalled = recollections(batch, entry.stampMs, store);
      gatherBatch(gathered, batch, entry.stampMs, recalled);
    }
  }
  return gathered;
}

/** What is known of a batch's streams; one that is counted now is remembered at once. */
function recollections(batch: ReadingBatch, stampMs: number, store: ShardStore): Recollection[] {
  // A reading with its own time is always joined: its identity tells a repetition.
  if (!batch.isTimeAssigned) return batch.columns.map(() => "new");
  const name = batchName(batch);
  const held = store.timelessStreams(batch.device, name);
  const forgottenMs = store.forgottenMs(batch.device);
  const streams = batch.columns.map(({ stream }) => stream);
  store.rememberTimeless(batch.device, name, stampMs, [...new Set([...held, ...streams])]);
  return streams.map((stream) => recall(held.includes(stream), stampMs, forgottenMs));
}

function gatherBatch(
  gathered: Gathered,
  batch: ReadingBatch,
  stampMs: number,
  recalled: readonly Recollection[],
): void {
  for (const [at, { stream, kind, rows, values }] of batch.columns.entries()) {
    if (recalled[at] === "repeated") continue;
    const counted: Lane = { device: batch.device, stream, isQuarantined: false };
    const isDoubtful = recalled[at] === "doubtful";
    const named = { device: batch.device, stream, stampMs };
    const readings = rows.map((row, i): Reading => {
      const givenMs = batch.times[row] ?? 0;
      const timeMs = batch.isTimeAssigned
        ? freeTime(named, givenMs, isDoubtful, gathered)
        : givenMs;
      return { timeMs, stampMs, kind, value: values[i] ?? 0, isContested: false };
    });
    const isOutside = ({ timeMs }: Reading): boolean =>
      isDoubtful || isQuarantined(timeMs, stampMs);
    const cut = readings.findIndex(isOutside);
    const count = cut === -1 ? readings.length : cut;
    addToLane(gathered, counted, readings.slice(0, count));
    addToLane(gathered, { ...counted, isQuarantined: true }, readings.slice(count));
  }
}

/**
 * Finds the time for a reading that was given none. One whose lane is so full that it would lie in
 * the future is quarantined, as any other that does.
 */
function freeTime(
  { device, stream, stampMs }: Pick<Lane, "device" | "stream"> & Pick<Reading, "stampMs">,
  assignedMs: number,
  isDoubtful: boolean,
  { lanes, times }: Gathered,
): number {
  const take = (isOutside: boolean): number => {
    const lane = { device, stream, isQuarantined: isOutside };
    return times.take(lane, assignedMs, () => lanes.get(laneKey(lane))?.readings ?? bottom);
  };
  const timeMs = take(isDoubtful);
  return isDoubtful || !isQuarantined(timeMs, stampMs) ? timeMs : take(true);
}

function addToLane(gathered: Gathered, lane: Lane, readings: ReadingSet): void {
  if (readings.length === 0) return;
  gathered.times.note(lane, readings);
  const key = laneKey(lane);
  const held = gathered.lanes.get(key)?.readings ?? bottom;
  gathered.lanes.set(key, { lane, readings: join(held, readings) });
}
