// Which configuration is in force? One writer, the origin, numbers what it publishes; the greatest
// number wins. Two contents of one number, which only a restored origin could make, are ordered by
// their hash, so that replicas agree all the same.

import { chainLattice, compare, type Lattice } from "./lattice.ts";

export interface Versioned {
  /** From 1; 0 if there is nothing. */
  readonly version: number;
  /** SHA-256 of the content, lower-case hexadecimal. */
  readonly hash: string;
  readonly content: string;
}

export const versioned: Lattice<Versioned> = /* @__PURE__ */ chainLattice(
  { version: 0, hash: "", content: "" },
  (left, right) => left.version - right.version || compare(left.hash, right.hash),
);

/** Returns the delta of the next version. */
export function publish(state: Versioned, hash: string, content: string): Versioned {
  return { version: state.version + 1, hash, content };
}
