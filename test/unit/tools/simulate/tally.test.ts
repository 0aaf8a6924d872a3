// Are the figures of a run right: percentiles, sums, and what is said at its end?

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProgress, wrap } from "../../../../tools/simulate/progress.ts";
import { formatSummary, hasHeld } from "../../../../tools/simulate/summary.ts";
import { Latencies, Tally } from "../../../../tools/simulate/tally.ts";

const COUNTS = {
  accepted: 18,
  duplicates: 2,
  conflicts: 0,
  rejected: 0,
  late: 0,
  quarantined: 0,
};
const VERDICT = { counted: 20, different: [], differentDevices: 0, backlog: 0, convergedMs: 90 };

function tallyOf(): Tally {
  const tally = new Tally();
  tally.add(COUNTS, 20, 3);
  tally.delivered = 20;
  return tally;
}

test("Latencies finds percentiles to 5 %", () => {
  const latencies = new Latencies();
  assert.equal(latencies.percentile(0.5), 0);
  for (let ms = 1; ms <= 1_000; ms += 1) latencies.add(ms);
  for (const share of [0.01, 0.5, 0.99, 1]) {
    const found = latencies.percentile(share);
    const exact = share * 1_000;
    assert.ok(found >= exact * 0.999 && found <= exact * 1.051, `${share}: ${found}`);
  }
  latencies.add(0);
  latencies.add(1e12);
  assert.ok(Number.isFinite(latencies.percentile(1)));
});

test("Tally knows whether the answers add up, and forgets what was looked at", () => {
  const tally = tallyOf();
  assert.ok(tally.addsUp);
  assert.ok(tally.takeRecent().percentile(0.5) > 0);
  assert.equal(tally.takeRecent().percentile(0.5), 0);
  tally.add(COUNTS, 21, 3);
  assert.ok(!tally.addsUp);
});

test("formatProgress() is one line with every figure", () => {
  const at = { elapsedMs: 5_000, rate: 1_999.6, backlog: null, waiting: 4 };
  const tally = tallyOf();
  assert.equal(
    formatProgress(tally, { ...at, latencies: new Latencies() }),
    "   5 s  2,000 readings/s  accepted 18  duplicates 2  rejected 0  p50 0.0 p99 0.0 ms  refused 0  failed 0  queued 4  backlog ?",
  );
});

test("wrap() breaks between figures and loses none", () => {
  const line = "   5 s  2,000 readings/s  p50 9.8 p99 45 ms  backlog 1";
  assert.deepEqual(wrap(line, 200), [line]);
  assert.deepEqual(wrap(line, 30), [
    "   5 s  2,000 readings/s",
    "        p50 9.8 p99 45 ms",
    "        backlog 1",
  ]);
});

test("a run has held only if everything was delivered, counted and equal", () => {
  const sailedMs = 10_000;
  const whole = { tally: tallyOf(), verdict: VERDICT, sailedMs };
  assert.ok(hasHeld(whole));
  const late = tallyOf();
  late.undelivered = 20;
  const empty = new Tally();
  for (const broken of [
    { ...whole, tally: late },
    { ...whole, tally: empty, verdict: { ...VERDICT, counted: 0 } },
    { ...whole, verdict: { ...VERDICT, counted: 21 } },
    { ...whole, verdict: { ...VERDICT, differentDevices: 1, different: ["sim-1"] } },
  ]) {
    assert.ok(!hasHeld(broken));
    const last = formatSummary(broken, 1).trimEnd().split("\n").at(-1) ?? "";
    assert.equal((JSON.parse(last) as { held: boolean }).held, false);
  }
});
