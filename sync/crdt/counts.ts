// What do events without an identity add up to: hits, requests, bytes? A component per replica's
// life that only it moves forward. The one with the greater count is the newer one, so a component
// is joined whole; sums are exact decimals, because floats do not add up the same in every order.

import { addDecimals, ZERO, type Decimal } from "../decimal.ts";
import { chainLattice, mapLattice, type Lattice, type ReplicaKey } from "./lattice.ts";

/** What one life of one replica has counted. */
export interface CountComponent {
  readonly count: number;
  readonly sum: Decimal;
  readonly min: number;
  readonly max: number;
}

export type Counts = ReadonlyMap<ReplicaKey, CountComponent>;

const NOTHING: CountComponent = { count: 0, sum: ZERO, min: Infinity, max: -Infinity };

export const counts: Lattice<Counts> = mapLattice(
  chainLattice(NOTHING, (left, right) => left.count - right.count),
);

/** Returns the delta that counts one event of the value `value`, whose decimal is `exact`. */
export function observe(state: Counts, replica: ReplicaKey, value: number, exact: Decimal): Counts {
  const held = state.get(replica) ?? NOTHING;
  const component = {
    count: held.count + 1,
    sum: addDecimals(held.sum, exact),
    min: Math.min(held.min, value),
    max: Math.max(held.max, value),
  };
  return new Map([[replica, component]]);
}

/** Adds up all lives of all replicas. */
export function total(state: Counts): CountComponent {
  return [...state.values()].reduce(
    (sum, part) => ({
      count: sum.count + part.count,
      sum: addDecimals(sum.sum, part.sum),
      min: Math.min(sum.min, part.min),
      max: Math.max(sum.max, part.max),
    }),
    NOTHING,
  );
}
