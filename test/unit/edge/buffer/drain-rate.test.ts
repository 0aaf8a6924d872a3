// How fast does a buffer empty? Observed, and forgotten when nothing moves any more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DrainRate } from "../../../../edge/buffer/drain-rate.ts";

const T0 = 1_790_000_000_000;

test("DrainRate comes to the rate of a steady drain, and to 0 once it stands still", () => {
  const rate = new DrainRate();
  assert.equal(rate.perS(T0), 0);
  for (let s = 0; s < 60; s += 1) rate.add(5_000, T0 + s * 1_000);
  const steady = rate.perS(T0 + 59_000);
  assert.ok(steady > 4_500 && steady < 5_700, String(steady));
  assert.ok(rate.perS(T0 + 79_000) < steady / 5);
  assert.equal(rate.perS(T0 + 300_000), 0);
});

test("DrainRate takes neither a cursor nor a clock that goes back for a drain", () => {
  const rate = new DrainRate();
  rate.add(-9_000, T0);
  assert.equal(rate.perS(T0), 0);
  rate.add(9_000, T0);
  assert.ok(rate.perS(T0 - 60_000) >= rate.perS(T0));
});
