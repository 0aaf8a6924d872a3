// Goal: the dotted set is the add-wins set of the literature on any topology, resurrects nothing, and
// its metadata does not grow with what was removed.
// Method: random histories of four replicas that send each other deltas or whole states in any order,
// late, twice or never, beside an oracle that gives each addition a tag of its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, dottedSet, has, remove, type DottedSet } from "../../sync/crdt/dotted-set.ts";
import { replicaKey } from "../../sync/crdt/lattice.ts";

const REPLICAS = [0, 1, 2, 3] as const;
const KEYS = ["x", "y", "z"] as const;

/** Additions by tag, and the tags that were removed: both only grow. */
interface Oracle {
  readonly added: ReadonlyMap<string, string>;
  readonly gone: ReadonlySet<string>;
}

interface Version {
  readonly set: DottedSet;
  readonly oracle: Oracle;
}

const EMPTY: Version = { set: dottedSet.bottom, oracle: { added: new Map(), gone: new Set() } };

const lifeOf = (replica: number): string => replicaKey(`r${replica}/mesh`, 1);

function join(left: Version, right: Version): Version {
  const added = new Map([...left.oracle.added, ...right.oracle.added]);
  const gone = left.oracle.gone.union(right.oracle.gone);
  return { set: dottedSet.join(left.set, right.set), oracle: { added, gone } };
}

/** What an operation at a replica changes; an addition takes the place of those that it has seen. */
function deltaOf(held: Version, { key, at, isRemoved }: Step, tag: string): Version {
  const seen = [...held.oracle.added].filter(([, of]) => of === key).map(([name]) => name);
  const gone = new Set(seen);
  return isRemoved
    ? { set: remove(held.set, key), oracle: { added: new Map(), gone } }
    : { set: add(held.set, lifeOf(at), key), oracle: { added: new Map([[tag, key]]), gone } };
}

function membersOf({ added, gone }: Oracle): string[] {
  const there = [...added].filter(([tag]) => !gone.has(tag)).map(([, key]) => key);
  return [...new Set(there)].toSorted();
}

const replica = fc.constantFrom(...REPLICAS);
const step = fc.record({
  at: replica,
  key: fc.constantFrom(...KEYS),
  isRemoved: fc.boolean(),
  /** Who hears of it, at once. */
  delta: fc.subarray([...REPLICAS]),
  /** Who hears everything that this one knows. */
  whole: fc.option(replica, { freq: 3 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test("replicas that meet in any order hold what no removal had seen", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const held: Version[] = REPLICAS.map(() => EMPTY);
      for (const [tag, one] of steps.entries()) {
        const before = held[one.at] ?? EMPTY;
        const delta = deltaOf(before, one, String(tag));
        held[one.at] = join(before, delta);
        for (const to of one.delta) held[to] = join(held[to] ?? EMPTY, delta);
        if (one.whole !== null)
          held[one.whole] = join(held[one.whole] ?? EMPTY, held[one.at] ?? EMPTY);
      }
      const all = held.reduce(join);
      const keys = KEYS.filter((key) => has(all.set, key));
      assert.deepEqual(keys, membersOf(all.oracle));
      assert.deepEqual(held.toReversed().reduce(join).set, all.set);
    }),
    { numRuns: 2_000 },
  );
});

test("what concurrent replicas add stays, also where another removes it", () => {
  const shared = add(dottedSet.bottom, lifeOf(0), "x");
  const removed = dottedSet.join(shared, remove(shared, "x"));
  const added = dottedSet.join(shared, add(shared, lifeOf(1), "x"));
  assert.equal(has(removed, "x"), false);
  assert.equal(has(dottedSet.join(removed, added), "x"), true);
  assert.equal(has(dottedSet.join(removed, shared), "x"), false, "nothing comes back");
});

test("P8 what was removed leaves nothing but a number a life", () => {
  let held = dottedSet.bottom;
  for (let i = 0; i < 3_000; i += 1) {
    held = dottedSet.join(held, add(held, lifeOf(i % 3), `key ${i}`));
    held = dottedSet.join(held, remove(held, `key ${i}`));
  }
  assert.equal(held.additions.size, 0);
  const seen = [...held.context.values()];
  assert.deepEqual(
    seen.map(({ upTo, above }) => [upTo, above.size]),
    [1, 2, 3].map(() => [1_000, 0]),
  );
});
