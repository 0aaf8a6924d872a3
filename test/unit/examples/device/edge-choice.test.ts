// Is the preferred edge asked when it can be, another one otherwise, and none too often?

import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeChoice } from "../../../../examples/device/skerry-device/edge-choice.ts";

const BACK_OFF = { firstMs: 100, maxMs: 1_000 };
const open = (random = () => 1) => new EdgeChoice(["near", "far"], BACK_OFF, random);

test("the preferred edge is asked first, and again when its wait is over", () => {
  const edges = open();
  assert.deepEqual(edges.choose(0), { kind: "ask", url: "near" });
  edges.failed("near", 0, null);
  assert.deepEqual(edges.choose(99), { kind: "ask", url: "far" });
  assert.deepEqual(edges.choose(100), { kind: "ask", url: "near" });
});

test("with every edge waiting, the device waits for the first", () => {
  const edges = open();
  edges.failed("near", 0, 5_000);
  edges.failed("far", 0, null);
  assert.deepEqual(edges.choose(40), { kind: "wait", waitMs: 60 });
});

test("the bound doubles up to its maximum, and a success ends it", () => {
  const edges = open();
  const waits = [0, 0, 0, 0, 0, 0].map(() => {
    edges.failed(null, 0, null);
    const choice = edges.choose(0);
    return choice.kind === "wait" ? choice.waitMs : 0;
  });
  assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000]);
  edges.succeeded("far");
  assert.deepEqual(edges.choose(0), { kind: "ask", url: "far" });
});

test("full jitter: the wait is anywhere between nothing and the bound", () => {
  const chances = [0, 0.25, 0.999];
  const edges = new EdgeChoice(["near"], BACK_OFF, () => chances.shift() ?? 0);
  edges.failed("near", 0, null);
  assert.equal(edges.choose(0).kind, "ask");
  edges.failed("near", 0, null);
  assert.deepEqual(edges.choose(0), { kind: "wait", waitMs: 50 });
});

test("what an edge asks for is never cut short", () => {
  const edges = open(() => 0);
  edges.failed(null, 0, 30_000);
  edges.failed("near", 10, null);
  assert.deepEqual(edges.choose(29_999), { kind: "wait", waitMs: 1 });
});
