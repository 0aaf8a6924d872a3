// Which policies are compared, and what has to come of it?

import { openEviction, type EvictionName } from "../../edge/cache/eviction/policies.ts";
import type { Eviction } from "../../edge/cache/eviction/slot.ts";
import { limits } from "../../edge/limits.ts";
import { Gdsf, S3Fifo, WTinyLfu } from "./peers.ts";
import { simulate, type Outcome, type TierBounds } from "./simulate.ts";
import type { Workload } from "./workloads.ts";

interface Contestant {
  readonly label: string;
  readonly open: (bounds: TierBounds) => Eviction<number>;
}

/** What a policy did with a workload. */
export interface Ran extends Outcome {
  readonly workload: string;
  readonly policy: string;
}

const own = (label: string, name: EvictionName): Contestant => ({
  label,
  open: ({ bytesMax, entriesMax }) =>
    openEviction(name, {
      bytesMax,
      probationShare: limits.probationShare,
      ghostsPerEntry: limits.ghostsPerEntry,
      ghostsMax: entriesMax * limits.ghostsPerEntry,
      usesMax: limits.countedUsesMax,
    }),
});

const DEFAULT = "probation";

export const CONTESTANTS: readonly Contestant[] = [
  own(DEFAULT, "probation"),
  own("SIEVE", "sieve"),
  own("LRU", "lru"),
  {
    label: "S3-FIFO",
    open: ({ bytesMax, entriesMax }) => new S3Fifo(bytesMax, entriesMax),
  },
  {
    label: "W-TinyLFU",
    open: ({ bytesMax, entriesMax }) => new WTinyLfu(bytesMax, entriesMax),
  },
  { label: "GDSF", open: () => new Gdsf() },
];

export function runWorkload(workload: Workload, bounds: TierBounds): readonly Ran[] {
  return CONTESTANTS.map(({ label, open }) => ({
    workload: workload.name,
    policy: label,
    ...simulate(workload, bounds, open(bounds)),
  }));
}

/** How a workload came out: points are hundredths of all requests. */
export interface WorkloadVerdict {
  readonly workload: string;
  readonly best: string;
  /** How far the edge's own default is behind the best, and LRU behind the default. */
  readonly pointsBehindBest: number;
  readonly pointsAheadOfLru: number;
  readonly opsPerS: number;
}

/** What has to hold: within 2 points of the best of all on each, at a million requests in a second of processor time. */
export function judge(ran: readonly Ran[]): {
  readonly ok: boolean;
  readonly workloads: readonly WorkloadVerdict[];
} {
  const names = [...new Set(ran.map(({ workload }) => workload))];
  const workloads = names.map((workload): WorkloadVerdict => {
    const here = ran.filter((one) => one.workload === workload);
    const best = here.reduce((a, b) => (b.objectHitRatio > a.objectHitRatio ? b : a));
    const of = (label: string): Ran | undefined => here.find(({ policy }) => policy === label);
    const [ours, lru] = [of(DEFAULT), of("LRU")];
    const ratio = ours?.objectHitRatio ?? 0;
    return {
      workload,
      best: best.policy,
      pointsBehindBest: 100 * (best.objectHitRatio - ratio),
      pointsAheadOfLru: 100 * (ratio - (lru?.objectHitRatio ?? 0)),
      opsPerS: ours?.opsPerS ?? 0,
    };
  });
  const ok = workloads.every(
    ({ pointsBehindBest, opsPerS }) => pointsBehindBest <= 2 && opsPerS >= 1_000_000,
  );
  return { ok, workloads };
}
