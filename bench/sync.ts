// How few bytes, how little work and memory does synchronizing take, beside the libraries that a user
// would pick instead? Every system on every workload in a process of its own; docs/benchmarks.md says
// what they are. The last line is JSON, and bench/results/sync.json holds it with every figure.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { LaunchError } from "../tools/launcher/launch-error.ts";
import { REPOSITORY } from "../tools/launcher/wrangler-config.ts";
import { parseCount, runCommand } from "../tools/terminal.ts";
import { Progress } from "./ingest/progress.ts";
import { CONTESTANTS, WORKLOAD_IDS, type Contestant, type WorkloadId } from "./sync/contestants.ts";
import { judge, type Row } from "./sync/gates.ts";
import { plot } from "./sync/plot.ts";
import { formatGates, formatParts, formatWorkload } from "./sync/report.ts";

interface Options {
  readonly quick?: true;
  readonly only?: readonly string[];
  readonly workload?: readonly string[];
  readonly jobs: string;
  readonly out: string;
  readonly plot: string;
}

interface Run {
  readonly contestant: Contestant;
  readonly workload: WorkloadId;
}

const program = new Command("bench:sync")
  .description(
    "Measures synchronizing on five workloads: bytes, processor time, memory and snapshots of sync/, beside Yjs, Loro, TinyBase and Automerge.",
  )
  .option("--quick", "small workloads: does it still work? Nothing is to be reached")
  .option("--only <system...>", `only these: ${CONTESTANTS.map(({ id }) => id).join(", ")}`)
  .option("--workload <workload...>", `only these: ${WORKLOAD_IDS.join(", ")}`)
  .option("--jobs <count>", "processes at once: what is measured is their own time", "1")
  .option("--out <file>", "where the report goes", "bench/results/sync.json")
  .option("--plot <file>", "where the plot goes", "docs/img/sync-bytes.svg")
  .parse();

/** Checks names against those that there are. */
function chosen(option: string, all: readonly string[], names?: readonly string[]): Set<string> {
  const unknown = names?.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new LaunchError(`${option} ${unknown} is not one of ${all.join(", ")}`);
  return new Set(names ?? all);
}

function listRuns({ only, workload }: Options): Run[] {
  const ids = CONTESTANTS.map(({ id }) => id);
  const systems = chosen("--only", ids, only);
  const workloads = chosen("--workload", WORKLOAD_IDS, workload);
  return WORKLOAD_IDS.filter((id) => workloads.has(id)).flatMap((id) =>
    CONTESTANTS.filter((each) => systems.has(each.id) && each.workloads.includes(id)).map(
      (contestant) => ({ contestant, workload: id }),
    ),
  );
}

/** Runs one workload on one system in a process of its own. Throws if it does not end as it should. */
async function runOne({ contestant, workload }: Run, isQuick: boolean): Promise<Row> {
  const script = path.join(import.meta.dirname, "sync/run-one.ts");
  const size = isQuick ? "quick" : "full";
  const args = ["--expose-gc", script, contestant.id, workload, size];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    output.err = (output.err + chunk.toString()).slice(-4_000);
    const step = chunk.toString().trimEnd().split("\n").at(-1) ?? "";
    if (process.stderr.isTTY)
      process.stderr.write(`\r${contestant.label} ${workload}: ${step}\u001b[K\r`);
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const last = output.out.trimEnd().split("\n").at(-1) ?? "";
  if (exitCode !== 0 || last === "")
    throw new LaunchError(
      `${contestant.label} failed on ${workload}: ${output.err.trimEnd().split("\n").at(-1)}`,
    );
  const { figures, parts } = JSON.parse(last) as Pick<Row, "figures" | "parts">;
  const { id: system, label } = contestant;
  return { workload, system, label, isPeer: contestant.package !== null, figures, parts };
}

/** Runs everything, some at once; rows are in the order of `runs`. */
async function runAll(runs: readonly Run[], jobs: number, isQuick: boolean): Promise<Row[]> {
  const progress = new Progress(runs.length);
  const rows: Row[] = [];
  const left = runs.entries();
  const work = async (): Promise<void> => {
    for (const [at, run] of left) {
      rows[at] = await runOne(run, isQuick);
      progress.step(`${run.contestant.label} ${run.workload}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return rows;
}

function versionsOf(runs: readonly Run[]): Record<string, string> {
  const names = new Set(runs.flatMap(({ contestant }) => contestant.package ?? []));
  return Object.fromEntries(
    [...names].map((name) => {
      const manifest = path.join(REPOSITORY, "node_modules", name, "package.json");
      return [name, (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version];
    }),
  );
}

function write(file: string, text: string): void {
  const target = path.resolve(REPOSITORY, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

async function main(): Promise<void> {
  const options = program.opts<Options>();
  const runs = listRuns(options);
  const isQuick = options.quick === true;
  const isDefault = !isQuick && options.only === undefined && options.workload === undefined;
  const rows = await runAll(runs, parseCount("--jobs", options.jobs, 1, 64), isQuick);
  for (const workload of new Set(rows.map((row) => row.workload)))
    console.log(`${formatWorkload(workload, rows)}\n`);
  if (rows.some(({ parts }) => parts !== null)) console.log(`${formatParts(rows)}\n`);
  const gates = judge(rows, isQuick);
  console.log(`${formatGates(gates)}\n`);
  const [cpu, node] = [os.cpus()[0]?.model ?? "", process.versions.node];
  const about = { bench: "sync", node, cpu, cores: os.cpus().length, isQuick };
  const met = gates.filter(({ isMet }) => isMet === true).length;
  const summary = { ...about, versions: versionsOf(runs), met, toReach: gates.length, gates };
  // What is committed is of all systems on all workloads, in full.
  const isKept = isDefault || options.out !== "bench/results/sync.json";
  if (isKept) write(options.out, `${JSON.stringify({ ...summary, rows }, null, 2)}\n`);
  if (isDefault || options.plot !== "docs/img/sync-bytes.svg") write(options.plot, plot(rows));
  console.log(JSON.stringify(summary));
}

await runCommand(main);
