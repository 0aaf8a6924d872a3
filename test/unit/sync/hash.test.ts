// Which shard does a device belong to, and which range holds a shard? Never to change: ranges move
// between objects by it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fnv1a32, rangeOf, SHARD_COUNT, shardOf } from "../../../sync/hash.ts";

const HASHES: readonly (readonly [string, number])[] = [
  ["", 0x811c9dc5],
  ["a", 0xe40c292c],
  ["foobar", 0xbf9cf968],
];

for (const [text, hash] of HASHES)
  test(`fnv1a32("${text}") is the published value`, () => assert.equal(fnv1a32(text), hash));

test("shardOf() is the hash modulo 256, and spreads devices over all shards", () => {
  const shards = Array.from({ length: 10_000 }, (_, i) => shardOf(`boat-${i}`));
  assert.equal(new Set(shards).size, SHARD_COUNT);
  assert.equal(shardOf("foobar"), 0x68);
});

const RANGES: readonly (readonly [number, number, string])[] = [
  [0, 1, "00-ff"],
  [255, 1, "00-ff"],
  [127, 2, "00-7f"],
  [128, 2, "80-ff"],
  [0x45, 4, "40-7f"],
  [7, 256, "07-07"],
];

for (const [shard, parts, range] of RANGES)
  test(`rangeOf() of shard ${shard} in ${parts} parts is ${range}`, () =>
    assert.equal(rangeOf(shard, parts), range));

test("the ranges of every number of parts hold each shard once", () => {
  for (let parts = 1; parts <= SHARD_COUNT; parts *= 2) {
    const ranges = new Map<string, number>();
    for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
      const range = rangeOf(shard, parts);
      const [first = NaN, last = NaN] = range.split("-").map((hex) => parseInt(hex, 16));
      assert.ok(first <= shard && shard <= last);
      ranges.set(range, last - first + 1);
    }
    assert.deepEqual([ranges.size, Math.max(...ranges.values())], [parts, SHARD_COUNT / parts]);
  }
});
