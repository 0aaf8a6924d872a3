// What comes of one seed? The safety phase with its faults, then rest, as often as the plan says; the
// outcome is a hash of everything that happened, and the promise that was broken, if one was.

import { act } from "./actions.ts";
import { makeCheckers } from "./checks/all.ts";
import { Violation } from "./checks/checker.ts";
import { drawPlan, type Reduction } from "./plan.ts";
import { Prng } from "./prng.ts";
import { comeToRest } from "./quiet.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

/** A promise that was broken, and how it came. */
export interface Failure {
  readonly seed: number;
  readonly id: string;
  readonly message: string;
  readonly step: number;
  readonly lately: readonly string[];
}

export interface Outcome {
  readonly seed: number;
  readonly hash: string;
  readonly exchanges: number;
  /** Times that an edge was told only what differed, by a sketch. */
  readonly briefs: number;
  readonly steps: number;
  readonly failure: Failure | null;
}

/** Simulates the world of a seed, or a reduction of it. */
export function runSeed(
  seed: number,
  reduction: Reduction = {},
  onEvent: ((line: string) => void) | null = null,
): Outcome {
  const plan = drawPlan(seed, reduction);
  const trace = new Trace(onEvent);
  const world = new World(plan, makeCheckers(), trace);
  let step = 0;
  let failure: Failure | null = null;
  try {
    for (let round = 1; round <= plan.rounds; round += 1) {
      const end = Math.ceil((plan.steps * round) / plan.rounds);
      for (; step < end; step += 1) {
        if (reduction.skip?.has(step) !== true) takeStep(world, step);
      }
      comeToRest(world, round);
    }
  } catch (error) {
    failure = failureOf(seed, step, error, trace);
  }
  return {
    seed,
    hash: trace.hash,
    exchanges: world.exchanges,
    briefs: world.hub.briefs,
    steps: step,
    failure,
  };
}

function takeStep(world: World, step: number): void {
  const rng = new Prng(world.plan.seed, 6, step);
  const action = rng.weighted(world.plan.weights);
  world.pass(rng.between(1, 2_000));
  world.trace.note(`${step} ${action}`);
  act(action, world, rng);
  world.tell((checker) => checker.onTurn?.(world));
}

function failureOf(seed: number, step: number, error: unknown, trace: Trace): Failure {
  const id = error instanceof Violation ? error.id : "sync.no-exception";
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = error instanceof Violation ? error.message : text;
  return { seed, id, message, step, lately: trace.lately };
}
