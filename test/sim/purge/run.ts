// npm run sim:purge: many schedules of requests, purges and mishaps against the edge's own decisions, and
// how many responses were given past the bound of a purge (P5). The last line is JSON; ends with 1 if
// there was any, or if a planted fault was not found.

import { availableParallelism } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { Command } from "commander";
import { bundlePurges, loadPurges } from "./bundle.ts";
import { PURGE_PLANTS } from "./plants.ts";
import { joinTally, newTally, type PurgeTally } from "./tally.ts";

interface Options {
  readonly schedules: string;
  readonly from: string;
  readonly seed?: string;
  readonly plants?: boolean;
}

const CHUNK = 100;
const PROGRESS_MS = 10_000;
const SHOWN_MAX = 5;
/** Schedules that must be enough to find a planted fault. */
const PLANT_SCHEDULES_MAX = 3_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const program = new Command("sim:purge")
  .description(
    "Simulates purges: whether anything is served past their bound, whatever goes wrong.",
  )
  .option("--schedules <count>", "how many to run", "2000")
  .option("--from <seed>", "the first of them", "1")
  .option("--seed <seed>", "run one")
  .option("--plants", "plant each fault in turn, and show the first seed that finds it")
  .parse();

async function main(): Promise<boolean> {
  const { schedules, from, seed, plants } = program.opts<Options>();
  if (plants === true) return findPlants(Number(from));
  const source = await bundlePurges();
  if (seed === undefined) return runMany(source, Number(from), Number(schedules));
  const outcome = await (await loadPurges(source)).runSchedule(Number(seed));
  say(JSON.stringify(outcome));
  return outcome.violations.length === 0;
}

async function runMany(source: string, from: number, count: number): Promise<boolean> {
  const startedMs = performance.now();
  const tally = await runAll(source, from, count);
  const { violations, ...figures } = tally;
  for (const { seed, message } of violations.slice(0, SHOWN_MAX)) say(`seed ${seed}: ${message}`);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  say(JSON.stringify({ ok: violations.length === 0, ...figures, seconds }));
  return violations.length === 0;
}

/** Runs schedules on all cores. */
async function runAll(source: string, from: number, count: number): Promise<PurgeTally> {
  const tally = newTally();
  const end = from + count;
  let next = from;
  let shownMs = performance.now();
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const file = path.join(import.meta.dirname, "worker.ts");
      const worker = new Worker(file, { workerData: source });
      const ask = (): void => {
        if (next >= end) return void worker.terminate().then(() => resolve());
        const task = { from: next, count: Math.min(CHUNK, end - next) };
        next += task.count;
        worker.postMessage(task);
      };
      worker.on("message", (part: PurgeTally) => {
        joinTally(tally, part);
        if (performance.now() - shownMs > PROGRESS_MS) {
          shownMs = performance.now();
          say(`· ${tally.schedules} of ${count} schedules, ${tally.pastBound} past the bound`);
        }
        ask();
      });
      worker.on("error", reject);
      ask();
    });
  const threads = Math.min(availableParallelism(), Math.ceil(count / CHUNK));
  await Promise.all(Array.from({ length: threads }, work));
  tally.violations.sort((a, b) => a.seed - b.seed);
  return tally;
}

async function findPlants(from: number): Promise<boolean> {
  let isFound = true;
  for (const [name, plant] of Object.entries(PURGE_PLANTS)) {
    const { runSchedule } = await loadPurges(await bundlePurges([plant]));
    let found: number | null = null;
    for (let seed = from; found === null && seed < from + PLANT_SCHEDULES_MAX; seed += 1)
      if ((await runSchedule(seed)).violations.length > 0) found = seed;
    say(`${name.padEnd(24)} ${found ?? "NOT FOUND"}`);
    isFound &&= found !== null;
  }
  return isFound;
}

process.exitCode = (await main()) ? 0 : 1;
