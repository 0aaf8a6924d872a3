// npm run simulate: does it hold under load? A fleet of devices posts to running edges, and in the
// end the origin's totals must equal what they acknowledged; exit status 1 if not.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { readKeys, type Keys } from "./launcher/keys.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { LOOPBACK, PORT_MAX } from "./launcher/ports.ts";
import { DEFAULT_REGIONS } from "./launcher/regions.ts";
import { openWorld, worldPorts } from "./launcher/world.ts";
import type { FleetPlan } from "./simulate/fleet.ts";
import { run, type RunPlan } from "./simulate/run.ts";
import { formatSummary, hasHeld } from "./simulate/summary.ts";
import { parsePort, runCommand, say } from "./terminal.ts";

interface Options {
  readonly devices: string;
  readonly rate: string;
  readonly seconds: string;
  readonly batch: string;
  readonly duplicates: string;
  readonly connections: string;
  readonly transport: string;
  readonly edges?: string;
  readonly origin?: string;
  readonly port: string;
  readonly state: string;
  readonly keys?: string;
  readonly world?: true;
}

/** What is asked of the fleet and of the run. */
type Ask = Omit<FleetPlan, "edges" | "prefix"> &
  Pick<RunPlan, "durationMs" | "connections" | "transport">;

/** The edges and the origin that a fleet sends to. */
interface Target {
  readonly edges: readonly string[];
  readonly originUrl: string;
  readonly keys: Keys;
}

const ANSWER_MS_MAX = 5_000;

const program = new Command("simulate")
  .description(
    "Drives a fleet of simulated devices against running edges, and compares the origin's totals.",
  )
  .option("--devices <n>", "how many devices", "1000")
  .option("--rate <n>", "readings a second, of all devices together", "2000")
  .option("--seconds <n>", "how long they send", "30")
  .option("--batch <n>", "readings of a batch", "20")
  .option("--duplicates <p>", "the share of batches that is sent again though answered", "0.05")
  .option("--connections <n>", "requests at the same time", "64")
  .option("--transport <way>", "http, or ws: a WebSocket a device (skerry.ingest.1)", "http")
  .option("--edges <urls>", "edges, separated by commas; otherwise those of npm start")
  .option("--origin <url>", "the origin; otherwise that of npm start")
  .option("--port <port>", "the first port of npm start", "8787")
  .option("--state <folder>", "the state folder of npm start, with its keys", ".state/start")
  .option("--keys <file>", "the key file of other edges: keys.json or the origin's .dev.vars")
  .option("--world", "start a world for the time of the run")
  .addHelpText(
    "after",
    `
Each device has a period with jitter and a clock of its own, some of them wrong by up to 30 s; a
fifth of them roam between the edges. Ctrl-C ends the sending early and compares what was sent.
The last line of the output is JSON; the exit code is 1 if a total is not what was accepted.`,
  )
  .parse();

async function main(): Promise<void> {
  const options = program.opts<Options>();
  const ask = parseAsk(options);
  if (options.world !== true) return simulate(ask, await findTarget(options));
  const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-simulate-"));
  // Also after Ctrl-C, which ends the world and this process.
  process.once("exit", () => rmSync(stateDir, { recursive: true, force: true }));
  await using world = await openWorld({ stateDir, basePort: 0, onProgress: say });
  const edges = world.regions.map(({ url }) => url);
  await simulate(ask, { edges, originUrl: world.origin.url, keys: world.keys });
}

async function simulate(ask: Ask, target: Target): Promise<void> {
  const { durationMs, connections, transport, ...asked } = ask;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  // Other names for each run: what the origin counts of them is of this run alone.
  const prefix = `sim-${Date.now().toString(36)}`;
  const fleet = { ...asked, edges: target.edges.length, prefix };
  const result = await run({
    ...target,
    fleet,
    durationMs,
    connections,
    transport,
    stop: stop.signal,
    say,
  });
  process.stdout.write(formatSummary(result, ask.devices));
  process.exitCode = hasHeld(result) ? 0 : 1;
}

function parseAsk(options: Options): Ask {
  return {
    devices: parseNumber("devices", options.devices, 1, 50_000),
    rate: parseNumber("rate", options.rate, 1, 1_000_000),
    batchReadings: parseNumber("batch", options.batch, 2, 10_000),
    duplicates: parseNumber("duplicates", options.duplicates, 0, 1),
    durationMs: parseNumber("seconds", options.seconds, 0.1, 86_400) * 1_000,
    connections: parseNumber("connections", options.connections, 1, 10_000),
    transport: parseTransport(options.transport),
  };
}

/** Finds the edges, and makes sure that they answer before a thousand devices ask them. */
async function findTarget(options: Options): Promise<Target> {
  const regions = DEFAULT_REGIONS.length;
  const ports = worldPorts(parsePort(options.port, PORT_MAX - 2 * regions), regions);
  const at = (port: number) => `http://${LOOPBACK}:${port}`;
  const edges =
    options.edges?.split(",").map((url) => url.trim().replace(/\/+$/, "")) ??
    DEFAULT_REGIONS.map((_, index) => at(ports.edge(index)));
  const originUrl = options.origin?.replace(/\/+$/, "") ?? at(ports.origin);
  await Promise.all([...edges, originUrl].map(assertAlive));
  const keys = readKeys(options.keys ?? path.join(options.state, "keys.json"));
  return { edges, originUrl, keys };
}

async function assertAlive(url: string): Promise<void> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new LaunchError(`"${url}" is not a URL: use http://HOST:PORT or https://HOST`);
  }
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const isAlive = await fetch(new URL("/livez", url), { signal }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (isAlive) return;
  throw new LaunchError(
    `Nothing answers at ${url}: run "npm start" in another terminal, or use --world`,
  );
}

function parseTransport(text: string): "http" | "ws" {
  if (text === "http" || text === "ws") return text;
  throw new LaunchError(`--transport ${text} does not do: use http or ws`);
}

function parseNumber(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const isWhole = Number.isInteger(value) || name === "duplicates" || name === "seconds";
  if (value >= min && value <= max && isWhole) return value;
  throw new LaunchError(`--${name} ${text} does not do: use a number from ${min} to ${max}`);
}

await runCommand(main);
