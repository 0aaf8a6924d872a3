// Runs schedules in a thread of its own, for run.ts.

import { parentPort, workerData } from "node:worker_threads";
import { loadPurges } from "./bundle.ts";
import { addTally, newTally } from "./tally.ts";

/** Which schedules to run. */
export interface PurgeTask {
  readonly from: number;
  readonly count: number;
}

const { runSchedule } = await loadPurges(String(workerData));

parentPort?.on("message", ({ from, count }: PurgeTask) => {
  void (async () => {
    const tally = newTally();
    for (let seed = from; seed < from + count; seed += 1) addTally(tally, await runSchedule(seed));
    parentPort?.postMessage(tally);
  })();
});
