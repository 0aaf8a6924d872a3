// Does nobody get more than their rate and one burst, and everybody that? Also with a clock that jumps.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateBook, retryAfterOf } from "../../../../edge/telemetry/rate-limit.ts";

const BOUNDS = { namesMax: 8, burstMs: 10_000 };
const readings = (amount: number, perS: number | null) => ({ readings: { amount, perS } });

test("a device at rest may send a burst, then its rate", () => {
  const book = new RateBook(BOUNDS);
  for (let i = 0; i <= 10; i += 1)
    assert.equal(book.take("a", readings(100, 100), 0).kind, "taken");
  const limited = { kind: "limited", what: "readings", waitMs: 1_000 };
  assert.deepEqual(book.take("a", readings(100, 100), 0), limited);
  assert.equal(book.take("a", readings(1, 100), 999).kind, "limited");
  assert.equal(book.take("a", readings(1, 100), 1_000).kind, "taken");
  assert.equal(book.take("a", readings(1, 100), 1_000).kind, "limited");
});

test("a batch that is larger than a burst is let through by a device at rest, which then waits", () => {
  const book = new RateBook(BOUNDS);
  assert.equal(book.take("a", readings(10_000, 10), 0).kind, "taken");
  const next = book.take("a", readings(1, 10), 0);
  assert.ok(next.kind === "limited" && next.waitMs === 990_000);
  assert.equal(book.take("a", readings(1, 10), 990_000).kind, "taken");
});

test("of two limits either holds, and what one refuses is not taken from the other", () => {
  const book = new RateBook(BOUNDS);
  const ask = (amount: number) => ({
    readings: { amount, perS: 1_000 },
    requests: { amount: 1, perS: 1 },
  });
  for (let i = 0; i <= 10; i += 1) assert.equal(book.take("a", ask(1), 0).kind, "taken");
  const refused = book.take("a", ask(1), 0);
  assert.ok(refused.kind === "limited" && refused.what === "requests");
  assert.equal(book.take("a", readings(10_000, 1_000), 0).kind, "taken");
});

test("without a limit nothing is remembered", () => {
  const book = new RateBook(BOUNDS);
  assert.equal(book.take("a", readings(1e9, null), 0).kind, "taken");
  assert.equal(book.size, 0);
});

test("P8 names are bounded, and those that ask most are kept", () => {
  const book = new RateBook(BOUNDS);
  assert.equal(book.take("busy", readings(1e6, 1), 0).kind, "taken");
  for (let i = 0; i < 1_000; i += 1) {
    if (i % 4 === 0) book.take("busy", readings(0, 1_000_000), 0);
    book.take(`other-${i}`, readings(1, 1), 0);
    assert.ok(book.size <= BOUNDS.namesMax);
  }
});

test("a clock that goes back blocks nobody for longer than before", () => {
  const book = new RateBook(BOUNDS);
  const at = 1_000_000_000;
  book.take("a", readings(11_000, 1_000), at);
  const before = book.take("a", readings(1, 1_000), at);
  const back = book.take("a", readings(1, 1_000), at - 3_600_000);
  assert.ok(before.kind === "limited" && back.kind === "limited");
  assert.equal(back.waitMs, before.waitMs);
});

test("P8 over any span nobody gets more than rate, burst and one batch", () => {
  const step = fc.record({ waitMs: fc.nat(5_000), amount: fc.nat(500) });
  const run = fc.property(
    fc.array(step, { maxLength: 200 }),
    fc.integer({ min: 1, max: 1_000 }),
    (steps, perS) => {
      const book = new RateBook(BOUNDS);
      let [nowMs, taken, largest] = [0, 0, 0];
      for (const { waitMs, amount } of steps) {
        nowMs += waitMs;
        const decision = book.take("a", readings(amount, perS), nowMs);
        if (decision.kind === "taken") taken += amount;
        else {
          nowMs += decision.waitMs;
          assert.equal(book.take("a", readings(0, perS), nowMs).kind, "taken");
        }
        largest = Math.max(largest, amount);
      }
      const elapsedMs = nowMs + BOUNDS.burstMs;
      assert.ok(taken <= (perS * elapsedMs) / 1000 + largest + 1e-6, `${taken} in ${nowMs} ms`);
    },
  );
  fc.assert(run, { numRuns: 500 });
});

test("Retry-After is at least a second, and never too short", () => {
  assert.deepEqual([0, 1, 1_000, 1_001].map(retryAfterOf), ["1", "1", "1", "2"]);
});
