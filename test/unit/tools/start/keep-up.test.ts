// How many deaths of its processes does a start put up with?

import assert from "node:assert/strict";
import { test } from "node:test";
import { DeathCount } from "../../../../tools/start/keep-up.ts";

test("DeathCount admits five deaths within a minute, and more over a longer time", () => {
  const deaths = new DeathCount();
  for (let death = 0; death < 5; death += 1) assert.ok(deaths.admits(death * 1_000));
  assert.ok(!deaths.admits(5_000));
  assert.ok(deaths.admits(120_000));
});
