// Goal: sums are exact and do not depend on order. Method: compare with BigInt arithmetic on the
// digits of each value's shortest round-trip text, which the code under test avoids where it can.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addDecimals,
  decimalOf,
  fits,
  formatDecimal,
  mantissaOf,
  parseDecimal,
  scaledOf,
  sumOf,
  valueOf,
  ZERO,
} from "../../sync/decimal.ts";
import { sensorValue } from "../support/arbitraries.ts";

/** Digits and exponent straight from the text: value = digits * 10^-400. */
function oracle(value: number): bigint {
  const [digits = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = digits.split(".");
  return BigInt(whole + fraction) * 10n ** BigInt(400 - fraction.length + Number(exponent));
}

test("decimalOf() is the value's shortest round-trip text", () => {
  fc.assert(
    fc.property(sensorValue, (value) => {
      const { mantissa, scale } = decimalOf(value);
      assert.equal(mantissa * 10n ** BigInt(400 - scale), oracle(value));
      assert.ok(scale === 0 || mantissa % 10n !== 0n, "canonical");
    }),
  );
});

test("sumOf() is exact, in any order and grouping", () => {
  fc.assert(
    fc.property(fc.array(sensorValue, { maxLength: 30 }), fc.nat(30), (values, cut) => {
      const sum = sumOf(values);
      const expected = values.reduce((total, value) => total + oracle(value), 0n);
      assert.equal(sum.mantissa * 10n ** BigInt(400 - sum.scale), expected);
      assert.deepEqual(sumOf(values.toReversed()), sum);
      assert.deepEqual(addDecimals(sumOf(values.slice(0, cut)), sumOf(values.slice(cut))), sum);
    }),
  );
});

test("scaledOf() finds the smallest scale, and whole numbers that give the same doubles back", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(sensorValue, fc.double()), { maxLength: 10 }), (values) => {
      const scales = Array.from({ length: 23 }, (_, scale) => scale);
      const smallest = scales.find((scale) => values.every((value) => fits(value, scale))) ?? null;
      const scaled = scaledOf(values);
      assert.equal(scaled?.scale ?? null, smallest);
      for (const [i, value] of values.entries()) {
        if (scaled === null) continue;
        assert.equal(valueOf(scaled.mantissas[i] ?? NaN, scaled.scale), value + 0);
        assert.equal(scaled.mantissas[i], mantissaOf(value, scaled.scale));
      }
    }),
    { numRuns: 2_000 },
  );
  assert.equal(scaledOf([5e14, 0.25]), null);
});

test("parseDecimal() gives back what formatDecimal() took", () => {
  fc.assert(
    fc.property(fc.array(sensorValue, { maxLength: 10 }), (values) => {
      const sum = sumOf(values);
      assert.deepEqual(parseDecimal(formatDecimal(sum)), sum);
    }),
  );
  assert.equal(formatDecimal(sumOf([0.1, 0.2])), "0.3");
  assert.deepEqual(sumOf([]), ZERO);
  assert.equal(parseDecimal("1e5"), null);
});
