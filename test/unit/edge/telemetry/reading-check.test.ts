// Which readings of a batch are new to a hub? Judged against what its journal holds, in both lanes
// and at the bound of the lookup.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ingest } from "../../../../edge/ingest.ts";
import { freshOf, selectReadings } from "../../../../edge/journal/committed.ts";
import { limits } from "../../../../edge/limits.ts";
import { SqlHubStore } from "../../../../edge/platform/sql-hub-store.ts";
import type { HubStore } from "../../../../edge/ports.ts";
import { NEW_DEVICE, NEW_STREAM } from "../../../../edge/telemetry/device-state.ts";
import { checkReadings, type CheckedBatch } from "../../../../edge/telemetry/reading-check.ts";
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
import { batchAt, commitBatch } from "../../../support/hub-commits.ts";
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
  for (const [at, body] of bodies.entries()) {
    ingest(commandOf(body, { device }), store, NOW + at);
    store.write();
  }
  return store;
}

function check(body: unknown, store: HubStore, stampMs = NOW + 1000): CheckedBatch {
  return checkReadings(batchOf(body), store.loadDevice(DEVICE) ?? NEW_DEVICE, stampMs, store);
}

/** [fresh, kept, duplicates, conflicts] */
function counts({ kept, duplicates }: CheckedBatch): number[] {
  const { batch, conflicts } = kept;
  return [readingsOf(freshOf(kept)), readingsOf(batch), duplicates, conflicts.length];
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
    held: () => assert.fail("the journal was asked"),
  });
  const state = store.loadDevice(DEVICE) ?? NEW_DEVICE;
  const body = { t: [21, 22], series: { a: [1, 2], door: [true, false] } };
  assert.deepEqual(counts(checkReadings(batchOf(body), state, NOW + 1000, asked)), [4, 4, 0, 0]);
});

test("checkReadings() asks the journal once, for times that are far apart in ranges of their own", () => {
  const asked: unknown[][] = [];
  const store = Object.assign(Object.create(hubWith([])) as HubStore, {
    held: (...question: unknown[]) => {
      asked.push(question);
      return [];
    },
  });
  const gap = limits.overlapGapMs;
  const times = [10, 10 + gap, 11 + 2 * gap, 12 + 2 * gap];
  const marks = { ...NEW_STREAM, highWaterMs: NOW };
  const state = { ...NEW_DEVICE, streams: { a: marks, b: marks } };
  const body = { t: times, series: { a: times.map(() => 5), b: times.map(() => 5) } };
  assert.deepEqual(counts(checkReadings(batchOf(body), state, NOW + 1000, store)), [8, 8, 0, 0]);
  const ranges = [
    [10, 10 + gap],
    [11 + 2 * gap, 12 + 2 * gap],
  ];
  assert.deepEqual(asked, [[DEVICE, ranges, limits.overlapBytesMax]]);
});

/** The store, and how many readings the check has taken from it. */
function counted(store: HubStore): { readonly store: HubStore; readonly taken: number[] } {
  const taken: number[] = [];
  const held: HubStore["held"] = function* (...question) {
    for (const readings of store.held(...question)) {
      taken.push(readings.times.length);
      yield readings;
    }
  };
  return { store: Object.assign(Object.create(store) as HubStore, { held }), taken };
}

test("P8 checkReadings() of a late reading over many stored rows decodes no more bytes than its bound", () => {
  const store = hubWith([{ t: [5], series: { a: [1] } }]);
  const times = Array.from({ length: 9_000 }, (_, i) => 10 + 2 * i);
  const batch = batchAt(times, { stream: "b" });
  const bytes = encodeBatches([batch]).length;
  const rows = Math.ceil((3 * limits.overlapBytesMax) / bytes);
  for (let i = 0; i < rows; i += 1) commitBatch(store, NOW + 1 + i, batch);
  const marks = { ...NEW_STREAM, highWaterMs: times.at(-1) ?? 0 };
  const state = { ...NEW_DEVICE, streams: { a: marks, b: marks } };
  const { store: watched, taken } = counted(store);
  const late = batchOf({ t: [5, 11], series: { a: [1, 1] } });
  assert.deepEqual(counts(checkReadings(late, state, NOW + 1000, watched)), [1, 1, 1, 0]);
  const decoded = (taken.length - 1) * bytes;
  assert.ok(taken.length < rows, "there is more than the bound");
  assert.ok(decoded <= limits.overlapBytesMax + 2 * bytes, `${decoded} bytes were decoded`);
});

test("checkReadings() decodes no row of which the device has no reading near", () => {
  const bodies = Array.from({ length: 200 }, (_, i) => ({
    t: [1_000 * i, 1_000 * i + 10],
    series: { a: [i, i] },
  }));
  const hub = hubWith(bodies);
  const { store, taken } = counted(hub);
  const late = batchOf({ t: [50_005, 50_010, 150_000], series: { a: [1, 50, 9] } });
  const state = hub.loadDevice(DEVICE) ?? NEW_DEVICE;
  assert.deepEqual(counts(checkReadings(late, state, NOW + 1000, store)), [1, 2, 1, 1]);
  assert.deepEqual(taken, [2, 2]);
});

test("checkReadings() of 10,000 readings two hours apart says of each what it is", () => {
  const apartMs = 7_200_000;
  const rows = 100;
  const startMs = 30_000 * apartMs;
  const nowMs = startMs + 10_001 * apartMs;
  const store = new SqlHubStore(openNodeSql(), 1);
  // Row n holds every hundredth time from the nth on, so that the spans of all rows meet.
  for (let row = 0; row < rows; row += 1) {
    const t = Array.from({ length: 100 }, (_, i) => startMs + (row + i * rows) * apartMs);
    ingest(commandOf({ t, series: { a: t.map((_, i) => row + i * rows) } }), store, nowMs);
    store.write();
  }
  const t = Array.from(
    { length: 10_000 },
    (_, i) => startMs + i * apartMs + (i % 10 === 7 ? 1 : 0),
  );
  const a = t.map((_, i) => (i % 10 === 3 ? -1 : i));
  const checked = check({ t, series: { a } }, store, nowMs);
  assert.deepEqual(counts(checked), [1_000, 2_000, 8_000, 1_000]);
  assert.ok(freshOf(checked.kept).times.every((ms) => ms % apartMs === 1));
  const { times, columns } = checked.kept.batch;
  assert.ok(times.every((ms, i) => ms % apartMs === 1 || columns[0]?.values[i] === -1));
});

test("selectReadings() drops the times and columns that nothing is left of", () => {
  const batch = batchOf({ t: [1, 2, 3], series: { a: [1, 2, 3], b: [null, 5, null] } });
  const kept = selectReadings(batch, (position) => position === 0 || position === 2);
  assert.deepEqual(kept.times, [1, 3]);
  assert.deepEqual(
    kept.columns.map(({ stream, rows, values }) => [stream, rows, values]),
    [["a", [0, 1], [1, 3]]],
  );
  assert.equal(
    selectReadings(batch, () => true),
    batch,
  );
});
