// What does an answer from the cache cost, beside a Worker that only answers, one that only passes on,
// and the caches that people use? docs/benchmarks.md says how and why.

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
import { CELLS, judgeRows, LABELS, type Gate, type Row, type ServerName } from "./cache/cells.ts";
import { gatesOfMoments, Measurement } from "./cache/measure.ts";
import { Client, Upstream } from "./cache/processes.ts";
import {
  bundleWorker,
  startNginx,
  startSkerry,
  startVarnish,
  startWorker,
  type CacheServer,
} from "./cache/servers.ts";
import { unpackPeers } from "./ingest/packages.ts";
import { Progress } from "./ingest/progress.ts";

interface Options {
  readonly rounds: string;
  readonly peers: boolean;
  readonly quick?: true;
  readonly out: string;
}

const CACHE = path.join(REPOSITORY, ".cache/bench-cache");
const QUICK_ROUNDS = 2;
const QUICK_WARM_UP = 0.01;

const program = new Command("bench:cache")
  .description(
    "Measures hits, misses and uncacheable answers on bare workerd, beside a bare handler, a plain proxy, Hono with its cache, nginx and Varnish.",
  )
  .option("--rounds <n>", "rounds of each cell, of which the medians are taken", "21")
  .option("--no-peers", "without nginx and Varnish, which are downloaded from Debian")
  .option("--quick", "two rounds, to see that it works: its figures say little")
  .option("--out <file>", "where the report goes", "bench/results/cache.json")
  .addHelpText(
    "after",
    "\nProgress goes to stderr; the last line of stdout is JSON. A figure that is not reached is shown and does not fail the command; a peer that does not start does.",
  )
  .parse();

async function main(): Promise<void> {
  const options = program.opts<Options>();
  const rounds = options.quick === true ? QUICK_ROUNDS : Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1_000)
    throw new LaunchError(`--rounds ${options.rounds} does not do: use 1 to 1000`);
  const ending = new Ending();
  endOnSignals(() => ending.run(), 130);
  const folder = path.join(CACHE, `run-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  ending.addLast(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const client = new Client();
    ending.add(() => client.stop());
    const upstream = await Upstream.start();
    ending.add(() => upstream.stop());
    const servers = await startAll(folder, upstream, client, options.peers, ending);
    const warmUpShare = options.quick === true ? QUICK_WARM_UP : 1;
    const measurement = new Measurement(client, upstream, servers, warmUpShare);
    finish(options, rounds, servers, await measureAll(measurement, servers, rounds));
  } finally {
    await ending.run();
  }
}

interface Found {
  readonly rows: readonly Row[];
  readonly collapsed: ReadonlyMap<ServerName, number>;
  readonly dead: Awaited<ReturnType<Measurement["deadOrigin"]>>;
}

async function measureAll(
  measurement: Measurement,
  servers: ReadonlyMap<ServerName, CacheServer>,
  rounds: number,
): Promise<Found> {
  const warmUps = CELLS.flatMap((cell) => cell.servers.filter((name) => servers.has(name)));
  const progress = new Progress(CELLS.length * rounds + warmUps.length + 2);
  const rows: Row[] = [];
  for (const cell of CELLS) rows.push(...(await measurement.cell(cell, rounds, progress)));
  const collapsed = new Map<ServerName, number>();
  for (const name of ["skerry", "nginx", "varnish", "hono"] as const) {
    if (servers.has(name)) collapsed.set(name, await measurement.collapse(name));
  }
  progress.step("collapse");
  const dead = await measurement.deadOrigin("skerry", rounds);
  progress.step("dead upstream");
  return { rows, collapsed, dead };
}

/** Starts all systems; the bare handler is given the fields that a hit of Skerry has. */
async function startAll(
  folder: string,
  upstream: Upstream,
  client: Client,
  withPeers: boolean,
  ending: Ending,
): Promise<ReadonlyMap<ServerName, CacheServer>> {
  const servers = new Map<ServerName, CacheServer>();
  const add = async (name: ServerName, starting: Promise<CacheServer>): Promise<CacheServer> => {
    const server = await starting;
    ending.add(() => server.stop());
    servers.set(name, server);
    return server;
  };
  const setting = { folder, upstreamPort: upstream.port };
  const keys = await drawKeys();
  const bundle = await buildWorker("edge", folder);
  const skerry = await add("skerry", startSkerry(setting, bundle, keys));
  await add("alone", startSkerry(setting, bundle, keys, { TIERS: '["memory"]' }));
  await add("quiet", startSkerry(setting, bundle, keys, { LOG: "none" }));
  const behind = await bundleWorker("behind-hono", folder);
  await add("behind", startSkerry(setting, behind, keys));
  for (const [name, worker, bytes] of [
    ["bare1", "bare", 1_024],
    ["bare64", "bare", 65_536],
    ["again", "bare", 1_024],
    ["looks", "looks", 1_024],
    ["bareHono", "bare-hono", 1_024],
  ] as const) {
    const FIELDS = JSON.stringify(await fieldsOfHit(client, skerry, bytes));
    const bare = await bundleWorker(worker, folder);
    await add(name, startWorker(folder, name, bare, { FIELDS, BYTES: String(bytes) }));
  }
  const text = { UPSTREAM: upstream.url };
  const filters = await bundleWorker("filters", folder);
  for (const [name, KEEPS] of [
    ["filters", "nothing"],
    ["keeps", "memory"],
    ["keepsCell", "cell"],
  ] as const) {
    const inOwn = { ...setting, folder: path.join(folder, name) };
    await add(name, startSkerry(inOwn, filters, keys, { ...text, KEEPS }));
  }
  await add("proxy", startWorker(folder, "proxy", await bundleWorker("proxy", folder), text));
  const [hono, keeper] = [
    await bundleWorker("hono-cache", folder),
    await bundleWorker("cache-keeper", folder),
  ];
  await add("hono", startWorker(folder, "hono", hono, text, keeper));
  if (!withPeers) return servers;
  const packages = await unpackPeers(path.join(CACHE, "peers"), ["nginx", "varnish"]);
  await add("nginx", startNginx(packages, setting));
  await add("varnish", startVarnish(packages, setting));
  return servers;
}

async function fieldsOfHit(
  client: Client,
  { port }: CacheServer,
  bytes: number,
): Promise<readonly (readonly [string, string])[]> {
  const targets = [`/keep/${bytes}/page`];
  const job = { port, connections: 1, requests: 20, targets, fields: "", perS: 0, statuses: [200] };
  const { head } = await client.run(job);
  if (!head.includes("skerry-memory; hit")) throw new LaunchError(`This is no hit: ${head}`);
  return head
    .split("\r\n")
    .slice(1)
    .map((line): readonly [string, string] => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    })
    .filter(([name]) => name.toLowerCase() !== "content-length");
}

function finish(
  options: Options,
  rounds: number,
  servers: ReadonlyMap<ServerName, CacheServer>,
  { rows, collapsed, dead }: Found,
): void {
  const gates = [...judgeRows(rows), ...gatesOfMoments(collapsed, dead)];
  for (const { name } of CELLS) {
    console.log(`\n${name}`);
    console.table(Object.fromEntries(rows.filter(({ cell }) => cell === name).map(shown)));
  }
  console.log("\nrequests upstream of 1,000 cold ones at once");
  console.table(Object.fromEntries([...collapsed].map(([name, count]) => [LABELS[name], count])));
  console.log("\nto reach");
  console.table(gates.map(shownGate));
  const report = {
    bench: "cache",
    isQuick: options.quick === true,
    rounds,
    servers: [...servers.keys()],
    cpu: os.cpus()[0]?.model ?? "",
    cores: os.cpus().length,
    node: process.version,
    rows,
    collapsed: Object.fromEntries(collapsed),
    dead,
    gates,
  };
  const file = path.resolve(REPOSITORY, options.out);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
}

function shown(row: Row): [string, Record<string, string>] {
  const { server, cpuUs, cpuRatio, perS, rateRatio, p50Ms, p99Ms } = row;
  return [
    LABELS[server],
    {
      "CPU us": cpuUs.toFixed(1),
      "x CPU": cpuRatio.toFixed(2),
      "a second": perS.toFixed(0),
      "x rate": rateRatio.toFixed(2),
      "p50 ms": p50Ms.toFixed(2),
      "p99 ms": p99Ms.toFixed(2),
    },
  ];
}

function shownGate({ name, found, bound, isMost, isMet }: Gate): Record<string, string> {
  const to = `${isMost ? "at most" : "at least"} ${bound}`;
  return { figure: name, found: found.toFixed(3), "to reach": to, met: isMet ? "yes" : "no" };
}

await runCommand(main);
