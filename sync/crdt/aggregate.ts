// What do distinct readings add up to? Count, exact sum, least and greatest value, first and last
// event time: folds that do not depend on order, so replicas with equal readings agree to the byte.

import { addDecimals, formatDecimal, parseDecimal, sumOf, ZERO, type Decimal } from "../decimal.ts";

/** The fold of a set of readings of one stream; booleans count as 0 and 1. */
export interface Aggregate {
  readonly count: number;
  readonly sum: Decimal;
  readonly min: number;
  readonly max: number;
  /** Epoch milliseconds of the earliest and the latest event time. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** An aggregate as JSON stores it: count, sum as exact text, min, max, firstMs, lastMs. */
export type StoredAggregate = readonly [number, string, number, number, number, number];

/** The fold of no readings; its bounds are never shown. */
export const EMPTY: Aggregate = {
  count: 0,
  sum: ZERO,
  min: Infinity,
  max: -Infinity,
  firstMs: Infinity,
  lastMs: -Infinity,
};

/** Folds readings that are distinct and not yet in any other fold; times ascend. */
export function fold(times: readonly number[], values: readonly number[]): Aggregate {
  let min = Infinity;
  let max = -Infinity;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return {
    count: values.length,
    sum: sumOf(values),
    min,
    max,
    firstMs: times[0] ?? Infinity,
    lastMs: times.at(-1) ?? -Infinity,
  };
}

/** Adds the folds of two disjoint sets of readings. Not a join: adding twice counts twice. */
export function combine(left: Aggregate, right: Aggregate): Aggregate {
  return {
    count: left.count + right.count,
    sum: addDecimals(left.sum, right.sum),
    min: Math.min(left.min, right.min),
    max: Math.max(left.max, right.max),
    firstMs: Math.min(left.firstMs, right.firstMs),
    lastMs: Math.max(left.lastMs, right.lastMs),
  };
}

/** Formats an aggregate that is not EMPTY for storage. */
export function storeAggregate(aggregate: Aggregate): StoredAggregate {
  const { count, sum, min, max, firstMs, lastMs } = aggregate;
  return [count, formatDecimal(sum), min, max, firstMs, lastMs];
}

/** Loads what storeAggregate() wrote. */
export function loadAggregate(stored: StoredAggregate): Aggregate {
  const [count, sum, min, max, firstMs, lastMs] = stored;
  return { count, sum: parseDecimal(sum) ?? ZERO, min, max, firstMs, lastMs };
}
