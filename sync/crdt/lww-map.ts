// What is the state of a shadow, field by field? A map of last writes; a field's path is its key.
// A deleted field stays as a deletion until every replica is known to have seen it (`collect`).

import { compareHlc, type Hlc } from "../clock/hlc.ts";
import { mapLattice, type Lattice } from "./lattice.ts";
import { lwwRegister, type LwwRegister, type Scalar } from "./lww-register.ts";

export type LwwMap = ReadonlyMap<string, LwwRegister>;

export const lwwMap: Lattice<LwwMap> = /* @__PURE__ */ mapLattice(lwwRegister);

/** Returns the delta of one field. */
export function set(key: string, register: LwwRegister): LwwMap {
  return new Map([[key, register]]);
}

/** Lists the fields that are not deleted. */
export function fields(state: LwwMap): Map<string, Scalar> {
  const live = [...state].filter(([, register]) => !register.isDeleted);
  return new Map(live.map(([key, register]) => [key, register.value]));
}

/**
 * Drops deletions at or before `stable`. Only safe for a stamp that every replica that may still
 * write has passed; one that has not is resynchronised from the state (pull first, then push).
 */
export function collect(state: LwwMap, stable: Hlc): LwwMap {
  return new Map(
    [...state].filter(
      ([, register]) => !register.isDeleted || compareHlc(register.stamp, stable) > 0,
    ),
  );
}
