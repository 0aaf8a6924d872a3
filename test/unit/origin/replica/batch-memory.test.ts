// Does the origin know a batch again, of whatever region? Every arm, and what forgetting does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../origin/limits.ts";
import {
  NO_MEMORY,
  recall,
  remember,
  type BatchMemory,
} from "../../../../origin/replica/batch-memory.ts";
import type { BatchIdentity } from "../../../../sync/wire/batch.ts";

const boot = (seq: number, name = "b1"): BatchIdentity => ({ kind: "boot", boot: name, seq });
const key = (name: string): BatchIdentity => ({ kind: "key", key: name });
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The memory after these batches, one a millisecond from 1000 on. */
function after(identities: readonly BatchIdentity[], memory: BatchMemory = NO_MEMORY): BatchMemory {
  return identities.reduce((held, identity, i) => remember(held, identity, 1000 + i), memory);
}

const seqs = [1, 2, 3, 7, 5].map((seq) => boot(seq));
const CASES: readonly (readonly [string, readonly BatchIdentity[], BatchIdentity, string])[] = [
  ["a batch without a name", seqs, { kind: "none" }, "new"],
  ["a number that was seen", seqs, boot(2), "repeated"],
  ["a number in a hole", seqs, boot(6), "new"],
  ["a number below all", [boot(9)], boot(1), "new"],
  ["the same number of another boot", seqs, boot(2, "b2"), "new"],
  ["a key that was seen", [key("k1")], key("k1"), "repeated"],
  ["another key", [key("k1")], key("k2"), "new"],
  ["a key that is a boot's name", seqs, key("b1"), "new"],
];

for (const [what, seen, identity, recollection] of CASES)
  test(`recall() of ${what}: ${recollection}`, () =>
    assert.equal(recall(after(seen), identity, 2000), recollection));

test("remember() of what is known changes nothing that is recalled", () => {
  const memory = after([key("k1"), ...seqs]);
  assert.equal(remember(memory, key("k1"), 9), memory);
  assert.equal(remember(memory, { kind: "none" }, 9), memory);
  assert.deepEqual(remember(memory, boot(2), 9).boots[0]?.seqs, memory.boots[0]?.seqs);
});

test("remember() holds numbers without gaps as one range", () => {
  assert.deepEqual(after(range(1, 1000).map((seq) => boot(seq))).boots[0]?.seqs, [[1, 1000]]);
});

const manyKeys = after(range(0, limits.keysPerDeviceMax).map((i) => key(`k${i}`)));
const manyBoots = after(range(0, limits.bootsPerDeviceMax).map((i) => boot(1, `b${i}`)));
// The first of either was committed at 1000 and is forgotten.
const horizonMs = 1000 + limits.batchRetryMsMax;

test("remember() keeps no more keys and boots than its bounds (P8)", () => {
  assert.equal(manyKeys.keys.length, limits.keysPerDeviceMax);
  assert.equal(manyBoots.boots.length, limits.bootsPerDeviceMax);
});

const FORGOTTEN: readonly (readonly [string, BatchMemory, BatchIdentity, number, string])[] = [
  ["a forgotten key", manyKeys, key("k0"), 5000, "unknown"],
  [
    "a key nobody has seen, soon after one was forgotten",
    manyKeys,
    key("new"),
    horizonMs,
    "unknown",
  ],
  ["a key nobody has seen, long after", manyKeys, key("new"), horizonMs + 1, "new"],
  ["a key that is held", manyKeys, key("k1"), horizonMs + 1, "repeated"],
  ["a boot, although keys were forgotten", manyKeys, boot(1), 5000, "new"],
  ["a forgotten boot", manyBoots, boot(1, "b0"), 5000, "unknown"],
  [
    "a boot nobody has seen, soon after one was forgotten",
    manyBoots,
    boot(1, "x"),
    horizonMs,
    "unknown",
  ],
  ["a boot nobody has seen, long after", manyBoots, boot(1, "x"), horizonMs + 1, "new"],
  ["the next number of a boot that is held", manyBoots, boot(2, "b5"), 5000, "new"],
  ["a key, although boots were forgotten", manyBoots, key("k"), 5000, "new"],
];

for (const [what, memory, identity, stampMs, recollection] of FORGOTTEN)
  test(`recall() of ${what}: ${recollection}`, () =>
    assert.equal(recall(memory, identity, stampMs), recollection));

test("a device that has posted under many keys for long is counted on (P2)", () => {
  let memory = manyKeys;
  for (let i = 0; i < 10; i += 1) {
    const stampMs = 10 * limits.batchRetryMsMax + i;
    assert.equal(recall(memory, key(`later-${i}`), stampMs), "new");
    memory = remember(memory, key(`later-${i}`), stampMs);
  }
});

test("recall() of a number below forgotten ranges: unknown; between those held: new", () => {
  const memory = after(range(0, limits.seqRangesPerBootMax).map((i) => boot(1 + 2 * i)));
  assert.equal(memory.boots[0]?.seqs.length, limits.seqRangesPerBootMax);
  assert.equal(recall(memory, boot(1), 1e15), "unknown");
  assert.equal(recall(memory, boot(2), 1e15), "unknown");
  assert.equal(recall(memory, boot(4), 1e15), "new");
  assert.equal(recall(memory, boot(3), 1e15), "repeated");
});

test("remember() forgets the boot that was used longest ago", () => {
  const touched = remember(manyBoots, boot(2, "b1"), 9000);
  const memory = remember(touched, boot(1, "one-more"), 9001);
  assert.equal(recall(memory, boot(1, "b1"), 9002), "repeated");
  assert.equal(recall(memory, boot(1, "b2"), 9002), "unknown");
});
