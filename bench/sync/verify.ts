// Do all hold what they should? A system that ends anywhere else has failed, however small it is.

import { deepStrictEqual } from "node:assert/strict";

/** Throws unless a replica holds exactly this. */
export function assertSame<T>(found: ReadonlyMap<string, T>, wanted: ReadonlyMap<string, T>): void {
  deepStrictEqual(sorted(found), sorted(wanted));
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Throws unless what was agreed on is, key by key, one of the values that were written since, or, where
 * nothing was, the one before.
 */
export function assertChosen(
  agreed: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
  written: ReadonlyMap<string, readonly number[]>,
): void {
  if (agreed.size !== before.size)
    throw new Error(`${agreed.size} fields are held, not ${before.size}`);
  for (const [key, value] of agreed) {
    const candidates = written.get(key) ?? [before.get(key)];
    if (!candidates.includes(value))
      throw new Error(`${key} is ${value}, not one of ${candidates.join(", ")}`);
  }
}

/** Throws unless the members are exactly these. */
export function assertMembers(found: ReadonlySet<string>, wanted: ReadonlySet<string>): void {
  deepStrictEqual([...found].toSorted(), [...wanted].toSorted());
}
