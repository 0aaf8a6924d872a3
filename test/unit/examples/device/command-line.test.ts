// Is a wrong command line named, and does the help name every option?

import assert from "node:assert/strict";
import { test } from "node:test";
import { depthAt, Instruments } from "../../../../examples/device/measure.ts";
import { HELP, parseCommandLine, UsageError } from "../../../../examples/device/options.ts";

const SOUND = ["--device", "boat-1", "--edge", "http://localhost:8787"];

test("a short command line is enough, and edges keep their order", () => {
  const told = parseCommandLine([...SOUND, "--edge", "https://far.example"]);
  assert.deepEqual(told?.edges, ["http://localhost:8787", "https://far.example"]);
  assert.equal(told.folder, ".state/device-boat-1");
  assert.equal(told.whenFull, "refuse");
  assert.equal(parseCommandLine(["--help"]), null);
});

for (const wrong of [
  [],
  ["--device", "a/b", "--edge", "http://x"],
  ["--device", "boat-1"],
  [...SOUND, "--edge", "ftp://x"],
  [...SOUND, "--edge", "x"],
  [...SOUND, "--period", "0"],
  [...SOUND, "--batch", "10001"],
  [...SOUND, "--age", "1e3"],
  [...SOUND, "--when-full", "panic"],
  [...SOUND, "--fast"],
]) {
  test(`refused: ${wrong.join(" ")}`, () => {
    assert.throws(() => parseCommandLine(wrong), UsageError);
  });
}

test("the help names the options, and their defaults are the ones that are taken", () => {
  const told = parseCommandLine(SOUND);
  assert.match(HELP, new RegExp(`--period MS .*\\(${told?.periodMs}\\)`));
  assert.match(HELP, new RegExp(`--batch N .*\\(${told?.batchReadings}\\)`));
  assert.match(HELP, new RegExp(`--buffer-bytes N .*\\(${told?.bufferBytesMax}\\)`));
  assert.match(HELP, new RegExp(`--timeout MS .*\\(${told?.requestTimeoutMs}\\)`));
  assert.match(HELP, new RegExp(`--retry-max MS .*\\(${told?.retryMsMax}\\)`));
  assert.match(HELP, new RegExp(`--grace MS .*\\(${told?.graceMs}\\)`));
});

test("what is measured is within its bounds", () => {
  const { cpu_load = -1, memory_used = -1, depth_m = -1 } = new Instruments().measure(Date.now());
  assert.ok(cpu_load >= 0 && cpu_load <= 1);
  assert.ok(memory_used > 0 && memory_used < 1);
  assert.ok(depth_m > 0);
  for (let minute = 0; minute < 1_000; minute += 1) {
    const depth = depthAt(minute * 60_000, 0);
    assert.ok(depth > 3 && depth < 21, `${depth} m`);
  }
});
