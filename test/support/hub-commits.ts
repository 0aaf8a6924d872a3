// Commits to a hub's store without the doors: a batch of one stream, of as many readings as it has
// times, its values such that each takes about nine bytes.

import type { HubStore } from "../../edge/ports.ts";
import type { Committed } from "../../edge/journal/committed.ts";
import { NEW_DEVICE } from "../../edge/telemetry/device-state.ts";
import { foldCommitted } from "../../edge/telemetry/fold-committed.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { deviceId, streamName } from "./arbitraries.ts";

const BOAT = deviceId("boat-1");

/** What differs from a batch of "boat-1" that is named by its stamp. */
export interface BatchOptions {
  readonly device?: DeviceId;
  readonly stream?: string;
  readonly value?: (timeMs: number) => number;
}

/** Makes a batch; a hub would have assigned no time to it. */
export function batchAt(times: readonly number[], options: BatchOptions = {}): ReadingBatch {
  const { device = BOAT, stream = "a", value = Math.sin } = options;
  return {
    device,
    identity: { kind: "none" },
    contentHash: "0123456789abcdef",
    isTimeAssigned: false,
    times,
    columns: [
      {
        stream: streamName(stream),
        kind: "number",
        rows: times.map((_, row) => row),
        values: times.map(value),
      },
    ],
  };
}

/** Stages a batch of which every reading is new. */
export function stageBatch(store: HubStore, stampMs: number, batch: ReadingBatch): void {
  const { device, identity, contentHash } = batch;
  const kept = [{ batch, conflicts: [] }];
  const committed: Committed = {
    device,
    identity,
    contentHash,
    arrivedMs: stampMs,
    sentMs: null,
    duplicates: 0,
    kept,
  };
  const before = store.loadDevice(device) ?? NEW_DEVICE;
  store.stage(stampMs, committed, foldCommitted(before, committed, stampMs).state);
}

/** Stages a batch, and writes what is staged. */
export function commitBatch(store: HubStore, stampMs: number, batch: ReadingBatch): void {
  stageBatch(store, stampMs, batch);
  store.write();
}
