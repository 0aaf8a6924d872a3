// What do all replicated types have in common? A join-semilattice: states only grow, and a join of
// two is their least upper bound. Shapiro et al. 2011 call join "merge".

/** The operations of one type; `State` is immutable. */
export interface Lattice<State> {
  /** The state that holds nothing: `join(bottom, x)` is `x`. */
  readonly bottom: State;
  /** Least upper bound: commutative, associative, idempotent. */
  readonly join: (left: State, right: State) => State;
  /** Tells whether `join(left, right)` is `right`. */
  readonly lessOrEqual: (left: State, right: State) => boolean;
  /** See decompose(); none: any state but bottom is whole. */
  readonly decompose?: (state: State) => State[];
}

/**
 * Splits a state into join-irreducible parts: their join is the state, and no part is the join of
 * smaller ones (Enes, Almeida, Baquero, Leitao 2019). Bottom has none.
 */
export function decompose<State>(lattice: Lattice<State>, state: State): State[] {
  if (lattice.decompose) return lattice.decompose(state);
  return lattice.lessOrEqual(state, lattice.bottom) ? [] : [state];
}

/** Names one life of a replica: `replica#replicaEpoch`. */
export type ReplicaKey = string;

/** Formats the key of a replica's life. */
export function replicaKey(replica: string, replicaEpoch: number): ReplicaKey {
  return `${replica}#${replicaEpoch}`;
}

/** Builds the lattice of maps whose missing keys are bottom, from that of their values and its parts. */
export function mapLattice<Value>(
  values: Lattice<Value>,
  partsOf: (value: Value) => Value[] = (value) => decompose(values, value),
): Lattice<ReadonlyMap<string, Value>> {
  type State = ReadonlyMap<string, Value>;
  return {
    bottom: new Map(),
    join(left: State, right: State): State {
      const joined = new Map(left);
      for (const [key, value] of right) {
        const held = joined.get(key);
        joined.set(key, held === undefined ? value : values.join(held, value));
      }
      return joined;
    },
    lessOrEqual(left: State, right: State): boolean {
      return [...left].every(([key, value]) =>
        values.lessOrEqual(value, right.get(key) ?? values.bottom),
      );
    },
    decompose(state: State): State[] {
      return [...state].flatMap(([key, value]) =>
        partsOf(value).map((part) => new Map([[key, part]])),
      );
    },
  };
}

/** Builds the lattice of a total order: the join is the greater one. */
export function chainLattice<State>(
  bottom: State,
  compare: (left: State, right: State) => number,
): Lattice<State> {
  return {
    bottom,
    join: (left, right) => (compare(left, right) >= 0 ? left : right),
    lessOrEqual: (left, right) => compare(left, right) <= 0,
  };
}

/** Orders texts by their UTF-16 code units, and numbers. */
export function compare<Value extends string | number | boolean>(
  left: Value,
  right: Value,
): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** The lattice of naturals by size: one life's component of a grow-only counter. */
export const gComponent: Lattice<number> = /* @__PURE__ */ chainLattice(
  0,
  (left, right) => left - right,
);

/** The value of a map that is a set. */
export type Unit = true;

/** The lattice of one state. */
export const unit: Lattice<Unit> = /* @__PURE__ */ chainLattice<Unit>(true, () => 0);
