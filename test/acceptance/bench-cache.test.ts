// Do the benches of the cache still work? Each cell has a figure for each system, hits are hits, and what
// does not depend on the machine is as it has to be.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { CELLS } from "../../bench/cache/cells.ts";
import { runTool } from "../support/run-tool.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const RUN_MS_MAX = 240_000;

interface Report {
  readonly rows: readonly {
    readonly cell: string;
    readonly cpuUs: number;
    readonly perS: number;
  }[];
  readonly collapsed: Readonly<Record<string, number>>;
  readonly dead: { readonly probes: number };
}

test("npm run bench:cache -- --quick --no-peers measures every cell, and collapses", async () => {
  const out = path.join(dir, "cache.json");
  const args = ["--quick", "--no-peers", "--out", out];
  const { output } = await runTool("bench/cache.ts", args, RUN_MS_MAX);
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual(JSON.parse(readFileSync(out, "utf8")), last);
  assert.deepEqual(
    [...new Set(last.rows.map(({ cell }) => cell))],
    CELLS.map(({ name }) => name),
  );
  for (const { cell, cpuUs, perS } of last.rows) assert.ok(cpuUs > 0 && perS > 0, cell);
  assert.equal(last.collapsed["skerry"], 1, output);
  assert.ok(last.dead.probes < 1, output);
});

test("npm run bench:eviction -- --requests 400000 compares all policies on six workloads", async () => {
  const out = path.join(dir, "eviction.json");
  const args = ["--requests", "400000", "--objects", "100000", "--out", out];
  const { output } = await runTool("bench/eviction.ts", args, RUN_MS_MAX);
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as {
    readonly ran: readonly unknown[];
    readonly workloads: readonly { readonly pointsBehindBest: number }[];
  };
  assert.deepEqual([last.ran.length, last.workloads.length], [36, 6]);
  for (const { pointsBehindBest } of last.workloads) assert.ok(pointsBehindBest <= 2, output);
});
