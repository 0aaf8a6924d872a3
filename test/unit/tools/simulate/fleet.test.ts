// Is the fleet what the plan asks for, and can what it measures be compared?

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawFleet, type FleetPlan } from "../../../../tools/simulate/fleet.ts";
import { Measuring } from "../../../../tools/simulate/measuring.ts";

const PLAN: FleetPlan = {
  devices: 1_000,
  rate: 2_000,
  batchReadings: 20,
  duplicates: 0.05,
  edges: 3,
  prefix: "sim",
};

test("drawFleet() is the same for the same plan, with names of their own and the rate asked for", () => {
  const fleet = drawFleet(PLAN);
  assert.deepEqual(fleet, drawFleet(PLAN));
  assert.equal(new Set(fleet.map(({ name }) => name)).size, 1_000);
  const perS = fleet.reduce((sum, { rows, periodMs }) => sum + (2 * rows * 1_000) / periodMs, 0);
  assert.ok(Math.abs(perS - 2_000) < 1, `${perS} readings a second`);
});

test("drawFleet() spreads the starts, lets some roam and gives some a wrong clock", () => {
  const fleet = drawFleet(PLAN);
  const roaming = fleet.filter(({ isRoaming }) => isRoaming).length;
  const wrong = fleet.filter(({ clockAheadMs }) => clockAheadMs !== 0).length;
  assert.ok(roaming > 100 && roaming < 300, `${roaming} roam`);
  assert.ok(wrong > 200 && wrong < 400, `${wrong} have a wrong clock`);
  assert.ok(fleet.every(({ firstMs, periodMs }) => firstMs >= 0 && firstMs < periodMs));
  assert.ok(drawFleet({ ...PLAN, edges: 1 }).every(({ isRoaming }) => !isRoaming));
});

test("drawFleet() refuses more than a device can measure", () => {
  assert.throws(() => drawFleet({ ...PLAN, devices: 1 }), /use more --devices/);
});

test("Measuring gives no time twice, whatever the clock, and counts what was acknowledged", () => {
  for (const device of drawFleet({ ...PLAN, devices: 50 })) {
    const measuring = new Measuring(device, "boot", 1_000_000);
    const times: number[] = [];
    // Batches that are late, early, and at once after another.
    for (const nowMs of [1_004_000, 1_004_001, 1_004_001, 1_020_000]) {
      const batch = measuring.next(nowMs);
      assert.equal(batch.series.depth_m.length, batch.t.length);
      times.push(...batch.t);
      if (batch.seq !== 2) measuring.acknowledge(batch);
    }
    assert.ok(times.every((timeMs, at) => Number.isInteger(timeMs) && timeMs !== times[at - 1]));
    assert.deepEqual(
      times,
      [...new Set(times)].toSorted((a, b) => a - b),
    );
    assert.equal(measuring.totals.water_c.count, 3 * device.rows);
  }
});

test("Measuring adds up hundredths exactly", () => {
  const [device] = drawFleet({ ...PLAN, devices: 1, rate: 10 });
  assert.ok(device !== undefined);
  const measuring = new Measuring(device, "boot", 0);
  let text = 0n;
  for (let second = 1; second <= 200; second += 1) {
    const batch = measuring.next(second * 1_000);
    measuring.acknowledge(batch);
    for (const value of batch.series.depth_m) text += BigInt(value.toFixed(2).replace(".", ""));
  }
  assert.equal(BigInt(measuring.totals.depth_m.hundredths), text);
});
