// One workload on one system, in a process of its own: `run-one.ts SYSTEM WORKLOAD full|quick`. Its
// last line on standard output is JSON; progress goes to standard error.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { runCommand } from "../../tools/terminal.ts";
import { Anatomy } from "./anatomy.ts";
import { CONTESTANTS, WORKLOADS, type WorkloadId } from "./contestants.ts";
import { FULL, QUICK } from "./sizes.ts";
import { Stage } from "./stage.ts";

async function main(): Promise<void> {
  const [, , id, workload = "", size] = process.argv;
  const contestant = CONTESTANTS.find((each) => each.id === id);
  const run = WORKLOADS[workload as WorkloadId];
  if (contestant === undefined || run === undefined)
    throw new Error(`There is no system ${id}, or no workload ${workload}`);
  const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-sync-"));
  try {
    const { open } = await contestant.load();
    const anatomy = new Anatomy();
    const sizes = size === "quick" ? QUICK : FULL;
    const { quantumMs } = contestant;
    const stage = new Stage(open, { dir, quantumMs }, sizes, {
      tick: (step) => process.stderr.write(`${step}\n`),
      look: ({ bytes }) => {
        if (contestant.isPlain && typeof bytes !== "number") anatomy.look(bytes);
      },
    });
    const figures = await run(stage);
    const told = stage.close();
    const { maxRSS } = process.resourceUsage();
    const parts = contestant.isPlain && anatomy.parts.entries > 0 ? anatomy.parts : null;
    console.log(
      JSON.stringify({ figures: { ...figures, ...told, rssBytes: maxRSS * 1024 }, parts }),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (import.meta.main) await runCommand(main);
