// Which readings of a batch are new to a hub? Judged against what its journal holds, in both lanes
// and at the bound of the lookup.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ingest } from "../../../../edge/ingest.ts";
import { limits } from "../../../../edge/limits.ts";
import { SqlHubStore } from "../../../../edge/platform/sql-hub-store.ts";
import type { HubStore } from "../../../../edge/ports.ts";
import { NEW_DEVICE } from "../../../../edge/telemetry/device-state.ts";
import {
  checkReadings,
  select,
  type CheckedBatch,
} from "../../../../edge/telemetry/reading-check.ts";
import type { DeviceId } from "../../../../sync/brand.ts";
import { FUTURE_MS_MAX } from "../../../../sync/quarantine.ts";
import {
  decodeBatches,
  encodeBatches,
  readingsOf,
  type ReadingBatch,
} from "../../../../sync/wire/batch.ts";
import { deviceId } from "../../../support/arbitraries.ts";
import { commandOf, DEVICE } from "../../../support/commands.ts";
import { openNodeSql } from "../../../support/node-sql.ts";

const NOW = 10_000_000;

function batchOf(body: unknown, device?: DeviceId): ReadingBatch {
  const decoded = decodeBatches(commandOf(body, device === undefined ? {} : { device }).entry);
  const [batch] = decoded.ok ? decoded.value : [];
  assert.ok(batch !== undefined);
  return batch;
}

/** A hub that has committed these bodies, one a millisecond. */
function hubWith(bodies: readonly unknown[], device: DeviceId = DEVICE): SqlHubStore {
  const store = new SqlHubStore(openNodeSql(), 1);
  bodies.forEach((body, i) => ingest(commandOf(body, { device }), store, NOW + i));
  return store;
}

function check(body: unknown, store: HubStore, stampMs = NOW + 1000): CheckedBatch {
  return checkReadings(batchOf(body), store.loadDevice(DEVICE) ?? NEW_DEVICE, stampMs, store);
}

/** [fresh, kept, duplicates, conflicts] */
function counts({ fresh, kept, duplicates, conflicts }: CheckedBatch): number[] {
  return [readingsOf(fresh), readingsOf(kept), duplicates, conflicts];
}

const held = { t: [10, 20], series: { a: [1, 2], door: [null, true] } };
const future = NOW + 2 * FUTURE_MS_MAX;

const CASES: readonly (readonly [string, unknown, readonly number[]])[] = [
  ["nothing that is held", { t: [30], series: { a: [1] } }, [1, 1, 0, 0]],
  ["a time between those held", { t: [15], series: { a: [1] } }, [1, 1, 0, 0]],
  ["a time below those held", { t: [0], series: { a: [1] } }, [1, 1, 0, 0]],
  ["the same again", held, [0, 0, 3, 0]],
  ["a part of it again", { t: [20, 30], series: { a: [2, 3] } }, [1, 1, 1, 0]],
  ["another value", { t: [10], series: { a: [7] } }, [0, 1, 0, 1]],
  ["a number where a boolean is", { t: [20], series: { door: [1] } }, [0, 1, 0, 1]],
  ["a boolean where a number is", { t: [10], series: { a: [true] } }, [0, 1, 0, 1]],
  ["a stream that has no reading there", { t: [10], series: { door: [true] } }, [1, 1, 0, 0]],
  ["a stream that was never seen", { t: [10], series: { constructor: [1] } }, [1, 1, 0, 0]],
  ["one of each", { t: [10, 20, 30], series: { a: [7, 2, 3] } }, [1, 2, 1, 1]],
];

for (const [what, body, expected] of CASES)
  test(`checkReadings() of ${what}: [fresh, kept, duplicates, conflicts] = ${expected.join()}`, () =>
    assert.deepEqual(counts(check(body, hubWith([held]))), expected));

test("checkReadings() compares with the value that was committed first", () => {
  const store = hubWith([held, { t: [10], series: { a: [7] } }]);
  assert.deepEqual(counts(check({ t: [10], series: { a: [1] } }, store)), [0, 0, 1, 0]);
  assert.deepEqual(counts(check({ t: [10], series: { a: [7] } }, store)), [0, 1, 0, 1]);
});

test("checkReadings() does not look at another device's readings", () => {
  const store = hubWith([held], deviceId("boat-2"));
  assert.deepEqual(counts(check(held, store)), [3, 3, 0, 0]);
});

test("checkReadings() of a quarantined reading looks among the quarantined", () => {
  const body = { t: [future], series: { a: [1] } };
  assert.deepEqual(counts(check(body, hubWith([body]))), [0, 0, 1, 0]);
  assert.deepEqual(
    counts(check({ t: [future], series: { a: [2] } }, hubWith([body]))),
    [0, 1, 0, 1],
  );
});

test("checkReadings() takes a reading anew once its time is no longer in the future", () => {
  const body = { t: [future], series: { a: [1] } };
  assert.deepEqual(counts(check(body, hubWith([body]), future)), [1, 1, 0, 0]);
});

test("checkReadings() asks the journal nothing above every mark", () => {
  const store = hubWith([held]);
  const asked = Object.assign(Object.create(store) as HubStore, {
    overlapping: () => assert.fail("the journal was asked"),
  });
  const state = store.loadDevice(DEVICE) ?? NEW_DEVICE;
  const body = { t: [21, 22], series: { a: [1, 2], door: [true, false] } };
  assert.deepEqual(counts(checkReadings(batchOf(body), state, NOW + 1000, asked)), [4, 4, 0, 0]);
});

test("checkReadings() looks times up apart that are far apart, and no more rows than the bound (P8)", () => {
  const store = hubWith([held, { t: [NOW], series: { a: [9] } }]);
  const asked: number[][] = [];
  const rowsOf = (rowsMax: number) =>
    Array.from({ length: Math.min(rowsMax, limits.overlapRowsMax - 1) }, (_, i) => ({
      seq: i + 1,
      stampMs: i,
      body: encodeBatches([]),
    }));
  const counting = Object.assign(Object.create(store) as HubStore, {
    overlapping: (_: DeviceId, fromMs: number, toMs: number, rowsMax: number) => {
      asked.push([fromMs, toMs, rowsMax]);
      return rowsOf(rowsMax);
    },
  });
  const gap = limits.overlapGapMs;
  const times = [10, 10 + gap, 11 + 2 * gap, 12 + 2 * gap];
  const body = { t: times, series: { a: times.map(() => 5) } };
  const state = { ...NEW_DEVICE, streams: { ...store.loadDevice(DEVICE)?.streams } };
  const checked = checkReadings(batchOf(body), state, NOW + 1000, counting);
  assert.deepEqual(asked, [
    [10, 10 + gap, limits.overlapRowsMax],
    [11 + 2 * gap, 12 + 2 * gap, 1],
  ]);
  assert.deepEqual(counts(checked), [4, 4, 0, 0]);
});

test("select() drops the times and columns that nothing is left of", () => {
  const batch = batchOf({ t: [1, 2, 3], series: { a: [1, 2, 3], b: [null, 5, null] } });
  const kept = select(batch, (column, position) => column === 0 && position !== 1);
  assert.deepEqual(kept.times, [1, 3]);
  assert.deepEqual(
    kept.columns.map(({ stream, rows, values }) => [stream, rows, values]),
    [["a", [0, 1], [1, 3]]],
  );
  assert.deepEqual(
    select(batch, () => true),
    batch,
  );
});
