// Does nothing get lost between rows and columns, and when a batch is cut in two?

import assert from "node:assert/strict";
import { test } from "node:test";
import { halve, readingsOf, toColumns } from "../../../../examples/device/skerry-device/batch.ts";

const NAMED = { boot: "b", seq: 1 };

test("toColumns() makes a column per stream, null where it has no reading", () => {
  const columns = toColumns([
    { timeMs: 2, values: { depth_m: 1.5 } },
    { timeMs: 1, values: { depth_m: 1, open: true } },
  ]);
  assert.deepEqual(columns, { t: [1, 2], series: { depth_m: [1, 1.5], open: [true, null] } });
  assert.equal(readingsOf(columns), 3);
});

test("toColumns() counts the first of two readings of a stream at one time", () => {
  const columns = toColumns([
    { timeMs: 1, values: { a: 1 } },
    { timeMs: 1, values: { a: 2, b: 3 } },
  ]);
  assert.deepEqual(columns, { t: [1], series: { a: [1], b: [3] } });
});

test("halve() cuts by time and keeps every reading once", () => {
  const batch = { ...NAMED, t: [1, 2, 3], series: { a: [1, null, 3], b: [4, 5, null] } };
  assert.deepEqual(halve(batch), [
    { t: [1, 2], series: { a: [1, null], b: [4, 5] } },
    { t: [3], series: { a: [3] } },
  ]);
});

test("halve() cuts one time by stream, and one reading not at all", () => {
  const batch = { ...NAMED, t: [1], series: { a: [1], b: [2], c: [3] } };
  assert.deepEqual(halve(batch), [
    { t: [1], series: { a: [1], b: [2] } },
    { t: [1], series: { c: [3] } },
  ]);
  assert.equal(halve({ ...NAMED, t: [1, 2], series: { a: [null, 7] } }), null);
});
