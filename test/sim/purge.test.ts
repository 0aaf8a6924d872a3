// Does the bound of a purge hold in every schedule (P5), and does the simulation find it when it does not?
// Fixed schedules and ones that nobody has seen; then each planted fault with the seed that shows it.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { bundlePurges, loadPurges, type PurgeSimulator } from "./purge/bundle.ts";
import { PURGE_PLANTS } from "./purge/plants.ts";
import { addTally, newTally, type PurgeTally } from "./purge/tally.ts";

const FIXED = 1_000;
const FRESH = 1_000;
/** Above the seeds that anybody has looked at. */
const FRESH_FROM = 10_000_000;

const simulator = await loadPurges(await bundlePurges());

async function runMany(
  { runSchedule }: PurgeSimulator,
  from: number,
  count: number,
): Promise<PurgeTally> {
  const tally = newTally();
  for (let seed = from; seed < from + count; seed += 1) addTally(tally, await runSchedule(seed));
  return tally;
}

function check({ violations, responses, afterPurges }: PurgeTally, count: number): void {
  const told = violations.map(
    ({ seed, message }) => `npm run sim:purge -- --seed ${seed}: ${message}`,
  );
  assert.deepEqual(told, []);
  // What nobody asked for after its purge shows nothing.
  assert.ok(responses > 10 * count && afterPurges > 5 * count, `${responses}, ${afterPurges}`);
}

test(`attack U8: P5 ${FIXED} schedules, clocks minutes apart: nothing is served past the bound of a purge`, async () => {
  check(await runMany(simulator, 1, FIXED), FIXED);
});

test(`P5 ${FRESH} schedules that nobody has seen: nothing is served past the bound`, async () => {
  check(await runMany(simulator, randomInt(FRESH_FROM, 2 ** 31), FRESH), FRESH);
});

test("a seed comes to the same each time", async () => {
  for (let seed = 1; seed <= 20; seed += 1)
    assert.deepEqual(await simulator.runSchedule(seed), await simulator.runSchedule(seed));
});

for (const [name, plant] of Object.entries(PURGE_PLANTS))
  test(`P5 the plant "${name}" is found: ${plant.breaks}`, async () => {
    const { runSchedule } = await loadPurges(await bundlePurges([plant]));
    assert.ok((await runSchedule(plant.seed)).violations.length > 0, `seed ${plant.seed}`);
    assert.deepEqual((await simulator.runSchedule(plant.seed)).violations, []);
  });
