// Does the bench of ingest still work? A short run without the peers measures every cell, weighs what
// is on disk and reports it; what cannot be run is said in a line.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { CELLS, CONTESTANTS, orderOf } from "../../bench/ingest/contestants.ts";
import { parseReport } from "../../bench/ingest/fsyncs.ts";
import { GATES } from "../../bench/ingest/gates.ts";
import { judge, rowOf } from "../../bench/ingest/report.ts";
import { median, percentile } from "../../bench/ingest/statistics.ts";
import { runTool } from "../support/run-tool.ts";

const RUN_MS_MAX = 60_000;
const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-"));
after(() => rmSync(dir, { recursive: true, force: true }));

interface Report {
  readonly rows: readonly Record<string, unknown>[];
  readonly disk: readonly { readonly bytesPerReading: number }[];
  readonly gates: readonly { readonly isMet: boolean | null }[];
}

test("npm run bench:ingest -- --quick --only skerry measures every cell", async () => {
  const out = path.join(dir, "ingest.json");
  const args = ["--quick", "--only", "skerry", "--out", out];
  const { exitCode, output } = await runTool("bench/ingest.ts", args, RUN_MS_MAX);
  assert.equal(exitCode, 0, output);
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual(JSON.parse(readFileSync(out, "utf8")), last);
  const ours = CONTESTANTS.filter(({ server }) => server === "skerry");
  assert.equal(last.rows.length, CELLS.length * ours.length);
  for (const row of last.rows) {
    for (const figure of ["readingsPerS", "p50Ms", "p99Ms", "cpuUs"])
      assert.ok(
        Number(row[figure]) > 0,
        `${String(row["cell"])}: ${figure} is ${String(row[figure])}`,
      );
  }
  assert.ok(
    last.disk.every(({ bytesPerReading }) => bytesPerReading > 0.1),
    output,
  );
  // Without the peers nothing can be compared, and that is not taken for success.
  assert.ok(last.gates.length > 0 && last.gates.every(({ isMet }) => isMet === null));
});

test("what cannot be run is one line, with exit code 1", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--only", "mysql"], /^There is no system "mysql": use skerry, .*\n$/],
    [["--rounds", "0"], /^--rounds 0 does not do: .*\n$/],
  ];
  for (const [args, said] of wrong) {
    const { exitCode, output } = await runTool("bench/ingest.ts", args, RUN_MS_MAX);
    assert.equal(exitCode, 1);
    assert.match(output, said);
  }
});

test("medians, percentiles, the report of strace and the rounds' order are right", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
  assert.deepEqual([percentile([5, 1, 4, 2, 3], 0.5), percentile([1, 2], 0.99)], [3, 2]);
  const strace = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 90.00    0.002000           4       512         2 fdatasync
 10.00    0.000100          50         3           fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.002100           4       515         2 total
`;
  assert.equal(parseReport(strace), 515);
  const orders = [0, 1, 2, 3].map((round) => orderOf(CONTESTANTS, round));
  const firsts = orders.map(([first]) => `${first?.cell.name ?? ""} ${first?.contestant.id ?? ""}`);
  assert.equal(new Set(firsts).size, firsts.length);
  assert.ok(orders.every((order) => new Set(order).size === CELLS.length * CONTESTANTS.length));
});

test("a gate is met only by the figures that it asks for", () => {
  const [ours, theirs] = ["skerry-http", "influx-wide"].map((id) =>
    CONTESTANTS.find((contestant) => contestant.id === id),
  );
  assert.ok(ours !== undefined && theirs !== undefined);
  const sample = {
    readingsPerS: 100,
    p50Ms: 1,
    p99Ms: 10,
    cpuUs: 1,
    clientShare: 0.1,
    bytesPerReading: 9,
  };
  const half = { ...sample, p99Ms: 4, cpuUs: 1.5 };
  const rows = [
    rowOf("16x1000", ours, [half, half, sample], 0.2),
    rowOf("16x1000", theirs, [sample], null),
  ];
  const met = judge(rows, GATES).filter(({ isMet }) => isMet === true);
  const missed = judge(rows, GATES).filter(({ isMet }) => isMet === false);
  assert.deepEqual(
    met.map(({ found }) => found),
    [0.4, 1],
  );
  assert.deepEqual(
    missed.map(({ found }) => found),
    [1.5],
  );
});
