// Goal: what a sketch shows of a difference is the difference; who is told by one ends as who is told
// everything; and no bytes make a reader throw, or work for long.
// Method: random sets and replicas, beside an oracle that needs no sketch; mutated and random bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SKETCH_SYMBOLS_MAX } from "../../sync/limits.ts";
import { add } from "../../sync/crdt/pn-counter.ts";
import { erase, write } from "../../sync/crdt/lww-register.ts";
import type { Draft } from "../../sync/replica/draft.ts";
import { collection } from "../../sync/replica/kind.ts";
import { componentKey } from "../../sync/replica/component.ts";
import { lwwKind, maxKind, pnCounterKind, setKind } from "../../sync/replica/kinds.ts";
import {
  readAsk,
  readSketch,
  readWants,
  sketchGroup,
  wantsGroup,
} from "../../sync/sketch/groups.ts";
import { Items } from "../../sync/sketch/items.ts";
import { Symbols } from "../../sync/sketch/symbols.ts";
import { SketchingPair } from "../support/sketching.ts";

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Items are hashes: neither word is chosen. */
const item = fc.tuple(word, word).filter(([low, high]) => low !== 0 || high !== 0);
const items = (most: number): fc.Arbitrary<[number, number][]> =>
  fc.uniqueArray(item, { maxLength: most, selector: String, size: "max" });

function symbolsOf(list: readonly [number, number][], count?: number): Symbols {
  const symbols = new Symbols(count);
  for (const [low, high] of list) symbols.add(low, high);
  return symbols;
}

const sorted = (list: readonly (readonly [number, number])[]): string[] =>
  list.map(String).toSorted();

/** Spreads bits of what was drawn: small numbers are no hashes. */
const spread = ([low, high]: [number, number]): [number, number] => [
  Math.imul(low ^ 0x5bd1e995, 0x9e3779b1) ^ high,
  Math.imul(high ^ (low >>> 7), 0x85ebca6b) | 0,
];

test("the difference of two sketches is that of their sets", () => {
  fc.assert(
    fc.property(items(300), items(50), items(50), (both, first, second) => {
      const held = new Set(both.map(spread).map(String));
      const [mine, theirs] = [first, second].map((list) =>
        list.map(spread).filter((one) => !held.has(String(one))),
      ) as [[number, number][], [number, number][]];
      const left = symbolsOf([...both.map(spread), ...mine]);
      left.subtract(symbolsOf([...both.map(spread), ...theirs]));
      const shared = new Set(sorted(mine)).intersection(new Set(sorted(theirs)));
      const found = left.peel();
      assert.ok(found);
      assert.deepEqual(
        sorted(found.onlyFirst),
        sorted(mine.filter((one) => !shared.has(String(one)))),
      );
      assert.deepEqual(
        sorted(found.onlySecond),
        sorted(theirs.filter((one) => !shared.has(String(one)))),
      );
    }),
    { numRuns: 60 },
  );
});

test("symbols that are too few find all of a difference, or nothing", () => {
  fc.assert(
    fc.property(items(60), fc.integer({ min: 1, max: 90 }), (list, count) => {
      const set = list.map(spread);
      const found = symbolsOf(set, count).peel();
      if (found) assert.deepEqual([sorted(found.onlyFirst), found.onlySecond], [sorted(set), []]);
    }),
    { numRuns: 200 },
  );
});

test("80 keys that differ, each an item at both ends, are found in nearly all of 300 draws", () => {
  let found = 0;
  for (let draw = 0; draw < 300; draw += 1) {
    const symbols = new Symbols();
    for (let at = 0; at < 160; at += 1) {
      const [low, high] = spread([draw * 1_000 + at, at * 7_919 + draw]);
      symbols.add(low, high, at % 2 === 0 ? 1 : -1);
    }
    if (symbols.peel()) found += 1;
  }
  assert.ok(found >= 280, `${found} of 300`);
});

test("an item stays what it was in a list of fewer symbols: those are its first ones", () => {
  fc.assert(
    fc.property(items(40), fc.integer({ min: 1, max: SKETCH_SYMBOLS_MAX }), (list, count) => {
      const key = [1, 2] as const;
      const all = sketchGroup({ key, symbols: symbolsOf(list) }, count);
      assert.deepEqual(all, sketchGroup({ key, symbols: symbolsOf(list, count) }, count));
    }),
  );
});

test("no bytes make a reader throw, and symbols that are none find at most as many items", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000, size: "max" }), (bytes) => {
      readAsk(bytes);
      assert.ok((readWants(bytes)?.items.length ?? 0) <= SKETCH_SYMBOLS_MAX);
      const sketch = readSketch(bytes);
      if (!sketch) return;
      const { onlyFirst = [], onlySecond = [] } = sketch.symbols.peel() ?? {};
      assert.ok(onlyFirst.length + onlySecond.length <= sketch.symbols.count);
    }),
  );
});

test("a sketch that was cut or changed is no sketch, or finds nothing that is not there", () => {
  const list = Array.from({ length: 20 }, (_, at) => spread([at, at * 31]));
  const { body } = sketchGroup({ key: [1, 2], symbols: symbolsOf(list) }, SKETCH_SYMBOLS_MAX);
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      assert.equal(readSketch(body.subarray(0, at - (at % 10))), null);
      const changed = body.slice();
      changed[at] = (changed[at] as number) ^ flip;
      const found = readSketch(changed)?.symbols.peel();
      if (found) assert.deepEqual(sorted(found.onlyFirst), sorted(list));
      // The key stands before the symbols: with another one the items are others.
      if (at >= 8) assert.equal(found, null);
    }),
  );
});

test("what is wanted comes back, in order", () => {
  const asked = fc.array(fc.nat(2 ** 20 - 1), { maxLength: SKETCH_SYMBOLS_MAX });
  fc.assert(
    fc.property(asked, fc.nat(2 ** 32 - 1), (list, sketch) => {
      const read = readWants(wantsGroup({ sketch, items: list }).body);
      assert.deepEqual(read, { sketch, items: list.toSorted((a, b) => a - b) });
    }),
  );
});

const fields = collection(1, "both", lwwKind);
const marks = collection(2, "both", maxKind);
const members = collection(3, "both", setKind);
const counts = collection(4, "both", pnCounterKind);
const orders = collection(5, "down", lwwKind);
const COLLECTIONS = [fields, marks, members, counts, orders];

test("an item is another with another key, collection, name or value", () => {
  const stamp = { wallMs: 5, logical: 0 };
  const variants = [
    new Items([1, 2]).of({ collection: fields, key: "a", value: write(1, stamp) }),
    new Items([1, 3]).of({ collection: fields, key: "a", value: write(1, stamp) }),
    new Items([2, 2]).of({ collection: fields, key: "a", value: write(1, stamp) }),
    new Items([1, 2]).of({ collection: orders, key: "a", value: write(1, stamp) }),
    new Items([1, 2]).of({ collection: fields, key: "b", value: write(1, stamp) }),
    new Items([1, 2]).of({ collection: fields, key: "a", value: write(2, stamp) }),
    new Items([1, 2]).of({
      collection: fields,
      key: "a",
      value: write(1, { wallMs: 6, logical: 0 }),
    }),
  ].map((hash) => String([...hash]));
  assert.equal(new Set(variants).size, variants.length);
});

const NOTHING = { added: 0, removed: 0 };

/** What a writer does: to which collection, to which key, and how. */
const op = fc.record({ to: fc.nat(4), key: fc.nat(9), value: fc.integer({ min: -2, max: 3 }) });
type Op = typeof op extends fc.Arbitrary<infer Drawn> ? Drawn : never;
const ops = fc.array(op, { maxLength: 25 });

function put(draft: Draft, { to, key: number, value }: Op, isHub: boolean): void {
  const key = `key-${number}`;
  const { stamp, life } = draft;
  if (to === 0) draft.write(fields, key, value < 0 ? erase(stamp) : write(value, stamp));
  else if (to === 1) draft.write(marks, key, value);
  else if (to === 2)
    draft.write(members, key, value < 0 ? { kind: "remove" } : { kind: "add", value: true });
  else if (to === 3) {
    const name = componentKey(key, life);
    draft.write(counts, name, add(draft.read(counts, name) ?? NOTHING, value));
  } else if (isHub) draft.write(orders, key, write(value, stamp));
}

/** Writes; time goes by with each. */
function apply(pair: SketchingPair, list: readonly Op[], isHub: boolean): void {
  for (const one of list) {
    pair.nowMs += 20;
    const at = isHub ? pair.hub : pair.edge;
    at.write(pair.nowMs, (draft) => put(draft, one, isHub));
  }
}

const shown = (pair: SketchingPair): unknown[] =>
  [pair.edge, pair.hub].map((replica) => COLLECTIONS.map((one) => replica.readAll(one as never)));

test("who is told by a sketch ends as who is told everything, whatever both did meanwhile", () => {
  let briefs = 0;
  fc.assert(
    fc.property(
      ops,
      ops,
      ops,
      ops,
      ops,
      fc.boolean(),
      (first, second, away, late, during, isCoded) => {
        const pairs = [true, false].map((isSketching) => {
          const pair = new SketchingPair(COLLECTIONS, { isSketching, isCoded });
          apply(pair, first, true);
          apply(pair, second, false);
          pair.sync();
          pair.losePosition();
          apply(pair, away, true);
          apply(pair, late, false);
          // Both go on writing between the sketch and what it is answered with.
          const frames = pair.sync((leg) => {
            if (leg === 2) apply(pair, during.slice(0, 12), true);
            if (leg === 3) apply(pair, during.slice(12), false);
          });
          assert.ok(frames.length <= 4 * 2, `${frames.length / 2} exchanges`);
          pair.sync();
          briefs += pair.hub.briefs;
          return pair;
        }) as [SketchingPair, SketchingPair];
        const [edge, hub] = shown(pairs[0]);
        assert.deepEqual(edge, hub);
        assert.deepEqual(shown(pairs[0]), shown(pairs[1]));
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(briefs > 40, `only ${briefs} were told by a sketch`);
});

test("80 of 8,000 entries that differ cost at most 5 KB and three exchanges", () => {
  const pair = new SketchingPair(COLLECTIONS, { symbolEntries: 16 });
  for (let device = 0; device < 1_000; device += 1)
    pair.hub.write((pair.nowMs += 10), (draft) => {
      for (let at = 0; at < 8; at += 1)
        draft.write(
          fields,
          `pump-${device}/f${at}`,
          write(Math.imul(device * 8 + at, 0x9e3779b1) >>> 19, draft.stamp),
        );
    });
  const whole = pair.sync().reduce((sum, bytes) => sum + bytes, 0);
  pair.losePosition();
  for (let at = 0; at < 80; at += 1)
    pair.hub.write((pair.nowMs += 10), (draft) =>
      draft.write(fields, `pump-${(at * 97) % 1_000}/f${at % 8}`, write(at, draft.stamp)),
    );
  const frames = pair.sync();
  assert.deepEqual(
    pair.resyncs.map(({ same, missing, own }) => [same, missing, own]),
    [[7_920, 80, 80]],
  );
  const bytes = frames.reduce((sum, each) => sum + each, 0);
  assert.ok(bytes <= 5_000 && bytes < whole / 3, `${bytes} bytes; everything: ${whole}`);
  assert.ok(frames.length <= 3 * 2);
});

test("where too much differs, or a hub has forgotten its sketch, everything is told", () => {
  const pair = new SketchingPair(COLLECTIONS, { symbolEntries: 4 });
  const fill = (value: number): void => {
    for (let at = 0; at < 200; at += 1)
      pair.hub.write((pair.nowMs += 20), (draft) =>
        draft.write(fields, `key-${at}`, write(value, draft.stamp)),
      );
  };
  fill(1);
  pair.sync();
  pair.losePosition();
  fill(2);
  pair.sync();
  assert.equal(pair.hub.briefs, 0);
  const [edge, hub] = shown(pair);
  assert.deepEqual(edge, hub);
});
