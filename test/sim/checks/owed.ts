// Which writes must be visible at rest? Those of every disk that is still in use: an edge's own, and
// what the hub has applied. A write that was lost with a disk, before the hub had it, is owed by
// nobody.

import type { Collection } from "../../../sync/replica/kind.ts";
import type { Write } from "../ledger.ts";
import type { View } from "./checker.ts";

/** The writes that are owed, by collection and key, in the order in which they were made. */
export function owedBy(view: View): Map<string, Write[]> {
  const ids = new Set(view.hub.shadow.writes);
  for (const { shadow } of view.edges) for (const id of shadow.writes) ids.add(id);
  const owed = view.ledger.of([...ids].toSorted((a, b) => a - b));
  return Map.groupBy(owed, nameOf);
}

export function nameOf({ collection, key }: Pick<Write, "collection" | "key">): string {
  return `${collection.id}/${key}`;
}

/** Everything that was ever written to a key, also what was lost. */
export function everWritten(view: View): Map<string, Write[]> {
  return Map.groupBy(view.ledger.all(), nameOf);
}

/** The collections that the hub holds and whose kind is one of these. */
export function collectionsOf(view: View, codes: readonly number[]): Collection[] {
  return view.hub.release.collections.filter(({ kind }) => codes.includes(kind.code));
}
