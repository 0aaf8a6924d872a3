// Goal: no bytes whatever make a decoder throw, hang or take much room, and nothing that a hub
// refuses changes it. Method: mutated vectors with good checksums; `npm run fuzz` runs more of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALLOCATED_PER_BYTE_MAX, fuzz } from "../../tools/fuzz/run.ts";
import { weigh } from "../../tools/fuzz/weigh.ts";
import { runTool } from "../support/run-tool.ts";

const FRAMES = 20_000;

test(`${FRAMES} mutated frames are decoded or refused, and every reason is met`, () => {
  const { reasons, decoded, bytesMaxAllocatedRatio } = fuzz(1, FRAMES);
  assert.ok(decoded > FRAMES / 20, `only ${decoded} were decoded`);
  assert.ok(bytesMaxAllocatedRatio <= ALLOCATED_PER_BYTE_MAX);
  const expected = [
    ...[
      "not-a-frame",
      "unknown-version",
      "wrong-checksum",
      "broken-frame",
      "no-dictionary",
    ].flatMap((reason) => [`up: ${reason}`, `down: ${reason}`]),
    "batches: broken-batch",
    "group: broken",
    "image: broken",
    ...["up", "down", "batches", "group", "image"].map((decoder) => `${decoder}: decoded`),
    ...["open", "unknown", "applied", "at", "unreadable", "unsupported"].map(
      (outcome) => `hub: ${outcome}`,
    ),
  ];
  assert.deepEqual(
    expected.filter((reason) => reasons[reason] === undefined),
    [],
  );
});

test("a seed gives the same cases again", () => {
  assert.deepEqual(fuzz(7, 500).reasons, fuzz(7, 500).reasons);
});

test("room is counted: text by its characters, lists and maps by what is in them", () => {
  const small = weigh({ keys: ["a"] });
  assert.ok(weigh({ keys: ["a".repeat(1_000)] }) >= small + 1_998);
  assert.ok(weigh(Array.from({ length: 1_000 }, (_, i) => i)) >= 8_000);
  assert.ok(weigh(new Map([["a", 1n]])) > 60);
});

test("npm run fuzz ends with one line of figures", async () => {
  const { exitCode, output } = await runTool("tools/fuzz.ts", ["--frames", "2000"], 60_000);
  assert.equal(exitCode, 0, output);
  const figures = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
  assert.equal(figures["frames"], 2_000);
  const wrong = await runTool("tools/fuzz.ts", ["--frames", "many"], 60_000);
  assert.deepEqual([wrong.exitCode, /--frames many/.test(wrong.output)], [1, true]);
});
