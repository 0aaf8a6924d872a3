// What do the cases of the HubStore write, and how do they look at all that a store holds?

import type { HubStore, SavedLink, Span, TimeRange } from "../../edge/ports.ts";
import { MINUTE_MS, type MinuteRollup } from "../../edge/telemetry/device-state.ts";
import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { newLife } from "../../sync/link/edge.ts";
import { deviceId } from "../support/arbitraries.ts";

const REPLICA = "hel/00-ff" as ReplicaId;
export const BOAT = deviceId("boat-1");
export const BUOY = deviceId("buoy-1");
/** "constructor" is a legal stream; its type has to be said, or it is that of every object's. */
export const MINUTE: MinuteRollup = JSON.parse('{"constructor":[1,"0.1",0.1,0.1,5,5]}');

export const span = (firstMs: number, lastMs: number, device = BOAT): Span => ({
  device,
  firstMs,
  lastMs,
});
export const body = (fill: number, bytes = 100): Uint8Array => new Uint8Array(bytes).fill(fill);
export const seqs = (entries: Iterable<LogEntry>): number[] =>
  Array.from(entries, ({ seq }) => seq);

/** The rows that overlapping() gives, where its bounds do not matter. */
export function met(
  store: HubStore,
  ranges: readonly TimeRange[],
  { device = BOAT, longestSpanMs = 1e9, bytesMax = Infinity }: Bounds = {},
): number[] {
  return seqs(store.overlapping(device, ranges, longestSpanMs, bytesMax));
}

/** How a lookup of spans differs from the widest one. */
interface Bounds {
  readonly device?: DeviceId;
  readonly longestSpanMs?: number;
  readonly bytesMax?: number;
}

/** Appends `count` rows of 100 bytes; row n is stamped 1000 + n and spans [10 n, 10 n + 5]. */
export function fill(store: HubStore, count: number): HubStore {
  for (let i = 0; i < count; i += 1) {
    const next = store.extent().head + 1;
    store.append(1000 + next, body(next), [span(10 * next, 10 * next + 5)]);
  }
  return store;
}

/** The link of a life of which nothing is acknowledged. */
export function lifeOf(replicaEpoch: number): SavedLink {
  const { replica: _, ...link } = newLife(REPLICA, replicaEpoch);
  return link;
}

/** Moves what is acknowledged. */
export function moveCursor(store: HubStore, seq: number): void {
  store.saveLink({ ...store.loadLink(), cursor: { seq, digest: seq + 1 } });
}

export function beginLife(store: HubStore, replicaEpoch: number): void {
  store.saveLink(lifeOf(replicaEpoch));
}

/** Everything that a hub may ask its store. */
export function everything(store: HubStore): unknown {
  return {
    extent: store.extent(),
    lastStampMs: store.lastStampMs(),
    unackedBytes: store.unackedBytes(),
    link: store.loadLink(),
    devices: store.deviceCount(),
    states: [BOAT, BUOY].map((device) => store.loadDevice(device)),
    rollups: [0, MINUTE_MS].map((minuteMs) => store.loadRollup(BOAT, minuteMs)),
    entries: store.entriesAfter(0, Infinity, 1_000),
    overlapping: [...store.overlapping(BOAT, [[0, 1e9]], 1e9, Infinity)],
  };
}
