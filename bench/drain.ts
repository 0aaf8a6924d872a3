// How long does a live reading take to the origin while a backlog drains, and how fast does that
// drain? One region on bare workerd: readings wait at it while its origin is away, then the origin is
// back, and devices go on posting. The last line is JSON, and bench/results/drain.json holds it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { DEFAULT_REGIONS } from "../tools/launcher/regions.ts";
import { openWorld } from "../tools/launcher/world.ts";
import { parseCount, runCommand, say } from "../tools/terminal.ts";
import { runDrain, type DrainResult } from "./drain/run.ts";

const MOST = 100_000_000;
/** Milliseconds that live readings may take to the origin: all but one in a hundred. */
const LIVE_P99_MS_MAX = 2_000;

/** Tells whether live readings kept ahead of the backlog, and nothing was lost or counted twice. */
export function hasHeld({ live, missing, tooMany }: DrainResult): boolean {
  return live.p99Ms <= LIVE_P99_MS_MAX && missing === 0 && tooMany === 0;
}

async function main(): Promise<void> {
  const program = new Command("bench:drain")
    .description(
      "Lets readings wait at an edge whose origin is away, brings the origin back, and measures how long live readings take to it while the backlog drains.",
    )
    .option("--backlog <readings>", "readings that wait", "10000000")
    .option("--devices <count>", "devices that post live readings", "10")
    .option("--every <ms>", "how often each of them posts", "200")
    .option("--rest <seconds>", "how long it is measured with nothing waiting, after that", "10")
    .option("--out <file>", "where the report goes", "bench/results/drain.json")
    .parse();
  const options = program.opts<Record<"backlog" | "devices" | "every" | "rest" | "out", string>>();
  const backlog = parseCount("--backlog", options.backlog, 0, MOST);
  const devices = parseCount("--devices", options.devices, 1, 100);
  const everyMs = parseCount("--every", options.every, 10, 60_000);
  const restMs = parseCount("--rest", options.rest, 1, 3_600) * 1_000;
  const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-drain-"));
  try {
    const regions = DEFAULT_REGIONS.slice(0, 1);
    await using world = await openWorld({ stateDir, basePort: 0, regions, onProgress: say });
    const result = await runDrain(world, { backlog, devices, everyMs, restMs, say });
    const held = hasHeld(result);
    say(held ? "Live readings kept ahead of the backlog" : "Not what was to be reached");
    const [cpu, node] = [os.cpus()[0]?.model ?? "", process.versions.node];
    const document = { bench: "drain", cpu, cores: os.cpus().length, node, held, ...result };
    const file = path.resolve(import.meta.dirname, "..", options.out);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
    console.log(JSON.stringify(document));
    if (!held) process.exitCode = 1;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

if (import.meta.main) await runCommand(main);
