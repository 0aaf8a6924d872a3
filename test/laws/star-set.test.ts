// Goal: the star's add-wins set is the observed-remove set of the literature, keeps every concurrent
// addition, resurrects nothing, and keeps no metadata once all links have acknowledged.
// Method: random histories of three edges with lost requests and answers and with operations while a
// request is in flight, beside an oracle that gives each addition a unique tag.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  absorb,
  add,
  deltaFor,
  members,
  NEW_EDGE,
  NEW_HUB,
  receive,
  remove,
  send,
  stabilize,
  type StarDelta,
  type StarEdge,
  type StarHub,
} from "../../sync/crdt/star-set.ts";

const EDGES = ["a", "b", "c"] as const;
const IDS = ["x", "y", "z"];

const edge = fc.nat(EDGES.length - 1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("add" as const), edge, id: fc.constantFrom(...IDS) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("remove" as const),
      edge,
      id: fc.constantFrom(...IDS),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("request" as const), edge, isLost: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), edge, isLost: fc.boolean() }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** An edge with its oracle: the unique tags it sees of each id, and those it has seen removed. */
interface Site {
  state: StarEdge;
  readonly tags: Map<string, Set<string>>;
  readonly gone: Set<string>;
  /** What the oracle had when the request in flight was cut. */
  sent: { tags: Map<string, Set<string>>; gone: Set<string> } | null;
}

/** The hub's end of a link: the answer to the last frame is kept and replayed. */
interface LinkEnd {
  handled: number;
  acknowledged: number;
  answer: StarDelta | null;
  /** What the oracle's hub had when it cut this answer. */
  oracle: { tags: Map<string, Set<string>>; gone: Set<string> };
}

class World {
  hub: StarHub = NEW_HUB;
  readonly hubTags = new Map<string, Set<string>>();
  readonly hubGone = new Set<string>();
  readonly sites: Site[] = EDGES.map(() => ({
    state: NEW_EDGE,
    tags: new Map(),
    gone: new Set(),
    sent: null,
  }));
  readonly links: LinkEnd[] = EDGES.map(() => ({
    handled: 0,
    acknowledged: 0,
    answer: null,
    oracle: { tags: new Map(), gone: new Set() },
  }));
  readonly numbers: number[] = EDGES.map(() => 0);
  #tag = 0;

  take(current: Step): void {
    const site = this.sites[current.edge];
    assert.ok(site !== undefined);
    if (current.kind === "add") {
      site.state = add(site.state, current.id);
      this.#tagsOf(site.tags, current.id).add(`t${(this.#tag += 1)}`);
    } else if (current.kind === "remove") {
      if (!site.state.present.has(current.id)) return;
      site.state = remove(site.state, current.id);
      for (const tag of this.#tagsOf(site.tags, current.id)) site.gone.add(tag);
      site.tags.set(current.id, new Set());
    } else if (current.kind === "request") this.#request(current.edge, site, current.isLost);
    else if (!current.isLost) this.#answer(current.edge, site);
  }

  /** Delivers everything, twice around: the hub has it all, then every edge. */
  settle(): void {
    for (let round = 0; round < 4; round += 1) {
      for (const index of EDGES.keys()) {
        const site = this.sites[index];
        assert.ok(site !== undefined);
        this.#request(index, site, false);
        this.#answer(index, site);
      }
    }
  }

  #request(index: number, site: Site, isLost: boolean): void {
    site.state = send(site.state);
    if (site.sent === null) {
      site.sent = { tags: copy(site.tags), gone: new Set(site.gone) };
      this.numbers[index] = (this.numbers[index] ?? 0) + 1;
    }
    const link = this.links[index];
    assert.ok(link !== undefined);
    if (isLost || link.handled === this.numbers[index]) return;
    this.hub = receive(this.hub, EDGES[index] ?? "", site.state.inFlight ?? new Map());
    link.handled = this.numbers[index] ?? 0;
    link.acknowledged = site.state.cursor;
    this.hub = stabilize(this.hub, Math.min(...this.links.map(({ acknowledged }) => acknowledged)));
    link.answer = deltaFor(this.hub, site.state.cursor);
    this.#hear(site.sent, link);
  }

  /** The oracle's hub takes in what the request carried. */
  #hear(sent: NonNullable<Site["sent"]>, link: LinkEnd): void {
    for (const tag of sent.gone) this.hubGone.add(tag);
    for (const [id, tags] of sent.tags)
      for (const tag of tags) this.#tagsOf(this.hubTags, id).add(tag);
    for (const tags of this.hubTags.values())
      for (const tag of tags) if (this.hubGone.has(tag)) tags.delete(tag);
    link.oracle = { tags: copy(this.hubTags), gone: new Set(this.hubGone) };
  }

  #answer(index: number, site: Site): void {
    const link = this.links[index];
    if (site.sent === null || link?.answer == null || link.handled !== this.numbers[index]) return;
    site.state = absorb(site.state, link.answer);
    site.sent = null;
    const { tags: heard, gone } = link.oracle;
    for (const tag of gone) site.gone.add(tag);
    for (const [id, tags] of heard)
      for (const tag of tags) if (!site.gone.has(tag)) this.#tagsOf(site.tags, id).add(tag);
    for (const tags of site.tags.values())
      for (const tag of tags) if (site.gone.has(tag)) tags.delete(tag);
  }

  oracle(): string[] {
    return [...this.hubTags]
      .filter(([, tags]) => tags.size > 0)
      .map(([id]) => id)
      .toSorted();
  }

  #tagsOf(tags: Map<string, Set<string>>, id: string): Set<string> {
    const held = tags.get(id) ?? new Set<string>();
    tags.set(id, held);
    return held;
  }
}

test("the hub and every edge end with the members of the unique-tag oracle", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const world = new World();
      for (const current of steps) {
        world.take(current);
        for (const { state } of world.sites) readsItsWrites(state);
      }
      world.settle();
      assert.deepEqual(members(world.hub), world.oracle());
      for (const { state } of world.sites)
        assert.deepEqual([...state.present].toSorted(), members(world.hub));
    }),
    { numRuns: 2000 },
  );
});

test("no tag and no tombstone is left when every link has acknowledged", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      for (const current of steps) world.take(current);
      world.settle();
      for (const entry of world.hub.entries.values()) {
        assert.equal(entry.isPresent, true);
        assert.equal(entry.tags.size, 0);
      }
    }),
  );
});

test("an addition wins over a removal that had not seen it, also one made while in flight", () => {
  const world = new World();
  world.take({ kind: "add", edge: 0, id: "x" });
  world.settle();
  world.take({ kind: "request", edge: 1, isLost: false });
  world.take({ kind: "remove", edge: 1, id: "x" });
  world.take({ kind: "add", edge: 2, id: "x" });
  world.settle();
  assert.deepEqual(members(world.hub), ["x"]);
  for (const { state } of world.sites) assert.ok(state.present.has("x"));
});

function copy(tags: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  return new Map([...tags].map(([id, held]) => [id, new Set(held)]));
}

/** What an edge did last is what it sees, until the hub has answered it. */
function readsItsWrites({ present, unsent }: StarEdge): void {
  for (const [id, op] of unsent) assert.equal(present.has(id), op.kind === "add", id);
}
