// Which stored responses are outdated? Marks (scope, writer) to seq: each writer numbers its own, so
// no clock takes part and any region can purge alone. A view is what a replica has seen of each
// writer; a response is dead iff a matching mark is newer than the view it was fetched under.

import { chainLattice, mapLattice, type Lattice } from "./lattice.ts";

/** Scope to writer to the highest seq of a purge of that scope. */
export type PurgeMarks = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Writer to the highest seq that is known: what a fill records before it fetches. */
export type PurgeView = ReadonlyMap<string, number>;

const seqs: Lattice<PurgeView> = /* @__PURE__ */ mapLattice(
  /* @__PURE__ */ chainLattice(0, (left, right) => left - right),
);

export const purgeMarks: Lattice<PurgeMarks> = /* @__PURE__ */ mapLattice(seqs);

/** Returns the delta of a purge by `writer`, numbered after everything it has numbered before. */
export function purge(state: PurgeMarks, scope: string, writer: string): PurgeMarks {
  return new Map([[scope, new Map([[writer, (viewOf(state).get(writer) ?? 0) + 1]])]]);
}

/** The view of everything in `state`. */
export function viewOf(state: PurgeMarks): PurgeView {
  return [...state.values()].reduce<PurgeView>(
    (view, writers) => seqs.join(view, writers),
    seqs.bottom,
  );
}

/** Tells whether a response of `scopes` that was fetched under `view` is dead. */
export function isPurged(state: PurgeMarks, scopes: readonly string[], view: PurgeView): boolean {
  return scopes.some((scope) =>
    [...(state.get(scope) ?? [])].some(([writer, seq]) => seq > (view.get(writer) ?? 0)),
  );
}
