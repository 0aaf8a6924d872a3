// Goal: readings converge whatever the order, repetition and grouping of what arrives.
// Method: the lattice laws on sets that share times, stamps and values, and the codec's round trip.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  bottom,
  decodeReadingSet,
  encodeReadingSet,
  join,
  lessOrEqual,
} from "../../sync/crdt/reading-set.ts";
import { readingSet } from "../support/arbitraries.ts";

test("join() is commutative, associative and idempotent, and has bottom", () => {
  fc.assert(
    fc.property(readingSet, readingSet, readingSet, (a, b, c) => {
      assert.deepEqual(join(a, b), join(b, a));
      assert.deepEqual(join(join(a, b), c), join(a, join(b, c)));
      assert.deepEqual(join(a, a), a);
      assert.deepEqual(join(a, bottom), a);
    }),
  );
});

test("join() is an upper bound and lessOrEqual() its order", () => {
  fc.assert(
    fc.property(readingSet, readingSet, (a, b) => {
      const joined = join(a, b);
      assert.ok(lessOrEqual(a, joined) && lessOrEqual(b, joined));
      if (lessOrEqual(a, b) && lessOrEqual(b, a)) assert.deepEqual(a, b);
    }),
  );
});

test("join of the decomposition, in any order and with repetitions, gives the set", () => {
  fc.assert(
    fc.property(readingSet, fc.integer(), (set, seed) => {
      const parts = [...set, ...set].map((reading) => [reading]);
      const shuffled = parts.toSorted(
        (a, b) => hash(a[0]?.timeMs ?? 0, seed) - hash(b[0]?.timeMs ?? 0, seed),
      );
      assert.deepEqual(
        shuffled.reduce((joined, part) => [...join(joined, part)], [] as (typeof set)[number][]),
        [...set],
      );
    }),
  );
});

test("the earliest commit wins a conflict, which stays marked", () => {
  const at = { timeMs: 7, kind: "number" as const, isContested: false };
  const early = { ...at, stampMs: 1, value: 9 };
  const late = { ...at, stampMs: 2, value: 3 };
  assert.deepEqual(join([late], [early]), [{ ...early, isContested: true }]);
  assert.deepEqual(join([{ ...late, stampMs: 1 }], [early]), [
    { ...late, stampMs: 1, isContested: true },
  ]);
});

test("decodeReadingSet() gives back what encodeReadingSet() took, and equal sets have equal bytes", () => {
  fc.assert(
    fc.property(readingSet, (set) => {
      const bytes = encodeReadingSet(set);
      const decoded = decodeReadingSet(bytes, 100);
      assert.deepEqual(decoded, { ok: true, value: [...set] });
      assert.deepEqual(encodeReadingSet(decoded.ok ? decoded.value : []), bytes);
    }),
  );
});

function hash(value: number, seed: number): number {
  return Math.imul(value ^ seed, 0x9e3779b1) >>> 0;
}
