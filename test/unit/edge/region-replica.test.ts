// What does a region's replica tell its isolates, and what does it mark? With the origin's replica
// beside it, joined by the real runner of a link.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DenialBounds } from "../../../edge/denials.ts";
import { limits } from "../../../edge/limits.ts";
import { RegionReplica, type RegionLease } from "../../../edge/region-replica.ts";
import { replicate } from "../../../edge/replicate.ts";
import { EVERYTHING, NAMED_MARKS_MAX, sharedMark } from "../../../state/purge-scope.ts";
import {
  attributeKey,
  attributes,
  CONFIG,
  config,
  ISSUERS,
  keys,
  purgeKey,
  purges,
  REGION_COLLECTIONS,
  revoked,
} from "../../../state/region.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../../../storage/sql-replica-store.ts";
import { migrate } from "../../../storage/sql.ts";
import { parseReplicaId } from "../../../sync/brand.ts";
import { write } from "../../../sync/crdt/lww-register.ts";
import { openEdgeLink, type EdgeLink } from "../../../sync/link/edge.ts";
import { HubReplica } from "../../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../../sync/replica/store.ts";
import { openNodeSql } from "../../support/node-sql.ts";

let epochs = 100;
const newEpoch = (): number => (epochs += 1);

/** The origin's registry. */
class TestRegistry {
  #store = new MemoryReplicaStore();
  hub = this.#open();
  nowMs = 1_000_000;

  /** Takes a copy of what is stored, and gives back what puts it in place of all that came later. */
  backUp(): () => void {
    const copy = new MemoryReplicaStore();
    const { pages, rows } = this.#store.load();
    copy.checkpoint(new Map([...pages].map((page, at) => [at, page])));
    for (const row of rows) copy.append(row);
    return () => {
      this.#store = copy;
      this.hub = this.#open();
    };
  }

  #open(): HubReplica {
    const [store, collections] = [this.#store, REGION_COLLECTIONS];
    return new HubReplica({ collections, store, newNumber: newEpoch, leaseMs: 86_400_000 });
  }

  exchange(request: Uint8Array): Uint8Array {
    const exchange = this.hub.exchange(request, this.nowMs);
    if (exchange.kind !== "answered") throw new TypeError(exchange.reason);
    return exchange.answer;
  }
}

/** One region's cell without its object. */
class TestCell {
  readonly #registry: TestRegistry;
  readonly #name: string;
  readonly sql = openNodeSql();
  replica!: RegionReplica;
  #link!: EdgeLink;

  readonly #bounds: DenialBounds | undefined;

  constructor(name: string, registry: TestRegistry, bounds?: DenialBounds) {
    this.#bounds = bounds;
    this.#name = name;
    this.#registry = registry;
    migrate(this.sql, [REPLICA_TABLES]);
    this.restart();
  }

  restart(): void {
    const id = parseReplicaId(`${this.#name}/region`);
    assert.ok(id !== null);
    const store = new SqlReplicaStore(this.sql);
    this.replica = new RegionReplica(this.#name, id, store, newEpoch, undefined, this.#bounds);
    this.#link = openEdgeLink(this.replica.record);
  }

  async sync(): Promise<void> {
    for (let turns = 0; turns < 10; turns += 1) {
      const run = await replicate(
        this.#link,
        this.replica,
        {
          origin: {
            exchange: async (request) => ({
              kind: "answered",
              frame: this.#registry.exchange(request),
            }),
          },
          now: () => this.#registry.nowMs,
          chance: () => 0.5,
          log: () => {},
        },
        turns === 0,
      );
      this.#link = run.link;
      if (run.againInMs === null) return;
    }
    assert.fail("The link does not come to rest");
  }
}

const REVOKED_AT = 1_000_000;

/** What a cell tells who knows `known`; there has to be something. */
function tell(cell: TestCell, known: string): RegionLease {
  const lease = cell.replica.lease(known);
  assert.ok(lease !== null);
  return lease;
}

/** The devices that a lease names, in order. */
function deniedOf({ denials }: RegionLease): unknown {
  assert.ok(denials.kind !== "ask");
  return denials.denied.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

test("a lease has what the origin wrote, and is null for whoever has it", async () => {
  const registry = new TestRegistry();
  const cell = new TestCell("hel", registry);
  const empty = tell(cell, "");
  assert.deepEqual(
    [empty.denials, empty.config, empty.keys, empty.purgeView],
    [{ kind: "all", denied: [] }, null, null, []],
  );
  registry.hub.write(REVOKED_AT, (draft) => {
    draft.write(revoked, "boat-1", 3);
    draft.write(attributes, attributeKey("boat-2", "disabled"), write(true, draft.stamp));
    draft.write(attributes, attributeKey("boat-3", "disabled"), write(false, draft.stamp));
    draft.write(attributes, attributeKey("boat-3", "name"), write("disabled", draft.stamp));
    draft.write(config, CONFIG, { version: 1, hash: "a", content: '{"sites":{}}' });
    draft.write(keys, ISSUERS, { version: 1, hash: "b", content: '{"keys":[]}' });
    draft.write(purges, purgeKey("origin", "*"), 4);
  });
  await cell.sync();
  const lease = tell(cell, empty.version);
  const told = [
    ["boat-1", 3, false],
    ["boat-2", 0, true],
  ];
  assert.equal(lease.denials.kind, "changed");
  assert.deepEqual(deniedOf(lease), told);
  assert.deepEqual([lease.config, lease.keys], ['{"sites":{}}', '{"keys":[]}']);
  assert.deepEqual(lease.purgeView, [["origin", 4]]);
  assert.equal(cell.replica.lease(lease.version), null);
  await cell.sync();
  assert.equal(cell.replica.lease(lease.version), null, "a heartbeat changes nothing");
  assert.deepEqual(cell.replica.denialOf("boat-1"), { revokedGeneration: 3, isDisabled: false });
  assert.deepEqual(cell.replica.denialOf("boat-2"), { revokedGeneration: 0, isDisabled: true });
  cell.restart();
  const again = tell(cell, lease.version);
  assert.equal(again.denials.kind, "all", "a restart tells again");
  assert.deepEqual(deniedOf(again), told);
});

test("what an origin that was put back from a copy no longer has is not told to isolates either", async () => {
  const registry = new TestRegistry();
  const cell = new TestCell("hel", registry);
  registry.hub.write(REVOKED_AT, (draft) => draft.write(purges, purgeKey("origin", "*"), 4));
  await cell.sync();
  const restore = registry.backUp();
  registry.hub.write(REVOKED_AT, (draft) => {
    draft.write(attributes, attributeKey("boat-1", "disabled"), write(true, draft.stamp));
    draft.write(config, CONFIG, { version: 1, hash: "a", content: '{"sites":{}}' });
  });
  await cell.sync();
  const before = tell(cell, "");
  assert.deepEqual([deniedOf(before), before.config], [[["boat-1", 0, true]], '{"sites":{}}']);
  restore();
  // Everything that is left is told in one answer.
  await cell.sync();
  await cell.sync();
  assert.equal(cell.replica.read(config, CONFIG), null);
  assert.equal(tell(cell, before.version).config, null);
  assert.equal(cell.replica.denialOf("boat-1").isDisabled, false);
});

test("what one region revokes and purges arrives in another", async () => {
  const registry = new TestRegistry();
  const [hel, sto] = [new TestCell("hel", registry), new TestCell("sto", registry)];
  await hel.sync();
  await sto.sync();
  const before = sto.replica.lease("")?.version ?? "";
  hel.replica.revoke(REVOKED_AT, "boat-1", 2);
  const { seq, isWidened } = hel.replica.purge(REVOKED_AT, ["url main|/a", "tag news"]);
  assert.equal(isWidened, false);
  assert.deepEqual(deniedOf(tell(hel, "")), [["boat-1", 2, false]]);
  assert.equal(sto.replica.lease(before), null);
  await hel.sync();
  await sto.sync();
  const lease = tell(sto, before);
  assert.deepEqual([deniedOf(lease), lease.purgeView], [[["boat-1", 2, false]], [["hel", seq]]]);
});

test("each purge of a region has a higher seq, also after a restart and a copy that is older", async () => {
  const registry = new TestRegistry();
  const cell = new TestCell("hel", registry);
  const seqs = [cell.replica.purge(10, ["*"]).seq, cell.replica.purge(10, ["url main|/a"]).seq];
  const copy = cell.sql.copy();
  seqs.push(cell.replica.purge(9, ["*"]).seq);
  cell.restart();
  seqs.push(cell.replica.purge(9, ["*"]).seq);
  assert.deepEqual(seqs, [10, 11, 12, 13]);
  await cell.sync();
  cell.sql.restore(copy);
  cell.restart();
  assert.equal(cell.replica.purge(5_000, ["tag a"]).seq, 5_000);
  await cell.sync();
  assert.equal(cell.replica.read(purges, "hel *"), 13, "what the copy lacked comes back");
});

test("P8 past the bound of marks that have names a new scope shares one with others", () => {
  const cell = new TestCell("hel", new TestRegistry());
  const scopes = Array.from({ length: NAMED_MARKS_MAX }, (_, i) => `tag t${i}`);
  for (let at = 0; at < scopes.length; at += 1_024)
    assert.equal(cell.replica.purge(1, scopes.slice(at, at + 1_024)).isWidened, false);
  assert.equal(cell.replica.purge(1, ["tag t7"]).isWidened, false);
  assert.equal(cell.replica.purge(1, ["tag another"]).isWidened, true);
  assert.equal(cell.replica.purge(1, [EVERYTHING]).isWidened, false);
  assert.equal(cell.replica.read(purges, "hel tag another"), null);
  assert.ok((cell.replica.read(purges, `hel ${sharedMark("tag another")}`) ?? 0) > 0);
  const { purges: told, purgeFloor, purgeView } = tell(cell, "");
  assert.deepEqual(
    [told.length, purgeFloor, purgeView],
    [1, [], [["hel", cell.replica.read(purges, "hel *")]]],
  );
});

test("P8 20,000 denials are told once, then only what changes", async () => {
  const registry = new TestRegistry();
  const cell = new TestCell("hel", registry);
  for (let at = 0; at < 20_000; at += 5_000)
    registry.hub.write(REVOKED_AT, (draft) => {
      for (let i = at; i < at + 5_000; i += 1) draft.write(revoked, `boat-${i}`, 1);
    });
  while (cell.replica.denialOf("boat-19999").revokedGeneration === 0) await cell.sync();
  const first = tell(cell, "");
  assert.ok(first.denials.kind === "all");
  assert.equal(first.denials.denied.length, 20_000);
  registry.hub.write(REVOKED_AT, (draft) => draft.write(revoked, "boat-7", 2));
  await cell.sync();
  const next = tell(cell, first.version);
  assert.deepEqual(next.denials, { kind: "changed", denied: [["boat-7", 2, false]] });
  const key = attributeKey("boat-7", "disabled");
  registry.hub.write(REVOKED_AT, (draft) => draft.write(attributes, key, write(true, draft.stamp)));
  await cell.sync();
  const last = tell(cell, first.version);
  assert.deepEqual(last.denials, { kind: "changed", denied: [["boat-7", 2, true]] });
  cell.replica.purge(REVOKED_AT, ["*"]);
  assert.deepEqual(tell(cell, last.version).denials, { kind: "changed", denied: [] });
});

test("P8 past the bound a cell is asked about each device, and still knows all", () => {
  const cell = new TestCell("hel", new TestRegistry(), { toldMax: 3, changesMax: 8 });
  for (let i = 0; i < 3; i += 1) cell.replica.revoke(1, `boat-${i}`, 1);
  const { version, denials } = tell(cell, "");
  assert.equal(denials.kind, "all");
  cell.replica.revoke(1, "boat-3", 1);
  assert.deepEqual(tell(cell, version).denials, { kind: "ask" });
  for (let i = 0; i < 4; i += 1)
    assert.equal(cell.replica.denialOf(`boat-${i}`).revokedGeneration, 1);
});

test("P6 a lease says when the origin was last heard while it is away, and knows its clock", () => {
  const cell = new TestCell("hel", new TestRegistry());
  const here = tell(cell, "");
  assert.deepEqual([here.outage, here.clock], [null, { offsetMs: 0, heardMs: 0 }]);
  const outage = { heardMs: 7 };
  const away = cell.replica.lease(here.version, outage);
  assert.deepEqual(away?.outage, outage);
  assert.equal(cell.replica.lease(away?.version ?? "", { heardMs: 7 }), null);
  assert.equal(cell.replica.lease(away?.version ?? "", null)?.outage, null);
});

test("P8 a lease names the newest marks, and up to where the others go", () => {
  const cell = new TestCell("hel", new TestRegistry());
  const most = limits.purgesPerLeaseMax;
  cell.replica.purge(
    10,
    Array.from({ length: 40 }, (_, i) => `tag old${i}`),
  );
  cell.replica.write(20, (draft) => {
    for (let i = 0; i < most; i += 1) draft.write(purges, purgeKey("tll", `tag t${i}`), 20);
  });
  const lease = tell(cell, "");
  assert.equal(lease.purges.length, most);
  assert.ok(lease.purges.every(([key]) => !key.includes("old")));
  assert.deepEqual(lease.purgeFloor, [["hel", 10]]);
});
