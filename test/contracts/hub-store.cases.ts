// Goal: every HubStore keeps the bullets of its port. Method: cases over a store that may be opened
// again, in the same database, after a restart.

import assert from "node:assert/strict";
import { limits } from "../../edge/limits.ts";
import type { HubStore, TimeRange } from "../../edge/ports.ts";
import { MINUTE_MS, NEW_DEVICE, type MinuteRollup } from "../../edge/telemetry/device-state.ts";
import { deviceId } from "../support/arbitraries.ts";
import { RESTART, type ContractCase } from "./contract.ts";
import {
  beginLife,
  body,
  BOAT,
  BUOY,
  everything,
  fill,
  lifeOf,
  met,
  MINUTE,
  moveCursor,
  seqs,
  span,
} from "./hub-store-values.ts";

/** The replicaEpoch of a store that is opened for the first time. */
export const FIRST_EPOCH = 77;

/** Opens the store; `journalBytesMax` is the bound of what it keeps. */
export type OpenHubStore = (journalBytesMax?: number) => HubStore;

export const hubStoreCases: readonly ContractCase<OpenHubStore>[] = [
  {
    name: "a new store holds nothing, and has the replicaEpoch that it was given",
    run(open) {
      const store = open();
      assert.deepEqual(everything(store), {
        extent: { floor: 1, head: 0 },
        lastStampMs: 0,
        unackedBytes: 0,
        link: lifeOf(FIRST_EPOCH),
        devices: 0,
        states: [null, null],
        rollups: [{}, {}],
        entries: [],
        overlapping: [],
      });
    },
  },
  {
    name: "order: rows ascend by 1 from 1, and come back as they were",
    run(open) {
      const store = fill(open(), 5);
      assert.deepEqual(store.extent(), { floor: 1, head: 5 });
      assert.equal(store.lastStampMs(), 1005);
      assert.deepEqual(
        store.entriesAfter(0, Infinity, 10),
        [1, 2, 3, 4, 5].map((seq) => ({ seq, stampMs: 1000 + seq, body: body(seq) })),
      );
    },
  },
  {
    name: "order: a stamp may be used again, and one that goes back is refused",
    *run(open) {
      const store = open();
      fill(store, 2);
      store.append(1002, body(9), []);
      assert.throws(() => store.append(1001, body(9), []));
      assert.throws(() => store.append(5, body(9), []));
      assert.deepEqual([store.extent().head, store.lastStampMs()], [3, 1002]);
      yield RESTART;
      const reopened = open();
      assert.throws(() => reopened.append(1001, body(9), []));
      reopened.append(1002, body(9), []);
      assert.deepEqual(
        reopened.entriesAfter(0, Infinity, 10).map(({ stampMs }) => stampMs),
        [1001, 1002, 1002, 1002],
      );
    },
  },
  {
    name: "a body is stored as it is, also as a part of a larger buffer",
    run(open) {
      const store = open();
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      store.append(1, all, []);
      store.append(2, all.subarray(10, 13), []);
      store.append(3, new Uint8Array(0), []);
      assert.deepEqual(
        store.entriesAfter(0, Infinity, 10).map((entry) => entry.body),
        [all, Uint8Array.of(10, 11, 12), new Uint8Array(0)],
      );
    },
  },
  {
    name: "atomicity: a transaction that throws leaves everything as it was",
    run(open) {
      const store = open();
      fill(store, 3);
      moveCursor(store, 1);
      store.saveDevice(BOAT, { ...NEW_DEVICE, late: 1 });
      store.saveRollup(BOAT, 0, { a: [1, "1", 1, 1, 1, 1] });
      const before = everything(store);
      assert.throws(
        () =>
          store.transaction(() => {
            fill(store, 2);
            moveCursor(store, 2);
            store.saveDevice(BOAT, { ...NEW_DEVICE, late: 2 });
            store.saveDevice(BUOY, NEW_DEVICE);
            store.saveRollup(BOAT, MINUTE_MS, {});
            store.dropRollups(BOAT, MINUTE_MS);
            store.dropAcknowledged();
            beginLife(store, 99);
            throw new Error("no power");
          }),
        /no power/,
      );
      assert.deepEqual(everything(store), before);
      assert.deepEqual(fill(store, 1).extent(), { floor: 1, head: 4 });
    },
  },
  {
    name: "atomicity: what was undone does not come back with a restart",
    *run(open) {
      const store = open();
      fill(store, 3);
      const before = everything(store);
      assert.throws(() =>
        store.transaction(() => {
          fill(store, 2);
          beginLife(store, 99);
          throw new Error("no power");
        }),
      );
      yield RESTART;
      assert.deepEqual(everything(open()), before);
    },
  },
  {
    name: "atomicity: what a transaction returns was committed",
    *run(open) {
      const store = open();
      const head = store.transaction(() => fill(store, 2).extent().head);
      assert.equal(head, 2);
      yield RESTART;
      assert.equal(open().extent().head, 2);
    },
  },
  {
    name: "durability: a store that is opened again holds the same",
    *run(open) {
      const store = open();
      fill(store, 4);
      moveCursor(store, 2);
      store.saveDevice(BOAT, { ...NEW_DEVICE, lastCommitMs: 5, clockSkewMs: -3 });
      store.saveDevice(BUOY, NEW_DEVICE);
      store.saveRollup(BOAT, MINUTE_MS, MINUTE);
      const before = everything(store);
      yield RESTART;
      const reopened = open();
      assert.deepEqual(everything(reopened), before);
      assert.equal(reopened.loadLink().replicaEpoch, FIRST_EPOCH);
    },
  },
  {
    name: "replace() puts a row in another's place, with its spans and its stamp",
    *run(open) {
      const store = fill(open(), 3);
      moveCursor(store, 1);
      store.replace({ seq: 3, stampMs: 1_002, body: body(9, 50) }, [span(500, 505)]);
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [1, 2, 3]);
      assert.deepEqual([store.lastStampMs(), store.unackedBytes()], [1_002, 150]);
      assert.deepEqual(met(store, [[500, 505]]), [3]);
      assert.deepEqual(met(store, [[30, 35]]), []);
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open()), before);
    },
  },
  {
    name: "deviceIds() lists the devices that are held",
    run(open) {
      const store = open();
      store.saveDevice(BUOY, NEW_DEVICE);
      store.saveDevice(BOAT, NEW_DEVICE);
      assert.deepEqual(store.deviceIds().toSorted(), [BOAT, BUOY]);
    },
  },
  {
    name: "entriesAfter() gives at least one row, then stops at its bounds",
    run(open) {
      const store = fill(open(), 6);
      assert.deepEqual(seqs(store.entriesAfter(0, 1, 10)), [1]);
      assert.deepEqual(seqs(store.entriesAfter(0, 300, 10)), [1, 2, 3]);
      assert.deepEqual(seqs(store.entriesAfter(2, 299, 10)), [3, 4]);
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 2)), [1, 2]);
      assert.deepEqual(seqs(store.entriesAfter(4, Infinity, 10)), [5, 6]);
      assert.deepEqual(store.entriesAfter(6, Infinity, 10), []);
      assert.deepEqual(store.entriesAfter(100, Infinity, 10), []);
    },
  },
  {
    name: "overlapping() finds the rows whose span meets, oldest first",
    run(open) {
      const store = fill(open(), 4);
      store.append(2000, body(5), [span(0, 100)]);
      store.append(2001, body(6), [span(10, 15, BUOY)]);
      assert.deepEqual(met(store, [[15, 20]]), [1, 2, 5]);
      assert.deepEqual(met(store, [[16, 19]]), [5]);
      assert.deepEqual(met(store, [[0, 9]]), [5]);
      assert.deepEqual(met(store, [[101, 999]]), []);
      assert.deepEqual(met(store, []), []);
      assert.deepEqual(met(store, [[0, 999]], { device: BUOY }), [6]);
    },
  },
  {
    name: "overlapping() gives a row once, also if several of its spans meet",
    run(open) {
      const store = open();
      store.append(1, body(1), [span(10, 20), span(30, 40), span(5, 20)]);
      assert.deepEqual(met(store, [[0, 50]]), [1]);
      assert.deepEqual(met(store, [[6, 7]]), [1]);
    },
  },
  {
    name: "overlapping() of several ranges gives each row once, oldest first",
    run(open) {
      const store = open();
      const spans = [span(50, 60), span(0, 100), span(10, 20), span(30, 35), span(58, 70)];
      for (const [i, each] of spans.entries()) store.append(i + 1, body(i), [each]);
      const ranges: TimeRange[] = [
        [55, 60],
        [15, 16],
        [0, 12],
      ];
      assert.deepEqual(met(store, ranges), [1, 2, 3, 5]);
      assert.deepEqual(met(store, ranges.toReversed()), [1, 2, 3, 5]);
    },
  },
  {
    name: "overlapping() ends behind the row that goes over its bytes",
    run(open) {
      const store = fill(open(), 6);
      const within = (bytesMax: number): number[] => met(store, [[0, 999]], { bytesMax });
      assert.deepEqual(within(0), [1]);
      assert.deepEqual(within(299), [1, 2, 3]);
      assert.deepEqual(within(300), [1, 2, 3, 4]);
      assert.deepEqual(within(599), [1, 2, 3, 4, 5, 6]);
    },
  },
  {
    name: "overlapping() finds a batch that reaches in from behind, by the longest span",
    run(open) {
      const store = open();
      store.append(1, body(1), [span(0, 1_000)]);
      store.append(2, body(2), [span(40, 50)]);
      store.append(3, body(3), [span(60, 1_060)]);
      assert.deepEqual(met(store, [[45, 45]], { longestSpanMs: 1_000 }), [1, 2]);
      assert.deepEqual(met(store, [[0, 0]], { longestSpanMs: 1_000 }), [1]);
      assert.deepEqual(met(store, [[60, 60]], { longestSpanMs: 1_000 }), [1, 3]);
    },
  },
  {
    name: "unackedBytes() are those of the rows after the cursor",
    *run(open) {
      const store = open();
      fill(store, 5);
      assert.equal(store.unackedBytes(), 500);
      moveCursor(store, 3);
      assert.equal(store.unackedBytes(), 200);
      fill(store, 1);
      assert.equal(store.unackedBytes(), 300);
      moveCursor(store, 1);
      assert.equal(store.unackedBytes(), 500);
      yield RESTART;
      assert.equal(open().unackedBytes(), 500);
    },
  },
  {
    name: "dropAcknowledged() drops the oldest acknowledged rows, and their spans, down to the bound",
    *run(open) {
      const store = open(400);
      fill(store, 6);
      moveCursor(store, 5);
      store.dropAcknowledged();
      assert.deepEqual(store.extent(), { floor: 3, head: 6 });
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [3, 4, 5, 6]);
      assert.deepEqual(met(store, [[0, 1000]]), [3, 4, 5, 6]);
      assert.deepEqual([store.unackedBytes(), store.lastStampMs()], [100, 1006]);
      assert.deepEqual(fill(store, 1).extent(), { floor: 3, head: 7 });
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open(400)), before);
    },
  },
  {
    name: "dropAcknowledged() never drops a row that the origin does not hold (P1)",
    run(open) {
      const store = open(150);
      fill(store, 6);
      store.dropAcknowledged();
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [1, 2, 3, 4, 5, 6]);
      moveCursor(store, 2);
      store.dropAcknowledged();
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [3, 4, 5, 6]);
      store.dropAcknowledged();
      assert.deepEqual(store.extent(), { floor: 3, head: 6 });
    },
  },
  {
    name: "dropAcknowledged() below the bound drops nothing",
    run(open) {
      const store = open(600);
      fill(store, 6);
      moveCursor(store, 6);
      store.dropAcknowledged();
      assert.equal(store.extent().floor, 1);
    },
  },
  {
    name: "saveLink() of another life starts one in which nothing is acknowledged",
    *run(open) {
      const store = open();
      fill(store, 3);
      moveCursor(store, 3);
      beginLife(store, 78);
      assert.deepEqual(store.loadLink(), lifeOf(78));
      assert.deepEqual([store.extent(), store.unackedBytes()], [{ floor: 1, head: 3 }, 300]);
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open()), before);
    },
  },
  {
    name: "saveDevice() replaces, and counts each device once",
    *run(open) {
      const store = open();
      store.saveDevice(BOAT, { ...NEW_DEVICE, late: 1 });
      store.saveDevice(BOAT, { ...NEW_DEVICE, late: 2 });
      store.saveDevice(BUOY, NEW_DEVICE);
      assert.equal(store.deviceCount(), 2);
      assert.equal(store.loadDevice(BOAT)?.late, 2);
      yield RESTART;
      assert.equal(open().deviceCount(), 2);
    },
  },
  {
    name: "a device's state comes back although others pushed it out of memory",
    run(open) {
      const store = open();
      store.saveDevice(BOAT, { ...NEW_DEVICE, late: 7 });
      store.transaction(() => {
        for (let i = 0; i <= limits.devicesInMemoryMax; i += 1)
          store.saveDevice(deviceId(`d-${i}`), NEW_DEVICE);
      });
      assert.equal(store.loadDevice(BOAT)?.late, 7);
      assert.equal(store.deviceCount(), limits.devicesInMemoryMax + 2);
    },
  },
  {
    name: "saveRollup() replaces a minute, and devices and minutes do not mix",
    *run(open) {
      const store = open();
      const rollup = (count: number): MinuteRollup => ({ a: [count, "1", 1, 1, 1, 1] });
      store.saveRollup(BOAT, 0, rollup(1));
      store.saveRollup(BOAT, 0, rollup(2));
      store.saveRollup(BOAT, MINUTE_MS, rollup(3));
      store.saveRollup(BUOY, 0, rollup(4));
      yield RESTART;
      const reopened = open();
      assert.deepEqual(reopened.loadRollup(BOAT, 0), rollup(2));
      assert.deepEqual(reopened.loadRollup(BOAT, MINUTE_MS), rollup(3));
      assert.deepEqual(reopened.loadRollup(BUOY, 0), rollup(4));
      assert.deepEqual(reopened.loadRollup(BUOY, MINUTE_MS), {});
    },
  },
  {
    name: "dropRollups() drops the device's minutes before a time, and no others",
    *run(open) {
      const store = open();
      for (const minute of [0, 1, 2, 3]) store.saveRollup(BOAT, minute * MINUTE_MS, MINUTE);
      store.saveRollup(BUOY, 0, MINUTE);
      store.dropRollups(BOAT, 2 * MINUTE_MS);
      yield RESTART;
      const reopened = open();
      assert.deepEqual(
        [0, 1, 2, 3].map((minute) => reopened.loadRollup(BOAT, minute * MINUTE_MS)),
        [{}, {}, MINUTE, MINUTE],
      );
      assert.deepEqual(reopened.loadRollup(BUOY, 0), MINUTE);
    },
  },
  {
    name: "the counts of bytes are those of the rows, whatever the cursor did",
    *run(open) {
      const bytesMax = 1_000;
      const store = open(bytesMax);
      for (let i = 1; i <= 30; i += 1) store.append(i, body(i, 10 + 7 * i), [span(i, i)]);
      const bytesAfter = (seq: number): number =>
        store.entriesAfter(seq, Infinity, 1_000).reduce((sum, row) => sum + row.body.length, 0);
      for (const cursor of [5, 9, 3, 3, 20, 10, 30, 0, 25, 12, 13]) {
        moveCursor(store, cursor);
        store.dropAcknowledged();
        assert.equal(store.unackedBytes(), bytesAfter(cursor), `at ${cursor}`);
        const { floor } = store.extent();
        const isDown = bytesAfter(0) <= bytesMax;
        assert.ok(isDown || floor > cursor, `${cursor}: as much is dropped as may be`);
      }
      store.append(31, body(31, 5), []);
      beginLife(store, FIRST_EPOCH + 5);
      moveCursor(store, 29);
      store.append(32, body(32, 5), []);
      assert.equal(store.unackedBytes(), bytesAfter(29));
      moveCursor(store, 32);
      store.dropAcknowledged();
      const before = everything(store);
      const held = bytesAfter(0);
      assert.ok(held <= bytesMax && held > bytesMax - 250, "no more is dropped than has to be");
      yield RESTART;
      const reopened = open(bytesMax);
      assert.deepEqual(everything(reopened), before);
      reopened.dropAcknowledged();
      assert.deepEqual(everything(reopened), before);
    },
  },
];
