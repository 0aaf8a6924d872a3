// Does the bench of synchronizing still work? A quick run of sync/ alone converges, counts every byte
// of every frame once, and a system that loses something fails or is counted.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { FrequencyModel, subsetBits } from "../../bench/sync/floor-models.ts";
import { judge, type Gate, type Row } from "../../bench/sync/gates.ts";
import { QUICK } from "../../bench/sync/sizes.ts";
import { Stage, type Figures } from "../../bench/sync/stage.ts";
import type { Op, Setting, System } from "../../bench/sync/system.ts";
import { open } from "../../bench/sync/systems/skerry.ts";
import { runChurn } from "../../bench/sync/workloads/churn.ts";
import { runCounters } from "../../bench/sync/workloads/counters.ts";
import { runFleet } from "../../bench/sync/workloads/fleet.ts";
import { runPartition } from "../../bench/sync/workloads/partition.ts";
import { runTool } from "../support/run-tool.ts";

const RUN_MS_MAX = 120_000;
const EDGES = 5;
const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-bench-"));
after(() => rmSync(dir, { recursive: true, force: true }));

interface Report {
  readonly rows: readonly Row[];
  readonly gates: readonly Gate[];
}

test("npm run bench:sync -- --quick --only skerry skerry-plain floor converges and counts every byte", async () => {
  const [out, svg] = [path.join(dir, "sync.json"), path.join(dir, "sync.svg")];
  const args = [
    "--quick",
    "--only",
    "skerry",
    "skerry-plain",
    "floor",
    "--out",
    out,
    "--plot",
    svg,
  ];
  const { exitCode, output } = await runTool("bench/sync.ts", args, RUN_MS_MAX);
  assert.equal(exitCode, 0, output);
  const report = JSON.parse(readFileSync(out, "utf8")) as Report;
  const { rows, gates, ...about } = report;
  const last = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual(last, { ...about, gates });
  assert.ok(gates.every(({ isMet }) => isMet === null));
  const figuresOf = (system: string, workload: string): Figures =>
    rows.find((row) => row.system === system && row.workload === workload)?.figures ?? {};
  // Each edge is heard and told once a round, and what it asks is answered.
  assert.equal(figuresOf("skerry", "W1")["messages"], 4 * EDGES * QUICK.rounds);
  assert.equal(figuresOf("skerry", "W2")["counted"], QUICK.increments);
  assert.equal(figuresOf("skerry", "W4")["keptAdds"], QUICK.concurrentAdds);
  assert.equal(figuresOf("skerry", "W5")["messages"], 2 * QUICK.messages);
  for (const { workload, system, figures, parts } of rows) {
    if (workload === "codec") continue;
    const ours = figures["totalBytes"] ?? 0;
    assert.equal(ours, (figures["upBytes"] ?? 0) + (figures["downBytes"] ?? 0));
    // A better model than the floor's takes less, but not by much.
    assert.ok(ours >= (figuresOf("floor", workload)["totalBytes"] ?? Infinity) * 0.8, workload);
    assert.equal(parts !== null, system === "skerry-plain");
    if (parts === null) continue;
    const { entries, ...bytes } = parts;
    assert.ok(entries > 0);
    const all = Object.values(bytes).reduce((sum, each) => sum + each, 0);
    assert.equal(all, figures["rawBytes"], workload);
  }
  assert.match(readFileSync(svg, "utf8"), /^<svg [\s\S]*W1 fleet[\s\S]*<\/svg>\n$/);
});

test("what cannot be run is one line, with exit code 1", async () => {
  const { exitCode, output } = await runTool("bench/sync.ts", ["--only", "paper"], RUN_MS_MAX);
  assert.equal(exitCode, 1);
  assert.match(output, /^--only paper is not one of floor, skerry, .*\n$/);
});

type Spoil = (system: System) => Partial<System>;

/** Runs a workload on sync/ of which something is spoilt. */
async function runSpoilt(run: (stage: Stage) => Promise<Figures>, spoil: Spoil): Promise<Figures> {
  const opened = (setting: Setting): System => {
    const system = open(setting);
    const spoilt = spoil(system);
    return new Proxy(system, {
      get(target, name: keyof System) {
        const own = spoilt[name] ?? target[name];
        return typeof own === "function" ? own.bind(target) : own;
      },
    });
  };
  const setting = { dir: mkdtempSync(path.join(dir, "spoilt-")), quantumMs: 16 } as const;
  const stage = new Stage(opened, setting, QUICK, { tick: () => undefined, look: () => undefined });
  try {
    return await run(stage);
  } finally {
    stage.close();
  }
}

const isReport = ({ kind }: Op): boolean => kind === "report";

test("a system that loses a write, or counts one twice, fails", async () => {
  const losing: Spoil = (system) => ({
    write: (replica, ops) => system.write(replica, replica === 1 ? ops.slice(1) : ops),
  });
  // The edge that wrote it shows the value before: not one that was written since.
  await assert.rejects(
    runSpoilt(runPartition, (system) => ({
      write: (replica, ops) => system.write(replica, replica === 0 ? ops.slice(1) : ops),
    })),
    /A replica holds .* and not /,
  );
  await assert.rejects(runSpoilt(runFleet, losing), /not one of/);
  const twice: Spoil = (system) => ({
    write: (replica, ops) => system.write(replica, [...ops, ...ops.slice(0, 1)]),
  });
  await assert.rejects(runSpoilt(runCounters, twice), /A replica holds .* and not /);
});

test("a system whose edges do not come to the same fails", async () => {
  const deaf: Spoil = (system) => ({
    down: (edge, nowMs) => (edge === 3 ? [] : system.down(edge, nowMs)),
  });
  await assert.rejects(runSpoilt(runFleet, deaf), /A replica holds .* and not /);
});

test("additions that are lost to removals are counted", async () => {
  const forgetful: Spoil = (system) => ({
    write(replica, ops) {
      const removed = new Set(ops.flatMap((op) => (op.kind === "remove" ? op.id : [])));
      const kept = ops.filter((op) => isReport(op) || op.kind !== "add" || !removed.has(op.id));
      system.write(replica, kept);
    },
  });
  const { keptAdds, concurrentAdds } = await runSpoilt(runChurn, forgetful);
  assert.deepEqual([keptAdds, concurrentAdds], [0, QUICK.concurrentAdds]);
});

test("the floor's models count what theory says", () => {
  // Two of four: one of five numbers, and one of six subsets.
  assert.ok(Math.abs(subsetBits(4, 2) - Math.log2(5 * 6)) < 1e-9);
  const model = new FrequencyModel();
  let bits = 0;
  for (let i = 0; i < 1_000; i += 1) bits += model.bits(7);
  assert.ok(bits < 20, `${bits}`);
});

test("a figure is reached or not, and one that was not measured neither", () => {
  const row = (workload: Row["workload"], system: string, figures: Figures): Row => {
    const isPeer = system !== "skerry";
    return { workload, system, label: system, isPeer, figures, parts: null };
  };
  const rows = [
    row("W1", "skerry", { totalBytes: 600_001, cpuS: 2 }),
    row("W1", "yjs", { totalBytes: 1, cpuS: 4 }),
    row("W4", "skerry", { keptAdds: 725 }),
  ];
  const found = new Map(judge(rows, false).map(({ name, isMet }) => [name, isMet]));
  assert.equal(found.get("W1 bytes"), false);
  assert.equal(found.get("W1 processor time over the fastest peer's"), true);
  assert.equal(found.get("W4 additions kept"), true);
  assert.equal(found.get("W2 bytes"), null);
  assert.ok(judge(rows, true).every(({ isMet }) => isMet === null));
});
