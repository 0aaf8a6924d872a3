// npm run sim: many seeds of the simulator, or one of them, word by word; with a fault planted, or with
// each of them. Ends with 1 if a promise was broken, or a planted fault not found.

import { Command } from "commander";
import { bundleSimulator, loadSimulator, type Simulator } from "./bundle.ts";
import { minimize } from "./minimize.ts";
import { PLANTS, readSeeds } from "./plants.ts";
import { runSeeds, type Tally } from "./pool.ts";
import type { Failure } from "./run-seed.ts";

interface Options {
  readonly seeds: string;
  readonly from: string;
  readonly seed?: string;
  readonly trace?: boolean;
  readonly plant?: string;
  readonly plants?: boolean;
}

/** How often progress is shown, and how many failures in full. */
const PROGRESS_MS = 10_000;
const SHOWN_MAX = 3;
/** Failures that are named at all. */
const FAILURES_MAX = 30;
/** Seeds that must be enough to find a planted fault. */
const PLANT_SEEDS_MAX = 4_000;

const program = new Command("sim")
  .description(
    "Simulates the replication core: one hub, some edges, and everything that goes wrong.",
  )
  .option("--seeds <count>", "how many seeds to run", "1000")
  .option("--from <seed>", "the first of them", "1")
  .option("--seed <seed>", "run one seed, and make it smaller if it fails")
  .option("--trace", "with --seed: show every event")
  .option("--plant <name>", `plant a fault: ${Object.keys(PLANTS).join(", ")}`)
  .option("--plants", "plant each fault in turn, and show which seed finds it")
  .parse();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<boolean> {
  const options = program.opts<Options>();
  if (options.plants === true) return findPlants(Number(options.from));
  const source = await bundleSimulator(plantsOf(options.plant));
  if (options.seed === undefined)
    return runMany(source, Number(options.from), Number(options.seeds));
  return runOne(await loadSimulator(source), Number(options.seed), options.trace === true);
}

function plantsOf(name: string | undefined): (typeof PLANTS)[string][] {
  if (name === undefined) return [];
  const plant = PLANTS[name];
  if (plant === undefined) throw new RangeError(`There is no plant "${name}"`);
  return [plant];
}

async function runMany(source: string, from: number, count: number): Promise<boolean> {
  const started = performance.now();
  let shown = started;
  let named = 0;
  const tally = await runSeeds(source, from, count, ({ seeds, failures }) => {
    for (const { seed, id } of failures.slice(named, FAILURES_MAX)) say(`· seed ${seed}: ${id}`);
    named = failures.length;
    if (performance.now() - shown > PROGRESS_MS) {
      shown = performance.now();
      say(`· ${seeds} of ${count} seeds, ${failures.length} violations`);
    }
    return true;
  });
  const { runSeed } = await loadSimulator(source);
  for (const failure of tally.failures.slice(0, SHOWN_MAX)) report(failure, runSeed);
  for (const { seed, id, message } of tally.failures.slice(SHOWN_MAX, FAILURES_MAX))
    say(`seed ${seed}: ${id}: ${message.slice(0, 160)}`);
  say(JSON.stringify(figuresOf(tally, performance.now() - started)));
  return tally.failures.length === 0;
}

function figuresOf({ seeds, failures, exchanges, briefs, steps }: Tally, ms: number): object {
  const seconds = Math.round(ms / 100) / 10;
  return {
    seeds,
    violations: failures.length,
    seconds,
    exchanges,
    sketchResyncs: briefs,
    steps,
    seedsPerSecond: Math.round(seeds / (ms / 1000)),
    invariants: [...new Set(failures.map(({ id }) => id))],
  };
}

function runOne({ runSeed }: Simulator, seed: number, isTraced: boolean): boolean {
  const { failure, hash, exchanges } = runSeed(seed, {}, isTraced ? say : null);
  if (failure !== null && !isTraced) report(failure, runSeed);
  if (failure !== null && isTraced) say(`${failure.id}: ${failure.message}`);
  say(JSON.stringify({ seed, hash, exchanges, violations: failure === null ? 0 : 1 }));
  return failure === null;
}

/** Shows a failure, as small as it gets. */
function report(failure: Failure, runSeed: Simulator["runSeed"]): void {
  const small = minimize(runSeed, failure);
  const { lately, message } = small?.failure ?? failure;
  say(`seed ${failure.seed} breaks ${failure.id} at step ${failure.step}: ${message}`);
  if (small !== null) {
    const { without = [], edges, steps, skip } = small.reduction;
    say(`  smaller: without ${without.join()}; edges ${edges}; ${steps} steps less ${skip?.size}`);
  }
  for (const line of lately) say(`    ${line}`);
}

/** Tries the seed that is known to show a plant, then others. */
async function findPlants(from: number): Promise<boolean> {
  let isFound = true;
  const known = readSeeds().plants;
  for (const [name, plant] of Object.entries(PLANTS)) {
    const started = performance.now();
    const source = await bundleSimulator([plant]);
    const isMet = (failure: Failure | null): boolean => failure?.id === plant.invariant;
    const { failure } = (await loadSimulator(source)).runSeed(known[name] ?? from);
    const { failures } = isMet(failure)
      ? { failures: [failure] }
      : await runSeeds(source, from, PLANT_SEEDS_MAX, (tally) => !tally.failures.some(isMet));
    const first = failures.find(isMet);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    say(
      `${name.padEnd(28)} ${plant.invariant.padEnd(28)} ${first?.seed ?? "NOT FOUND"} ${seconds} s`,
    );
    isFound &&= first !== undefined;
  }
  return isFound;
}

process.exitCode = (await main()) ? 0 : 1;
