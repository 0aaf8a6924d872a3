// How fast, how cheap and how small is taking in readings, beside databases that people would put
// there? Every answer of every system follows a sync to disk. docs/benchmarks.md says how and why.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { buildWorker } from "../tools/launcher/build.ts";
import { Ending } from "../tools/launcher/ending.ts";
import { drawKeys } from "../tools/launcher/keys.ts";
import { LaunchError } from "../tools/launcher/launch-error.ts";
import { endOnSignals } from "../tools/launcher/signals.ts";
import { REPOSITORY } from "../tools/launcher/wrangler-config.ts";
import { runCommand } from "../tools/terminal.ts";
import { ClientProcess } from "./ingest/client-process.ts";
import {
  CELLS,
  CONTESTANTS,
  orderOf,
  SERVERS,
  type Contestant,
  type ServerName,
} from "./ingest/contestants.ts";
import { Harness, type Sample } from "./ingest/harness.ts";
import { unpackPeers, type Packages } from "./ingest/packages.ts";
import { Progress } from "./ingest/progress.ts";
import { formatCell, formatGates, judge, rowOf, table, type Row } from "./ingest/report.ts";

interface Options {
  readonly rounds: string;
  readonly seconds: string;
  readonly disk: string;
  readonly only?: string;
  readonly quick?: true;
  readonly out: string;
}

/** What is run. */
interface Plan {
  readonly contestants: readonly Contestant[];
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpS: number;
  /** Readings that are weighed. */
  readonly diskReadings: number;
}

interface Weight {
  readonly contestant: string;
  readonly label: string;
  readonly readings: number;
  readonly bytesPerReading: number;
}

const CACHE = path.join(REPOSITORY, ".cache/bench-ingest");

const program = new Command("bench:ingest")
  .description(
    "Measures taking in readings on bare workerd, beside InfluxDB, PostgreSQL and Redis from Debian's packages, which are unpacked below .cache and run as children.",
  )
  .option("--rounds <n>", "rounds, of which the medians are taken", "7")
  .option("--seconds <n>", "how long each cell is measured in a round", "1")
  .option("--disk <n>", "readings that are weighed on disk", "1000000")
  .option("--only <systems>", `some of ${SERVERS.join(", ")}, separated by commas`)
  .option("--quick", "one short round, to see that it works: its figures say little")
  .option("--out <file>", "where the report goes", "bench/results/ingest.json")
  .addHelpText(
    "after",
    `
Every system gets the same readings from one client with raw sockets, one batch outstanding a
connection, and answers after its write is synced. Progress goes to stderr; the last line of stdout
is JSON. A figure that is not reached is shown and does not fail the command; a peer that does not
start does.`,
  )
  .parse();

async function main(): Promise<void> {
  const options = program.opts<Options>();
  const plan = planOf(options);
  const ending = new Ending();
  endOnSignals(() => ending.run(), 130);
  const folder = path.join(CACHE, `run-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  ending.addLast(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const needsPeers = plan.servers.some((server) => !server.startsWith("skerry"));
    const packages = needsPeers ? await unpackPeers(path.join(CACHE, "peers")) : null;
    const bundle = await buildWorker("edge", folder);
    const client = new ClientProcess();
    ending.add(() => client.stop());
    const keys = await drawKeys();
    const harness = new Harness({ folder, bundle, keys, packages, client });
    const { rows, weights } = await measure(harness, plan);
    finish(options, plan, packages, rows, weights);
  } finally {
    await ending.run();
  }
}

function planOf(options: Options): Plan {
  const only = options.only?.split(",").map((name) => name.trim()) ?? SERVERS;
  const odd = only.find((name) => !SERVERS.some((server) => server === name));
  if (odd !== undefined || only.length === 0)
    throw new LaunchError(`There is no system "${odd ?? ""}": use ${SERVERS.join(", ")}`);
  const servers = SERVERS.filter((server) => only.includes(server));
  const isQuick = options.quick === true;
  return {
    contestants: CONTESTANTS.filter(({ server }) => servers.includes(server)),
    servers,
    rounds: isQuick ? 1 : numberOf("rounds", options.rounds, 1, 1000),
    seconds: isQuick ? 0.2 : numberOf("seconds", options.seconds, 0.1, 60),
    warmUpS: isQuick ? 0 : 1,
    diskReadings: isQuick ? 20_000 : numberOf("disk", options.disk, 1_000, 100_000_000),
  };
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= min && value <= max) return value;
  throw new LaunchError(`--${name} ${text} does not do: use a number from ${min} to ${max}`);
}

async function measure(
  harness: Harness,
  plan: Plan,
): Promise<{ readonly rows: Row[]; readonly weights: Weight[] }> {
  const { contestants, servers, rounds, seconds, warmUpS } = plan;
  const pairs = contestants.length * CELLS.length;
  const progress = new Progress(rounds * (pairs + contestants.length) + pairs + contestants.length);
  const samples = new Map<string, Sample[]>();
  const warmUp = CELLS.filter(({ connections }) => connections > 1).at(-1);
  for (let round = 0; round < rounds; round += 1) {
    await harness.withServers(servers, false, async (running) => {
      for (const contestant of contestants) {
        if (warmUp !== undefined && warmUpS > 0)
          await harness.measure({ cell: warmUp, contestant }, running, warmUpS);
        progress.step(`round ${round + 1}: ${contestant.label} warmed up`);
      }
      for (const pair of orderOf(contestants, round)) {
        const sample = await harness.measure(pair, running, seconds);
        const name = `${pair.cell.name} ${pair.contestant.id}`;
        samples.set(name, [...(samples.get(name) ?? []), sample]);
        const rate = Math.round(sample.readingsPerS).toLocaleString("en-US");
        progress.step(`round ${round + 1}: ${pair.cell.name} ${pair.contestant.label}: ${rate}/s`);
      }
    });
  }
  const syncs = await countSyncs(harness, plan, progress);
  const rows = orderOf(contestants, 0).map(({ cell, contestant }) => {
    const name = `${cell.name} ${contestant.id}`;
    return rowOf(cell.name, contestant, samples.get(name) ?? [], syncs.get(name) ?? null);
  });
  return { rows, weights: await weigh(harness, plan, progress) };
}

async function countSyncs(
  harness: Harness,
  { contestants, servers, seconds }: Plan,
  progress: Progress,
): Promise<Map<string, number | null>> {
  const syncs = new Map<string, number | null>();
  await harness.withServers(servers, false, async (running) => {
    for (const pair of orderOf(contestants, 0)) {
      const name = `${pair.cell.name} ${pair.contestant.id}`;
      syncs.set(name, await harness.syncsPerAnswer(pair, running, seconds / 2));
      progress.step(`syncs: ${pair.cell.name} ${pair.contestant.label}`);
    }
  });
  return syncs;
}

/** Weighs a load beside a small one, so that what a system takes when it is empty does not count. */
async function weigh(
  harness: Harness,
  { contestants, diskReadings }: Plan,
  progress: Progress,
): Promise<Weight[]> {
  const weights: Weight[] = [];
  const cell = { name: "disk", connections: 16, batch: 1000 };
  const small = { name: "disk", connections: 16, batch: 20 };
  for (const contestant of contestants) {
    const { server, id, label, isWeighed } = contestant;
    progress.step(`disk: ${label}`);
    if (!isWeighed) continue;
    const [least, most] = [
      await harness.withServers([server], true, (servers) =>
        harness.weigh(contestant, small, servers, 320),
      ),
      await harness.withServers([server], true, (servers) =>
        harness.weigh(contestant, cell, servers, diskReadings),
      ),
    ];
    const readings = most.readings - least.readings;
    const bytesPerReading = (most.bytes - least.bytes) / readings;
    weights.push({ contestant: id, label, readings: most.readings, bytesPerReading });
  }
  return weights;
}

function finish(
  options: Options,
  plan: Plan,
  packages: Packages | null,
  rows: readonly Row[],
  weights: readonly Weight[],
): void {
  const gates = judge(rows);
  for (const { name, connections, batch } of CELLS) {
    console.log(`\n${name}: ${connections} connections, ${batch} readings a batch`);
    console.log(formatCell(rows.filter((row) => row.cell === name)));
  }
  console.log("\nbytes a reading on disk, settled");
  const weighed = weights.map(({ label, bytesPerReading }) => [label, bytesPerReading.toFixed(2)]);
  console.log(table([["", ""], ...weighed]).trimStart());
  console.log(`\n${formatGates(gates)}`);
  for (const note of NOTES) console.log(`\n${note}`);
  const report = {
    bench: "ingest",
    isQuick: options.quick === true,
    rounds: plan.rounds,
    seconds: plan.seconds,
    cpu: os.cpus()[0]?.model ?? "",
    cores: os.cpus().length,
    node: process.version,
    packages: packages?.files ?? [],
    rows,
    disk: weights,
    rowsWrittenPer1000: null,
    rules: 1,
    gates,
  };
  const file = path.resolve(REPOSITORY, options.out);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
}

const NOTES = [
  "Skerry checks tokens, validates, recognises repetitions, folds windows and watches by a rule that nothing passes; its origin is away. The peers check nothing of that.",
  "Rows written are not counted here: workerd tells them to the hub alone, and npm run bench:storage counts them over the same store.",
];

await runCommand(main);
