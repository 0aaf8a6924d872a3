// Does the bench of draining still work? A small backlog drains, nothing is lost or counted twice, and
// the lags are measured.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { runTool } from "../support/run-tool.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const RUN_MS_MAX = 120_000;

interface Lags {
  readonly batches: number;
  readonly p50Ms: number;
}
interface Report {
  readonly backlog: number;
  readonly missing: number;
  readonly tooMany: number;
  readonly live: Lags;
  readonly atRest: Lags;
}

test("npm run bench:drain -- --backlog 200000 counts everything once and measures the lags", async () => {
  const out = path.join(dir, "drain.json");
  const args = ["--backlog", "200000", "--rest", "1", "--out", out];
  const { output } = await runTool("bench/drain.ts", args, RUN_MS_MAX);
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual(JSON.parse(readFileSync(out, "utf8")), last);
  assert.deepEqual([last.backlog, last.missing, last.tooMany], [200_000, 0, 0], output);
  for (const { batches, p50Ms } of [last.live, last.atRest]) assert.ok(batches > 0 && p50Ms > 0);
});

test("what cannot be run is one line, with exit code 1", async () => {
  const { exitCode, output } = await runTool("bench/drain.ts", ["--devices", "0"], RUN_MS_MAX);
  assert.equal(exitCode, 1);
  assert.match(output, /^--devices 0 is not a whole number from 1 to 100\n$/);
});
