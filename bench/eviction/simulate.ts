// How many of a workload's requests find their object with a policy?

import { BoundedEntries } from "../../edge/cache/eviction/bounded-entries.ts";
import { Slot, type Eviction } from "../../edge/cache/eviction/slot.ts";
import type { Workload } from "./workloads.ts";

/** What came of a workload. */
export interface Outcome {
  /** Requests that found their object, and their bytes, as shares of all. */
  readonly objectHitRatio: number;
  readonly byteHitRatio: number;
  /** Requests in a second of processor time. */
  readonly opsPerS: number;
  readonly bytesMost: number;
}

/** A tier's bounds. */
export interface TierBounds {
  readonly bytesMax: number;
  readonly entriesMax: number;
}

/** Sends a workload through a tier that has room as `bounds` says. */
export function simulate(
  { requests, sizes }: Workload,
  bounds: TierBounds,
  policy: Eviction<number>,
): Outcome {
  const held: (Slot<number> | undefined)[] = [];
  const tier = new BoundedEntries<number>(bounds, policy, (id) => {
    held[id] = undefined;
  });
  for (let id = 0; id < sizes.length; id += 1) held.push(undefined);
  let [hits, hitBytes, allBytes, bytesMost] = [0, 0, 0, 0];
  const started = process.cpuUsage();
  for (const id of requests) {
    const size = sizes[id] ?? 0;
    allBytes += size;
    const slot = held[id];
    if (slot !== undefined) {
      hits += 1;
      hitBytes += size;
      tier.use(slot);
      continue;
    }
    const added = new Slot(id, size, Infinity, Math.imul(id + 1, 0x9e3779b1) >>> 0);
    held[id] = added;
    if (!tier.add(added, 0)) held[id] = undefined;
    if (tier.bytes > bytesMost) bytesMost = tier.bytes;
  }
  const { user, system } = process.cpuUsage(started);
  return {
    objectHitRatio: hits / requests.length,
    byteHitRatio: hitBytes / allBytes,
    opsPerS: requests.length / ((user + system) / 1e6),
    bytesMost,
  };
}
