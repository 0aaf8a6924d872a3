// The laws that every replicated type keeps, as one suite. States come from generated histories of
// its own mutators at several replicas, because only such states exist; the laws of single-writer
// components would not hold for others.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decompose, type Lattice } from "../../sync/crdt/lattice.ts";

/** One step of a history: which replica acts, how, and from whom it hears before. */
export interface LawStep<Op> {
  readonly replica: number;
  readonly hears: number;
  readonly op: Op;
}

/** How a type is put under the laws. */
export interface LawPlan<State, Op> {
  readonly name: string;
  readonly lattice: Lattice<State>;
  readonly op: fc.Arbitrary<Op>;
  /** The delta of an operation at replica `replica`; `at` counts all steps, as a clock may. */
  readonly mutate: (state: State, op: Op, replica: number, at: number) => State;
  /** Parts of a decomposition may be joins of smaller ones (a state that travels whole). */
  readonly isWhole?: boolean;
}

const REPLICAS = 3;

/** Registers the tests of a type. */
export function lawsOf<State, Op>(plan: LawPlan<State, Op>): void {
  const { name, lattice } = plan;
  const { bottom, join, lessOrEqual } = lattice;
  const states = statesOf(plan);

  test(`${name}: join() is commutative, associative and idempotent, and has bottom`, () => {
    fc.assert(
      fc.property(states, ([a, b, c]) => {
        assert.deepEqual(join(a, b), join(b, a));
        assert.deepEqual(join(join(a, b), c), join(a, join(b, c)));
        assert.deepEqual(join(a, a), a);
        assert.deepEqual(join(a, bottom), a);
        assert.deepEqual(join(bottom, a), a);
      }),
    );
  });

  test(`${name}: lessOrEqual() is the order of the join`, () => {
    fc.assert(
      fc.property(states, ([a, b]) => {
        const joined = join(a, b);
        assert.ok(lessOrEqual(a, joined) && lessOrEqual(b, joined) && lessOrEqual(bottom, a));
        assert.equal(lessOrEqual(a, b), isEqual(joined, b));
      }),
    );
  });

  test(`${name}: a mutator's delta inflates, and joined twice changes nothing`, () => {
    fc.assert(
      fc.property(states, plan.op, fc.nat(REPLICAS - 1), (generated, op, replica) => {
        const state = generated[replica] ?? bottom;
        const delta = plan.mutate(state, op, replica, 1_000_000);
        const next = join(state, delta);
        assert.ok(lessOrEqual(state, next));
        assert.deepEqual(join(next, delta), next);
      }),
    );
  });

  test(`${name}: the join of the decomposition is the state, in any order and with repetitions`, () => {
    fc.assert(
      fc.property(states, fc.infiniteStream(fc.nat(1000)), ([state], keys) => {
        const parts = decompose(lattice, state);
        const again = [...parts, ...parts].map((part) => ({ part, key: keys.next().value ?? 0 }));
        const shuffled = again.toSorted((left, right) => left.key - right.key);
        assert.deepEqual(
          shuffled.reduce((joined, { part }) => join(joined, part), bottom),
          state,
        );
        for (const part of plan.isWhole === true ? [] : parts)
          assert.equal(decompose(lattice, part).length, 1);
      }),
    );
  });

  test(`${name}: replicas that heard the same deltas agree, whatever the order`, () => {
    fc.assert(
      fc.property(historyOf(plan), fc.infiniteStream(fc.nat(1000)), (steps, keys) => {
        const { deltas } = run(plan, steps);
        const keyed = [...deltas, ...deltas].map((delta) => ({
          delta,
          key: keys.next().value ?? 0,
        }));
        const inOrder = deltas.reduce(join, bottom);
        const shuffled = keyed.toSorted((left, right) => left.key - right.key);
        assert.deepEqual(
          shuffled.reduce((joined, { delta }) => join(joined, delta), bottom),
          inOrder,
        );
      }),
    );
  });
}

function historyOf<State, Op>(plan: LawPlan<State, Op>): fc.Arbitrary<LawStep<Op>[]> {
  const replica = fc.nat(REPLICAS - 1);
  return fc.array(fc.record({ replica, hears: replica, op: plan.op }, { noNullPrototype: true }), {
    maxLength: 14,
  });
}

function statesOf<State, Op>(plan: LawPlan<State, Op>): fc.Arbitrary<[State, State, State]> {
  return historyOf(plan).map((steps) => run(plan, steps).states);
}

function run<State, Op>(
  plan: LawPlan<State, Op>,
  steps: readonly LawStep<Op>[],
): { states: [State, State, State]; deltas: State[] } {
  const { bottom, join } = plan.lattice;
  const states: [State, State, State] = [bottom, bottom, bottom];
  const deltas: State[] = [];
  for (const [at, { replica, hears, op }] of steps.entries()) {
    const heard = join(states[replica] ?? bottom, states[hears] ?? bottom);
    const delta = plan.mutate(heard, op, replica, at);
    deltas.push(delta);
    states[replica] = join(heard, delta);
  }
  return { states, deltas };
}

function isEqual(left: unknown, right: unknown): boolean {
  try {
    assert.deepEqual(left, right);
    return true;
  } catch {
    return false;
  }
}
