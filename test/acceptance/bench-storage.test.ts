// Does the bench of storage still work? A small fleet is stored and weighed, and what cannot be run is
// said.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { runTool } from "../support/run-tool.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const RUN_MS_MAX = 120_000;

interface Report {
  readonly results: readonly {
    readonly name: string;
    readonly readings: number;
    readonly fileBytes: number;
    readonly restartMs: number | null;
  }[];
}

test("npm run bench:storage -- 20000 weighs every fleet, and the boat", async () => {
  const out = path.join(dir, "storage.json");
  const { output } = await runTool("bench/storage.ts", ["20000", "--out", out], RUN_MS_MAX);
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual(JSON.parse(readFileSync(out, "utf8")), last);
  const names = last.results.map(({ name }) => name);
  assert.deepEqual(names, ["boat", "fleet", "fleet, defaults", "offline"], output);
  for (const { readings, fileBytes } of last.results)
    assert.ok(readings >= 20_000 && fileBytes > 0);
  assert.ok((last.results.at(-1)?.restartMs ?? 0) > 0);
});

test("what cannot be run is one line, with exit code 1", async () => {
  const { exitCode, output } = await runTool("bench/storage.ts", ["many"], RUN_MS_MAX);
  assert.equal(exitCode, 1);
  assert.match(output, /^readings many is not a whole number from 1000 to 100000000\n$/);
});

test("--help says what it measures and what it takes", async () => {
  const { exitCode, output } = await runTool("bench/storage.ts", ["--help"], RUN_MS_MAX);
  assert.equal(exitCode, 0);
  assert.match(output, /readings of the fleet/);
});
