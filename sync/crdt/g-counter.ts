// How often did it happen, over all replicas? A component per replica's life that only it raises;
// the join takes the greater of each (Shapiro et al. 2011).

import { chainLattice, mapLattice, type Lattice, type ReplicaKey } from "./lattice.ts";

/** Whole numbers from 1 by replica's life. */
export type GCounter = ReadonlyMap<ReplicaKey, number>;

const component: Lattice<number> = /* @__PURE__ */ chainLattice(0, (left, right) => left - right);

export const gCounter: Lattice<GCounter> = /* @__PURE__ */ mapLattice(component);

/** Returns the delta that adds `by` (a whole number from 1) for `replica`. */
export function increment(state: GCounter, replica: ReplicaKey, by: number): GCounter {
  return new Map([[replica, (state.get(replica) ?? 0) + by]]);
}

/** Adds up all components. */
export function count(state: GCounter): number {
  return [...state.values()].reduce((sum, part) => sum + part, 0);
}
