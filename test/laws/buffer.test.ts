// Goal: what a hub gives up when its buffer is full is counted as exactly as what it keeps: accepted =
// counted at the origin, quarantined or not, + thinned + in gap records (P1, P2), under every policy.
// Method: random posts into a full buffer, out of order, ahead of time and twice, lost requests and
// answers, crashes, wrong clocks, on the real store and origin; then all is delivered.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_QUOTA, type BufferPolicy, type BufferQuota } from "../../edge/buffer/quota.ts";
import { FullBuffer, step } from "../support/full-buffer.ts";

const POLICIES: readonly BufferPolicy[] = ["reject", "thin", "drop-oldest", "drop-newest"];
const SEED = 20_261_121;

for (const policy of POLICIES)
  test(`P1 P2 ${policy}: accepted = present + thinned + gapped, under kill, duplicate, reorder, skew and a full buffer`, async () => {
    const seen = { refused: 0, counted: 0, thinned: 0, gapped: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const world = new FullBuffer({ ...QUOTA, policy });
        for (const current of steps) await world.take(current);
        const found = await world.settle();
        assert.equal(found.counted + found.thinned + found.gapped, world.accepted);
        assert.equal(found.quarantined, world.region.store.account().quarantined);
        if (policy === "thin") assert.deepEqual([found.gapped, found.sum], [0, world.sum]);
        if (policy === "reject") assert.equal(found.thinned + found.gapped, 0);
        for (const key of ["counted", "thinned", "gapped"] as const) seen[key] += found[key];
        seen.refused += world.refused;
      }),
      // A planted mistake is to be found, not to be made small.
      { numRuns: 60, seed: SEED, endOnFailure: process.env["PLANT"] !== undefined },
    );
    assertHappened(policy, seen);
  });

/** Small enough that a few posts fill it. */
const QUOTA: BufferQuota = { ...DEFAULT_QUOTA, bytesMax: 900 };

function assertHappened(
  policy: BufferPolicy,
  seen: Readonly<Record<"refused" | "counted" | "thinned" | "gapped", number>>,
): void {
  const text = JSON.stringify(seen);
  assert.ok(seen.counted > 200, text);
  assert.ok(policy !== "reject" || seen.refused > 50, text);
  assert.equal(seen.thinned > 200, policy === "thin", text);
  assert.equal(seen.gapped > 200, policy.startsWith("drop"), text);
}
