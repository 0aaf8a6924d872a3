// What is the least that still fails? Leaves out faults, edges and steps as long as the same promise
// is broken. Each step draws from its own stream, so the others stay as they were.

import type { Fault, Reduction } from "./plan.ts";
import { FAULTS } from "./plan.ts";
import type { Failure, Outcome } from "./run-seed.ts";

type Run = (seed: number, reduction: Reduction) => Outcome;

/** A failure made small. */
export interface Minimal {
  readonly reduction: Reduction;
  readonly failure: Failure;
}

/** Passes over the steps before it is good enough. */
const PASSES_MAX = 3;

/** Shrinks a failing seed. */
export function minimize(run: Run, { seed, id, step }: Failure): Minimal | null {
  const fails = (reduction: Reduction): Failure | null => {
    const { failure } = run(seed, reduction);
    return failure?.id === id ? failure : null;
  };
  let best: Minimal | null = null;
  const attempt = (reduction: Reduction): boolean => {
    const failure = fails(reduction);
    if (failure !== null) best = { reduction, failure };
    return failure !== null;
  };
  let reduction: Reduction = {};
  if (!attempt(reduction)) return null;
  const keep = (next: Reduction): void => {
    if (attempt(next)) reduction = next;
  };
  keep({ ...reduction, steps: step });
  for (const fault of FAULTS) keep({ ...reduction, without: without(reduction, fault) });
  for (const edges of [1, 2, 3, 4]) {
    if (reduction.edges === undefined) keep({ ...reduction, edges });
  }
  const steps = reduction.steps ?? step;
  for (let pass = 0, size = Math.ceil(steps / 4); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < steps; from += size)
      keep({ ...reduction, skip: skipped(reduction, from, size) });
    pass += 1;
    if (pass > PASSES_MAX * 4) break;
  }
  return best;
}

function without({ without: before = [] }: Reduction, fault: Fault): readonly Fault[] {
  return [...before, fault];
}

function skipped({ skip = new Set() }: Reduction, from: number, size: number): Set<number> {
  const steps = new Set(skip);
  for (let step = from; step < from + size; step += 1) steps.add(step);
  return steps;
}
