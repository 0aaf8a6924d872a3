// How do a device's totals look in JSON? With the lag of every replica, so that a reader knows what
// may still be on its way.

import type { RegisteredDevice } from "../fleet/device.ts";
import type { DeviceTotals } from "../objects/device-shard.ts";
import type { ReplicaStatus } from "../ports.ts";
import type { StreamTotals, ThinnedStream } from "../replica/totals.ts";

/** Formats the view of all regions. */
export function formatTotals(
  device: string,
  registered: RegisteredDevice | null,
  totals: DeviceTotals,
  nowMs: number,
): object {
  return {
    device,
    view: "all-regions",
    asOf: iso(nowMs),
    registered: registered === null ? null : iso(registered.registeredMs),
    readings: totals.streams.reduce((sum, stream) => sum + stream.count, 0),
    thinned: totals.streams.reduce((sum, { thinned }) => sum + thinnedOf(thinned), 0),
    gapped: totals.gapped,
    streams: Object.fromEntries(
      totals.streams.map((stream) => [stream.stream, formatStream(stream)]),
    ),
    lag: totals.replicas.map((replica) => ({
      ...formatLag(replica, nowMs),
      poisoned: totals.poisoned.get(`${replica.replica} ${replica.replicaEpoch}`) ?? 0,
    })),
  };
}

function thinnedOf(thinned: ThinnedStream | null): number {
  return thinned === null ? 0 : thinned.count + thinned.quarantined;
}

function formatStream(totals: StreamTotals): object {
  const { conflicts, quarantined, thinned } = totals;
  return {
    ...formatSums(totals),
    conflicts,
    quarantined,
    ...(thinned === null
      ? {}
      : { thinned: { ...formatSums(thinned), quarantined: thinned.quarantined } }),
  };
}

function formatSums(totals: Omit<ThinnedStream, "quarantined">): object {
  const { count, sum, min, max, firstMs, lastMs } = totals;
  const mean = count === 0 ? null : Number(sum) / count;
  return { count, sum, mean, min, max, first: iso(firstMs), last: iso(lastMs) };
}

function formatLag(replica: ReplicaStatus, nowMs: number): object {
  return {
    replica: replica.replica,
    replicaEpoch: replica.replicaEpoch,
    cursor: replica.cursor.seq,
    behind: replica.head - replica.cursor.seq,
    lostEntries: replica.lostEntries,
    lastCommit: iso(replica.lastStampMs),
    lastFrame: iso(replica.seenMs),
    silentMs: Math.max(0, nowMs - replica.seenMs),
  };
}

function iso(ms: number | null): string | null {
  return ms === null || ms === 0 ? null : new Date(ms).toISOString();
}
