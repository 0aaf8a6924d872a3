// For how long is a target that failed left alone, and what ends it?

import assert from "node:assert/strict";
import { test } from "node:test";
import { SparedTargets } from "../../../../edge/routing/spared-targets.ts";

const open = (): SparedTargets =>
  new SparedTargets({ firstMs: 1_000, sparedMs: 10_000, targetsMax: 2 });

test("a target is left alone shortly after one failure, and longer after more", () => {
  const spared = open();
  assert.equal(spared.rest("a", 0), null);
  spared.note("a", "origin-error", 100);
  assert.deepEqual(spared.rest("a", 300), { reason: "origin-error", restMs: 800 });
  assert.equal(spared.rest("a", 1_100), null);
  assert.deepEqual(spared.look("a", 1_100), { reason: "origin-error", isDue: true });
  spared.note("a", "origin-timeout", 1_100);
  assert.deepEqual(spared.rest("a", 1_100), { reason: "origin-timeout", restMs: 10_000 });
});

test("whoever takes the turn leaves the target alone for the others", () => {
  const spared = open();
  spared.note("a", "origin-error", 0);
  assert.equal(spared.take("a", 1_000)?.isDue, true);
  assert.equal(spared.take("a", 1_000)?.isDue, false);
  assert.deepEqual(spared.rest("a", 1_500), { reason: "origin-error", restMs: 500 });
});

test("a clock that stepped back spares nothing for longer; an answer ends it", () => {
  const spared = open();
  spared.note("a", "origin-error", 5_000);
  assert.equal(spared.rest("a", 4_000), null);
  assert.equal(spared.look("a", 4_000)?.isDue, true);
  spared.forget("a");
  assert.equal(spared.rest("a", 5_000), null);
});
