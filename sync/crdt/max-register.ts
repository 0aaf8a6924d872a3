// What is the greatest, or the least, that any replica has seen? For a revoked generation, a high
// water mark, a bound: it never goes back.

import { chainLattice, type Lattice } from "./lattice.ts";

/** The greatest value so far; -Infinity if there is none. */
export const maxRegister: Lattice<number> = /* @__PURE__ */ chainLattice(
  -Infinity,
  (left, right) => left - right || 0,
);

/** The least value so far; Infinity if there is none. */
export const minRegister: Lattice<number> = /* @__PURE__ */ chainLattice(
  Infinity,
  (left, right) => right - left || 0,
);
