// Which value was written last? Ordered by stamp, then by the value itself: equal stamps of two
// replicas have one winner everywhere, and no replica id is carried along.

import { compareHlc, ZERO_HLC, type Hlc } from "../clock/hlc.ts";
import { chainLattice, compare, type Lattice } from "./lattice.ts";

/** A value that has one text everywhere. */
export type Scalar = string | number | boolean | null;

/** The last write. A deletion is one too: `isDeleted`, with the value null. */
export interface LwwRegister {
  readonly stamp: Hlc;
  readonly value: Scalar;
  readonly isDeleted: boolean;
}

const NOTHING: LwwRegister = { stamp: ZERO_HLC, value: null, isDeleted: true };

export const lwwRegister: Lattice<LwwRegister> = /* @__PURE__ */ chainLattice(
  NOTHING,
  compareWrites,
);

/** Returns the delta that writes a value. `stamp` comes from the replica's clock. */
export function write(value: Scalar, stamp: Hlc): LwwRegister {
  return { stamp, value, isDeleted: false };
}

/** Returns the delta that deletes the value. */
export function erase(stamp: Hlc): LwwRegister {
  return { stamp, value: null, isDeleted: true };
}

/** Orders writes: by stamp; a write before a deletion of the same stamp loses; then by value. */
export function compareWrites(left: LwwRegister, right: LwwRegister): number {
  return (
    compareHlc(left.stamp, right.stamp) ||
    Number(left.isDeleted) - Number(right.isDeleted) ||
    compareScalars(left.value, right.value)
  );
}

const KINDS = ["object", "boolean", "number", "string"];

function compareScalars(left: Scalar, right: Scalar): number {
  const kind = KINDS.indexOf(typeof left) - KINDS.indexOf(typeof right);
  // Of one kind: two texts, or two of another, null being like null.
  return kind || compare(left as string, right as string);
}
