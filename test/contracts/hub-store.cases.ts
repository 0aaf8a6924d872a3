// Goal: every HubStore keeps the bullets of its port. Method: cases over a store that may be opened
// again, in the same database, after a restart.

import assert from "node:assert/strict";
import { limits } from "../../edge/limits.ts";
import type { HubStoreOptions } from "../../edge/platform/hub-memory.ts";
import type { HubStore } from "../../edge/ports.ts";
import { NEW_DEVICE } from "../../edge/telemetry/device-state.ts";
import { bytesOf, textOf, type Sql } from "../../storage/sql.ts";
import { formatDecimal, sumOf } from "../../sync/decimal.ts";
import { entryDigest } from "../../sync/wire/log-lane.ts";
import { decodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { deviceId, streamName } from "../support/arbitraries.ts";
import { batchAt, commitBatch, stageBatch } from "../support/hub-commits.ts";
import { RESTART, type ContractCase } from "./contract.ts";
import {
  beginLife,
  BOAT,
  BUOY,
  bytesOfOne,
  everything,
  fill,
  lifeOf,
  met,
  moveCursor,
  sealAll,
  seqs,
} from "./hub-store-values.ts";

/** The replicaEpoch of a store that is opened for the first time. */
export const FIRST_EPOCH = 77;

/** Opens the store, and gives the database for looking at, and damaging, what is in it. */
export interface OpenHubStore {
  (options?: HubStoreOptions): HubStore;
  readonly sql: () => Sql;
}

/** An entry of fill(), with its note, and a bound of so many of them. */
const boundOf = (entries: number): HubStoreOptions => ({
  journalBytesMax: entries * bytesOfFill,
});
const bytesOfFill = 48;

const timesOf = (body: Uint8Array): (readonly number[])[] => {
  const batches = decodeBatches(body);
  assert.ok(batches.ok);
  return batches.value.map(({ times }) => times);
};

/** [seq, digest] of all entries: their bodies are long. */
const digests = (store: HubStore): number[][] =>
  store.entriesAfter(0, Infinity, 100).map((entry) => [entry.seq, entryDigest(entry)]);

/** What is damaged, how, whether it was sealed before, and what is told then. */
const DAMAGES: readonly (readonly [string, string, boolean, readonly (string | number)[]])[] = [
  [
    "an entry whose checksum is wrong",
    "update journal set crc = crc + 1 where seq = 3",
    false,
    ["boat-1", "a", "damage", 0, 30, 35, 2],
  ],
  [
    "a sealed entry whose checksum is wrong",
    "update journal set crc = crc + 1 where seq = 3",
    true,
    ["boat-1", "a", "damage", 0, 30, 35, 2],
  ],
  [
    "an entry of which nothing can be read",
    "update journal set note = x'0107', body = x'0107' where seq = 3",
    false,
    ["*", "*", "damage", -1, 1003, 1004, 2],
  ],
  [
    "a sealed entry of which nothing can be read",
    "update journal set note = x'0107', body = x'0107' where seq = 3",
    true,
    ["*", "*", "damage", -1, 1003, 1004, 2],
  ],
  [
    "an entry that says another number",
    "update journal set seq = 1000003 where seq = 3",
    false,
    ["boat-1", "a", "damage", 0, 30, 35, 2],
  ],
  [
    "the newest entry, damaged in its note,",
    "update journal set note = x'0107' where seq = 5",
    false,
    ["boat-1", "a", "damage", 0, 50, 55, 2],
  ],
  [
    "the newest entry, sealed, of which nothing can be read,",
    "update journal set note = x'0107', body = x'0107' where seq = 5",
    true,
    ["*", "*", "damage", -1, 1004, 1004, 2],
  ],
  [
    "the newest entry of which nothing can be read",
    "update journal set note = x'0107', body = x'0107' where seq = 5",
    false,
    ["*", "*", "damage-uncounted", -1, 1004, 1004, 0],
  ],
  [
    "an entry that is gone",
    "delete from journal where seq = 3",
    false,
    ["*", "*", "damage", -1, 1002, 1004, 2],
  ],
];

/** How a hub's row may be wrong. */
const HUB_DAMAGES: readonly (readonly [string, string])[] = [
  ["says that more is sealed", "update hub set checkpoint = checkpoint + 2"],
  ["says that less was accepted", "update hub set accepted = 1, present = 1"],
  ["says that the origin held more", "update hub set confirmed = 5"],
  ["has another checksum", "update hub set crc = crc + 1"],
  ["is gone", "delete from hub"],
];

/** What a hub tells that it lost. */
function gapsTold(store: HubStore): (string | number)[][] {
  return store.gaps
    .unsent(100)
    .map((gap) => [
      gap.device,
      gap.stream,
      gap.policy,
      gap.hourMs,
      gap.firstMs,
      gap.lastMs,
      gap.readings,
    ]);
}

/** How many readings the hub says it accepted; what became of them adds up to it. */
function isRight(store: HubStore): number {
  const { accepted, present } = store.account();
  const { thinned, gapped } = store.gaps.readings();
  assert.equal(accepted, present + thinned + gapped);
  return accepted;
}

export const hubStoreCases: readonly ContractCase<OpenHubStore>[] = [
  {
    name: "a new store holds nothing, and has the replicaEpoch that it was given",
    run(open) {
      const store = open();
      assert.deepEqual(everything(store), {
        extent: { floor: 1, head: 0 },
        lastStampMs: 0,
        isStaged: false,
        unackedBytes: 0,
        link: lifeOf(FIRST_EPOCH),
        devices: 0,
        ids: [],
        states: [null, null],
        entries: [],
        held: [],
        damaged: 0,
      });
    },
  },
  {
    name: "order: entries ascend by 1 from 1, and come back as they were",
    *run(open) {
      const store = fill(open(), 5);
      assert.deepEqual(store.extent(), { floor: 1, head: 5 });
      assert.equal(store.lastStampMs(), 1005);
      const before = store.entriesAfter(0, Infinity, 10);
      assert.deepEqual(
        before.map(({ seq, stampMs, body }) => [seq, stampMs, timesOf(body)]),
        [1, 2, 3, 4, 5].map((seq) => [seq, 1000 + seq, [[10 * seq, 10 * seq + 5]]]),
      );
      assert.equal(bytesOfOne(store), bytesOfFill);
      yield RESTART;
      assert.deepEqual(open().entriesAfter(0, Infinity, 10), before);
    },
  },
  {
    name: "order: a stamp may be used again, and one that goes back is refused",
    *run(open) {
      const store = fill(open(), 2);
      commitBatch(store, 1002, batchAt([1]));
      assert.throws(() => stageBatch(store, 1001, batchAt([2])));
      assert.equal(store.stampFor(5), 1002);
      assert.equal(store.stampFor(2000), 2000);
      assert.deepEqual([store.extent().head, store.lastStampMs()], [3, 1002]);
      yield RESTART;
      const reopened = open();
      assert.throws(() => stageBatch(reopened, 1001, batchAt([2])));
      assert.equal(reopened.stampFor(5), 1002);
    },
  },
  {
    name: "what is staged is one entry with one stamp, seen at once, and gone with a restart",
    *run(open) {
      const store = fill(open(), 1);
      stageBatch(store, 2000, batchAt([1, 2]));
      assert.equal(store.stampFor(3000), 2000);
      stageBatch(store, 2000, batchAt([3], { device: BUOY }));
      assert.deepEqual([store.isStaged, store.extent().head], [true, 1]);
      assert.deepEqual([met(store, [[0, 99]]), met(store, [[0, 99]], BUOY)], [[10, 15, 1, 2], [3]]);
      assert.equal(store.loadDevice(BUOY)?.streams["a"]?.total?.[0], 1);
      yield RESTART;
      const reopened = open();
      assert.deepEqual([reopened.isStaged, reopened.extent().head], [false, 1]);
      assert.equal(reopened.loadDevice(BUOY), null);
      stageBatch(reopened, 2000, batchAt([1, 2]));
      stageBatch(reopened, 2000, batchAt([3], { device: BUOY }));
      reopened.write();
      reopened.write();
      const [entry, more] = reopened.entriesAfter(1, Infinity, 10);
      assert.deepEqual([entry?.seq, entry?.stampMs, more], [2, 2000, undefined]);
      assert.deepEqual(timesOf(entry?.body ?? new Uint8Array(0)), [[1, 2], [3]]);
    },
  },
  {
    name: "a slot that is full is written, and the next one opened",
    run(open) {
      const store = open();
      for (let at = 0; at < 40; at += 1)
        stageBatch(store, 1000, batchAt(Array.from({ length: 1_000 }, (_, i) => at * 1_000 + i)));
      store.write();
      const bytes = store.entriesAfter(0, Infinity, 100).map(({ body }) => body.length);
      assert.ok(bytes.length > 1 && bytes.length < 10);
      assert.ok(Math.max(...bytes) < limits.slotBytesTarget + 10_000, `${Math.max(...bytes)}`);
    },
  },
  {
    name: "a commit writes one row, whatever it holds",
    run(open) {
      const store = open();
      const rows: number[] = [];
      for (let at = 1; at <= 20; at += 1) {
        const before = open.sql().rowsWritten();
        stageBatch(store, at, batchAt(Array.from({ length: 900 }, (_, i) => at * 1_000 + i)));
        stageBatch(store, at, batchAt([at], { device: BUOY }));
        store.write();
        rows.push(open.sql().rowsWritten() - before);
      }
      assert.deepEqual([...new Set(rows)], [1]);
    },
  },
  {
    name: "atomicity: a transaction that throws leaves everything as it was",
    run(open) {
      const store = fill(open(), 3);
      moveCursor(store, 1);
      const before = everything(store);
      assert.throws(
        () =>
          store.transaction(() => {
            fill(store, 2);
            moveCursor(store, 2);
            store.amend(new Map([[BUOY, NEW_DEVICE]]));
            sealAll(store);
            store.makeRoom();
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
      const store = fill(open(), 3);
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
    name: "durability: a store that is opened again holds the same, whatever was sealed",
    *run(open) {
      const store = fill(open(), 4);
      commitBatch(store, 1005, batchAt([7, 8], { device: BUOY }));
      moveCursor(store, 2);
      const before = everything(store);
      yield RESTART;
      const second = open();
      assert.deepEqual(everything(second), before);
      sealAll(second);
      assert.deepEqual(everything(second), before);
      yield RESTART;
      const third = open();
      assert.deepEqual(everything(third), before);
      fill(third, 1);
      const after = everything(third);
      yield RESTART;
      assert.deepEqual(everything(open()), after);
    },
  },
  {
    name: "reload() forgets what is staged, and nothing else",
    run(open) {
      const store = fill(open(), 2);
      const before = everything(store);
      stageBatch(store, 2000, batchAt([1, 2]));
      store.reload();
      assert.deepEqual(everything(store), before);
    },
  },
  {
    name: "restamp() puts a stamp and batches in the place of an entry's",
    *run(open) {
      const store = fill(open(), 3);
      moveCursor(store, 1);
      const change = (batch: ReadingBatch): ReadingBatch => ({ ...batch, times: [500, 505] });
      store.restamp([{ seq: 3, stampMs: 1_002, change }]);
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [1, 2, 3]);
      assert.deepEqual([store.lastStampMs(), met(store, [[500, 505]])], [1_002, [500, 505]]);
      assert.deepEqual(met(store, [[30, 35]]), []);
      sealAll(store);
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open()), before);
    },
  },
  {
    name: "amend() puts states in the place of those that were folded",
    *run(open) {
      const store = fill(open(), 2);
      const late = { ...(store.loadDevice(BOAT) ?? NEW_DEVICE), late: 9 };
      store.amend(new Map([[BOAT, late]]));
      assert.equal(store.loadDevice(BOAT)?.late, 9);
      yield RESTART;
      const reopened = fill(open(), 1);
      assert.deepEqual([reopened.loadDevice(BOAT)?.late, reopened.deviceCount()], [9, 1]);
      assert.equal(reopened.loadDevice(BOAT)?.streams["a"]?.total?.[0], 6);
    },
  },
  {
    name: "entriesAfter() gives at least one entry, then stops at its bounds",
    run(open) {
      const store = fill(open(), 6);
      const one = bytesOfFill;
      assert.deepEqual(seqs(store.entriesAfter(0, 1, 10)), [1]);
      assert.deepEqual(seqs(store.entriesAfter(0, 3 * one, 10)), [1, 2, 3]);
      assert.deepEqual(seqs(store.entriesAfter(2, 3 * one - 1, 10)), [3, 4]);
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 2)), [1, 2]);
      assert.deepEqual(seqs(store.entriesAfter(4, Infinity, 10)), [5, 6]);
      assert.deepEqual(store.entriesAfter(6, Infinity, 10), []);
      assert.deepEqual(store.entriesAfter(100, Infinity, 10), []);
    },
  },
  {
    name: "held() finds the batches whose span meets, oldest first, each once",
    *run(open) {
      const store = fill(open(), 4);
      commitBatch(store, 2000, batchAt([0, 100]));
      commitBatch(store, 2001, batchAt([10, 15], { device: BUOY }));
      const look = (hub: HubStore): void => {
        assert.deepEqual(met(hub, [[15, 20]]), [10, 15, 20, 25, 0, 100]);
        assert.deepEqual(met(hub, [[16, 19]]), [0, 100]);
        assert.deepEqual(met(hub, [[101, 999]]), []);
        assert.deepEqual(met(hub, []), []);
        assert.deepEqual(met(hub, [[0, 999]], BUOY), [10, 15]);
        const ranges = [[40, 41] as const, [10, 12] as const, [11, 13] as const];
        assert.deepEqual(met(hub, ranges), [10, 15, 40, 45, 0, 100]);
      };
      look(store);
      yield RESTART;
      look(open());
    },
  },
  {
    name: "held() ends behind what goes over its bytes",
    run(open) {
      const store = fill(open(), 6);
      const count = (bytesMax: number): number => met(store, [[0, 999]], BOAT, bytesMax).length / 2;
      assert.equal(count(0), 1);
      const bytes = store.entriesAfter(0, 0, 1)[0]?.body.length ?? 0;
      assert.equal(count(3 * bytes), 4);
      assert.equal(count(Infinity), 6);
    },
  },
  {
    name: "oldestUnackedMs() is the stamp of the entry after the cursor",
    *run(open) {
      const store = open();
      assert.equal(store.oldestUnackedMs(), null);
      fill(store, 3);
      const stamps = store.entriesAfter(0, Infinity, 9).map(({ stampMs }) => stampMs);
      assert.equal(store.oldestUnackedMs(), stamps[0]);
      moveCursor(store, 2);
      assert.equal(store.oldestUnackedMs(), stamps[2]);
      yield RESTART;
      assert.equal(open().oldestUnackedMs(), stamps[2]);
      moveCursor(open(), 3);
      assert.equal(open().oldestUnackedMs(), null);
    },
  },
  {
    name: "unackedBytes() are those of the entries after the cursor",
    *run(open) {
      const store = fill(open(), 5);
      const entries = (): number => store.unackedBytes() / bytesOfFill;
      assert.equal(entries(), 5);
      moveCursor(store, 3);
      assert.equal(entries(), 2);
      fill(store, 1);
      assert.equal(entries(), 3);
      moveCursor(store, 1);
      assert.equal(entries(), 5);
      yield RESTART;
      assert.equal(open().unackedBytes(), 5 * bytesOfFill);
    },
  },
  {
    name: "a commit overwrites the oldest entry that the origin holds, past the bytes that are kept",
    *run(open) {
      const options = boundOf(20);
      const store = fill(open(options), 6);
      assert.equal(store.extent().floor, 1, "nothing is acknowledged");
      moveCursor(store, 5);
      sealAll(store);
      fill(store, 2);
      assert.deepEqual(store.extent(), { floor: 3, head: 8 });
      assert.equal(open.sql().exec("select 1 from journal").length, 6, "its slots are used again");
      fill(store, 9);
      assert.deepEqual(store.extent(), { floor: 6, head: 17 });
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open(options)), before);
    },
  },
  {
    name: "a commit overwrites what the origin holds since longer than it is kept",
    run(open) {
      const store = fill(open(), 3);
      moveCursor(store, 3);
      sealAll(store);
      commitBatch(store, 1001 + limits.journalKeptMs, batchAt([1]));
      assert.equal(store.extent().floor, 1);
      commitBatch(store, 1002 + limits.journalKeptMs, batchAt([2]));
      assert.equal(store.extent().floor, 2);
      commitBatch(store, 9_999 + limits.journalKeptMs, batchAt([3]));
      assert.equal(store.extent().floor, 3, "one commit, one slot");
    },
  },
  {
    name: "makeRoom() drops the oldest acknowledged entries down to the bound, never the newest",
    *run(open) {
      const store = fill(open(boundOf(4)), 6);
      moveCursor(store, 5);
      sealAll(store);
      store.makeRoom();
      assert.deepEqual(store.extent(), { floor: 3, head: 6 });
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [3, 4, 5, 6]);
      assert.deepEqual([store.unackedBytes(), store.lastStampMs()], [bytesOfFill, 1006]);
      const before = everything(store);
      yield RESTART;
      const reopened = open(boundOf(0));
      assert.deepEqual(everything(reopened), before);
      moveCursor(reopened, 6);
      reopened.makeRoom();
      assert.deepEqual(reopened.extent(), { floor: 6, head: 6 });
    },
  },
  {
    name: "P1 nothing that the origin does not hold is dropped or overwritten",
    run(open) {
      const store = fill(open(boundOf(1)), 6);
      sealAll(store);
      store.makeRoom();
      assert.deepEqual(seqs(store.entriesAfter(0, Infinity, 10)), [1, 2, 3, 4, 5, 6]);
      moveCursor(store, 2);
      fill(store, 5);
      store.makeRoom();
      assert.deepEqual(store.extent(), { floor: 3, head: 11 });
      beginLife(store, 80);
      fill(store, 5);
      store.makeRoom();
      assert.deepEqual(store.extent(), { floor: 3, head: 16 });
    },
  },
  {
    name: "saveLink() of another life starts one in which nothing is acknowledged",
    *run(open) {
      const store = fill(open(), 3);
      moveCursor(store, 3);
      beginLife(store, 78);
      assert.deepEqual(store.loadLink(), lifeOf(78));
      assert.deepEqual(store.extent(), { floor: 1, head: 3 });
      assert.equal(store.unackedBytes(), 3 * bytesOfFill);
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open()), before);
    },
  },
  {
    name: "P8 devices that others push out of memory come back, also before they are sealed",
    *run(open) {
      const options = { devicesInMemoryBytesMax: 20_000 };
      const store = open(options);
      const all = Array.from({ length: 200 }, (_, i) => deviceId(`d-${i % 100}`));
      for (const [at, device] of all.entries())
        commitBatch(store, at + 1, batchAt([at], { device }));
      const look = (hub: HubStore): void => {
        assert.equal(hub.deviceCount(), 100);
        assert.equal(hub.deviceIds().length, 100);
        for (const device of all)
          assert.equal(hub.loadDevice(device)?.streams["a"]?.total?.[0], 2, device);
      };
      look(store);
      yield RESTART;
      look(open(options));
      assert.equal(open(options).damaged(), 0);
    },
  },
  ...(["body", "note", "seq", "stamp_ms", "crc"] as const).map(
    (column): ContractCase<OpenHubStore> => ({
      name: `damage: an entry whose ${column} is wrong holds nothing, and the others are as before`,
      *run(open) {
        const store = fill(open(), 5);
        sealAll(store);
        const before = store.entriesAfter(0, Infinity, 10);
        const wrong = column === "body" || column === "note" ? "x'0107'" : `${column} + 1000000`;
        open.sql().exec(`update journal set ${column} = ${wrong} where slot = 3`);
        yield RESTART;
        const damaged: string[] = [];
        const reopened = open({ onDamage: (what) => damaged.push(what) });
        const after = reopened.entriesAfter(0, Infinity, 10);
        assert.deepEqual(seqs(after), [1, 2, 3, 4, 5]);
        assert.deepEqual(timesOf(after[2]?.body ?? new Uint8Array(0)), []);
        assert.deepEqual(
          after.filter(({ seq }) => seq !== 3),
          before.filter(({ seq }) => seq !== 3),
        );
        assert.deepEqual([reopened.damaged(), damaged.length], [1, 1]);
        assert.deepEqual(fill(reopened, 1).extent(), { floor: 1, head: 6 });
        yield RESTART;
        assert.equal(open().damaged(), 0, "it is reported once");
      },
    }),
  ),
  ...DAMAGES.map(([what, statement, isSealed, gap]): ContractCase<OpenHubStore> => ({
    name: `P1 ${what} is a gap of what is known, told once, and the account is right`,
    *run(open) {
      const store = fill(open(), 5);
      moveCursor(store, 1);
      if (isSealed) sealAll(store);
      open.sql().exec(statement);
      yield RESTART;
      const reopened = open();
      reopened.entriesAfter(0, Infinity, 10);
      const told = gapsTold(reopened);
      assert.deepEqual(told, [gap]);
      const account = isRight(reopened);
      assert.equal(fill(reopened, 1).extent().head, 6, "no number is used again");
      yield RESTART;
      const third = open();
      third.entriesAfter(0, Infinity, 10);
      assert.deepEqual(gapsTold(third), told);
      assert.deepEqual(isRight(third), account + 2);
    },
  })),
  ...([false, true] as const).flatMap((isSealed) =>
    HUB_DAMAGES.map(([what, statement]): ContractCase<OpenHubStore> => ({
      name: `damage: a hub's row that ${what} is put together again${isSealed ? ", once sealed" : ""}`,
      *run(open) {
        const store = fill(open(), 6);
        moveCursor(store, 2);
        if (isSealed) sealAll(store);
        fill(store, 2);
        const before = everything(store);
        const account = store.account();
        open.sql().exec(statement);
        yield RESTART;
        const damaged: string[] = [];
        const reopened = open({ onDamage: (which) => damaged.push(which) });
        assert.deepEqual(damaged, ["the hub's row"]);
        assert.deepEqual(everything(reopened), { ...Object(before), damaged: 1 });
        assert.deepEqual(reopened.account(), account);
        sealAll(reopened);
        assert.deepEqual(everything(reopened), { ...Object(before), damaged: 1 });
        assert.deepEqual(met(fill(reopened, 1), [[0, 999]]).length, 18, "and nothing twice");
        yield RESTART;
        assert.deepEqual([open().damaged(), isRight(open())], [0, 18], "once");
      },
    })),
  ),
  {
    name: "P3 a hub whose row is damaged and of whose entries none is left begins a new life",
    *run(open) {
      const store = fill(open(), 4);
      sealAll(store);
      moveCursor(store, 2);
      open.sql().exec("delete from journal");
      open.sql().exec("update hub set checkpoint = 0");
      yield RESTART;
      const reopened = open();
      assert.deepEqual(reopened.loadLink(), lifeOf(FIRST_EPOCH + 1));
      assert.deepEqual(reopened.extent(), { floor: 5, head: 4 }, "behind what pages tell");
      assert.equal(fill(reopened, 1).extent().head, 5);
    },
  },
  {
    name: "P1 damage of what the origin holds is no gap; entries side by side are one",
    *run(open) {
      const store = fill(open(), 8);
      moveCursor(store, 3);
      open.sql().exec("update journal set note = x'0107', body = x'0107' where seq in (2, 5, 6)");
      yield RESTART;
      const reopened = open();
      assert.deepEqual(gapsTold(reopened), [["*", "*", "damage", -1, 1005, 1007, 4]]);
      assert.deepEqual([isRight(reopened), reopened.damaged()], [16, 3]);
      assert.equal(reopened.account().present, 12);
      yield RESTART;
      assert.equal(isRight(open()), 16);
    },
  },
  {
    name: "P1 a packed entry that is damaged is a gap of as many readings as its neighbours tell",
    run(open) {
      const store = fill(open({ archiveBytes: 100 }), 30);
      sealAll(store);
      const [page] = open.sql().exec("select first, body from archive order by first limit 1");
      const body = bytesOf(page?.["body"]).slice();
      const last = body.length - 1;
      body[last] = (body[last] ?? 0) ^ 1;
      open.sql().exec("update archive set body = ? where first = ?", body, textOf(page?.["first"]));
      store.reload();
      store.entriesAfter(0, Infinity, 100);
      const [gap, ...others] = gapsTold(store);
      assert.deepEqual([gap?.slice(0, 4), gap?.at(-1), others], [["*", "*", "damage", -1], 2, []]);
      assert.deepEqual([isRight(store), store.account().present], [60, 58]);
    },
  },
  ...["'{bad'", "'null'", `'{"replicaEpoch":7}'`, "x'00ff'"].map(
    (record): ContractCase<OpenHubStore> => ({
      name: `damage: a link's record that is ${record} begins a new life, and everything waits again`,
      *run(open) {
        const store = fill(open(), 5);
        moveCursor(store, 4);
        const before = store.entriesAfter(0, Infinity, 10);
        open.sql().exec(`update link_record set record = ${record}`);
        yield RESTART;
        const damaged: string[] = [];
        const reopened = open({ onDamage: (what) => damaged.push(what) });
        assert.deepEqual(damaged, ["the link's record"]);
        const link = reopened.loadLink();
        assert.deepEqual([link.cursor, link.isPulling], [{ seq: 0, digest: 0 }, true]);
        assert.deepEqual(reopened.entriesAfter(0, Infinity, 10), before);
        assert.deepEqual(fill(reopened, 1).extent(), { floor: 1, head: 6 });
        yield RESTART;
        assert.deepEqual([open().damaged(), open().loadLink()], [0, link], "once");
      },
    }),
  ),
  {
    name: "seal() moves readings into segments; entries, devices and what is held stay as they are",
    *run(open) {
      const store = fill(open(), 6);
      commitBatch(store, 1_006, batchAt([3, 7_200_003], { device: BUOY }));
      const before = everything(store);
      assert.ok(sealAll(store) > 0);
      assert.deepEqual(everything(store), before);
      assert.equal(open.sql().exec("select 1 from segment").length, 1, "small hours share a page");
      assert.deepEqual([sealAll(store), store.isSealDue(1e12)], [0, false]);
      yield RESTART;
      const reopened = open();
      assert.deepEqual(everything(reopened), before);
      fill(reopened, 1);
      assert.equal(met(reopened, [[0, 999]]).length, 14);
    },
  },
  {
    name: "seal() is due after so many bytes or so long, and may be stopped and begun again anywhere",
    run(open) {
      const store = fill(open(), 3);
      assert.equal(store.isSealDue(1_001 + limits.sealAfterMs), false);
      assert.equal(store.isSealDue(1_002 + limits.sealAfterMs), true);
      const before = everything(store);
      for (let steps = 1; steps < 10; steps += 1) {
        let left = steps;
        for (const _ of store.seal()) if ((left -= 1) === 0) break;
        assert.deepEqual(everything(store), before);
      }
      sealAll(store);
      while (!store.isSealDue(1_003))
        commitBatch(store, 2_000, batchAt(Array.from({ length: 5_000 }, (_, at) => 1e6 + at)));
      assert.ok(store.unackedBytes() > limits.sealBytes);
    },
  },
  {
    name: "restamp() of what is sealed already takes it out of the segments, to be sealed again",
    *run(open) {
      const store = fill(open(), 4);
      sealAll(store);
      const change = (batch: ReadingBatch): ReadingBatch => ({
        ...batch,
        times: batch.times.map((timeMs) => timeMs + 500),
      });
      const entries = [3, 4].map((seq) => ({ seq, stampMs: 1_002, change }));
      store.transaction(() => store.restamp(entries));
      const look = (hub: HubStore): void =>
        assert.deepEqual(
          met(hub, [[0, 9_999]]).toSorted((a, b) => a - b),
          [10, 15, 20, 25, 530, 535, 540, 545],
        );
      look(store);
      yield RESTART;
      const reopened = open();
      look(reopened);
      sealAll(reopened);
      look(reopened);
    },
  },
  {
    name: "entries that wait for the origin are packed, come back to the byte, and go when they may",
    *run(open) {
      const options = { archiveBytes: 20_000, journalBytesMax: 20_000 };
      const store = open(options);
      const value = (timeMs: number): number => Math.round(timeMs / 3) / 10;
      const add = (hub: HubStore, from: number, to: number): void => {
        for (let at = from; at <= to; at += 1) {
          const times = Array.from({ length: 500 }, (_, i) => (at * 500 + i) * 100);
          commitBatch(hub, 1_000 + at, batchAt(times, { value }));
        }
      };
      add(store, 1, 40);
      const before = digests(store);
      const unacked = store.unackedBytes();
      sealAll(store);
      assert.deepEqual(digests(store), before);
      const packed = store.unackedBytes();
      assert.ok(packed < unacked / 2, `${packed} of ${unacked}: packed entries take less`);
      const slots = open.sql().exec("select 1 from journal").length;
      const count = (table: string): number => open.sql().exec(`select 1 from ${table}`).length;
      assert.ok(count("archive") > 0);
      yield RESTART;
      const second = open(options);
      assert.deepEqual(digests(second), before);
      // With the keys of their pages, from here on.
      assert.ok(Math.abs(second.unackedBytes() - packed) < packed / 8);
      add(second, 41, 60);
      assert.equal(count("journal"), slots, "their slots are used again");
      assert.deepEqual(second.extent(), { floor: 1, head: 60 });
      const all = digests(second);
      second.restamp([{ seq: 7, stampMs: 1_007, change: (batch) => batch }]);
      assert.deepEqual(digests(second), all);
      sealAll(second);
      moveCursor(second, 60);
      assert.equal(second.unackedBytes(), 0);
      while (second.makeRoom());
      const { floor } = second.extent();
      assert.ok(floor > 1 && floor <= 60, `${floor}`);
      assert.deepEqual(digests(second), all.slice(floor - 1));
      yield RESTART;
      const third = open(options);
      assert.deepEqual(digests(third), all.slice(floor - 1));
      add(third, 61, 62);
      assert.deepEqual([third.extent().head, third.damaged()], [62, 0]);
    },
  },
  {
    name: "entries that the origin holds are kept by what names their readings, and come back to the byte",
    *run(open) {
      const options = { archiveBytes: 4_000 };
      const store = open(options);
      const commit = (hub: HubStore, at: number, change: (batch: ReadingBatch) => ReadingBatch) => {
        const times = Array.from({ length: 60 }, (_, i) => at * 60_000 + i * 1_000);
        commitBatch(hub, 60_000 * at, change(batchAt(times, { device: at % 2 ? BOAT : BUOY })));
      };
      const turned = (batch: ReadingBatch): ReadingBatch => {
        const [column] = batch.columns;
        assert.ok(column !== undefined);
        const flags = { ...column, kind: "boolean" as const, values: column.values.map(() => 1) };
        const other = { ...flags, stream: streamName("b"), rows: column.rows.slice(20) };
        const columns = [column, { ...other, values: flags.values.slice(20) }];
        return { ...batch, columns, identity: { kind: "boot", boot: "b", seq: 3 } };
      };
      for (let at = 1; at <= 40; at += 1) commit(store, at, at % 5 ? turned : (batch) => batch);
      // The same readings again, with other values: what was committed first is sealed.
      for (let at = 41; at <= 44; at += 1)
        commit(store, at, ({ columns, ...batch }) => ({
          ...batch,
          times: batch.times.map((timeMs) => timeMs - 30 * 60_000),
          columns: columns.map((column) => ({ ...column, values: column.values.map(() => 7) })),
        }));
      commit(store, 45, turned);
      commit(store, 46, turned);
      const before = digests(store);
      const [raw] = open.sql().exec("select total(length(body)) as n from journal");
      moveCursor(store, 44);
      sealAll(store);
      const [kept] = open.sql().exec("select total(length(body)) as n from archive");
      assert.ok(Number(kept?.["n"]) < Number(raw?.["n"]) / 4, JSON.stringify([kept, raw]));
      assert.deepEqual([digests(store), store.damaged()], [before, 0]);
      yield RESTART;
      const second = open(options);
      assert.deepEqual(digests(second), before);
      // What comes late is sealed between them.
      for (let at = 1; at <= 20; at += 1)
        commitBatch(second, 50 * 60_000, batchAt([at * 60_000 + 500, at * 60_000 + 30_500]));
      sealAll(second);
      assert.deepEqual([digests(second).slice(0, 46), second.damaged()], [before, 0]);
      // An origin that was restored asks again, and refuses a stamp.
      moveCursor(second, 10);
      assert.deepEqual(digests(second).slice(0, 46), before);
      second.restamp([{ seq: 21, stampMs: 21 * 60_000, change: (batch) => batch }]);
      assert.deepEqual([digests(second).slice(0, 46), second.damaged()], [before, 0]);
    },
  },
  {
    name: "of kept entries whose sealed readings are damaged nothing comes back, and that is told",
    run(open) {
      const told: string[] = [];
      const store = open({ archiveBytes: 4_000, onDamage: (what) => told.push(what) });
      const times = (at: number): number[] =>
        Array.from({ length: 60 }, (_, i) => at * 3_600_000 + i * 1_000);
      for (let at = 1; at <= 30; at += 1) commitBatch(store, at * 60_000, batchAt(times(at)));
      moveCursor(store, 30);
      sealAll(store);
      const before = digests(store);
      open.sql().exec("update segment set body = zeroblob(length(body))");
      const found = digests(store);
      assert.equal(found.length, before.length);
      assert.notDeepEqual(found[0], before[0]);
      assert.ok(told.includes("journal 1"), told.join());
      assert.deepEqual(timesOf(store.entriesAfter(0, 0, 1)[0]?.body ?? new Uint8Array(0)), []);
    },
  },
  {
    name: "a hub with time for it packs what it keeps, and lets it go after as long as it is kept",
    *run(open) {
      const options = { archiveBytes: 4_000 };
      const store = open(options);
      const archived = (): number => open.sql().exec("select 1 from archive").length;
      for (let at = 1; at <= 40; at += 1)
        commitBatch(store, at * 60_000, batchAt([at * 1_000, at * 1_000 + 500]));
      moveCursor(store, 40);
      const before = digests(store);
      sealAll(store);
      assert.ok(archived() > 0);
      assert.deepEqual(digests(store), before);
      assert.equal(store.makeRoom(), false);
      assert.equal(store.extent().floor, 1, "it is not too old");
      commitBatch(store, 40 * 60_000 + limits.journalKeptMs, batchAt([1]));
      store.makeRoom();
      assert.deepEqual([store.extent(), archived()], [{ floor: 40, head: 41 }, 0]);
      yield RESTART;
      const reopened = open(options);
      assert.deepEqual([reopened.extent(), reopened.damaged()], [{ floor: 40, head: 41 }, 0]);
    },
  },
  {
    name: "retain() folds what is too old into minutes, then hours, and drops nothing unacknowledged",
    *run(open) {
      const day = 86_400_000;
      const kept = (days: number) => ({ ms: days * day, bytes: 1e9 });
      const options = { retention: { raw: kept(7), minutes: kept(90), hours: kept(1_000) } };
      const store = open(options);
      const value = (timeMs: number): number => (timeMs % 7) / 10 - 0.3;
      const times = [0, 1, 59_999, 60_000, 3_600_000, 3_600_007, 86_400_000];
      commitBatch(store, 10 * day, batchAt(times, { value }));
      commitBatch(store, 10 * day, batchAt([5], { value, device: BUOY }));
      sealAll(store);
      const look = (hub: HubStore, by: "minute" | "hour"): unknown[] =>
        [...hub.folded(BOAT, by, [0, 1e12])].map(({ startMs, aggregate }) => [
          startMs,
          aggregate.count,
          formatDecimal(aggregate.sum),
        ]);
      const drop = (hub: HubStore, nowMs: number): number => [...hub.retain(nowMs)].length;
      assert.equal(drop(store, 8 * day), 0, "the origin does not hold it");
      moveCursor(store, 2);
      assert.equal(drop(store, 7 * day), 0, "it is not too old");
      assert.ok(drop(store, 9 * day) > 0);
      const sum = (part: readonly number[]): string => formatDecimal(sumOf(part.map(value)));
      const minutes = [
        [0, 3, sum(times.slice(0, 3))],
        [60_000, 1, sum([60_000])],
        [3_600_000, 2, sum(times.slice(4, 6))],
        [86_400_000, 1, sum([86_400_000])],
      ];
      assert.deepEqual([look(store, "minute"), met(store, [[0, 1e12]])], [minutes, []]);
      commitBatch(store, 11 * day, batchAt([2], { value }));
      sealAll(store);
      moveCursor(store, 3);
      drop(store, 12 * day);
      const late = [[0, 4, sum([...times.slice(0, 3), 2])], ...minutes.slice(1)];
      assert.deepEqual(look(store, "minute"), late, "what comes late is added");
      yield RESTART;
      const reopened = open(options);
      assert.deepEqual(look(reopened, "minute"), late);
      drop(reopened, 100 * day);
      assert.deepEqual(look(reopened, "minute"), []);
      assert.deepEqual(look(reopened, "hour"), [
        [0, 5, sum([...times.slice(0, 4), 2])],
        [3_600_000, 2, sum(times.slice(4, 6))],
        [86_400_000, 1, sum([86_400_000])],
      ]);
      drop(reopened, 1_010 * day);
      assert.deepEqual([look(reopened, "hour"), reopened.damaged()], [[], 0]);
    },
  },
  {
    name: "P8 retain() drops the oldest pages of a class that is over its bytes",
    run(open) {
      const kept = (bytes: number) => ({ ms: 1e12, bytes });
      const options = { retention: { raw: kept(60_000), minutes: kept(1e6), hours: kept(1e6) } };
      const store = open(options);
      for (let hour = 0; hour < 30; hour += 1) {
        const times = Array.from({ length: 1_000 }, (_, at) => hour * 3_600_000 + at * 1_000);
        commitBatch(store, 1e9 + hour, batchAt(times));
      }
      sealAll(store);
      const bytes = (): number =>
        Number(open.sql().exec("select total(length(body)) as n from segment")[0]?.["n"]);
      const before = bytes();
      moveCursor(store, 30);
      for (const _ of store.retain(2_000));
      assert.ok(before > 120_000 && bytes() <= 60_000, `${before} ${bytes()}`);
      const left = met(store, [[0, 1e12]]).length;
      const gone = [...store.folded(BOAT, "minute", [0, 1e12])].reduce(
        (sum, { aggregate }) => sum + aggregate.count,
        0,
      );
      assert.equal(left + gone, 30_000);
    },
  },
  {
    name: "damage: a segment that is wrong is left out, the others are as before",
    *run(open) {
      const store = open();
      for (const [at, device] of [BOAT, BUOY].entries())
        commitBatch(store, 1_000 + at, batchAt([1, 2, 3], { device }));
      sealAll(store);
      const [row] = open.sql().exec("select body from segment");
      const body = Uint8Array.from(bytesOf(row?.["body"]));
      body[body.length - 9] = 255 - (body[body.length - 9] ?? 0);
      open.sql().exec("update segment set body = ?", body);
      yield RESTART;
      const reopened = open();
      assert.deepEqual([met(reopened, [[0, 9]]), met(reopened, [[0, 9]], BUOY)], [[1, 2, 3], []]);
      assert.equal(reopened.damaged(), 1);
      fill(reopened, 1);
      sealAll(reopened);
      assert.deepEqual(met(reopened, [[0, 99]]), [1, 2, 3, 30, 35]);
    },
  },
  {
    name: "damage: a page of devices that is wrong is left out, and the hub goes on",
    *run(open) {
      const store = fill(open(), 2);
      sealAll(store);
      open.sql().exec("update device set crc = crc + 1");
      yield RESTART;
      const reopened = open();
      assert.equal(reopened.loadDevice(BOAT), null);
      assert.ok(reopened.damaged() > 0);
      fill(reopened, 1);
      sealAll(reopened);
      yield RESTART;
      assert.equal(open().loadDevice(BOAT)?.streams["a"]?.total?.[0], 2);
    },
  },
];
