// Does every column of whole numbers come back, in as few bytes as it should take?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readWholeNumbers, writeWholeNumbers } from "../../../../edge/segment/whole-numbers.ts";
import { ByteReader, ByteWriter } from "../../../../sync/wire/bytes.ts";

const MOST = 2 ** 50 - 1;

function written(numbers: Float64Array): Uint8Array {
  const writer = new ByteWriter();
  writeWholeNumbers(writer, numbers);
  return writer.bytes();
}

function assertComesBack(numbers: Float64Array): number {
  const bytes = written(numbers);
  const reader = new ByteReader(bytes);
  assert.deepEqual(readWholeNumbers(reader, numbers.length), numbers);
  assert.ok(!reader.broken && reader.remaining === 0);
  return bytes.length;
}

function series(count: number, at: (index: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => at(index));
}

test("writeWholeNumbers() keeps numbers of every size", () => {
  const number = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.integer(),
    fc.maxSafeInteger().map((n) => Math.trunc(n / 8.001)),
    fc.constantFrom(0, MOST, -MOST),
  );
  fc.assert(
    fc.property(fc.array(number, { maxLength: 700 }), (numbers) => {
      assertComesBack(Float64Array.from(numbers, (n) => n + 0));
    }),
  );
});

test("writeWholeNumbers() keeps the extremes in turn, whatever is predicted from them", () => {
  for (const period of [1, 2, 3, 4])
    assertComesBack(series(600, (at) => (at % (2 * period) < period ? MOST : -MOST)));
});

test("a constant, a line and a parabola cost next to nothing", () => {
  assert.ok(assertComesBack(series(4_096, () => 123_456)) <= 5);
  assert.ok(assertComesBack(series(4_096, (at) => at * 977)) <= 40);
  assert.ok(assertComesBack(series(4_096, (at) => at * at * 3)) <= 50);
});

test("long runs of zeros between others cost little", () => {
  assert.ok(assertComesBack(series(4_096, (at) => (at % 512 === 100 ? 70 : 0))) <= 60);
});

test("noise costs what it is worth: 6.4 bits for one of 81", () => {
  const noise = series(4_096, (at) => (Math.imul(at + 1, 0x9e3779b1) >>> 8) % 81);
  assert.ok(assertComesBack(noise) <= (4_096 * 6.6) / 8);
});

test("readWholeNumbers() refuses unknown coders and predictors, and numbers that are too large", () => {
  const bytes = written(series(20, (at) => at * at));
  for (const broken of [
    Uint8Array.of(3, ...bytes.subarray(1)),
    Uint8Array.of(...bytes.subarray(0, 3), 6, ...bytes.subarray(4)),
    bytes.subarray(0, 4),
    Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
  ]) {
    const reader = new ByteReader(broken);
    readWholeNumbers(reader, 20);
    assert.ok(reader.broken);
  }
});
