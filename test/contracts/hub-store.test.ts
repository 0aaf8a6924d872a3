// Goal: every HubStore keeps the bullets of its port. Method: one suite, given a way to open a store
// and to open it again; here the statements of the DeviceHub over node:sqlite, in memory and in a
// file that is closed in between.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import type { HubStore, Span } from "../../edge/ports.ts";
import { NEW_DEVICE, type HourRollup } from "../../edge/telemetry/device-state.ts";
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
const MINUTES: HourRollup = JSON.parse('{"constructor":{"59":[1,"0.1",0.1,0.1,5,5]}}');

const span = (firstMs: number, lastMs: number, device = BOAT): Span => ({
  device,
  firstMs,
  lastMs,
});
const body = (fill: number, bytes = 100): Uint8Array => new Uint8Array(bytes).fill(fill);
const seqs = (entries: readonly LogEntry[]): number[] => entries.map(({ seq }) => seq);

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
    rollups: [0, 3_600_000].map((hourMs) => store.loadRollup(BOAT, hourMs)),
    entries: store.entriesAfter(0, Infinity, 1_000),
    overlapping: store.overlapping(BOAT, 0, 1e9, 1_000),
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

  test(`${name}: order: a stamp that does not ascend is refused`, (t) => {
    const { store } = open(t);
    fill(store, 2);
    assert.throws(() => store.append(1002, body(9), []));
    assert.throws(() => store.append(5, body(9), []));
    assert.equal(store.extent().head, 2);
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
    store.saveRollup(BOAT, 0, { a: { 0: [1, "1", 1, 1, 1, 1] } });
    const before = everything(store);
    assert.throws(
      () =>
        store.transaction(() => {
          fill(store, 2);
          store.saveCursor(2);
          store.saveDevice(BOAT, { ...NEW_DEVICE, late: 2 });
          store.saveDevice(BUOY, NEW_DEVICE);
          store.saveRollup(BOAT, 3_600_000, {});
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
    store.saveRollup(BOAT, 3_600_000, MINUTES);
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
    assert.deepEqual(seqs(store.overlapping(BOAT, 15, 20, 10)), [1, 2, 5]);
    assert.deepEqual(seqs(store.overlapping(BOAT, 16, 19, 10)), [5]);
    assert.deepEqual(seqs(store.overlapping(BOAT, 0, 9, 10)), [5]);
    assert.deepEqual(seqs(store.overlapping(BOAT, 101, 999, 10)), []);
    assert.deepEqual(seqs(store.overlapping(BUOY, 0, 999, 10)), [6]);
    assert.deepEqual(seqs(store.overlapping(BOAT, 0, 999, 3)), [1, 2, 3]);
  });

  test(`${name}: overlapping() gives a row once, also if several of its spans meet`, (t) => {
    const { store } = open(t);
    store.append(1, body(1), [span(10, 20), span(30, 40), span(5, 20)]);
    assert.deepEqual(seqs(store.overlapping(BOAT, 0, 50, 10)), [1]);
    assert.deepEqual(seqs(store.overlapping(BOAT, 6, 7, 10)), [1]);
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
    assert.deepEqual(seqs(store.overlapping(BOAT, 0, 1000, 10)), [3, 4, 5, 6]);
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

  test(`${name}: saveRollup() keeps the newest hours of a device, and other devices' all`, (t) => {
    const { store } = open(t);
    const kept = limits.rollupHoursPerDeviceMax;
    const rollup = { a: { 0: [1, "1", 1, 1, 1, 1] as const } };
    store.saveRollup(BUOY, 0, rollup);
    store.transaction(() => {
      for (let hour = 0; hour <= kept; hour += 1) store.saveRollup(BOAT, hour * 3_600_000, rollup);
    });
    assert.deepEqual(store.loadRollup(BOAT, 0), {});
    assert.deepEqual(store.loadRollup(BOAT, 3_600_000), rollup);
    assert.deepEqual(store.loadRollup(BUOY, 0), rollup);
    store.saveRollup(BOAT, 0, rollup);
    assert.deepEqual(store.loadRollup(BOAT, 0), {}, "an hour that is too old is not kept");
    assert.deepEqual(store.loadRollup(BOAT, kept * 3_600_000), rollup);
  });
}

for (const [database, openSql] of Object.entries(DATABASES)) {
  suite(`SqlHubStore on ${database}`, (t, journalBytesMax) => {
    const { sql, reopen } = openSql(t);
    const store = new SqlHubStore(sql, FIRST_EPOCH, journalBytesMax);
    return { store, reopen: () => new SqlHubStore(reopen(), FIRST_EPOCH + 1, journalBytesMax) };
  });
}
