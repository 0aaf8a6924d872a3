// What do events without an identity add up to, and how are their values spread: hits, bytes,
// latencies? A component per replica's life that only it moves forward. The one with the greater
// count is the newer one, so a component is joined whole; sums are exact decimals, because floats do
// not add up the same in every order.

import { addDecimals, ZERO, type Decimal } from "../decimal.ts";
import { combine, observe as observeSpread, type Histogram } from "./histogram.ts";
import { chainLattice, mapLattice, type Lattice, type ReplicaKey } from "./lattice.ts";

/** What one life of one replica has counted. */
export interface CountComponent {
  readonly count: number;
  readonly sum: Decimal;
  readonly min: number;
  readonly max: number;
  readonly histogram: Histogram;
}

export type Counts = ReadonlyMap<ReplicaKey, CountComponent>;

export const countComponent: Lattice<CountComponent> = /* @__PURE__ */ chainLattice<CountComponent>(
  { count: 0, sum: ZERO, min: Infinity, max: -Infinity, histogram: new Map() },
  (left, right) => left.count - right.count,
);

export const counts: Lattice<Counts> = /* @__PURE__ */ mapLattice(countComponent);

/**
 * Returns the delta that counts one event of the finite value `value` in a life's component.
 *
 * @param exact  The value's decimal, one that isSummable().
 */
export function observe(held: CountComponent, value: number, exact: Decimal): CountComponent {
  return {
    count: held.count + 1,
    sum: addDecimals(held.sum, exact),
    // Adding 0 makes -0 one with 0: a component has one encoding.
    min: Math.min(held.min, value) + 0,
    max: Math.max(held.max, value) + 0,
    histogram: observeSpread(held.histogram, value),
  };
}

/** Adds up components of distinct lives. */
export function total(components: Iterable<CountComponent>): CountComponent {
  return [...components].reduce(
    (sum, part) => ({
      count: sum.count + part.count,
      sum: addDecimals(sum.sum, part.sum),
      min: Math.min(sum.min, part.min),
      max: Math.max(sum.max, part.max),
      histogram: combine(sum.histogram, part.histogram),
    }),
    countComponent.bottom,
  );
}
