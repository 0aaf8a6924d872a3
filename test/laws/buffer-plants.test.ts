// Goal: the law of the full buffer catches mistakes; one that cannot fail proves nothing. Method: it runs
// as it is over a source with one planted mistake, under the policy where that matters, and has to fail.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plant } from "../../tools/launcher/build.ts";
import { RunningTool, type ToolRun } from "../support/run-tool.ts";

interface BufferPlant extends Plant {
  readonly breaks: string;
  readonly policy: string;
}

const PLANTS: readonly BufferPlant[] = [
  {
    breaks: "what a frame may have held is said to be lost, and the origin holds it",
    policy: "drop-oldest",
    file: "edge/platform/hub-shedding.ts",
    find: 'if (where === "held" || aside.some((entry) => entry.seq === seq)) return [];',
    replace: 'if (where === "held") return [];',
  },
  {
    breaks: "what a frame may have held is given up with the newest",
    policy: "drop-newest",
    file: "edge/platform/hub-shedding.ts",
    find: "kept.add(entries.filter(({ seq }) => seq >= journal.floor).map(packEntry));",
    replace: "kept.add(entries.slice(0, 1).map(packEntry));",
  },
  {
    breaks: "some of what is given up is in no record",
    policy: "drop-newest",
    file: "edge/platform/sql-gaps.ts",
    find: "readings = readings + excluded.readings, unsent = 1",
    replace: "readings = max(readings, excluded.readings), unsent = 1",
  },
  {
    breaks: "minutes that are told twice count twice",
    policy: "thin",
    file: "origin/platform/sql-thinned.ts",
    find: "if (same !== undefined) return false;",
    replace: "if (same !== undefined) return true;",
  },
  {
    breaks: "a hub that was killed forgets what it accepted since its checkpoint",
    policy: "reject",
    file: "edge/platform/hub-memory.ts",
    find: "memory.accounts.written(seq, accountOfEntry(entry.stampMs, batches));",
    replace: "",
  },
];

/** Runs the law under one policy, with a plant. */
async function runLaw(policy: string, plant: Plant): Promise<ToolRun> {
  const law = ["--test-name-pattern", `P1 P2 ${policy}:`, "test/laws/buffer.test.ts"];
  const node = [process.execPath, "--import", "./test/support/planting.ts", ...law];
  // This test's own run is none of its business.
  const run = new RunningTool("env", ["-u", "NODE_TEST_CONTEXT", ...node], {
    PLANT: JSON.stringify(plant),
  });
  return run.end(60_000);
}

for (const { breaks, policy, ...plant } of PLANTS)
  test(`the law catches it under ${policy}: ${breaks}`, async () => {
    const { exitCode, output } = await runLaw(policy, plant);
    assert.equal(exitCode, 1, output);
    assert.match(output, /Property failed after \d+ tests/);
  });
