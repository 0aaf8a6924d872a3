// Does the log hold what it says it has kept: after a restart, a torn end, damage, and when full?

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { nameOf, type Batch } from "../../../../examples/device/skerry-device/batch.ts";
import { BatchLog } from "../../../../examples/device/skerry-device/batch-log.ts";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "skerry-log-"));
after(() => fs.rmSync(dir, { recursive: true, force: true }));
let files = 0;
const newFile = () => path.join(dir, `${(files += 1)}.log`);
const batch = (seq: number, rows = 3): Batch => {
  const t = Array.from({ length: rows }, (_, at) => seq * 1000 + at);
  return { boot: "b1", seq, t, series: { depth_m: t.map(() => seq / 10) } };
};
const open = (file: string, bytesMax = 65_536, whenFull: "refuse" | "drop-oldest" = "refuse") =>
  new BatchLog({ file, bytesMax, whenFull });

/** Takes everything out, the oldest first. */
function drain(log: BatchLog): string[] {
  const names: string[] = [];
  for (let next = log.oldest(); next !== null; next = log.oldest()) {
    names.push(nameOf(next));
    log.settle(nameOf(next));
  }
  return names;
}

test("a batch is read back as it was kept, by another process too", () => {
  const file = newFile();
  const first = open(file);
  for (const seq of [1, 2, 3]) assert.ok(first.keep(batch(seq)));
  first.settle("b1/2");
  assert.deepEqual(first.oldest(), batch(1));
  // No close(): that is what a kill leaves.
  const second = open(file);
  assert.deepEqual([second.batches, second.readings, second.tornBytes], [2, 6, 0]);
  assert.deepEqual(drain(second), ["b1/1", "b1/3"]);
  second.close();
  assert.equal(fs.statSync(file).size, 0);
});

test("a log that is cut anywhere has all batches whose lines are whole, and takes new ones", () => {
  const whole = newFile();
  const log = open(whole);
  const ends = [1, 2, 3].map((seq) => {
    log.keep(batch(seq));
    return fs.statSync(whole).size;
  });
  const bytes = fs.readFileSync(whole);
  for (let length = 0; length <= bytes.length; length += 3) {
    const file = newFile();
    fs.writeFileSync(file, bytes.subarray(0, length));
    const held = ends.filter((end) => end <= length).length;
    const cut = open(file);
    assert.equal(cut.batches, held);
    assert.equal(cut.tornBytes, length - (ends[held - 1] ?? 0));
    assert.ok(cut.keep(batch(9)));
    cut.close();
    assert.equal(open(file).batches, held + 1);
  }
});

test("a damaged line costs that line alone, and is told", () => {
  const file = newFile();
  const log = open(file);
  for (const seq of [1, 2, 3]) log.keep(batch(seq));
  const bytes = fs.readFileSync(file);
  const at = bytes.indexOf('"seq":2') + 6;
  bytes[at] = 0x37;
  fs.writeFileSync(file, bytes);
  const again = open(file);
  assert.equal(again.damagedLines, 1);
  assert.deepEqual(drain(again), ["b1/1", "b1/3"]);
});

test("refuse: a full log keeps what it has and counts what it refuses, over restarts", () => {
  const file = newFile();
  const log = open(file, 2_000);
  const kept = Array.from({ length: 60 }, (_, seq) => log.keep(batch(seq))).filter(Boolean).length;
  assert.ok(kept > 5 && kept < 60);
  assert.equal(log.refused, (60 - kept) * 3);
  assert.ok(fs.statSync(file).size < 2 * 2_000 + 100, "the file is bounded");
  const again = open(file, 2_000);
  assert.equal(again.refused, (60 - kept) * 3);
  assert.equal(drain(again).length, kept);
  assert.ok(again.keep(batch(99)), "there is room again");
});

test("drop-oldest: the newest are kept, the one that is being sent too, and the rest is counted", () => {
  const file = newFile();
  const log = open(file, 2_000, "drop-oldest");
  for (let seq = 1; seq <= 60; seq += 1) assert.ok(log.keep(batch(seq), "b1/1"));
  assert.equal(log.refused, (60 - log.batches) * 3);
  const again = open(file, 2_000, "drop-oldest");
  assert.equal(again.refused, log.refused);
  const names = drain(again);
  assert.equal(names.length, log.batches);
  assert.equal(names[0], "b1/1");
  assert.equal(names.at(-1), "b1/60");
});

test("a batch that is larger than the buffer is refused and drops nothing", () => {
  const log = open(newFile(), 2_000, "drop-oldest");
  log.keep(batch(1));
  assert.equal(log.keep(batch(2, 500)), false);
  assert.deepEqual([log.batches, log.refused], [1, 500]);
});

test("the file stays bounded while batches come and go", () => {
  const file = newFile();
  const log = open(file, 4_000);
  for (let seq = 1; seq <= 500; seq += 1) {
    assert.ok(log.keep(batch(seq)));
    if (seq > 5) log.settle(nameOf(log.oldest() ?? batch(0)));
    assert.ok(fs.statSync(file).size < 2 * 4_000 + 200);
  }
  assert.equal(drain(open(file, 4_000)).length, 5);
});

test("replace() keeps others in a batch's place", () => {
  const file = newFile();
  const log = open(file);
  log.keep(batch(1));
  assert.ok(log.replace("b1/1", [batch(2), batch(3)]));
  assert.deepEqual(drain(open(file)), ["b1/2", "b1/3"]);
});
