// What does the origin do with an up-frame? Top to bottom: decide what is fresh, sort its readings
// by lane, join them into the segments, move the cursor, answer. One transaction: readings and
// cursor are stored together or not at all (P2).

import type { DeviceId } from "../sync/brand.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import { bottom, join, type Reading, type ReadingSet } from "../sync/crdt/reading-set.ts";
import { receive } from "../sync/link/hub.ts";
import { isQuarantined } from "../sync/quarantine.ts";
import { decodeBatches, type ReadingBatch } from "../sync/wire/batch.ts";
import type { UpFrame } from "../sync/wire/frame.ts";
import type { Lane, ReplicaStatus, ShardStore } from "./ports.ts";
import { recall, remember, type BatchMemory, type Recollection } from "./replica/batch-memory.ts";
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

/** Absorbs a frame whose seal and checksum are good. */
export function absorb(frame: UpFrame, store: ShardStore, nowMs: number): Absorbed {
  return store.transaction(() => {
    const held = store.loadReplica(frame.replica, frame.replicaEpoch) ?? newReplica(frame);
    const reception = receive(held, frame, nowMs);
    const gathered = gather(reception.fresh, store);
    for (const { seq, body } of gathered.poison) {
      store.savePoison(frame.replica, frame.replicaEpoch, seq, body);
    }
    let added = 0;
    for (const { lane, readings } of gathered.lanes.values()) {
      added += mergeReadings(lane, readings, store);
    }
    for (const [device, memory] of gathered.memories) store.saveMemory(device, memory);
    const lostEntries = reception.gap === null ? 0 : reception.gap.to - reception.gap.from + 1;
    store.saveReplica({
      ...held,
      cursor: reception.cursor,
      head: Math.max(held.head, frame.head),
      lastStampMs: reception.fresh.at(-1)?.stampMs ?? held.lastStampMs,
      lastFrameMs: nowMs,
      lostEntries: held.lostEntries + lostEntries,
    });
    const { answer, fresh } = reception;
    const poisoned = gathered.poison.length;
    return { answer, entries: fresh.length, added, poisoned, lostEntries };
  });
}

function newReplica({ replica, replicaEpoch }: UpFrame): ReplicaStatus {
  const nothing = { cursor: 0, head: 0, lastStampMs: 0, lastFrameMs: 0, lostEntries: 0 };
  return { replica, replicaEpoch, ...nothing };
}

interface Gathered {
  readonly lanes: Map<string, { lane: Lane; readings: ReadingSet }>;
  readonly memories: Map<DeviceId, BatchMemory>;
  readonly poison: LogEntry[];
}

/** Sorts the readings of all fresh entries by lane, so that each segment is written once a frame. */
function gather(entries: readonly LogEntry[], store: ShardStore): Gathered {
  const gathered: Gathered = { lanes: new Map(), memories: new Map(), poison: [] };
  for (const entry of entries) {
    const batches = decodeBatches(entry.body);
    if (batches.ok) gatherEntry(gathered, batches.value, entry.stampMs, store);
    else gathered.poison.push(entry);
  }
  return gathered;
}

function gatherEntry(
  gathered: Gathered,
  batches: readonly ReadingBatch[],
  stampMs: number,
  store: ShardStore,
): void {
  // All batches of an entry are asked about before any is remembered: a request's two parts, with
  // and without times, have one identity.
  const recalled = batches.map((batch) => {
    const memory = gathered.memories.get(batch.device) ?? store.loadMemory(batch.device);
    gathered.memories.set(batch.device, memory);
    return recall(memory, batch.identity, stampMs);
  });
  for (const [at, batch] of batches.entries()) {
    const memory = gathered.memories.get(batch.device);
    if (memory !== undefined)
      gathered.memories.set(batch.device, remember(memory, batch.identity, stampMs));
    gatherBatch(gathered, batch, stampMs, recalled[at] ?? "new");
  }
}

function gatherBatch(
  gathered: Gathered,
  batch: ReadingBatch,
  stampMs: number,
  recalled: Recollection,
): void {
  // A reading with its own time is always joined: its identity tells a repetition.
  if (batch.isTimeAssigned && recalled === "repeated") return;
  const isDoubtful = batch.isTimeAssigned && recalled === "unknown";
  for (const column of batch.columns) {
    const readings = column.rows.map((row, i): Reading => {
      const timeMs = batch.times[row] ?? 0;
      return {
        timeMs,
        stampMs,
        kind: column.kind,
        value: column.values[i] ?? 0,
        isContested: false,
      };
    });
    const cut = readings.findIndex(
      (reading) => isDoubtful || isQuarantined(reading.timeMs, stampMs),
    );
    const inside = cut === -1 ? readings : readings.slice(0, cut);
    addToLane(
      gathered,
      { device: batch.device, stream: column.stream, isQuarantined: false },
      inside,
    );
    if (cut === -1) continue;
    addToLane(
      gathered,
      { device: batch.device, stream: column.stream, isQuarantined: true },
      readings.slice(cut),
    );
  }
}

function addToLane(gathered: Gathered, lane: Lane, readings: ReadingSet): void {
  if (readings.length === 0) return;
  const key = `${lane.device}/${lane.stream}/${lane.isQuarantined ? 1 : 0}`;
  const held = gathered.lanes.get(key)?.readings ?? bottom;
  gathered.lanes.set(key, { lane, readings: join(held, readings) });
}
