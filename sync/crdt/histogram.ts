// How are values spread? Counts by bucket of a logarithmic scale with a relative error of 1 %, only
// the buckets that hold something (as in DDSketch; Masson, Rim, Lee 2019). Each component has one
// writer, so the join takes the greater count of each bucket.

import { chainLattice, mapLattice, type Lattice } from "./lattice.ts";

/** Counts by bucket: "0" for zero, "+k" and "-k" for values of about ±GAMMA^k. */
export type Histogram = ReadonlyMap<string, number>;

const RELATIVE_ERROR = 0.01;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);

export const histogram: Lattice<Histogram> = mapLattice(
  chainLattice(0, (left, right) => left - right),
);

/** Returns the delta that counts one finite value. */
export function observe(state: Histogram, value: number): Histogram {
  const bucket = bucketOf(value);
  return new Map([[bucket, (state.get(bucket) ?? 0) + 1]]);
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
  const buckets = [...state].map(([bucket, count]) => ({ value: valueOf(bucket), count }));
  for (const { value, count } of buckets.toSorted((a, b) => a.value - b.value)) {
    below += count;
    if (below > rank) return value;
  }
  return null;
}

function bucketOf(value: number): string {
  if (value === 0) return "0";
  const exponent = Math.ceil(Math.log(Math.abs(value)) / LOG_GAMMA);
  return `${value > 0 ? "+" : "-"}${exponent}`;
}

function valueOf(bucket: string): number {
  if (bucket === "0") return 0;
  const magnitude = (2 * GAMMA ** Number(bucket.slice(1))) / (GAMMA + 1);
  return bucket.startsWith("-") ? -magnitude : magnitude;
}
