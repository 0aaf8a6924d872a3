// What does a hub say of a batch that it may have seen? Every arm of recall(), at the edges of the
// window, and ackSeq with holes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../../../edge/limits.ts";
import {
  ackSeqOf,
  NO_MEMORY,
  recall,
  remember,
  type BatchMemory,
} from "../../../../edge/telemetry/batch-memory.ts";
import type { BatchIdentity } from "../../../../sync/wire/batch.ts";

const boot = (seq: number, name = "b1"): BatchIdentity => ({ kind: "boot", boot: name, seq });
const key = (name: string): BatchIdentity => ({ kind: "key", key: name });
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The memory after these numbers of boot b1, each with the hash "h" and its number. */
function after(seqs: readonly number[], memory: BatchMemory = NO_MEMORY): BatchMemory {
  return seqs.reduce((held, seq) => remember(held, boot(seq), `h${seq}`), memory);
}

const W = limits.batchWindow;
const RECALLS: readonly (readonly [string, readonly number[], number, string, string])[] = [
  ["anything of an unknown boot", [], 7, "h7", "new"],
  ["the next number", range(1, 3), 4, "h4", "new"],
  ["a number that was skipped", [1, 3], 2, "h2", "new"],
  ["a number with the same content", range(1, 3), 2, "h2", "repeated"],
  ["a number with other content", range(1, 3), 2, "other", "reused"],
  ["the lowest number of the window", range(1, W), 1, "h1", "repeated"],
  ["the lowest number of the window, with other content", range(1, W), 1, "other", "reused"],
  ["the number below the window", range(1, W + 1), 1, "h1", "outside-window"],
  ["the number below the window, with other content", range(1, W + 1), 1, "x", "outside-window"],
  ["a skipped number at the window's edge", [W + 1], 2, "h2", "new"],
  ["a skipped number below the window", [W + 1], 1, "h1", "outside-window"],
  ["a number far ahead", [1], 2 ** 53 - 1, "x", "new"],
];

for (const [what, seqs, seq, hash, kind] of RECALLS)
  test(`recall() says ${kind} of ${what}`, () =>
    assert.equal(recall(after(seqs), boot(seq), hash).kind, kind));

test("recall() says new of a batch without a name, always", () => {
  assert.equal(recall(after([1]), { kind: "none" }, "h1").kind, "new");
  assert.equal(remember(NO_MEMORY, { kind: "none" }, "h1"), NO_MEMORY);
});

const ACKS: readonly (readonly [string, readonly number[], number])[] = [
  ["nothing", [], 0],
  ["the first ones", range(1, 5), 5],
  ["a hole", [1, 2, 4, 5], 2],
  ["a hole that was filled", [1, 2, 4, 5, 3], 5],
  ["a device that came here in the middle of its boot", [40, 41, 42], 0],
  ["the same, which sent the rest later", [3, 4, 2, 1], 4],
  ["numbers twice", [1, 1, 2, 2], 2],
  ["a hole as wide as the window", [1, ...range(W + 1, 2 * W - 1)], 1],
  [
    "a hole below the window that was filled: what follows is forgotten",
    [...range(2, W + 5), 1],
    1,
  ],
  ["the same, and the forgotten ones were sent again", [...range(2, W + 5), ...range(1, 5)], W + 5],
];

for (const [what, seqs, ackSeq] of ACKS)
  test(`ackSeqOf() is ${ackSeq} after ${what}`, () =>
    assert.equal(ackSeqOf(after(seqs), boot(1)), ackSeq));

test("ackSeqOf() is null without a boot", () => {
  assert.equal(ackSeqOf(after([1]), key("k")), null);
  assert.equal(ackSeqOf(after([1]), { kind: "none" }), null);
});

test("ackSeqOf() never says more than what is held, in any order of arrival", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 250, size: "max" }),
      (seqs) => {
        const held = new Set(seqs);
        let contiguous = 0;
        while (held.has(contiguous + 1)) contiguous += 1;
        const ackSeq = ackSeqOf(after(seqs), boot(1)) ?? 0;
        assert.ok(ackSeq <= contiguous);
        if (Math.max(0, ...seqs) <= W) assert.equal(ackSeq, contiguous);
      },
    ),
  );
});

test("remember() keeps the boots that were used last", () => {
  const names = range(1, limits.bootsPerDeviceMax).map((i) => `boot-${i}`);
  let memory = names.reduce((held, name) => remember(held, boot(1, name), "h"), NO_MEMORY);
  memory = remember(memory, boot(2, "boot-1"), "h");
  memory = remember(memory, boot(1, "boot-9"), "h");
  assert.equal(memory.boots.length, limits.bootsPerDeviceMax);
  assert.equal(recall(memory, boot(1, "boot-1"), "h").kind, "repeated");
  assert.equal(recall(memory, boot(1, "boot-2"), "h").kind, "new");
});

test("remember() keeps the window's hashes and no more (P8)", () => {
  const [held] = after(range(1, 1000)).boots;
  assert.equal(held?.recent.length, W);
  assert.deepEqual(held?.recent[0], [1000 - W + 1, `h${1000 - W + 1}`]);
});

test("remember() of a number below the window keeps the memory ascending and bounded", () => {
  const [held] = after([...range(100, 180), 5]).boots;
  assert.deepEqual(
    held?.recent.map(([seq]) => seq),
    range(180 - W + 1, 180),
  );
  assert.equal(held?.contiguous, 0);
});

const KEYS: readonly (readonly [string, string, string])[] = [
  ["k1", "h1", "repeated"],
  ["k1", "other", "reused"],
  ["k2", "h1", "new"],
];

for (const [name, hash, kind] of KEYS)
  test(`recall() says ${kind} of key ${name} with ${hash}`, () =>
    assert.equal(recall(remember(NO_MEMORY, key("k1"), "h1"), key(name), hash).kind, kind));

test("remember() keeps the latest keys, and what was forgotten is new", () => {
  const names = range(0, limits.keysPerDeviceMax).map((i) => `k${i}`);
  const memory = names.reduce((held, name) => remember(held, key(name), "h"), NO_MEMORY);
  assert.equal(memory.keys.length, limits.keysPerDeviceMax);
  assert.equal(recall(memory, key("k0"), "h").kind, "new");
  assert.equal(recall(memory, key("k1"), "h").kind, "repeated");
});
