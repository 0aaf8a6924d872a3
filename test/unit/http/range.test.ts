// Are ranges read and found as RFC 9110 §14 says?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatContentRange,
  locateRange,
  parseContentRange,
  parseRange,
} from "../../../http/range.ts";

test("parseRange() reads one range of bytes, and says why anything else is none", () => {
  assert.deepEqual(parseRange("bytes=0-1"), { kind: "from", first: 0, last: 1 });
  assert.deepEqual(parseRange("BYTES = 5-".replace(" = ", "=")), {
    kind: "from",
    first: 5,
    last: null,
  });
  assert.deepEqual(parseRange("bytes=-5"), { kind: "suffix", length: 5 });
  const reasons: [string | null, string][] = [
    [null, "absent"],
    ["lines=0-1", "other-unit"],
    ["bytes=0-1,3-4", "several"],
    ["bytes=2-1", "malformed"],
    ["bytes=-", "malformed"],
    ["bytes=a-b", "malformed"],
    ["bytes", "malformed"],
    ["bytes=1-99999999999999999999", "malformed"],
  ];
  for (const [field, reason] of reasons) {
    assert.deepEqual(parseRange(field), { kind: "none", reason }, String(field));
  }
});

test("parseContentRange() refuses what holds no byte or contradicts itself", () => {
  assert.deepEqual(parseContentRange("bytes 4-9/10"), { first: 4, last: 9, complete: 10 });
  assert.deepEqual(parseContentRange("bytes 4-9/*"), { first: 4, last: 9, complete: null });
  for (const field of ["bytes */10", "bytes 9-4/10", "bytes 4-10/10", "4-9/10", "", null]) {
    assert.equal(parseContentRange(field), null, String(field));
  }
  assert.equal(formatContentRange({ first: 0, last: 1, complete: null }), "bytes 0-1/*");
});

const found = (field: string, first: number, last: number, complete: number | null) => {
  const spec = parseRange(field);
  assert.ok(spec.kind !== "none");
  return locateRange(spec, { first, last, complete }, last - first + 1);
};

test("locateRange() finds bytes of a whole representation, and 416 if there are none", () => {
  assert.deepEqual(found("bytes=0-1", 0, 9, 10), { from: 0, to: 1 });
  assert.deepEqual(found("bytes=8-99", 0, 9, 10), { from: 8, to: 9 });
  assert.deepEqual(found("bytes=3-", 0, 9, 10), { from: 3, to: 9 });
  assert.deepEqual(found("bytes=-3", 0, 9, 10), { from: 7, to: 9 });
  assert.deepEqual(found("bytes=-99", 0, 9, 10), { from: 0, to: 9 });
  assert.equal(found("bytes=10-", 0, 9, 10), "unsatisfiable");
  assert.equal(found("bytes=-0", 0, 9, 10), "unsatisfiable");
});

test("locateRange() never makes up bytes that a part does not have", () => {
  assert.deepEqual(found("bytes=5-6", 4, 7, 10), { from: 1, to: 2 });
  for (const field of [
    "bytes=0-1",
    "bytes=3-5",
    "bytes=6-8",
    "bytes=5-",
    "bytes=8-9",
    "bytes=-1",
  ]) {
    assert.equal(found(field, 4, 7, 10), "elsewhere", field);
  }
  assert.deepEqual(found("bytes=-2", 6, 9, 10), { from: 2, to: 3 });
  assert.equal(found("bytes=-5", 6, 9, 10), "elsewhere");
  assert.equal(found("bytes=5-6", 4, 7, null) === "unsatisfiable", false);
});
