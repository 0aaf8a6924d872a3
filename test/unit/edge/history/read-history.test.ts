// Does a large question leave room for commits, and is what cannot be read named while the rest is
// told?

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryPage, HistoryQuery } from "../../../../edge/history/query.ts";
import { readHistory } from "../../../../edge/history/read-history.ts";
import { latestOf } from "../../../../edge/history/latest.ts";
import { limits } from "../../../../edge/limits.ts";
import { SqlHubStore } from "../../../../edge/platform/sql-hub-store.ts";
import { SEALED_READINGS_MAX } from "../../../../edge/segment/gather.ts";
import { deviceId } from "../../../support/arbitraries.ts";
import { batchAt, commitBatch } from "../../../support/hub-commits.ts";
import { openNodeSql, type NodeSql } from "../../../support/node-sql.ts";

const DEVICE = deviceId("boat-1");
const HOUR = 3_600_000;
const START = 500_000 * HOUR;

const ALL: HistoryQuery = {
  device: DEVICE,
  streams: null,
  fromMs: 0,
  toMs: START + 1_000 * HOUR,
  resolution: "1h",
  limit: 10_000,
  isWithQuarantined: false,
  after: null,
};

function timesFrom(first: number, count: number, step: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at * step);
}

function whole(steps: Generator<number, HistoryPage | null>): HistoryPage {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  assert.ok(step.value !== null);
  return step.value;
}

function countOf({ rows }: HistoryPage): number {
  assert.ok(rows.kind === "buckets");
  return rows.buckets.reduce((sum, { count }) => sum + count, 0);
}

test("between two slices of a large question commits are let in, and no slice is long", () => {
  const store = new SqlHubStore(openNodeSql(), 1);
  let stamp = START + 200 * HOUR;
  for (let batch = 0; batch < 50; batch += 1)
    commitBatch(store, (stamp += 1), batchAt(timesFrom(START + batch * 2 * HOUR, 7_200, 1_000)));
  for (const _ of store.seal());
  // A tail that is not sealed, of batches that lie over each other.
  for (let batch = 0; batch < 20; batch += 1)
    commitBatch(store, (stamp += 1), batchAt(timesFrom(START + batch * HOUR + 500, 1_000, 1_000)));
  const readings = 50 * 7_200 + 20 * 1_000;
  const steps = readHistory(ALL, store);
  let commits = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) {
    assert.ok(step.value <= limits.historySliceReadings + 2 * SEALED_READINGS_MAX);
    // Behind the end of what was asked, so that the answer is what it would have been.
    commitBatch(store, (stamp += 1), batchAt([START + 150 * HOUR + commits]));
    commits += 1;
  }
  assert.ok(commits >= readings / (limits.historySliceReadings + 2 * SEALED_READINGS_MAX));
  assert.ok(step.value !== null);
  assert.deepEqual([countOf(step.value), step.value.next], [readings, null]);
  assert.equal(store.loadDevice(DEVICE)?.streams["a"]?.total?.[0], readings + commits);
});

test("a page that would take too much work ends at a bucket, and the cursor goes on there", () => {
  const store = new SqlHubStore(openNodeSql(), 1);
  for (let batch = 0; batch < 20; batch += 1)
    commitBatch(store, START + 90 * HOUR, batchAt(timesFrom(START + batch * HOUR, 3_600, 1_000)));
  for (const _ of store.seal());
  const small = { sliceReadings: 1_000, sliceBytes: 1_000, work: 10_000 };
  let pages = 0;
  let count = 0;
  for (let after: HistoryQuery["after"] = null; pages === 0 || after !== null; pages += 1) {
    const page = whole(readHistory({ ...ALL, after }, store, small));
    count += countOf(page);
    after = page.next;
    assert.ok(after === null || after.timeMs % HOUR === 0);
  }
  assert.ok(pages > 4);
  assert.equal(count, 20 * 3_600);
});

/** A hub with a sealed hour of readings in each of three hours. */
function sealedHub(): NodeSql {
  const sql = openNodeSql();
  const store = new SqlHubStore(sql, 1);
  for (const hour of [0, 1, 2])
    commitBatch(
      store,
      START + 9 * HOUR,
      batchAt(timesFrom(START + hour * HOUR + 60_000, 50, 1_000)),
    );
  for (const _ of store.seal());
  assert.equal(countOf(whole(readHistory(ALL, new SqlHubStore(sql, 1)))), 150);
  return sql;
}

function damage(sql: NodeSql, change: (body: Uint8Array) => void): void {
  const [row] = sql.exec("select first, body from segment");
  const body = new Uint8Array(row?.["body"] as unknown as Uint8Array);
  change(body);
  sql.exec("update segment set body = ?", body);
}

test("a segment with a wrong checksum is skipped, named and logged, and the others are told", () => {
  const sql = sealedHub();
  // The last byte is of the last hour's segment.
  damage(sql, (body) => body.set([(body.at(-1) ?? 0) ^ 1], body.length - 1));
  const said: string[] = [];
  const store = new SqlHubStore(sql, 1, { onDamage: (what) => said.push(what) });
  for (const resolution of ["1h", "raw"] as const) {
    const page = whole(readHistory({ ...ALL, resolution }, store));
    assert.deepEqual(page.damaged, [[START + 2 * HOUR + 60_000, START + 3 * HOUR - 1]]);
    const { rows } = page;
    assert.equal(rows.kind === "raw" ? rows.times.length : countOf(page), 100);
  }
  const before = { ...ALL, toMs: START + 2 * HOUR };
  assert.deepEqual(whole(readHistory(before, store)).damaged, []);
  assert.deepEqual([said.length, store.damaged()], [1, 1]);
  // Its last reading is known from the device, but not when it came.
  const [latest] = latestOf(DEVICE, store) ?? [];
  assert.deepEqual([latest?.timeMs, latest?.arrivedMs], [START + 2 * HOUR + 109_000, null]);
});

test("a page whose directory is wrong leaves a gap that is named, and what came since is told", () => {
  const sql = sealedHub();
  damage(sql, (body) => body.set([(body[3] ?? 0) ^ 1], 3));
  const store = new SqlHubStore(sql, 1);
  commitBatch(store, START + 9 * HOUR, batchAt([START + HOUR + 5]));
  const page = whole(readHistory(ALL, store));
  assert.equal(countOf(page), 1);
  const [range] = page.damaged;
  assert.ok(page.damaged.length === 1 && range !== undefined);
  assert.ok(range[0] <= START && range[1] >= START + 3 * HOUR - 1);
});

test("the latest of each stream has its arrival, whatever came after it", () => {
  const store = new SqlHubStore(openNodeSql(), 1);
  assert.equal(latestOf(DEVICE, store), null);
  commitBatch(store, START + HOUR, batchAt([START, START + 10], { value: () => 1 }));
  commitBatch(store, START + HOUR + 1, batchAt([START + 5], { value: () => 2 }));
  commitBatch(store, START + HOUR + 2, batchAt([START], { stream: "b", value: () => 3 }));
  for (const _ of store.seal());
  const ahead = START + 2 * HOUR;
  commitBatch(store, START + HOUR + 3, batchAt([ahead], { value: () => 9 }));
  assert.deepEqual(latestOf(DEVICE, store), [
    { stream: "a", timeMs: START + 10, value: 1, arrivedMs: START + HOUR },
    { stream: "b", timeMs: START, value: 3, arrivedMs: START + HOUR + 2 },
  ]);
});

test("a reading that was quarantined and came again in time counts, sealed or not", () => {
  const store = new SqlHubStore(openNodeSql(), 1);
  const timeMs = START + HOUR;
  commitBatch(store, START, batchAt([START - 5, timeMs], { value: () => 1 }));
  const ask = { ...ALL, resolution: "raw", isWithQuarantined: true } as const;
  const told = (): unknown => {
    const { rows } = whole(readHistory(ask, store));
    assert.ok(rows.kind === "raw");
    return [rows.times, rows.values, rows.quarantined];
  };
  assert.deepEqual(told(), [[START - 5, timeMs], [1, 1], [1]]);
  for (const _ of store.seal());
  assert.deepEqual(told(), [[START - 5, timeMs], [1, 1], [1]]);
  commitBatch(store, timeMs + 5, batchAt([timeMs], { value: () => 2 }));
  assert.deepEqual(told(), [[START - 5, timeMs], [1, 2], []]);
  for (const _ of store.seal());
  assert.deepEqual(told(), [[START - 5, timeMs], [1, 2], []]);
  assert.equal(countOf(whole(readHistory(ALL, store))), 2);
  assert.equal(store.loadDevice(DEVICE)?.streams["a"]?.total?.[0], 2);
});

test("where one segment ends the next begins, and a bucket of many is told whole", () => {
  const store = new SqlHubStore(openNodeSql(), 1);
  commitBatch(store, START + HOUR, batchAt(timesFrom(START, 10_000, 1)));
  for (const _ of store.seal());
  const small = { sliceReadings: 1, sliceBytes: 1, work: 1 };
  const page = whole(readHistory({ ...ALL, limit: 1 }, store, small));
  assert.deepEqual([countOf(page), page.next], [10_000, null]);
  const seen: number[] = [];
  for (
    let after: HistoryQuery["after"] = null, pages = 0;
    pages === 0 || after !== null;
    pages += 1
  ) {
    const raw = whole(readHistory({ ...ALL, resolution: "raw", after }, store, small));
    assert.ok(raw.rows.kind === "raw");
    seen.push(...raw.rows.times);
    after = raw.next;
  }
  assert.deepEqual(seen, timesFrom(START, 10_000, 1));
});
