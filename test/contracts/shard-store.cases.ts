// Goal: every ShardStore keeps the bullets of its port. Method: cases over a store that may be opened
// again, in the same database, after a restart.

import assert from "node:assert/strict";
import { limits } from "../../origin/limits.ts";
import type {
  Lane,
  PoisonedEntry,
  PoisonRoom,
  ReplicaStatus,
  ShardStore,
} from "../../origin/ports.ts";
import { summarize } from "../../origin/replica/merge-readings.ts";
import { parseReplicaId, type ReplicaId } from "../../sync/brand.ts";
import { encodeRollup } from "../../state/rollup.ts";
import { fold } from "../../sync/crdt/aggregate.ts";
import { formatDecimal } from "../../sync/decimal.ts";
import type { Reading, ReadingSet } from "../../sync/crdt/reading-set.ts";
import { ORIGIN_POSITION, type Position } from "../../sync/wire/frame.ts";
import { deviceId } from "../support/arbitraries.ts";
import { RESTART, type ContractCase } from "./contract.ts";

/** A store that was opened. */
export interface OpenedShardStore {
  readonly store: ShardStore;
}

export type OpenShardStore = () => OpenedShardStore;

function replicaId(text: string): ReplicaId {
  const replica = parseReplicaId(text);
  assert.ok(replica !== null);
  return replica;
}
const HEL = replicaId("hel/00-ff");
const TLL = replicaId("tll/00-ff");
const BOAT = deviceId("boat-1");
const DEPTH: Lane = { device: BOAT, stream: "depth_m", isQuarantined: false };
/** Batches without times that these stores remember of a device. */
export const TIMELESS_MAX = 20;
/** Replicas that these stores know. */
export const REPLICAS_MAX = 3;

const HOUR_MS = 3_600_000;
/** The room for entries that these stores could not count. */
export const POISON_ROOM: PoisonRoom = { entriesMax: 5, bytesMax: 64 };

function aPoison(seq: number, body: Uint8Array = Uint8Array.of(1)): PoisonedEntry {
  const times = { stampMs: 1_000 + seq, sinceMs: 2_000 };
  return { replica: HEL, replicaEpoch: 7, seq, body, reason: "broken-batch", ...times };
}

const LANES: readonly Lane[] = [
  DEPTH,
  { ...DEPTH, isQuarantined: true },
  { ...DEPTH, stream: "constructor" },
  { ...DEPTH, device: deviceId("boat-2") },
];

function readings(...times: number[]): ReadingSet {
  return times.map((timeMs): Reading => {
    const isBoolean = timeMs % 2 === 1;
    return {
      timeMs,
      stampMs: 5 + timeMs,
      kind: isBoolean ? "boolean" : "number",
      value: isBoolean ? 1 : timeMs / 10,
      isContested: timeMs % 3 === 0,
    };
  });
}

function save(store: ShardStore, lane: Lane, startMs: number, ...times: number[]): void {
  store.saveSegment(lane, startMs, readings(...times), summarize(readings(...times)));
}

const at = (seq: number): Position => ({ seq, digest: 0xfedcba98 });

function aStatus(changes: Partial<ReplicaStatus> = {}): ReplicaStatus {
  return {
    link: changes.replicaEpoch ?? 7,
    replica: HEL,
    replicaEpoch: 7,
    cursor: { seq: 3, digest: 0xfedcba98 },
    head: 9,
    acked: ORIGIN_POSITION,
    told: ORIGIN_POSITION,
    lastStampMs: 1_000,
    seenMs: 2_000,
    lostEntries: 1,
    ...changes,
  };
}

function everything(store: ShardStore): unknown {
  return {
    replicas: store.listReplicas(),
    segments: LANES.map((lane) =>
      store.segmentStarts(lane, 0, 1e9).map((start) => store.loadSegment(lane, start)),
    ),
    summaries: store.summaries(BOAT),
    timeless: ["a", "b"].map((batch) => store.timelessStreams(BOAT, batch)),
    forgottenMs: store.forgottenMs(BOAT),
  };
}

export const shardStoreCases: readonly ContractCase<OpenShardStore>[] = [
  {
    name: "a new store holds nothing",
    run(open) {
      const { store } = open();
      assert.deepEqual(everything(store), {
        replicas: [],
        segments: [[], [], [], []],
        summaries: [],
        timeless: [[], []],
        forgottenMs: 0,
      });
      assert.equal(store.findReplica(HEL, 7), null);
      assert.deepEqual(store.loadSegment(DEPTH, 0), []);
    },
  },
  {
    name: "a replica's lives are kept apart, and come back as they were",
    run(open) {
      const { store } = open();
      store.saveReplica(aStatus());
      store.saveReplica(aStatus({ replicaEpoch: 8, cursor: at(0) }));
      store.saveReplica(aStatus({ link: 70, replica: TLL, seenMs: 1 }));
      store.saveReplica(aStatus({ cursor: at(4) }));
      assert.deepEqual(store.findReplica(HEL, 7), aStatus({ cursor: at(4) }));
      assert.deepEqual(store.findReplica(HEL, 8), aStatus({ replicaEpoch: 8, cursor: at(0) }));
      assert.equal(store.findReplica(TLL, 8), null);
      assert.equal(store.listReplicas().length, 3);
      assert.deepEqual(store.loadReplica(8), store.findReplica(HEL, 8));
      assert.equal(store.loadReplica(9), null);
    },
  },
  {
    name: "past its bound a replica's lives that were silent longest are forgotten",
    *run(open) {
      const { store } = open();
      const lives = Array.from({ length: limits.livesPerReplicaMax + 3 }, (_, i) => 100 - i);
      store.saveReplica(aStatus({ link: 70_000, replica: TLL, seenMs: 0 }));
      for (const [i, replicaEpoch] of lives.entries())
        store.saveReplica(aStatus({ replicaEpoch, seenMs: 1_000 + i }));
      const isHeld = (replicaEpoch: number): boolean =>
        store.findReplica(HEL, replicaEpoch) !== null;
      assert.deepEqual(lives.filter(isHeld), lives.slice(3));
      assert.notEqual(store.findReplica(TLL, 7), null, "another replica's lives are its own");
      yield RESTART;
      assert.equal(open().store.listReplicas().length, limits.livesPerReplicaMax + 1);
    },
  },
  {
    name: "past its bound a new replica finds room when another was silent for so long",
    run(open) {
      const { store } = open();
      for (let i = 0; i < REPLICAS_MAX; i += 1) {
        const replica = replicaId(`r${i}/00-ff`);
        assert.ok(store.makeRoomFor(replica, 0));
        store.saveReplica(aStatus({ link: 1 + i * 2, replica, replicaEpoch: 1, seenMs: 10 }));
        store.saveReplica(aStatus({ link: 2 + i * 2, replica, replicaEpoch: 2, seenMs: 20 + i }));
      }
      const known = store.listReplicas();
      assert.ok(store.makeRoomFor(replicaId("r0/00-ff"), 0), "who is known has its room");
      assert.ok(!store.makeRoomFor(HEL, 20), "its last life counts, not its first one");
      assert.deepEqual(store.listReplicas(), known);
      assert.ok(store.makeRoomFor(HEL, 21));
      assert.deepEqual(
        store.listReplicas().map(({ link }) => link),
        [3, 4, 5, 6],
      );
    },
  },
  {
    name: "a life that was silent longest and speaks again is not forgotten for it",
    run(open) {
      const { store } = open();
      for (let i = 1; i <= limits.livesPerReplicaMax; i += 1)
        store.saveReplica(aStatus({ replicaEpoch: i, seenMs: 1_000 + i }));
      store.saveReplica(aStatus({ replicaEpoch: 1, seenMs: 5_000 }));
      store.saveReplica(aStatus({ replicaEpoch: 99, seenMs: 5_000 }));
      assert.deepEqual(
        [1, 2, 3, 99].map((epoch) => store.findReplica(HEL, epoch) !== null),
        [true, false, true, true],
      );
    },
  },
  {
    name: "P3 the life that speaks now is held, although the clock was set back",
    run(open) {
      const { store } = open();
      for (let i = 1; i <= limits.livesPerReplicaMax; i += 1)
        store.saveReplica(aStatus({ replicaEpoch: i, seenMs: 1_000 + i }));
      const life = aStatus({ replicaEpoch: 99, seenMs: 500, cursor: at(8) });
      store.saveReplica(life);
      assert.deepEqual(store.findReplica(HEL, 99), life);
      assert.equal(store.listReplicas().length, limits.livesPerReplicaMax);
    },
  },
  {
    name: "a segment comes back as it was, and lanes do not mix",
    run(open) {
      const { store } = open();
      for (const [i, lane] of LANES.entries()) save(store, lane, 0, i, i + 1, i + 6);
      for (const [i, lane] of LANES.entries())
        assert.deepEqual(store.loadSegment(lane, 0), readings(i, i + 1, i + 6));
      save(store, DEPTH, 0, 4);
      assert.deepEqual(store.loadSegment(DEPTH, 0), readings(4));
    },
  },
  {
    name: "segmentStarts() gives the segments that hold the times, ascending",
    run(open) {
      const { store } = open();
      for (const start of [200, 0, 100]) save(store, DEPTH, start, start + 10);
      save(store, { ...DEPTH, isQuarantined: true }, 50, 60);
      const cases: readonly (readonly [number, number, readonly number[]])[] = [
        [0, 0, [0]],
        [0, 99, [0]],
        [99, 100, [0, 100]],
        [100, 100, [100]],
        [150, 150, [100]],
        [150, 200, [100, 200]],
        [201, 1e9, [200]],
        [0, 1e9, [0, 100, 200]],
      ];
      for (const [fromMs, toMs, starts] of cases)
        assert.deepEqual(store.segmentStarts(DEPTH, fromMs, toMs), starts, `${fromMs} to ${toMs}`);
    },
  },
  {
    name: "summaries() gives one of each segment of the device, of both lanes",
    run(open) {
      const { store } = open();
      save(store, DEPTH, 0, 2, 3);
      save(store, DEPTH, 100, 101);
      save(store, { ...DEPTH, isQuarantined: true }, 0, 6);
      save(store, { ...DEPTH, stream: "empty" }, 0);
      save(store, { ...DEPTH, device: deviceId("boat-2") }, 0, 8);
      const found = store.summaries(BOAT);
      const expected = [
        { lane: DEPTH, summary: summarize(readings(2, 3)) },
        { lane: DEPTH, summary: summarize(readings(101)) },
        { lane: { ...DEPTH, isQuarantined: true }, summary: summarize(readings(6)) },
        { lane: { ...DEPTH, stream: "empty" }, summary: { total: null, contested: 0 } },
      ];
      const byText = (a: unknown, b: unknown): number =>
        JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
      assert.deepEqual(found.toSorted(byText), expected.toSorted(byText));
    },
  },
  {
    name: "streams of batches without times come back, by device and batch",
    run(open) {
      const { store } = open();
      store.rememberTimeless(BOAT, "a", 5, ["depth_m"]);
      store.rememberTimeless(BOAT, "a", 9, ["depth_m", "wind_kn"]);
      assert.deepEqual(store.timelessStreams(BOAT, "a"), ["depth_m", "wind_kn"]);
      assert.deepEqual(store.timelessStreams(BOAT, "b"), []);
      assert.deepEqual(store.timelessStreams(deviceId("boat-2"), "a"), []);
    },
  },
  {
    name: "past its bound the batches committed first are forgotten, and until when",
    run(open) {
      const { store } = open();
      const batches = Array.from({ length: TIMELESS_MAX + 1 }, (_, i) => `batch-${i}`);
      for (const [i, batch] of batches.entries()) {
        assert.equal(store.forgottenMs(BOAT), 0);
        store.rememberTimeless(BOAT, batch, 1000 + i, ["depth_m"]);
      }
      const held = batches.filter((batch) => store.timelessStreams(BOAT, batch).length > 0);
      assert.deepEqual(held, batches.slice(TIMELESS_MAX / 10 + 1));
      assert.equal(store.forgottenMs(BOAT), 1000 + TIMELESS_MAX / 10);
      assert.equal(store.forgottenMs(deviceId("boat-2")), 0);
    },
  },
  {
    name: "joinThinned() counts an item once, by its name, and leaves out what cannot be read",
    run(open) {
      const { store } = open();
      const item = (seq: number, values: readonly number[], isQuarantined = false) => {
        const times = values.map((_, at) => HOUR_MS + 60_000 + at);
        const body = encodeRollup(
          new Map([["depth_m", new Map([[1, fold(times, values)]])]]),
          HOUR_MS,
        );
        return { epoch: 7, seq, device: BOAT, hourMs: HOUR_MS, isQuarantined, body };
      };
      const broken = { ...item(9, [1]), body: Uint8Array.of(9) };
      const items = [item(1, [1, 2]), item(2, [0.1]), item(1, [5], true), broken];
      assert.deepEqual(store.joinThinned({ replica: HEL, items }), { readings: 4, broken: 1 });
      assert.deepEqual(store.joinThinned({ replica: HEL, items }), { readings: 0, broken: 1 });
      const totals = store
        .thinnedTotals(BOAT)
        .map(({ lane, total }) => [lane.isQuarantined, total.count, formatDecimal(total.sum)]);
      assert.deepEqual(totals, [
        [false, 3, "3.1"],
        [true, 1, "5"],
      ]);
      const hour = store.thinnedHour(BOAT, 0, 2 * HOUR_MS);
      assert.deepEqual([hour?.hourMs, hour?.rollup.get("depth_m")?.get(1)?.count], [HOUR_MS, 3]);
      assert.equal(store.thinnedHour(BOAT, 0, HOUR_MS), null);
      assert.equal(store.thinnedHour(deviceId("boat-2"), 0, 2 * HOUR_MS), null);
    },
  },
  {
    name: "poison.keep() keeps an entry once, with what is known of it, also over a restart",
    *run(open) {
      const { store } = open();
      assert.equal(store.poison.keep(aPoison(1)), true);
      assert.equal(store.poison.keep(aPoison(2, Uint8Array.of(1, 2, 3).subarray(1))), true);
      assert.equal(store.poison.keep({ ...aPoison(1, Uint8Array.of(9)), sinceMs: 99 }), true);
      yield RESTART;
      const { poison } = open().store;
      assert.deepEqual(poison.get(aPoison(1)), aPoison(1));
      assert.deepEqual(poison.get(aPoison(2))?.body, Uint8Array.of(2, 3));
      assert.equal(poison.get({ ...aPoison(1), replicaEpoch: 8 }), null);
      assert.deepEqual([...poison.perLife()], [["hel/00-ff 7", 2]]);
      const { body: _, ...rest } = aPoison(1);
      assert.deepEqual(poison.list(null, 1), [{ ...rest, bytes: 1 }]);
      assert.deepEqual(
        poison.list(aPoison(1), 9).map(({ seq, bytes }) => [seq, bytes]),
        [[2, 2]],
      );
      assert.deepEqual([poison.drop(aPoison(1)), poison.drop(aPoison(1))], [true, false]);
      assert.equal(poison.summary().entries, 1);
    },
  },
  {
    name: "poison.keep() has so much room, and counts what finds none (P8)",
    *run(open) {
      const { store } = open();
      const big = new Uint8Array(POISON_ROOM.bytesMax);
      assert.deepEqual(
        [store.poison.keep(aPoison(1)), store.poison.keep(aPoison(2, big))],
        [true, false],
      );
      for (let seq = 3; seq <= POISON_ROOM.entriesMax + 4; seq += 1)
        store.poison.keep(aPoison(seq));
      yield RESTART;
      const { poison } = open().store;
      const { entries, dropped, ...room } = poison.summary();
      assert.deepEqual([entries, dropped], [POISON_ROOM.entriesMax, 4]);
      assert.deepEqual(room, { ...POISON_ROOM, bytes: entries });
    },
  },
  {
    name: "atomicity: a transaction that throws leaves everything as it was",
    *run(open) {
      const { store } = open();
      store.saveReplica(aStatus());
      save(store, DEPTH, 0, 2);
      const before = everything(store);
      assert.throws(
        () =>
          store.transaction(() => {
            store.saveReplica(aStatus({ cursor: at(9) }));
            save(store, DEPTH, 0, 2, 4);
            save(store, DEPTH, 100, 105);
            store.rememberTimeless(BOAT, "a", 5, ["depth_m"]);
            store.poison.keep(aPoison(1));
            throw new Error("no power");
          }),
        /no power/,
      );
      assert.deepEqual(everything(store), before);
      yield RESTART;
      assert.deepEqual(everything(open().store), before);
      assert.deepEqual(open().store.poison.list(null, 9), []);
    },
  },
  {
    name: "durability: a store that is opened again holds the same",
    *run(open) {
      const { store } = open();
      store.transaction(() => {
        store.saveReplica(aStatus());
        for (const lane of LANES) save(store, lane, 0, 1, 2, 3);
        store.rememberTimeless(BOAT, "a", 5, ["depth_m"]);
      });
      const before = everything(store);
      yield RESTART;
      assert.deepEqual(everything(open().store), before);
    },
  },
];
