// Goal: every ReplicaStore keeps the bullets of its port. Method: cases over a store that may be
// opened again, in the same database, after a restart; what a database adds has cases of its own.

import assert from "node:assert/strict";
import { config, REGION_COLLECTIONS, CONFIG, revoked } from "../../state/region.ts";
import { HubReplica } from "../../sync/replica/hub-replica.ts";
import type { ReplicaStore } from "../../sync/replica/store.ts";
import { RESTART, type ContractCase } from "./contract.ts";

/** A store, and a look at how much it keeps. */
export interface OpenedReplicaStore {
  readonly store: ReplicaStore;
  /** Rows of all of its tables. */
  readonly tableRows: () => number;
}

export type OpenReplicaStore = () => OpenedReplicaStore;

const LARGE = 2_500_000;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (of: string) => new TextEncoder().encode(of);

/** Bytes of which no two parts are alike. */
const large = (seed: number) =>
  Uint8Array.from({ length: LARGE }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) % 251);

/** What a store holds, as text: pages in any order, rows in theirs. */
function held(store: ReplicaStore): { pages: string[]; rows: string[] } {
  const { pages, rows } = store.load();
  return { pages: Array.from(pages, text).toSorted(), rows: Array.from(rows, text) };
}

/** Pages of which the one behind the given ones cannot be had. */
class BrokenPages extends Map<number, Uint8Array | null> {
  override *[Symbol.iterator](): MapIterator<[number, Uint8Array | null]> {
    yield* super.entries();
    throw new Error("no power");
  }
}

export const replicaStoreCases: readonly ContractCase<OpenReplicaStore>[] = [
  {
    name: "order: rows come back in the order in which they were appended",
    run(open) {
      const { store } = open();
      assert.deepEqual(held(store), { pages: [], rows: [] });
      const rows = Array.from({ length: 300 }, (_, i) => `row ${i}`);
      for (const row of rows) store.append(bytes(row));
      assert.deepEqual(held(store), { pages: [], rows });
    },
  },
  {
    name: "a row or a page may be empty, or a part of a larger buffer",
    run(open) {
      const { store } = open();
      const part = bytes("abcdef").subarray(1, 3);
      for (const row of [new Uint8Array(0), part, new Uint8Array(0)]) store.append(row);
      assert.deepEqual(held(store).rows, ["", "bc", ""]);
      store.checkpoint(
        new Map([
          [0, part],
          [1, new Uint8Array(0)],
        ]),
      );
      assert.deepEqual(held(store), { pages: ["", "bc"], rows: [] });
    },
  },
  {
    name: "a checkpoint replaces its pages, leaves the others, and forgets all rows",
    run(open) {
      const { store } = open();
      store.append(bytes("old"));
      store.checkpoint(
        new Map([
          [0, bytes("a")],
          [7, bytes("b")],
        ]),
      );
      store.append(bytes("older"));
      store.checkpoint(new Map([[7, bytes("c")]]));
      assert.deepEqual(held(store), { pages: ["a", "c"], rows: [] });
      store.append(bytes("1"));
      store.append(bytes("2"));
      assert.deepEqual(held(store), { pages: ["a", "c"], rows: ["1", "2"] });
    },
  },
  {
    name: "null removes a page, and one that is not there is no mistake",
    run(open) {
      const { store } = open();
      store.checkpoint(
        new Map([
          [1, bytes("a")],
          [2, large(1)],
        ]),
      );
      store.checkpoint(
        new Map<number, Uint8Array | null>([
          [2, null],
          [3, null],
          [4, bytes("d")],
        ]),
      );
      assert.deepEqual(held(store).pages, ["a", "d"]);
    },
  },
  {
    name: "atomicity: a checkpoint that is broken off leaves pages and rows as they were",
    run(open) {
      const { store } = open();
      store.checkpoint(
        new Map([
          [1, bytes("a")],
          [2, bytes("b")],
        ]),
      );
      store.append(bytes("row"));
      const before = held(store);
      const broken = new BrokenPages([
        [1, bytes("A")],
        [2, null],
        [3, bytes("C")],
      ]);
      assert.throws(() => store.checkpoint(broken), /no power/);
      assert.deepEqual(held(store), before);
      store.append(bytes("next"));
      assert.deepEqual(held(store), { ...before, rows: ["row", "next"] });
    },
  },
  {
    name: "limits: rows and pages larger than a value come back byte for byte",
    run(open) {
      const { store } = open();
      store.append(bytes("before"));
      store.append(large(1));
      store.append(bytes("after"));
      const rows = [...store.load().rows];
      assert.deepEqual(
        [rows[0], rows[2]].map((row) => text(row ?? bytes("none"))),
        ["before", "after"],
      );
      assert.ok(Buffer.from(rows[1] ?? []).equals(large(1)));
      store.checkpoint(
        new Map([
          [1, large(2)],
          [2, bytes("small")],
        ]),
      );
      const [first, second] = [...store.load().pages].toSorted((a, b) => b.length - a.length);
      assert.ok(Buffer.from(first ?? []).equals(large(2)));
      assert.equal(text(second ?? bytes("none")), "small");
      store.checkpoint(new Map([[1, bytes("shrunk")]]));
      assert.deepEqual(held(store).pages, ["shrunk", "small"]);
    },
  },
];

/** What a database adds: it outlives its object, and shows what is left in it. */
export const durableReplicaStoreCases: readonly ContractCase<OpenReplicaStore>[] = [
  {
    name: "durability: what was stored is there after a restart at any point",
    *run(open) {
      open().store.append(bytes("1"));
      yield RESTART;
      assert.deepEqual(held(open().store), { pages: [], rows: ["1"] });
      open().store.append(bytes("2"));
      yield RESTART;
      assert.deepEqual(held(open().store), { pages: [], rows: ["1", "2"] });
      open().store.checkpoint(new Map([[0, bytes("12")]]));
      yield RESTART;
      assert.deepEqual(held(open().store), { pages: ["12"], rows: [] });
      const { store } = open();
      store.append(bytes("3"));
      store.append(large(3));
      store.append(bytes("4"));
      yield RESTART;
      const [three, big, four] = [...open().store.load().rows];
      assert.deepEqual([text(three ?? big ?? bytes("")), text(four ?? bytes(""))], ["3", "4"]);
      assert.ok(Buffer.from(big ?? []).equals(large(3)));
    },
  },
  {
    name: "nothing is left in the tables of rows that were forgotten and pages that were removed",
    run(open) {
      const { store, tableRows } = open();
      for (let turn = 0; turn < 3; turn += 1) {
        for (let i = 0; i < 50; i += 1) store.append(bytes(`row ${i}`));
        store.append(large(turn));
        store.checkpoint(
          new Map([
            [1, large(turn)],
            [2, bytes("b")],
          ]),
        );
        assert.equal(tableRows(), 4);
        store.checkpoint(new Map([[1, bytes("a")]]));
        assert.equal(tableRows(), 2);
      }
      store.checkpoint(
        new Map([
          [1, null],
          [2, null],
        ]),
      );
      assert.equal(tableRows(), 0);
    },
  },
  {
    name: "a replica that is restarted again and again has its state, in a bounded number of rows",
    *run(open) {
      const content = "c".repeat(40_000);
      let most = 0;
      for (let life = 1; life <= 20; life += 1) {
        const { store, tableRows } = open();
        const replica = new HubReplica({
          collections: REGION_COLLECTIONS,
          store,
          newNumber: () => 1,
          leaseMs: 1_000,
        });
        assert.ok(replica.isWhole);
        assert.equal(replica.read(revoked, "boat-1") ?? 0, life - 1);
        replica.write(life, (draft) => {
          draft.write(revoked, "boat-1", life);
          draft.write(config, CONFIG, { version: life, hash: "", content });
        });
        most = Math.max(most, tableRows());
        yield RESTART;
      }
      // Seven commits of 40 KB fill what may lie beside the pages; each life adds one at its start.
      assert.ok(most < 20, `${most} rows`);
    },
  },
];
