// npm run kills: does anything get lost or counted twice when the edge is killed again and again?
// Ends with 1 if so.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { runKills, type KillsResult } from "./kills/run.ts";
import { DEFAULT_REGIONS } from "./launcher/regions.ts";
import { openWorld } from "./launcher/world.ts";
import { parseCount, runCommand, say } from "./terminal.ts";

const MOST = 100_000_000;

/** Tells whether every acknowledged reading is there, once. */
export function hasHeld({ lost, countedTwice, wrongSums, repeated }: KillsResult): boolean {
  return lost === 0 && countedTwice === 0 && wrongSums === 0 && repeated > 0;
}

async function main(): Promise<void> {
  const program = new Command("kills")
    .description(
      "Kills the edge (SIGKILL) while devices post and repeat, every fifth time the origin too, and compares what the origin counts with what was acknowledged.",
    )
    .option("--kills <count>", "how often", "300")
    .option("--connections <count>", "devices that post at the same time", "16")
    .option("--batch <readings>", "readings of a batch", "100")
    .option(
      "--backlog <readings>",
      "readings that wait at the edge meanwhile, its origin away",
      "0",
    )
    .parse();
  const options = program.opts<Record<"kills" | "connections" | "batch" | "backlog", string>>();
  const kills = parseCount("--kills", options.kills, 1, MOST);
  const connections = parseCount("--connections", options.connections, 1, MOST);
  const readingsPerBatch = parseCount("--batch", options.batch, 1, MOST);
  const backlog = parseCount("--backlog", options.backlog, 0, MOST);
  const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-kills-"));
  try {
    const regions = DEFAULT_REGIONS.slice(0, 1);
    await using world = await openWorld({ stateDir, basePort: 0, regions, onProgress: say });
    const result = await runKills(world, { kills, connections, readingsPerBatch, backlog, say });
    const held = hasHeld(result);
    say(held ? "Every acknowledged reading is there, once" : "Not what was acknowledged");
    console.log(JSON.stringify({ held, ...result }));
    if (!held) process.exitCode = 1;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

if (import.meta.main) await runCommand(main);
