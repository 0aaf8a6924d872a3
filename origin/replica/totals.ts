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
  /** Readings of which only minutes are left, not among those counted; null: there are none. */
  readonly thinned: ThinnedStream | null;
}

/** What was thinned of one stream: with the times of its readings. */
export interface ThinnedStream {
  readonly count: number;
  /** Exact decimal text. */
  readonly sum: string;
  readonly min: number | null;
  readonly max: number | null;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  /** Readings outside of these, because their time lies too far ahead of their commit. */
  readonly quarantined: number;
}

interface Sum {
  total: Aggregate;
  conflicts: number;
  quarantined: number;
  thinned: Aggregate;
  thinnedQuarantined: number;
}

/** Adds up the segments of one device, by stream, and what was thinned of it. */
export function totalsOf(
  segments: readonly { readonly lane: Lane; readonly summary: SegmentSummary }[],
  thinned: readonly { readonly lane: Lane; readonly total: Aggregate }[] = [],
): StreamTotals[] {
  const sums = new Map<string, Sum>();
  const sumOf = (stream: string): Sum => {
    const sum = sums.get(stream) ?? emptySum();
    sums.set(stream, sum);
    return sum;
  };
  for (const { lane, summary } of segments) {
    const sum = sumOf(lane.stream);
    const total = summary.total === null ? EMPTY : loadAggregate(summary.total);
    if (lane.isQuarantined) {
      sum.quarantined += total.count;
    } else {
      sum.total = combine(sum.total, total);
      sum.conflicts += summary.contested;
    }
  }
  for (const { lane, total } of thinned) {
    const sum = sumOf(lane.stream);
    if (lane.isQuarantined) sum.thinnedQuarantined += total.count;
    else sum.thinned = combine(sum.thinned, total);
  }
  return [...sums].map(([stream, sum]) => toTotals(stream, sum));
}

function emptySum(): Sum {
  return { total: EMPTY, conflicts: 0, quarantined: 0, thinned: EMPTY, thinnedQuarantined: 0 };
}

function toTotals(stream: string, sum: Sum): StreamTotals {
  const { total, conflicts, quarantined, thinned, thinnedQuarantined } = sum;
  const isThinned = thinned.count + thinnedQuarantined > 0;
  return {
    stream,
    ...told(total),
    conflicts,
    quarantined,
    thinned: isThinned ? { ...told(thinned), quarantined: thinnedQuarantined } : null,
  };
}

function told({
  count,
  sum,
  min,
  max,
  firstMs,
  lastMs,
}: Aggregate): Omit<ThinnedStream, "quarantined"> {
  const known = count > 0;
  return {
    count,
    sum: formatDecimal(sum),
    min: known ? min : null,
    max: known ? max : null,
    firstMs: known ? firstMs : null,
    lastMs: known ? lastMs : null,
  };
}
