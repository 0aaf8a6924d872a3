// How many are there, when they come and go? A component per replica's life that only it raises:
// what it added and what it took away, each joined to the greater one (Shapiro et al. 2011).

import { mapLattice, type Lattice, type ReplicaKey } from "./lattice.ts";

/** What one life of one replica has added and taken away. */
export interface PnComponent {
  readonly added: number;
  readonly removed: number;
}

export type PnCounter = ReadonlyMap<ReplicaKey, PnComponent>;

export const pnComponent: Lattice<PnComponent> = {
  bottom: { added: 0, removed: 0 },
  join: (left, right) => ({
    added: Math.max(left.added, right.added),
    removed: Math.max(left.removed, right.removed),
  }),
  lessOrEqual: (left, right) => left.added <= right.added && left.removed <= right.removed,
};

export const pnCounter: Lattice<PnCounter> = /* @__PURE__ */ mapLattice(pnComponent, (state) =>
  [
    { ...state, removed: 0 },
    { ...state, added: 0 },
  ].filter(({ added, removed }) => added + removed > 0),
);

/** Returns the delta that adds `by`, a whole number of either sign, to a life's component. */
export function add({ added, removed }: PnComponent, by: number): PnComponent {
  return by >= 0 ? { added: added + by, removed } : { added, removed: removed - by };
}

/** What all components added less what they took away. */
export function value(components: Iterable<PnComponent>): number {
  return [...components].reduce((sum, { added, removed }) => sum + added - removed, 0);
}
