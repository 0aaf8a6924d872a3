// What does the origin do with an up-frame? Top to bottom: decide what is fresh, sort its readings
// by lane, join them into the segments, move the cursor, answer. One transaction: readings and
// cursor are stored together or not at all (P2).

import { InvariantError } from "../sync/assert.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import { bottom, join, type Reading, type ReadingSet } from "../sync/crdt/reading-set.ts";
import { receive } from "../sync/link/hub.ts";
import { isQuarantined } from "../sync/quarantine.ts";
import { decodeBatches, type ReadingBatch } from "../sync/wire/batch.ts";
import { crc32c } from "../sync/wire/crc32c.ts";
import type { UpFrame } from "../sync/wire/frame.ts";
import { limits } from "./limits.ts";
import type { Lane, ReplicaStatus, ShardStore } from "./ports.ts";
import { batchName, recall, type Recollection } from "./replica/timeless.ts";
import { mergeReadings } from "./replica/merge-readings.ts";

/** What an absorbed frame came to. */
export interface Absorbed {
  readonly answer: Uint8Array;
  readonly entries: number;
  /** Readings that were not held before. */
  readonly added: number;
  readonly poisoned: number;
  readonly lostEntries: number;
}

/**
 * Absorbs a frame whose seal and checksum are good.
 *
 * Should an entry of it be impossible to store, its entries are stored one by one and that one is
 * kept aside: no entry may stop the link for those behind it (P3). Any other failure is thrown, and
 * the link sends the frame again.
 */
export function absorb(frame: UpFrame, store: ShardStore, nowMs: number): Absorbed {
  try {
    return absorbWith(frame, store, nowMs, (entries) => storeEntries(entries, frame, store));
  } catch (error) {
    if (!isImpossible(error)) throw error;
    return absorbWith(frame, store, nowMs, (entries) => storeOneByOne(entries, frame, store));
  }
}

/** Tells whether trying again would fail in the same way: a row too large, or a broken invariant. */
function isImpossible(error: unknown): boolean {
  return error instanceof RangeError || error instanceof InvariantError;
}

interface Stored {
  readonly added: number;
  readonly poisoned: number;
}

function absorbWith(
  frame: UpFrame,
  store: ShardStore,
  nowMs: number,
  storeFresh: (entries: readonly LogEntry[]) => Stored,
): Absorbed {
  return store.transaction(() => {
    const held = store.loadReplica(frame.replica, frame.replicaEpoch) ?? newReplica(frame);
    const { answer, fresh, cursor, gap } = receive(held, frame, nowMs);
    const stored = storeFresh(fresh);
    const lostEntries = gap === null ? 0 : gap.to - gap.from + 1;
    store.saveReplica({
      ...held,
      cursor,
      head: Math.max(held.head, frame.head),
      ...lastOf(fresh, held),
      lastFrameMs: nowMs,
      lostEntries: held.lostEntries + lostEntries,
    });
    return { answer, entries: fresh.length, ...stored, lostEntries };
  });
}

function storeEntries(entries: readonly LogEntry[], frame: UpFrame, store: ShardStore): Stored {
  const gathered = gather(entries, store);
  for (const entry of gathered.poison) keepAside(entry, frame, store);
  let added = 0;
  for (const { lane, readings } of gathered.lanes.values()) {
    added += mergeReadings(lane, readings, store);
  }
  return { added, poisoned: gathered.poison.length };
}

function storeOneByOne(entries: readonly LogEntry[], frame: UpFrame, store: ShardStore): Stored {
  const sum = { added: 0, poisoned: 0 };
  for (const entry of entries) {
    const stored = storeOrKeepAside(entry, frame, store);
    sum.added += stored.added;
    sum.poisoned += stored.poisoned;
  }
  return sum;
}

function storeOrKeepAside(entry: LogEntry, frame: UpFrame, store: ShardStore): Stored {
  try {
    return store.transaction(() => storeEntries([entry], frame, store));
  } catch (error) {
    if (!isImpossible(error)) throw error;
    keepAside(entry, frame, store);
    return { added: 0, poisoned: 1 };
  }
}

function keepAside({ seq, body }: LogEntry, frame: UpFrame, store: ShardStore): void {
  store.savePoison(frame.replica, frame.replicaEpoch, seq, body);
}

function lastOf(
  fresh: readonly LogEntry[],
  held: ReplicaStatus,
): Pick<ReplicaStatus, "lastStampMs" | "lastCrc"> {
  const last = fresh.at(-1);
  if (last === undefined) return { lastStampMs: held.lastStampMs, lastCrc: held.lastCrc };
  return { lastStampMs: last.stampMs, lastCrc: crc32c(last.body) };
}

function newReplica({ replica, replicaEpoch }: UpFrame): ReplicaStatus {
  const nothing = {
    cursor: 0,
    head: 0,
    lastStampMs: 0,
    lastCrc: 0,
    lastFrameMs: 0,
    lostEntries: 0,
  };
  return { replica, replicaEpoch, ...nothing };
}

interface Gathered {
  readonly lanes: Map<string, { lane: Lane; readings: ReadingSet }>;
  readonly poison: LogEntry[];
}

/** Sorts the readings of all fresh entries by lane, so that each segment is written once a frame. */
function gather(entries: readonly LogEntry[], store: ShardStore): Gathered {
  const gathered: Gathered = { lanes: new Map(), poison: [] };
  for (const entry of entries) {
    const batches = decodeBatches(entry.body);
    if (!batches.ok) gathered.poison.push(entry);
    for (const batch of batches.ok ? batches.value : []) {
      const recalled = recollections(batch, entry.stampMs, store);
      gatherBatch(gathered, batch, entry.stampMs, recalled, store);
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
  store: ShardStore,
): void {
  for (const [at, { stream, kind, rows, values }] of batch.columns.entries()) {
    if (recalled[at] === "repeated") continue;
    const counted: Lane = { device: batch.device, stream, isQuarantined: false };
    const readings = rows.map((row, i): Reading => {
      const givenMs = batch.times[row] ?? 0;
      const timeMs = batch.isTimeAssigned ? freeTime(counted, givenMs, gathered, store) : givenMs;
      return { timeMs, stampMs, kind, value: values[i] ?? 0, isContested: false };
    });
    const isOutside = ({ timeMs }: Reading): boolean =>
      recalled[at] === "doubtful" || isQuarantined(timeMs, stampMs);
    const cut = readings.findIndex(isOutside);
    const count = cut === -1 ? readings.length : cut;
    addToLane(gathered, counted, readings.slice(0, count));
    addToLane(gathered, { ...counted, isQuarantined: true }, readings.slice(count));
  }
}

/**
 * Finds the time for a reading that was given none: the one its region assigned, or the next that no
 * other reading of the lane has. Regions do not see each other's, and two of one time count as one.
 */
function freeTime(lane: Lane, assignedMs: number, gathered: Gathered, store: ShardStore): number {
  const lastMs = assignedMs + limits.assignedTimeShiftMsMax;
  const held = store
    .segmentStarts(lane, assignedMs, lastMs)
    .flatMap((startMs) => store.loadSegment(lane, startMs));
  const waiting = gathered.lanes.get(keyOf(lane))?.readings ?? bottom;
  const taken = new Set([...held, ...waiting].map((reading) => reading.timeMs));
  let timeMs = assignedMs;
  while (taken.has(timeMs) && timeMs < lastMs) timeMs += 1;
  return timeMs;
}

function keyOf({ device, stream, isQuarantined: isOutside }: Lane): string {
  return `${device}/${stream}/${isOutside ? 1 : 0}`;
}

function addToLane(gathered: Gathered, lane: Lane, readings: ReadingSet): void {
  if (readings.length === 0) return;
  const key = keyOf(lane);
  const held = gathered.lanes.get(key)?.readings ?? bottom;
  gathered.lanes.set(key, { lane, readings: join(held, readings) });
}
