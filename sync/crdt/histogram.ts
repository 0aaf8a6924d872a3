// How are values spread? Counts by bucket of a logarithmic scale with a relative error of 1 %, only
// the buckets that hold something (as in DDSketch; Masson, Rim, Lee 2019). It joins as a part of the
// component that holds it (counts.ts).

/** Counts by bucket, from 1. A bucket's number is 0 for zero, and orders as its values do. */
export type Histogram = ReadonlyMap<number, number>;

/** Buckets of a histogram: values over 17 powers of ten. What lies beyond goes to the next one. */
export const BUCKETS_MAX = 2_048;
/** A bucket's number lies between its negative and this one. */
export const BUCKET_NUMBER_MAX = 80_000;

const RELATIVE_ERROR = 0.01;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = /* @__PURE__ */ Math.log(GAMMA);
/** Makes the exponents of all doubles, -37 222 to 35 489, positive. */
const OFFSET = BUCKET_NUMBER_MAX / 2;

/** Counts one finite value more. */
export function observe(state: Histogram, value: number): Histogram {
  const bucket = placeOf(state, bucketOf(value));
  return new Map(state).set(bucket, (state.get(bucket) ?? 0) + 1);
}

/** Adds up histograms of distinct values. */
export function combine(left: Histogram, right: Histogram): Histogram {
  const sum = new Map(left);
  for (const [bucket, count] of right) {
    const at = placeOf(sum, bucket);
    sum.set(at, (sum.get(at) ?? 0) + count);
  }
  return sum;
}

/** Counts everything. */
export function total(state: Histogram): number {
  return [...state.values()].reduce((sum, count) => sum + count, 0);
}

/**
 * Estimates the value below which a share `q` (0 to 1) of the values lies, within 1 % of it. Null if
 * there is none. The same on every replica that holds the same counts.
 */
export function quantile(state: Histogram, q: number): number | null {
  const rank = q * (total(state) - 1);
  let below = 0;
  for (const [bucket, count] of [...state].toSorted(([a], [b]) => a - b)) {
    below += count;
    if (below > rank) return valueOf(bucket);
  }
  return null;
}

function bucketOf(value: number): number {
  if (value === 0) return 0;
  return Math.sign(value) * (OFFSET + Math.ceil(Math.log(Math.abs(value)) / LOG_GAMMA));
}

function valueOf(bucket: number): number {
  if (bucket === 0) return 0;
  // One power less and GAMMA as a factor: the greatest bucket's own power is no double.
  const magnitude = GAMMA ** (Math.abs(bucket) - OFFSET - 1) * ((2 * GAMMA) / (GAMMA + 1));
  return Math.sign(bucket) * Math.min(magnitude, Number.MAX_VALUE);
}

/** The bucket itself, while there is room. */
function placeOf(state: Histogram, bucket: number): number {
  return state.has(bucket) || state.size < BUCKETS_MAX ? bucket : nearest(state, bucket);
}

function nearest(state: Histogram, bucket: number): number {
  return [...state.keys()].reduce((best, other) =>
    Math.abs(other - bucket) < Math.abs(best - bucket) ? other : best,
  );
}
