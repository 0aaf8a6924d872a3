// How much of what is asked for does memory have, with each policy of eviction? Six seeded workloads,
// through the edge's own tier and policies, and through those that others use.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { LaunchError } from "../tools/launcher/launch-error.ts";
import { REPOSITORY } from "../tools/launcher/wrangler-config.ts";
import { runCommand } from "../tools/terminal.ts";
import { limits } from "../edge/limits.ts";
import { CONTESTANTS, judge, runWorkload, type Ran } from "./eviction/contestants.ts";
import { drawWorkloads } from "./eviction/workloads.ts";

interface Options {
  readonly seed: string;
  readonly requests: string;
  readonly objects: string;
  readonly out: string;
}

const program = new Command("bench:eviction")
  .description("Compares policies of eviction on six seeded workloads, in one process.")
  .option("--seed <n>", "what the workloads are drawn from", "1")
  .option("--requests <n>", "requests of each workload", "2000000")
  .option("--objects <n>", "objects that are asked for again and again", "200000")
  .option("--out <file>", "where the report goes", "bench/results/eviction.json")
  .addHelpText("after", "\nThe last line of stdout is JSON. A figure that is not reached fails.")
  .parse();

function main(): void {
  const options = program.opts<Options>();
  const [seed, requests, objects] = [
    wholeOf("seed", options.seed, 0),
    wholeOf("requests", options.requests, 1_000),
    wholeOf("objects", options.objects, 1_000),
  ];
  const bounds = {
    bytesMax: limits.memoryCacheBytesMax,
    entriesMax: limits.memoryCacheEntriesMax,
  };
  const ran: Ran[] = [];
  for (const workload of drawWorkloads(seed, { requests, objects })) {
    process.stderr.write(`${workload.name}\n`);
    ran.push(...runWorkload(workload, bounds));
  }
  const verdict = judge(ran);
  printTable(ran);
  const report = { bench: "eviction", seed, requests, objects, ...bounds, ...verdict, ran };
  const file = path.resolve(REPOSITORY, options.out);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
  if (!verdict.ok) process.exitCode = 1;
}

function wholeOf(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= 100_000_000) return value;
  throw new LaunchError(`--${name} ${text} is not a whole number from ${min} to 100000000`);
}

function printTable(ran: readonly Ran[]): void {
  const names = [...new Set(ran.map(({ workload }) => workload))];
  const show = (of: (one: Ran) => string): Record<string, Record<string, string>> =>
    Object.fromEntries(
      names.map((name) => [
        name,
        Object.fromEntries(
          CONTESTANTS.map(({ label }) => {
            const one = ran.find((each) => each.workload === name && each.policy === label);
            return [label, one === undefined ? "" : of(one)];
          }),
        ),
      ]),
    );
  console.log("requests that find their object, in percent");
  console.table(show(({ objectHitRatio }) => (100 * objectHitRatio).toFixed(1)));
  console.log("bytes that are found, in percent");
  console.table(show(({ byteHitRatio }) => (100 * byteHitRatio).toFixed(1)));
  console.log("millions of requests in a second of processor time");
  console.table(show(({ opsPerS }) => (opsPerS / 1e6).toFixed(1)));
}

await runCommand(async () => main());
