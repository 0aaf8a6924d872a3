// Goal: every HubStore keeps the bullets of its port. Method: one suite, given a way to open a store
// and to open it again; here the statements of the DeviceHub over node:sqlite, in memory and in a
// file that is closed in between.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import type { HubStore, Span, TimeRange } from "../../edge/ports.ts";
import { MINUTE_MS, NEW_DEVICE, type MinuteRollup } from "../../edge/telemetry/device-state.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { limits } from "../../edge/limits.ts";
import { deviceId } from "../support/arbitraries.ts";
import { DATABASES } from "../support/reopening-sql.ts";

/** A store that can be opened again; `journalBytesMax` is the bound of what it keeps. */
interface OpenHubStore {
  readonly store: HubStore;
  readonly reopen: () => HubStore;
}

type Open = (t: TestContext, journalBytesMax?: number) => OpenHubStore;

const BOAT = deviceId("boat-1");
const BUOY = deviceId("buoy-1");
const FIRST_EPOCH = 77;
/** "constructor" is a legal stream; its type has to be said, or it is that of every object's. */
const MINUTE: MinuteRollup = JSON.parse('{"constructor":[1,"0.1",0.1,0.1,5,5]}');

const span = (firstMs: number, lastMs: number, device = BOAT): Span => ({
  device,
  firstMs,
  lastMs,
});
const body = (fill: number, bytes = 100): Uint8Array => new Uint8Array(bytes).fill(fill);
const seqs = (entries: Iterable<LogEntry>): number[] => Array.from(entries, ({ seq }) => seq);

/** The rows that overlapping() gives, where its bounds do not matter. */
function met(
  store: HubStore,
  ranges: readonly TimeRange[],
  { device = BOAT, longestSpanMs = 1e9, bytesMax = Infinity }: Bounds = {},
): number[] {
  return seqs(store.overlapping(device, ranges, longestSpanMs, bytesMax));
}

/** How a lookup of spans differs from the widest one. */
interface Bounds {
  readonly device?: DeviceId;
  readonly longestSpanMs?: number;
  readonly bytesMax?: number;
}

/** Appends `count` rows of 100 bytes; row n is stamped 1000 + n and spans [10 n, 10 n + 5]. */
function fill(store: HubStore, count: number): HubStore {
  for (let i = 0; i < count; i += 1) {
    const next = store.extent().head + 1;
    store.append(1000 + next, body(next), [span(10 * next, 10 * next + 5)]);
  }
  return store;
}

/** Everything that a hub may ask its store. */
function everything(store: HubStore): unknown {
  return {
    extent: store.extent(),
    lastStampMs: store.lastStampMs(),
    unackedBytes: store.unackedBytes(),
    link: store.loadLink(),
    devices: store.deviceCount(),
    states: [BOAT, BUOY].map((device) => store.loadDevice(device)),
    rollups: [0, MINUTE_MS].map((minuteMs) => store.loadRollup(BOAT, minuteMs)),
    entries: store.entriesAfter(0, Infinity, 1_000),
    overlapping: [...store.overlapping(BOAT, [[0, 1e9]], 1e9, Infinity)],
  };
}

function suite(name: string, open: Open): void {
  test(`${name}: a new store holds nothing, and has the replicaEpoch that it was given`, (t) => {
    const { store } = open(t);
    assert.deepEqual(everything(store), {
      extent: { floor: 1, head: 0 },
      lastStampMs: 0,
      unackedBytes: 0,
      link: { replicaEpoch: FIRST_EPOCH, cursor: 0 },
      devices: 0,
      states: [null, null],
      rollups: [{}, {}],
      entries: [],
      overlapping: [],
    });
  });

  test(`${name}: order: rows ascend by 1 from 1, and come back as they were`, (t) => {
    const store = fill(open(t).store, 5);
    assert.deepEqual(store.extent(), { floor: 1, head: 5 });
    assert.equal(store.lastStampMs(), 1005);
    assert.deepEqual(
      store.entriesAfter(0, Infinity, 10),
      [1, 2, 3, 4, 5].map((seq) => ({ seq, stampMs: 1000 + seq, body: body(seq) })),
    );
  });

  test(`${name}: order: a stamp may be used again, and one that goes back is refused`, (t) => {
    const { store, reopen } = open(t);
    fill(store, 2);
    store.append(1002, body(9), []);
    assert.throws(() => store.append(1001, body(9), []));
    assert.throws(() => store.append(5, body(9), []));
    assert.deepEqual([store.extent().head, store.lastStampMs()], [3, 1002]);
    const reopened = reopen();
    assert.throws(() => reopened.append(1001, body(9), []));
    reopened.append(1002, body(9), []);
    assert.deepEqual(
      reopened.entriesAfter(0, Infinity, 10).map(({ stampMs }) => stampMs),
      [1001, 1002, 1002, 1002],
    );
  });

  test(`${name}: a body is stored as it is, also as a part of a larger buffer`, (t) => {
    const store = open(t).store;
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    store.append(1, all, []);
    store.append(2, all.subarray(10, 13), []);
    store.append(3, new Uint8Array(0), []);
    assert.deepEqual(
      store.entriesAfter(0, Infinity, 10).map((entry) => entry.body),
      [all, Uint8Array.of(10, 11, 12), new Uint8Array(0)],
    );
  });

  test(`${name}: atomicity: a transaction that throws leaves everything as it was`, (t) => {
    const { store } = open(t);
    fill(store, 3);
    store.saveCursor(1);
    store.saveDevice(BOAT, { ...NEW_DEVICE, late: 1 });
    store.saveRollup(BOAT, 0, { a: [1, "1", 1, 1, 1, 1] });
    const before = everything(store);
    assert.throws(
      () =>
        store.transaction(() => {
          fill(store, 2);
          store.saveCursor(2);
          store.saveDevice(BOAT, { ...NEW_DEVICE, late: 2 });
          store.saveDevice(BUOY, NEW_DEVICE);
          store.saveRollup(BOAT, MINUTE_MS, {});
          store.dropRollups(BOAT, MINUTE_MS);
          store.dropAcknowledged();
          store.renewEpoch(99);
          throw new Error("no power");
        }),
      /no power/,
    );
    assert.deepEqual(everything(store), before);
    assert.deepEqual(fill(store, 1).extent(), { floor: 1, head: 4 });
  });

  test(`${name}: atomicity: what was undone does not come back with a restart`, (t) => {
    const { store, reopen } = open(t);
    fill(store, 3);
    const before = everything(store);
    assert.throws(() =>
      store.transaction(() => {
        fill(store, 2);
        store.renewEpoch(99);
        throw new Error("no power");
      }),
    );
    assert.deepEqual(everything(reopen()), before);
  });

  test(`${name}: atomicity: what a transaction returns was committed`, (t) => {
    const { store, reopen } = open(t);
    const head = store.transaction(() => fill(store, 2).extent().head);
    assert.equal(head, 2);
    assert.equal(reopen().extent().head, 2);
  });

  test(`${name}: durability: a store that is opened again holds the same`, (t) => {
    const { store, reopen } = open(t);
    fill(store, 4);
    store.saveCursor(2);
    store.saveDevice(BOAT, { ...NEW_DEVICE, lastCommitMs: 5, clockSkewMs: -3 });
    store.saveDevice(BUOY, NEW_DEVICE);
    store.saveRollup(BOAT, MINUTE_MS, MINUTE);
    const before = everything(store);
    const reopened = reopen();
    assert.deepEqual(everything(reopened), before);
    assert.equal(reopened.loadLink().replicaEpoch, FIRST_EPOCH);
  });

  test(`${name}: entriesAfter() gives at least one row, then stops at its bounds`, (t) => {
    const store = fill(open(t).store, 6);
    assert.deepEqual(seqs(store.entriesAfter(0, 1, 10)), [1]);
    assert.deepEqual(seqs(store.entriesAfter(0, 300, 10)), [1, 2, 3]);
    assert.deepEqual(seqs(store.entriesAfter(2, 299, 10)), [3, 4]);
    assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 2)), [1, 2]);
    assert.deepEqual(seqs(store.entriesAfter(4, Infinity, 10)), [5, 6]);
    assert.deepEqual(store.entriesAfter(6, Infinity, 10), []);
    assert.deepEqual(store.entriesAfter(100, Infinity, 10), []);
  });

  test(`${name}: overlapping() finds the rows whose span meets, oldest first`, (t) => {
    const store = fill(open(t).store, 4);
    store.append(2000, body(5), [span(0, 100)]);
    store.append(2001, body(6), [span(10, 15, BUOY)]);
    assert.deepEqual(met(store, [[15, 20]]), [1, 2, 5]);
    assert.deepEqual(met(store, [[16, 19]]), [5]);
    assert.deepEqual(met(store, [[0, 9]]), [5]);
    assert.deepEqual(met(store, [[101, 999]]), []);
    assert.deepEqual(met(store, []), []);
    assert.deepEqual(met(store, [[0, 999]], { device: BUOY }), [6]);
  });

  test(`${name}: overlapping() gives a row once, also if several of its spans meet`, (t) => {
    const { store } = open(t);
    store.append(1, body(1), [span(10, 20), span(30, 40), span(5, 20)]);
    assert.deepEqual(met(store, [[0, 50]]), [1]);
    assert.deepEqual(met(store, [[6, 7]]), [1]);
  });

  test(`${name}: overlapping() of several ranges gives each row once, oldest first`, (t) => {
    const { store } = open(t);
    const spans = [span(50, 60), span(0, 100), span(10, 20), span(30, 35), span(58, 70)];
    for (const [i, each] of spans.entries()) store.append(i + 1, body(i), [each]);
    const ranges: TimeRange[] = [
      [55, 60],
      [15, 16],
      [0, 12],
    ];
    assert.deepEqual(met(store, ranges), [1, 2, 3, 5]);
    assert.deepEqual(met(store, ranges.toReversed()), [1, 2, 3, 5]);
  });

  test(`${name}: overlapping() ends behind the row that goes over its bytes`, (t) => {
    const store = fill(open(t).store, 6);
    const within = (bytesMax: number): number[] => met(store, [[0, 999]], { bytesMax });
    assert.deepEqual(within(0), [1]);
    assert.deepEqual(within(299), [1, 2, 3]);
    assert.deepEqual(within(300), [1, 2, 3, 4]);
    assert.deepEqual(within(599), [1, 2, 3, 4, 5, 6]);
  });

  test(`${name}: overlapping() finds a batch that reaches in from behind, by the longest span`, (t) => {
    const { store } = open(t);
    store.append(1, body(1), [span(0, 1_000)]);
    store.append(2, body(2), [span(40, 50)]);
    store.append(3, body(3), [span(60, 1_060)]);
    assert.deepEqual(met(store, [[45, 45]], { longestSpanMs: 1_000 }), [1, 2]);
    assert.deepEqual(met(store, [[0, 0]], { longestSpanMs: 1_000 }), [1]);
    assert.deepEqual(met(store, [[60, 60]], { longestSpanMs: 1_000 }), [1, 3]);
  });

  test(`${name}: unackedBytes() are those of the rows after the cursor`, (t) => {
    const { store, reopen } = open(t);
    fill(store, 5);
    assert.equal(store.unackedBytes(), 500);
    store.saveCursor(3);
    assert.equal(store.unackedBytes(), 200);
    fill(store, 1);
    assert.equal(store.unackedBytes(), 300);
    store.saveCursor(1);
    assert.equal(store.unackedBytes(), 500);
    assert.equal(reopen().unackedBytes(), 500);
  });

  test(`${name}: dropAcknowledged() drops the oldest acknowledged rows, and their spans, down to the bound`, (t) => {
    const { store, reopen } = open(t, 400);
    fill(store, 6);
    store.saveCursor(5);
    store.dropAcknowledged();
    assert.deepEqual(store.extent(), { floor: 3, head: 6 });
    assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [3, 4, 5, 6]);
    assert.deepEqual(met(store, [[0, 1000]]), [3, 4, 5, 6]);
    assert.deepEqual([store.unackedBytes(), store.lastStampMs()], [100, 1006]);
    assert.deepEqual(fill(store, 1).extent(), { floor: 3, head: 7 });
    const before = everything(store);
    assert.deepEqual(everything(reopen()), before);
  });

  test(`${name}: dropAcknowledged() never drops a row that the origin does not hold (P1)`, (t) => {
    const { store } = open(t, 150);
    fill(store, 6);
    store.dropAcknowledged();
    assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [1, 2, 3, 4, 5, 6]);
    store.saveCursor(2);
    store.dropAcknowledged();
    assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [3, 4, 5, 6]);
    store.dropAcknowledged();
    assert.deepEqual(store.extent(), { floor: 3, head: 6 });
  });

  test(`${name}: dropAcknowledged() below the bound drops nothing`, (t) => {
    const { store } = open(t, 600);
    fill(store, 6);
    store.saveCursor(6);
    store.dropAcknowledged();
    assert.equal(store.extent().floor, 1);
  });

  test(`${name}: renewEpoch() starts another life in which nothing is acknowledged`, (t) => {
    const { store, reopen } = open(t);
    fill(store, 3);
    store.saveCursor(3);
    store.renewEpoch(78);
    assert.deepEqual(store.loadLink(), { replicaEpoch: 78, cursor: 0 });
    assert.deepEqual([store.extent(), store.unackedBytes()], [{ floor: 1, head: 3 }, 300]);
    const before = everything(store);
    assert.deepEqual(everything(reopen()), before);
  });

  test(`${name}: saveDevice() replaces, and counts each device once`, (t) => {
    const { store, reopen } = open(t);
    store.saveDevice(BOAT, { ...NEW_DEVICE, late: 1 });
    store.saveDevice(BOAT, { ...NEW_DEVICE, late: 2 });
    store.saveDevice(BUOY, NEW_DEVICE);
    assert.equal(store.deviceCount(), 2);
    assert.equal(store.loadDevice(BOAT)?.late, 2);
    assert.equal(reopen().deviceCount(), 2);
  });

  test(`${name}: a device's state comes back although others pushed it out of memory`, (t) => {
    const { store } = open(t);
    store.saveDevice(BOAT, { ...NEW_DEVICE, late: 7 });
    store.transaction(() => {
      for (let i = 0; i <= limits.devicesInMemoryMax; i += 1)
        store.saveDevice(deviceId(`d-${i}`), NEW_DEVICE);
    });
    assert.equal(store.loadDevice(BOAT)?.late, 7);
    assert.equal(store.deviceCount(), limits.devicesInMemoryMax + 2);
  });

  test(`${name}: saveRollup() replaces a minute, and devices and minutes do not mix`, (t) => {
    const { store, reopen } = open(t);
    const rollup = (count: number): MinuteRollup => ({ a: [count, "1", 1, 1, 1, 1] });
    store.saveRollup(BOAT, 0, rollup(1));
    store.saveRollup(BOAT, 0, rollup(2));
    store.saveRollup(BOAT, MINUTE_MS, rollup(3));
    store.saveRollup(BUOY, 0, rollup(4));
    const reopened = reopen();
    assert.deepEqual(reopened.loadRollup(BOAT, 0), rollup(2));
    assert.deepEqual(reopened.loadRollup(BOAT, MINUTE_MS), rollup(3));
    assert.deepEqual(reopened.loadRollup(BUOY, 0), rollup(4));
    assert.deepEqual(reopened.loadRollup(BUOY, MINUTE_MS), {});
  });

  test(`${name}: dropRollups() drops the device's minutes before a time, and no others`, (t) => {
    const { store, reopen } = open(t);
    for (const minute of [0, 1, 2, 3]) store.saveRollup(BOAT, minute * MINUTE_MS, MINUTE);
    store.saveRollup(BUOY, 0, MINUTE);
    store.dropRollups(BOAT, 2 * MINUTE_MS);
    const reopened = reopen();
    assert.deepEqual(
      [0, 1, 2, 3].map((minute) => reopened.loadRollup(BOAT, minute * MINUTE_MS)),
      [{}, {}, MINUTE, MINUTE],
    );
    assert.deepEqual(reopened.loadRollup(BUOY, 0), MINUTE);
  });

  test(`${name}: the counts of bytes are those of the rows, whatever the cursor did`, (t) => {
    const bytesMax = 1_000;
    const { store, reopen } = open(t, bytesMax);
    for (let i = 1; i <= 30; i += 1) store.append(i, body(i, 10 + 7 * i), [span(i, i)]);
    const bytesAfter = (seq: number): number =>
      store.entriesAfter(seq, Infinity, 1_000).reduce((sum, row) => sum + row.body.length, 0);
    for (const cursor of [5, 9, 3, 3, 20, 10, 30, 0, 25, 12, 13]) {
      store.saveCursor(cursor);
      store.dropAcknowledged();
      assert.equal(store.unackedBytes(), bytesAfter(cursor), `at ${cursor}`);
      const { floor } = store.extent();
      const isDown = bytesAfter(0) <= bytesMax;
      assert.ok(isDown || floor > cursor, `${cursor}: as much is dropped as may be`);
    }
    store.append(31, body(31, 5), []);
    store.renewEpoch(FIRST_EPOCH + 5);
    store.saveCursor(29);
    store.append(32, body(32, 5), []);
    assert.equal(store.unackedBytes(), bytesAfter(29));
    store.saveCursor(32);
    store.dropAcknowledged();
    const before = everything(store);
    const held = bytesAfter(0);
    assert.ok(held <= bytesMax && held > bytesMax - 250, "no more is dropped than has to be");
    const reopened = reopen();
    assert.deepEqual(everything(reopened), before);
    reopened.dropAcknowledged();
    assert.deepEqual(everything(reopened), before);
  });
}

for (const [database, openSql] of Object.entries(DATABASES)) {
  suite(`SqlHubStore on ${database}`, (t, journalBytesMax) => {
    const { sql, reopen } = openSql(t);
    const store = new SqlHubStore(sql, FIRST_EPOCH, journalBytesMax);
    return { store, reopen: () => new SqlHubStore(reopen(), FIRST_EPOCH + 1, journalBytesMax) };
  });
}
