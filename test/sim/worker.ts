// Runs seeds in a thread of its own, for pool.ts.

import { parentPort, workerData } from "node:worker_threads";
import { loadSimulator } from "./bundle.ts";
import type { Tally, Task } from "./pool.ts";

const { runSeed } = await loadSimulator(String(workerData));

parentPort?.on("message", ({ from, count }: Task) => {
  const tally: Tally = { seeds: count, exchanges: 0, briefs: 0, steps: 0, failures: [] };
  for (let seed = from; seed < from + count; seed += 1) {
    const { exchanges, briefs, steps, failure } = runSeed(seed);
    tally.exchanges += exchanges;
    tally.briefs += briefs;
    tally.steps += steps;
    if (failure !== null) tally.failures.push(failure);
  }
  parentPort?.postMessage(tally);
});
