// Do yes and no come back, and is a likely answer cheap?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newModels, RangeDecoder, RangeEncoder } from "../../../../edge/segment/range-coder.ts";

test("RangeDecoder gives the answers back, modelled and plain", () => {
  const answer = fc.record({ at: fc.nat(3), bit: fc.constantFrom(0, 0, 0, 1), plain: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 3_000 }), (answers) => {
      const encoder = new RangeEncoder(0);
      const models = newModels(4);
      for (const { at, bit, plain } of answers) {
        encoder.bit(models, at, bit);
        if (bit === 1) encoder.plain(plain, 8);
      }
      const decoder = new RangeDecoder(encoder.finish());
      const same = newModels(4);
      for (const { at, bit, plain } of answers) {
        assert.equal(decoder.bit(same, at), bit);
        if (bit === 1) assert.equal(decoder.plain(8), plain);
      }
    }),
  );
});

test("a carry goes through any number of full bytes", () => {
  // Always the unlikely answer: the low end climbs through 255s.
  for (let likely = 0; likely < 200; likely += 1) {
    const encoder = new RangeEncoder(0);
    const models = newModels(1);
    const bits = [...Array<number>(likely).fill(1), 0, 0, 1, ...Array<number>(40).fill(0)];
    for (const bit of bits) encoder.bit(models, 0, bit);
    const decoder = new RangeDecoder(encoder.finish());
    const same = newModels(1);
    assert.deepEqual(
      bits.map(() => decoder.bit(same, 0)),
      bits,
    );
  }
});

test("ten thousand expected answers take a few bytes", () => {
  const encoder = new RangeEncoder(0);
  const models = newModels(1);
  for (let i = 0; i < 10_000; i += 1) encoder.bit(models, 0, 1);
  assert.ok(encoder.finish().length <= 4);
});

test("RangeDecoder answers from any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const decoder = new RangeDecoder(bytes);
      const models = newModels(2);
      for (let i = 0; i < 100; i += 1) {
        assert.ok(decoder.bit(models, i % 2) <= 1);
        assert.ok(decoder.plain(8) <= 255);
      }
    }),
  );
});
