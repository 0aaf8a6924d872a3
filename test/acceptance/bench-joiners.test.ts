// Does the bench of joiners still work? A few rounds, each with one request to the upstream.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { runTool } from "../support/run-tool.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const RUN_MS_MAX = 120_000;

interface Summary {
  readonly p50Ms: number;
  readonly lastMs: number;
}
interface Report {
  readonly joiners: number;
  readonly rounds: number;
  readonly behindTheFirst: Summary;
  readonly ofHits: Summary;
}

test("npm run bench:joiners -- --rounds 3 measures joiners and hits", async () => {
  const out = path.join(dir, "joiners.json");
  const { exitCode, output } = await runTool(
    "bench/joiners.ts",
    ["--rounds", "3", "--out", out],
    RUN_MS_MAX,
  );
  assert.equal(exitCode, 0, output);
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual(JSON.parse(readFileSync(out, "utf8")), last);
  assert.deepEqual([last.joiners, last.rounds], [50, 3]);
  for (const { p50Ms, lastMs } of [last.behindTheFirst, last.ofHits])
    assert.ok(p50Ms > 0 && lastMs >= p50Ms);
});
