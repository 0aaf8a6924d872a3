// When is a hub's buffer announced, slowed and closed, and when may who was refused come back?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  admissionOf,
  DEFAULT_QUOTA,
  fillOf,
  retryAfterS,
  type Admission,
  type BufferPolicy,
  type BufferQuota,
} from "../../../../edge/buffer/quota.ts";
import { limits } from "../../../../edge/limits.ts";

const NOW = 1_790_000_000_000;
const quota: BufferQuota = { ...DEFAULT_QUOTA, bytesMax: 1_000 };

function at(bytes: number, chance: number, policy: BufferPolicy = "reject"): Admission {
  return admissionOf({ bytes, oldestMs: NOW }, { ...quota, policy }, NOW, 10, chance);
}

test("fillOf() is by bytes or by age, whichever is more", () => {
  const use = { bytes: 100, oldestMs: NOW - 30_000 };
  assert.equal(fillOf(use, quota, NOW), 0.1);
  assert.equal(fillOf(use, { ...quota, ageMsMax: 60_000 }, NOW), 0.5);
  assert.equal(fillOf({ bytes: 0, oldestMs: null }, { ...quota, ageMsMax: 1 }, NOW), 0);
  // A clock that was set back makes nothing older than new.
  assert.equal(fillOf({ ...use, oldestMs: NOW + 9 }, { ...quota, ageMsMax: 1 }, NOW), 0.1);
});

test("admissionOf() refuses nobody below 85 %, some up to 95 %, then everybody", () => {
  assert.equal(at(849, 0).kind, "admitted");
  assert.equal(at(900, 0.49).kind, "buffer-high");
  assert.equal(at(900, 0.51).kind, "admitted");
  assert.equal(at(949, 0.98).kind, "buffer-high");
  for (const chance of [0, 0.5, 0.999_999]) assert.equal(at(950, chance).kind, "buffer-full");
});

test("admissionOf() leaves room for what a policy sheds, and refuses where shedding made none", () => {
  assert.equal(at(949, 0, "drop-oldest").kind, "admitted");
  assert.equal(at(950, 0.5, "drop-oldest").kind, "buffer-full");
});

test("P8 Retry-After is what the drain needs, from 1 to 300 seconds, a fifth either way", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (bytes, perS, chance) => {
        const waitS = retryAfterS(bytes, perS, chance);
        assert.ok(Number.isInteger(waitS) && waitS >= 1 && waitS <= limits.bufferRetrySMax);
        const exact = perS > 0 ? bytes / perS : Infinity;
        if (exact < 200) assert.ok(waitS <= Math.ceil(exact * 1.2) + 1 && waitS >= exact * 0.8);
      },
    ),
  );
  assert.deepEqual([retryAfterS(1_000, 10, 0), retryAfterS(1_000, 10, 0.999_999)], [80, 120]);
  assert.equal(retryAfterS(1_000, 0, 0.5), 300);
  const full = at(950, 0.5);
  assert.ok(
    full.kind === "buffer-full" && full.waitS >= 8 && full.waitS <= 12,
    "100 bytes at 10 a second",
  );
});
