// Goal: the star's add-wins map is the observed-remove map of the literature, keeps every concurrent
// addition with its value, resurrects nothing, and keeps no metadata once all links have acknowledged.
// Method: random histories of three edges and of the hub itself, with lost requests and answers and
// with operations while a request is in flight, beside an oracle that gives each addition a unique
// tag. Values are last writes; the value is the latest over the live tags.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { gComponent, mapLattice, unit } from "../../sync/crdt/lattice.ts";
import { lwwRegister, write, type LwwRegister } from "../../sync/crdt/lww-register.ts";
import {
  absorbAtEdge,
  addAtEdge,
  addAtHub,
  NOTHING_AT_HUB,
  removeAtEdge,
  removeAtHub,
  stabilizeEntry,
  valueAtHub,
  type StarEdgeEntry,
  type StarHubEntry,
  type StarOp,
} from "../../sync/crdt/star-map.ts";

const EDGES = [1, 2, 3] as const;
const HUB = 0;

const edge = fc.constantFrom(...EDGES);
const site = fc.constantFrom(HUB, ...EDGES, ...EDGES);
const id = fc.constantFrom("x", "y", "z");
const kindOf = <Kind extends string>(kind: Kind): fc.Arbitrary<Kind> => fc.constant(kind);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: kindOf("add"), at: site, id, text: fc.constantFrom("p", "q") }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kindOf("remove"), at: site, id }) },
  { weight: 3, arbitrary: fc.record({ kind: kindOf("request"), at: edge, isLost: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: kindOf("answer"), at: edge, isLost: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Value = LwwRegister;

const NOTHING = { entry: { present: null, op: null }, changed: 0 };

/** What the oracle has somewhere: unique tags with key and value, and those that were removed. */
class Oracle {
  readonly tags = new Map<string, { readonly id: string; readonly value: Value }>();
  readonly gone = new Set<string>();

  learn(other: Oracle): void {
    for (const tag of other.gone) this.gone.add(tag);
    for (const [tag, held] of other.tags) this.tags.set(tag, held);
  }

  copy(): Oracle {
    const copy = new Oracle();
    copy.learn(this);
    return copy;
  }

  remove(key: string): void {
    for (const [tag, held] of this.tags) if (held.id === key) this.gone.add(tag);
  }

  members(): Map<string, Value> {
    const members = new Map<string, Value>();
    for (const [tag, held] of this.tags) {
      if (this.gone.has(tag)) continue;
      members.set(held.id, lwwRegister.join(members.get(held.id) ?? held.value, held.value));
    }
    return members;
  }
}

/** An edge: entries with the local number of their last operation, and what is in flight, fixed. */
class Edge {
  readonly entries = new Map<string, { entry: StarEdgeEntry<Value>; changed: number }>();
  readonly oracle = new Oracle();
  cursor = 0;
  changes = 0;
  request: {
    readonly number: number;
    /** Operations up to this one are in it. */
    readonly upTo: number;
    readonly cursor: number;
    readonly ops: ReadonlyMap<string, StarOp<Value>>;
    readonly oracle: Oracle;
  } | null = null;
  requests = 0;

  set(key: string, entry: StarEdgeEntry<Value>): void {
    this.entries.set(key, { entry, changed: (this.changes += 1) });
  }

  members(): Map<string, Value> {
    return new Map(
      [...this.entries].flatMap(([key, { entry }]) =>
        entry.present === null ? [] : [[key, entry.present] as const],
      ),
    );
  }
}

interface Answer {
  readonly number: number;
  readonly to: number;
  readonly present: ReadonlyMap<string, Value | null>;
  readonly oracle: Oracle;
}

class World {
  readonly hub = new Map<string, { entry: StarHubEntry<Value>; changed: number }>();
  readonly hubOracle = new Oracle();
  readonly edges = new Map(EDGES.map((link) => [link as number, new Edge()]));
  /** The hub's ends of the links: the last answer is kept and given again. */
  readonly answers = new Map<number, Answer>();
  readonly acknowledged = new Map(EDGES.map((link) => [link as number, 0]));
  seq = 0;
  #tag = 0;

  take(current: Step): void {
    if (current.kind === "add") this.#add(current.at, current.id, current.text);
    else if (current.kind === "remove") this.#remove(current.at, current.id);
    else if (current.kind === "request") this.#request(current.at, current.isLost);
    else if (!current.isLost) this.#answer(current.at);
  }

  /** Delivers everything, so often that every edge has heard of what every other one did. */
  settle(): void {
    for (let round = 0; round < 4; round += 1) {
      for (const link of EDGES) {
        this.#request(link, false);
        this.#answer(link);
      }
    }
  }

  members(): Map<string, Value> {
    return new Map(
      [...this.hub].flatMap(([key, { entry }]) => {
        const held = valueAtHub(lwwRegister, entry);
        return held === null ? [] : [[key, held] as const];
      }),
    );
  }

  edge(link: number): Edge {
    const found = this.edges.get(link);
    assert.ok(found !== undefined);
    return found;
  }

  #add(at: number, key: string, text: string): void {
    const oracle = at === HUB ? this.hubOracle : this.edge(at).oracle;
    // As a hybrid logical clock: later than all it has seen, and equal stamps are possible.
    const seen = [...oracle.tags.values()].map((held) => held.value.stamp.wallMs);
    const value = write(text, { wallMs: Math.max(0, ...seen) + 1, logical: 0 });
    oracle.tags.set(`t${(this.#tag += 1)}`, { id: key, value });
    if (at === HUB) this.#applyAtHub(HUB, new Map([[key, { kind: "add", value }]]));
    else {
      const here = this.edge(at);
      here.set(key, addAtEdge(lwwRegister, here.entries.get(key)?.entry, value));
    }
  }

  #remove(at: number, key: string): void {
    if (at === HUB) {
      this.hubOracle.remove(key);
      this.#applyAtHub(HUB, new Map([[key, { kind: "remove", context: this.seq }]]));
      return;
    }
    const here = this.edge(at);
    const held = here.entries.get(key)?.entry;
    if (held === undefined || held.present === null) return;
    here.set(key, removeAtEdge(here.cursor));
    here.oracle.remove(key);
  }

  #applyAtHub(link: number, ops: ReadonlyMap<string, StarOp<Value>>): void {
    if (ops.size === 0) return;
    this.seq += 1;
    for (const [key, op] of ops) {
      const held = this.hub.get(key)?.entry;
      if (op.kind === "add") {
        const entry = addAtHub(lwwRegister, held ?? NOTHING_AT_HUB, link, op.value, this.seq);
        this.hub.set(key, { entry, changed: this.seq });
      } else if (held !== undefined) {
        const entry = removeAtHub(held, link, op.context);
        if (entry !== held) this.hub.set(key, { entry, changed: this.seq });
      }
    }
  }

  #request(link: number, isLost: boolean): void {
    const here = this.edge(link);
    here.request ??= {
      number: (here.requests += 1),
      upTo: here.changes,
      cursor: here.cursor,
      ops: new Map(
        [...here.entries].flatMap(([key, { entry }]) =>
          entry.op === null ? [] : [[key, entry.op] as const],
        ),
      ),
      oracle: here.oracle.copy(),
    };
    const { number, cursor, ops, oracle } = here.request;
    if (isLost || this.answers.get(link)?.number === number) return;
    this.#applyAtHub(link, ops);
    this.hubOracle.learn(oracle);
    this.acknowledged.set(link, cursor);
    this.#stabilize(Math.min(...this.acknowledged.values()));
    const changed = [...this.hub].filter(([, held]) => held.changed > cursor);
    const present = new Map(
      changed.map(([key, { entry }]) => [key, valueAtHub(lwwRegister, entry)]),
    );
    this.answers.set(link, { number, to: this.seq, present, oracle: this.hubOracle.copy() });
  }

  #stabilize(stableSeq: number): void {
    for (const [key, { entry, changed }] of this.hub) {
      const next = stabilizeEntry(lwwRegister, entry, stableSeq);
      assert.deepEqual(valueAtHub(lwwRegister, next), valueAtHub(lwwRegister, entry));
      if (changed <= stableSeq && valueAtHub(lwwRegister, next) === null) this.hub.delete(key);
      else this.hub.set(key, { entry: next, changed });
    }
  }

  #answer(link: number): void {
    const here = this.edge(link);
    const answer = this.answers.get(link);
    if (here.request === null || answer?.number !== here.request.number) return;
    const { upTo } = here.request;
    for (const key of new Set([...here.entries.keys(), ...answer.present.keys()])) {
      const { entry, changed } = here.entries.get(key) ?? NOTHING;
      // What the answer does not name is as the edge has it.
      const told = answer.present.get(key);
      const next = absorbAtEdge(entry, told === undefined ? entry.present : told, changed > upTo);
      if (next.present === null && next.op === null) here.entries.delete(key);
      else here.entries.set(key, { entry: next, changed });
    }
    here.cursor = answer.to;
    here.oracle.learn(answer.oracle);
    here.request = null;
  }
}

test("the hub and every edge end with the members and the values of the unique-tag oracle", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const world = new World();
      for (const current of steps) {
        world.take(current);
        assert.deepEqual(world.members(), world.hubOracle.members());
        for (const here of world.edges.values()) readsItsWrites(here);
      }
      world.settle();
      assert.deepEqual(world.members(), world.hubOracle.members());
      for (const here of world.edges.values())
        assert.deepEqual(here.members(), world.hubOracle.members());
    }),
    { numRuns: 2000 },
  );
});

test("no tag, no operation and no entry of what is gone is left when every link has acknowledged", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      for (const current of steps) world.take(current);
      world.settle();
      for (const { entry } of world.hub.values()) {
        assert.notEqual(entry.stable, null);
        assert.equal(entry.tags.size, 0);
      }
      for (const here of world.edges.values()) {
        assert.deepEqual([...here.entries.keys()].toSorted(), [...world.hub.keys()].toSorted());
        for (const { entry } of here.entries.values()) assert.equal(entry.op, null);
      }
    }),
  );
});

test("an addition wins over a removal that had not seen it, also one made while in flight", () => {
  const world = new World();
  world.take({ kind: "add", at: 1, id: "x", text: "p" });
  world.settle();
  world.take({ kind: "request", at: 2, isLost: false });
  world.take({ kind: "remove", at: 2, id: "x" });
  world.take({ kind: "add", at: 3, id: "x", text: "q" });
  world.settle();
  for (const members of [world.members(), ...[...world.edges.values()].map((e) => e.members())])
    assert.deepEqual(
      [...members].map(([key, { value }]) => [key, value]),
      [["x", "q"]],
    );
});

test("a removal takes the value away that it had seen, and leaves a concurrent one", () => {
  const at = (wallMs: number): Value => write(`v${wallMs}`, { wallMs, logical: 0 });
  const first = addAtHub(lwwRegister, NOTHING_AT_HUB, 1, at(9), 1);
  const both = addAtHub(lwwRegister, first, 2, at(5), 2);
  assert.deepEqual(valueAtHub(lwwRegister, both), at(9));
  assert.deepEqual(valueAtHub(lwwRegister, removeAtHub(both, 3, 1)), at(5));
  assert.equal(valueAtHub(lwwRegister, removeAtHub(both, 3, 2)), null);
});

test("values that are not above each other are joined: an adder's own, others', and stable ones", () => {
  const values = mapLattice(gComponent);
  const [a, b, c] = ["a", "b", "c"].map((key) => new Map([[key, 1]]));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const edge1 = addAtEdge(values, addAtEdge(values, undefined, a), b);
  const ab = values.join(a, b);
  assert.deepEqual(edge1, { present: ab, op: { kind: "add", value: ab } });
  // Only what is not confirmed is sent again.
  const edge2 = addAtEdge(values, absorbAtEdge(edge1, ab, false), c);
  assert.deepEqual(edge2, { present: values.join(ab, c), op: { kind: "add", value: c } });
  const hub1 = addAtHub(values, addAtHub(values, NOTHING_AT_HUB, 1, a, 1), 1, b, 2);
  assert.deepEqual(hub1, {
    tags: new Map([[1, { seq: 2, value: ab }]]),
    stable: null,
    stableSeq: 0,
  });
  const hub2 = addAtHub(values, stabilizeEntry(values, hub1, 2), 2, c, 3);
  assert.deepEqual(hub2, { tags: new Map([[2, { seq: 3, value: c }]]), stable: ab, stableSeq: 2 });
  assert.deepEqual(valueAtHub(values, hub2), values.join(ab, c));
});

test("stabilizeEntry() gives the same whatever steps led there", () => {
  const tag = fc.record(
    { seq: fc.nat(9), value: fc.nat(9).map((wallMs) => write("v", { wallMs, logical: 0 })) },
    { noNullPrototype: true },
  );
  const tags = fc.array(tag, { maxLength: 4 }).map((list) => new Map(list.entries()));
  fc.assert(
    fc.property(tags, fc.nat(9), fc.nat(9), (held, a, b) => {
      const entry = { tags: held, stable: null, stableSeq: 0 };
      const stabilize = (from: StarHubEntry<Value>, seq: number): StarHubEntry<Value> =>
        stabilizeEntry(lwwRegister, from, seq);
      assert.deepEqual(
        stabilize(stabilize(entry, Math.min(a, b)), Math.max(a, b)),
        stabilize(entry, Math.max(a, b)),
      );
    }),
  );
});

test("what became stable without a remover's knowing stays", () => {
  const stable = stabilizeEntry(unit, addAtHub(unit, NOTHING_AT_HUB, 1, true, 7), 9);
  assert.equal(valueAtHub(unit, removeAtHub(stable, 2, 6)), true);
  assert.equal(valueAtHub(unit, removeAtHub(stable, 2, 7)), null);
});

test("a set is a map to unit", () => {
  const added = addAtEdge(unit, undefined, true);
  assert.deepEqual(added, { present: true, op: { kind: "add", value: true } });
  const removed = removeAtEdge(4);
  assert.deepEqual(removed, { present: null, op: { kind: "remove", context: 4 } });
  assert.deepEqual(absorbAtEdge(removed, true, true), removed);
  assert.deepEqual(absorbAtEdge(removed, true, false), { present: true, op: null });
  const held = addAtHub(unit, NOTHING_AT_HUB, 1, true, 7);
  const gone = removeAtHub(held, 1, 0);
  assert.equal(valueAtHub(unit, gone), null);
  assert.equal(removeAtHub(gone, 2, 9), gone);
  assert.deepEqual(stabilizeEntry(unit, held, 7), { tags: new Map(), stable: true, stableSeq: 7 });
});

/** What an edge did last is what it sees, until the hub has answered it. */
function readsItsWrites({ entries }: Edge): void {
  for (const [key, { entry }] of entries)
    if (entry.op !== null) assert.equal(entry.present !== null, entry.op.kind === "add", key);
}
