// Do hostile bytes make a decoder throw, hang or take room, or a hub forget what it was told? Runs
// the fuzzer on all cores; a failure names the seed and the case, which give it again.

import os from "node:os";
import v8 from "node:v8";
import vm from "node:vm";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Command } from "commander";
import { fuzz, type FuzzReport } from "./fuzz/run.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { parseCount, runCommand } from "./terminal.ts";

interface Order {
  readonly seed: number;
  readonly frames: number;
}

/** A worker's message: how far it is, or how it ended. */
type Message =
  | { readonly kind: "progress"; readonly frames: number }
  | { readonly kind: "done"; readonly report: FuzzReport; readonly heapGrowthMb: number }
  | { readonly kind: "failed"; readonly reason: string };

const MB = 1024 * 1024;
const FRAMES_MAX = 1_000_000_000;
const PROGRESS_MS = 1_000;

/** The heap in use, after what is garbage is gone. */
function heapUsed(): number {
  v8.setFlagsFromString("--expose-gc");
  (vm.runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

function work({ seed, frames }: Order): void {
  const send = (message: Message): void => parentPort?.postMessage(message);
  const before = heapUsed();
  try {
    const report = fuzz(seed, frames, (done) => send({ kind: "progress", frames: done }));
    const heapGrowthMb = (heapUsed() - before) / MB;
    send({ kind: "done", report, heapGrowthMb });
  } catch (error) {
    send({ kind: "failed", reason: String(error) });
  }
}

function runWorker(order: Order, progress: (frames: number) => void): Promise<Message> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: order });
    worker.on("message", (message: Message) => {
      if (message.kind === "progress") progress(message.frames);
      else resolve(message);
    });
    worker.on("error", reject);
    worker.on("exit", () => reject(new LaunchError(`The run of seed ${order.seed} ended early`)));
  });
}

function add(left: Record<string, number>, right: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(right)) left[name] = (left[name] ?? 0) + count;
}

async function main(): Promise<void> {
  const program = new Command("fuzz")
    .description(
      "Feeds mutated frames, batches, groups and stored images to every decoder and a hub.",
    )
    .option("--frames <count>", "how many cases", "100000")
    .option("--seed <number>", "what the cases are drawn from", "1")
    .parse();
  const options = program.opts<{ frames: string; seed: string }>();
  const frames = parseCount("--frames", options.frames, 1, FRAMES_MAX);
  const seed = parseCount("--seed", options.seed, 1, 0xffffffff);
  const workers = Math.max(1, Math.min(os.availableParallelism(), Math.ceil(frames / 1_000)));
  const startMs = performance.now();
  const done = Array.from({ length: workers }, () => 0);
  const timer = setInterval(() => {
    const sum = done.reduce((all, count) => all + count, 0);
    process.stderr.write(`· ${sum} of ${frames} frames\n`);
  }, PROGRESS_MS * 5);
  try {
    const ends = await Promise.all(
      done.map((_, at) => {
        const share = Math.floor(frames / workers) + (at < frames % workers ? 1 : 0);
        return runWorker({ seed: seed + at, frames: share }, (count) => (done[at] = count));
      }),
    );
    const seconds = (performance.now() - startMs) / 1_000;
    process.stdout.write(`${JSON.stringify(summaryOf(ends, seed, seconds))}\n`);
  } finally {
    clearInterval(timer);
  }
}

function summaryOf(ends: readonly Message[], seed: number, seconds: number): object {
  const reasons: Record<string, number> = {};
  let [frames, decoded, ratio, slowestMs, heapGrowthMb] = [0, 0, 0, 0, 0];
  for (const end of ends) {
    if (end.kind === "failed") throw new LaunchError(end.reason);
    if (end.kind !== "done") continue;
    add(reasons, end.report.reasons);
    frames += end.report.frames;
    decoded += end.report.decoded;
    ratio = Math.max(ratio, end.report.bytesMaxAllocatedRatio);
    slowestMs = Math.max(slowestMs, end.report.slowestMs);
    heapGrowthMb = Math.max(heapGrowthMb, end.heapGrowthMb);
  }
  const sorted = Object.entries(reasons).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    frames,
    decoded,
    errors: Object.fromEntries(sorted.filter(([name]) => !/decoded|applied|open/.test(name))),
    applied: reasons["hub: applied"] ?? 0,
    seconds: round(seconds),
    bytesMaxAllocatedRatio: round(ratio),
    slowestMs: round(slowestMs),
    heapGrowthMb: round(heapGrowthMb),
    seed,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

if (isMainThread) await runCommand(main);
else work(workerData as Order);
