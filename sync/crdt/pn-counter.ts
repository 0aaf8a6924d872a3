// How many are there, when they come and go? Two grow-only counters, what was added and what was
// taken away (Shapiro et al. 2011).

import { count, gCounter, increment, type GCounter } from "./g-counter.ts";
import type { Lattice, ReplicaKey } from "./lattice.ts";

export interface PnCounter {
  readonly added: GCounter;
  readonly removed: GCounter;
}

export const pnCounter: Lattice<PnCounter> = {
  bottom: { added: gCounter.bottom, removed: gCounter.bottom },
  join: (left, right) => ({
    added: gCounter.join(left.added, right.added),
    removed: gCounter.join(left.removed, right.removed),
  }),
  lessOrEqual: (left, right) =>
    gCounter.lessOrEqual(left.added, right.added) &&
    gCounter.lessOrEqual(left.removed, right.removed),
  decompose: (state) => [
    ...gCounter.decompose(state.added).map((added) => ({ added, removed: gCounter.bottom })),
    ...gCounter.decompose(state.removed).map((removed) => ({ added: gCounter.bottom, removed })),
  ],
};

/** Returns the delta that adds `by`, a whole number of either sign. */
export function add(state: PnCounter, replica: ReplicaKey, by: number): PnCounter {
  if (by >= 0) return { added: increment(state.added, replica, by), removed: gCounter.bottom };
  return { added: gCounter.bottom, removed: increment(state.removed, replica, -by) };
}

/** What was added less what was taken away. */
export function value(state: PnCounter): number {
  return count(state.added) - count(state.removed);
}
