// What do the cases of the HubStore write, and how do they look at all that a store holds?

import type { HubStore, SavedLink, TimeRange } from "../../edge/ports.ts";
import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { newLife } from "../../sync/link/edge.ts";
import { deviceId } from "../support/arbitraries.ts";
import { batchAt, commitBatch } from "../support/hub-commits.ts";

const REPLICA = "hel/00-ff" as ReplicaId;
export const BOAT = deviceId("boat-1");
export const BUOY = deviceId("buoy-1");

export const seqs = (entries: Iterable<LogEntry>): number[] =>
  Array.from(entries, ({ seq }) => seq);

/** The times that held() gives, in its order. */
export function met(
  store: HubStore,
  ranges: readonly TimeRange[],
  device: DeviceId = BOAT,
  bytesMax = Infinity,
): number[] {
  return [...store.held(device, ranges, bytesMax)].flatMap(({ times }) => Array.from(times));
}

/** Commits `count` entries; entry n is stamped 1000 + n and has the times 10 n and 10 n + 5. */
export function fill(store: HubStore, count: number): HubStore {
  for (let i = 0; i < count; i += 1) {
    const next = store.extent().head + 1;
    commitBatch(store, 1000 + next, batchAt([10 * next, 10 * next + 5]));
  }
  return store;
}

/** Seals everything; returns in how many steps. */
export function sealAll(store: HubStore): number {
  return [...store.seal()].length;
}

/** The bytes that one of the entries of fill() takes, as the store counts them. */
export function bytesOfOne(store: HubStore): number {
  return store.unackedBytes() / (store.extent().head - store.loadLink().cursor.seq);
}

/** The link of a life of which nothing is acknowledged. */
export function lifeOf(replicaEpoch: number): SavedLink {
  const { replica: _, ...link } = newLife(REPLICA, replicaEpoch);
  // As it is stored: what is undefined is not.
  return JSON.parse(JSON.stringify(link)) as SavedLink;
}

/** Moves what is acknowledged. */
export function moveCursor(store: HubStore, seq: number): void {
  store.saveLink({ ...store.loadLink(), cursor: { seq, digest: seq + 1 } });
}

export function beginLife(store: HubStore, replicaEpoch: number): void {
  store.saveLink(lifeOf(replicaEpoch));
}

/** [time, value, stamp] of what is held of the boat; the journal may say once more what is sealed. */
function heldBy(store: HubStore): number[][] {
  const all = Array.from(store.held(BOAT, [[0, 1e9]], Infinity), ({ times, values, stampOf }) =>
    Array.from(times, (timeMs, at) => [timeMs, values[at] ?? 0, stampOf(at)]),
  ).flat();
  const once = new Map(all.map((reading) => [reading.join(), reading]));
  return [...once.values()].toSorted(([a = 0], [b = 0]) => a - b);
}

/** Everything that a hub may ask its store. */
export function everything(store: HubStore): unknown {
  return {
    extent: store.extent(),
    lastStampMs: store.lastStampMs(),
    isStaged: store.isStaged,
    unackedBytes: store.unackedBytes(),
    link: store.loadLink(),
    devices: store.deviceCount(),
    ids: store.deviceIds().toSorted(),
    states: [BOAT, BUOY].map((device) => store.loadDevice(device)),
    entries: store.entriesAfter(0, Infinity, 1_000),
    held: heldBy(store),
    damaged: store.damaged(),
  };
}
