// Goal: an edge that is told one total of what all others have counted knows at rest what was counted
// in all, whatever becomes of lives, disks and the hub's copy (P3).
// Method: random counts at three edges that restart, begin other lives, lose their disks and find a hub
// that was put back; beside plain sums. What travels between is the simulator's (test/sim).

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countComponent, observe, total, type CountComponent } from "../../sync/crdt/counts.ts";
import { BUCKETS_MAX, total as countOf } from "../../sync/crdt/histogram.ts";
import { add, value as valueOf, type PnComponent } from "../../sync/crdt/pn-counter.ts";
import { decimalOf, formatDecimal, sumOf } from "../../sync/decimal.ts";
import { componentKey, nameOfComponent } from "../../sync/replica/component.ts";
import type { Draft } from "../../sync/replica/draft.ts";
import { collection, type Collection } from "../../sync/replica/kind.ts";
import { countsTotalKind, gTotalKind, othersKey, pnTotalKind } from "../../sync/replica/totals.ts";
import { LinkedEdge, LinkedReplicas, SizedStore } from "../support/linked-replicas.ts";

const HITS = collection(1, "both", gTotalKind);
const STOCK = collection(2, "both", pnTotalKind);
const SIZES = collection(3, "both", countsTotalKind);
const COLLECTIONS = [HITS, STOCK, SIZES] as readonly Collection[];
const EDGES = ["hel", "tll", "sto"];
const NAMES = ["a", "b|c"];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("count" as const),
      edge: fc.nat(2),
      name: fc.constantFrom(...NAMES),
      by: fc.integer({ min: -9, max: 9 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("sync" as const, "restart" as const, "renew" as const, "lose" as const),
      edge: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("copy-hub" as const, "restore-hub" as const) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Everything that was counted under a name. */
type Ledger = Map<string, number[]>;

function copyOf(store: SizedStore): SizedStore {
  const { pages, rows } = store.load();
  const copy = new SizedStore();
  copy.checkpoint(new Map([...pages].map((page, at) => [at, page])));
  for (const row of rows) copy.append(row);
  return copy;
}

class World {
  readonly #replicas = new LinkedReplicas(COLLECTIONS);
  readonly #edges = EDGES.map((name) => this.#replicas.openEdge(name));
  #copy = copyOf(this.#replicas.hubStore);
  readonly ledger: Ledger = new Map();

  take(current: Step): void {
    this.#replicas.nowMs += 16;
    if (!("edge" in current)) this.#takeAtHub(current.kind);
    else if (current.kind === "count") this.#write(current.edge, current.name, current.by);
    else this.#happen(current.kind, current.edge);
  }

  #write(at: number, name: string, by: number): void {
    const { replica } = this.#edgeAt(at);
    replica.write(this.#replicas.nowMs, (draft) => this.#count(draft, name, by));
  }

  #edgeAt(at: number): LinkedEdge {
    const edge = this.#edges[at];
    assert.ok(edge !== undefined);
    return edge;
  }

  #happen(what: "sync" | "restart" | "renew" | "lose", at: number): void {
    const edge = this.#edgeAt(at);
    const { replica, store } = edge;
    const name = EDGES[at] ?? "";
    if (what === "sync") edge.sync();
    else if (what === "restart") this.#edges[at] = this.#replicas.openEdge(name, undefined, store);
    else if (what === "renew") {
      replica.renew();
      this.#edges[at] = new LinkedEdge(replica, store, this.#replicas);
    } else {
      // What is in no copy is lost with the disk: the law is about what somebody holds.
      edge.sync();
      this.#copy = copyOf(this.#replicas.hubStore);
      this.#edges[at] = this.#replicas.openEdge(name);
    }
  }

  #takeAtHub(what: "copy-hub" | "restore-hub"): void {
    if (what === "copy-hub") this.#copy = copyOf(this.#replicas.hubStore);
    else {
      this.#replicas.hubStore = copyOf(this.#copy);
      this.#replicas.reopenHub(COLLECTIONS);
    }
  }

  #count(draft: Draft, name: string, by: number): void {
    const key = componentKey(name, draft.life);
    const size = Math.abs(by);
    if (size > 0) draft.write(HITS, key, (draft.read(HITS, key) ?? 0) + size);
    const stock: PnComponent = draft.read(STOCK, key) ?? { added: 0, removed: 0 };
    if (by !== 0) draft.write(STOCK, key, add(stock, by));
    const sizes: CountComponent = draft.read(SIZES, key) ?? countComponent.bottom;
    draft.write(SIZES, key, observe(sizes, by / 2, decimalOf(by / 2)));
    this.ledger.set(name, [...(this.ledger.get(name) ?? []), by]);
  }

  rest(): void {
    for (let i = 0; i < 3; i += 1) for (const edge of this.#edges) edge.sync();
  }

  assertCounted(): void {
    for (const { replica } of this.#edges)
      for (const [name, counted] of this.ledger) {
        const hits = partsOf<number>(replica.readAll(HITS), name);
        assert.equal(sumNumbers(hits), sumNumbers(counted.map(Math.abs)), `hits of ${name}`);
        assert.equal(valueOf(partsOf(replica.readAll(STOCK), name)), sumNumbers(counted));
        const { count, sum, min, max, histogram } = total(partsOf(replica.readAll(SIZES), name));
        const sizes = counted.map((by) => by / 2);
        assert.equal(count, sizes.length);
        assert.equal(formatDecimal(sum), formatDecimal(sumOf(sizes)));
        assert.deepEqual(
          [min, max],
          [Math.min(...sizes), Math.max(...sizes)].map((n) => n + 0),
        );
        assert.equal(countOf(histogram), count);
      }
  }

  /** An edge holds nothing of the lives of others. */
  assertNoForeignLife(): void {
    for (const [at, { replica }] of this.#edges.entries())
      for (const held of COLLECTIONS)
        for (const key of replica.held(held as Collection<never>).keys())
          assert.ok(key.endsWith("|") || key.includes(`|${EDGES[at]}/all#`), key);
  }
}

function partsOf<Part>(components: ReadonlyMap<string, Part>, name: string): Part[] {
  return [...components].filter(([key]) => nameOfComponent(key) === name).map(([, part]) => part);
}

function sumNumbers(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

test("P3 every edge knows at rest how much was counted in all, whatever became of lives, disks and the hub", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      for (const current of steps) world.take(current);
      world.rest();
      world.assertCounted();
      world.assertNoForeignLife();
    }),
    { numRuns: 150 },
  );
});

test("a total travels once, however many lives have moved it", () => {
  const replicas = new LinkedReplicas(COLLECTIONS);
  const [one, two, reader] = EDGES.map((name) => replicas.openEdge(name));
  assert.ok(one && two && reader);
  for (const edge of [one, two, reader]) edge.sync();
  for (const { replica } of [one, two])
    replica.write(replicas.nowMs, (draft) => draft.write(HITS, componentKey("a", draft.life), 4));
  for (const edge of [one, two, reader]) edge.sync();
  assert.deepEqual([...reader.replica.readAll(HITS)], [[othersKey("a"), 8]]);
  assert.equal(replicas.hub.readAll(HITS).size, 2);
});

test("P3 edges whose counts have no sum on the wire stop nobody", () => {
  const replicas = new LinkedReplicas(COLLECTIONS);
  const [one, two, reader] = EDGES.map((name) => replicas.openEdge(name));
  assert.ok(one && two && reader);
  for (const edge of [one, two]) {
    edge.replica.write(replicas.nowMs, (draft) => {
      draft.write(HITS, componentKey("a", draft.life), Number.MAX_SAFE_INTEGER);
      draft.write(HITS, componentKey("b", draft.life), 1);
    });
    edge.sync();
  }
  reader.sync();
  assert.deepEqual([...reader.replica.readAll(HITS)], [[othersKey("b"), 2]]);
});

test("a total of histograms has no more buckets than one of them may have, and counts everything", () => {
  const spread = (from: number): CountComponent =>
    Array.from({ length: BUCKETS_MAX }, (_, at) => 1.03 ** (from + at) * 1e-60).reduce(
      (held, size) => observe(held, size, { mantissa: 0n, scale: 0 }),
      countComponent.bottom,
    );
  const sum = total([spread(0), spread(1_500)]);
  assert.equal(sum.histogram.size, BUCKETS_MAX);
  assert.equal(countOf(sum.histogram), 2 * BUCKETS_MAX);
});
