// Are the readings that an edge refused found, and are none thrown away that it did not name?

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { pickReadings, setAside } from "../../../../examples/device/skerry-device/set-aside.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-aside-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const BATCH = { boot: "b", seq: 1, t: [10, 20], series: { a: [1, null], b: [2, 3] } };
const ERROR = { stream: "b", index: 1, code: "value-too-fine", message: "" };

test("pickReadings() finds the readings that the errors name", () => {
  assert.deepEqual(pickReadings(BATCH, [ERROR], 1), [
    { stream: "b", timeMs: 20, value: 3, code: "value-too-fine" },
  ]);
});

test("pickReadings() takes all when the errors do not name each one", () => {
  assert.equal(pickReadings(BATCH, [ERROR], 2).length, 3);
  assert.equal(pickReadings(BATCH, [{ code: "too-many-streams", message: "" }], 1).length, 3);
});

test("setAside() adds a line, until the file has no room", () => {
  const file = path.join(dir, "aside.ndjson");
  const readings = pickReadings(BATCH, [], 3);
  assert.ok(setAside(file, { at: "now", why: "422", readings }));
  assert.equal(setAside(file, { at: "now", why: "x".repeat(5_000_000), readings }), false);
  assert.ok(setAside(file, { at: "now", why: "413", readings }));
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { why: string }).why),
    ["422", "413"],
  );
});
