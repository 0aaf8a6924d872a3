// Goal: the memory of batch numbers is a set, whatever order they come in.
// Method: the lattice laws, and a comparison with a plain Set.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, bottom, contiguous, has, join, type SeqRanges } from "../../sync/crdt/seq-ranges.ts";

const seqs = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
const rangesOf = (list: readonly number[]): SeqRanges => list.reduce<SeqRanges>(add, bottom);

test("join() is commutative, associative and idempotent, and has bottom", () => {
  fc.assert(
    fc.property(seqs, seqs, seqs, (x, y, z) => {
      const [a, b, c] = [rangesOf(x), rangesOf(y), rangesOf(z)];
      assert.deepEqual(join(a, b), join(b, a));
      assert.deepEqual(join(join(a, b), c), join(a, join(b, c)));
      assert.deepEqual(join(a, a), a);
      assert.deepEqual(join(a, bottom), a);
    }),
  );
});

test("add(), has() and contiguous() agree with a set of numbers", () => {
  fc.assert(
    fc.property(seqs, (list) => {
      const ranges = rangesOf(list);
      const oracle = new Set(list);
      for (let seq = 0; seq <= 42; seq += 1) assert.equal(has(ranges, seq), oracle.has(seq));
      let run = 0;
      while (oracle.has(run + 1)) run += 1;
      assert.equal(contiguous(ranges), run);
    }),
  );
});
