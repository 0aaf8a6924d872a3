// How do many seeds run on all cores? Workers take them by the hundred, each with the same bundle.

import { availableParallelism } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { Failure } from "./run-seed.ts";

/** What some seeds came to. */
export interface Tally {
  seeds: number;
  exchanges: number;
  /** Times that an edge was told only what differed, by a sketch. */
  briefs: number;
  steps: number;
  failures: Failure[];
}

/** Seeds that a worker takes at a time. */
const CHUNK = 50;

/** What a worker is asked, and answers. */
export interface Task {
  readonly from: number;
  readonly count: number;
}

/** Runs seeds `from` to `from + count - 1`; `onProgress` hears after each chunk, and may stop. */
export async function runSeeds(
  source: string,
  from: number,
  count: number,
  onProgress: (tally: Tally) => boolean = () => true,
): Promise<Tally> {
  const tally: Tally = { seeds: 0, exchanges: 0, briefs: 0, steps: 0, failures: [] };
  let next = from;
  const end = from + count;
  const take = (): Task | null => {
    if (next >= end) return null;
    const task = { from: next, count: Math.min(CHUNK, end - next) };
    next += task.count;
    return task;
  };
  const hear = (part: Tally): void => {
    tally.seeds += part.seeds;
    tally.exchanges += part.exchanges;
    tally.briefs += part.briefs;
    tally.steps += part.steps;
    tally.failures.push(...part.failures);
    if (!onProgress(tally)) next = end;
  };
  const workers = Math.min(availableParallelism(), Math.ceil(count / CHUNK));
  await Promise.all(Array.from({ length: workers }, () => work(source, take, hear)));
  tally.failures.sort((a, b) => a.seed - b.seed);
  return tally;
}

/** Keeps one worker busy until there is nothing left. */
function work(source: string, take: () => Task | null, hear: (part: Tally) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(path.join(import.meta.dirname, "worker.ts"), { workerData: source });
    const ask = (): void => {
      const task = take();
      if (task !== null) worker.postMessage(task);
      else void worker.terminate().then(() => resolve());
    };
    worker.on("message", (part: Tally) => {
      hear(part);
      ask();
    });
    worker.on("error", reject);
    ask();
  });
}
