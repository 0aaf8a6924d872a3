// What do all regions together have of a device? The folds of its segments, which are disjoint.

import { combine, EMPTY, loadAggregate, type Aggregate } from "../../sync/crdt/aggregate.ts";
import { formatDecimal } from "../../sync/decimal.ts";
import type { Lane, SegmentSummary } from "../ports.ts";

/** The totals of one stream over all regions; times in epoch milliseconds. */
export interface StreamTotals {
  readonly stream: string;
  readonly count: number;
  /** Exact decimal text. */
  readonly sum: string;
  readonly min: number | null;
  readonly max: number | null;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  /** Readings for which regions hold different values; one of them is counted. */
  readonly conflicts: number;
  /** Readings outside the totals, because their time lies too far ahead of their commit. */
  readonly quarantined: number;
}

interface Sum {
  total: Aggregate;
  conflicts: number;
  quarantined: number;
}

/** Adds up the segments of one device, by stream. */
export function totalsOf(
  segments: readonly { readonly lane: Lane; readonly summary: SegmentSummary }[],
): StreamTotals[] {
  const sums = new Map<string, Sum>();
  for (const { lane, summary } of segments) {
    const sum = sums.get(lane.stream) ?? { total: EMPTY, conflicts: 0, quarantined: 0 };
    const total = summary.total === null ? EMPTY : loadAggregate(summary.total);
    if (lane.isQuarantined) {
      sum.quarantined += total.count;
    } else {
      sum.total = combine(sum.total, total);
      sum.conflicts += summary.contested;
    }
    sums.set(lane.stream, sum);
  }
  return [...sums].map(([stream, sum]) => toTotals(stream, sum));
}

function toTotals(stream: string, { total, conflicts, quarantined }: Sum): StreamTotals {
  const known = total.count > 0;
  return {
    stream,
    count: total.count,
    sum: formatDecimal(total.sum),
    min: known ? total.min : null,
    max: known ? total.max : null,
    firstMs: known ? total.firstMs : null,
    lastMs: known ? total.lastMs : null,
    conflicts,
    quarantined,
  };
}
