// Does anything get lost or counted twice when processes are killed again and again?
//
// Goal: P1 and P2 with kill -9 of the edge and of the origin, at random moments under load.
// Method: `npm run kills` with fewer kills; with the origin there, then away with a backlog.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { KillsResult } from "../../tools/kills/run.ts";
import { runTool } from "../support/run-tool.ts";

const LIMIT_MS = 180_000;

for (const [what, options] of [
  ["20 kills of the edge, 4 of the origin", ["--kills", "20"]],
  ["5 kills while readings wait", ["--kills", "5", "--backlog", "100000", "--connections", "4"]],
] as const)
  test(`${what}: nothing acknowledged is lost, nothing is counted twice`, async () => {
    const args = [...options];
    const { exitCode, output } = await runTool("tools/kills.ts", args, LIMIT_MS);
    const last = output.trim().split("\n").at(-1) ?? "";
    assert.equal(exitCode, 0, output.slice(-2_000));
    const { held, lost, countedTwice, kills } = JSON.parse(last) as KillsResult & { held: boolean };
    assert.deepEqual({ held, lost, countedTwice }, { held: true, lost: 0, countedTwice: 0 });
    assert.equal(kills, Number(options[1]));
    console.log(last);
  });
