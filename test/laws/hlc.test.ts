// Goal: stamps of a replica ascend strictly, also over crashes and clocks that jump; what is
// observed is exceeded; a clock that is ahead is the author's to correct.
// Method: generated runs of ticks, observations, clock jumps and crashes that lose what was not
// stored.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  AHEAD_MS_MAX,
  compareHlc,
  isAhead,
  LOGICAL_MAX,
  observe,
  openClock,
  tick,
  type Clock,
  type Hlc,
} from "../../sync/clock/hlc.ts";

const YEAR_MS = 365 * 86_400_000;
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "tick" as const }) },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: -1000, max: 70_000 })
      .map((aheadMs) => ({ kind: "observe" as const, aheadMs })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(0, 1, 5, 20_000, -20_000, YEAR_MS, -YEAR_MS)
      .map((byMs) => ({ kind: "jump" as const, byMs })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "crash" as const }) },
);

test("stamps ascend strictly whatever the clock does, and exceed what was observed", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1 as const, 16 as const, 128 as const),
      fc.array(step, { maxLength: 60, size: "max" }),
      (quantumMs, steps) => {
        let nowMs = 2 * YEAR_MS;
        let clock: Clock = openClock(0, quantumMs);
        let storedFloorMs = clock.floorMs;
        let last: Hlc = { wallMs: -1, logical: 0 };
        for (const current of steps) {
          if (current.kind === "jump") nowMs = Math.max(0, nowMs + current.byMs);
          if (current.kind === "crash") clock = openClock(storedFloorMs, quantumMs);
          if (current.kind === "observe") {
            const seen = { wallMs: Math.max(0, nowMs + current.aheadMs), logical: 3 };
            const observed = observe(clock, seen, nowMs);
            assert.equal(
              observed.ok,
              current.aheadMs <= AHEAD_MS_MAX || seen.wallMs <= AHEAD_MS_MAX,
            );
            if (!observed.ok) continue;
            clock = observed.value;
            assert.ok(compareHlc(tick(clock, nowMs).last, seen) > 0);
          }
          if (current.kind === "tick") {
            clock = tick(clock, nowMs);
            const { last: stamp } = clock;
            assert.ok(
              compareHlc(stamp, last) > 0,
              `${JSON.stringify(stamp)} after ${JSON.stringify(last)}`,
            );
            assert.equal(
              stamp.wallMs % quantumMs,
              current.kind === "tick" ? stamp.wallMs % quantumMs : 0,
            );
            last = stamp;
          }
          // The floor is stored with the stamp that it is for; a crash loses neither.
          storedFloorMs = clock.floorMs;
          assert.ok(clock.last.wallMs < clock.floorMs, "every stamp lies below the floor");
        }
      },
    ),
  );
});

test("tick() carries a full counter into the wall time", () => {
  const full: Clock = {
    last: { wallMs: 160, logical: LOGICAL_MAX },
    quantumMs: 16,
    floorMs: 10_000,
  };
  assert.deepEqual(tick(full, 0).last, { wallMs: 176, logical: 0 });
});

test("observe() refuses a stamp more than a minute ahead and accepts any past one", () => {
  const clock = openClock(0, 1);
  assert.deepEqual(observe(clock, { wallMs: 160_001, logical: 0 }, 100_000), {
    ok: false,
    error: "clock-ahead",
  });
  assert.equal(observe(clock, { wallMs: 160_000, logical: 0 }, 100_000).ok, true);
  assert.equal(observe(clock, { wallMs: 0, logical: 0 }, 100_000).ok, true);
  assert.equal(isAhead({ wallMs: 0, logical: 0 }, 0), false);
});

test("openClock() begins at the floor, on a multiple of the quantum", () => {
  assert.deepEqual(openClock(1001, 128).last, { wallMs: 1024, logical: 0 });
});
