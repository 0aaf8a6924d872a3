// Do folds of readings depend on nothing but the readings? And do they come back from storage?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  combine,
  EMPTY,
  fold,
  loadAggregate,
  storeAggregate,
  type Aggregate,
} from "../../../../sync/crdt/aggregate.ts";
import { sensorValue } from "../../../support/arbitraries.ts";

const readings = fc
  .uniqueArray(fc.nat(1e6), { maxLength: 20 })
  .chain((times) =>
    fc
      .array(sensorValue, { minLength: times.length, maxLength: times.length })
      .map((values) => times.map((timeMs, i) => [timeMs, values[i] ?? 0] as const)),
  );

function foldAll(list: readonly (readonly [number, number])[]): Aggregate {
  const sorted = list.toSorted((a, b) => a[0] - b[0]);
  return fold(
    sorted.map(([timeMs]) => timeMs),
    sorted.map(([, value]) => value),
  );
}

test("fold() of no readings is EMPTY, and EMPTY adds nothing", () => {
  assert.deepEqual(fold([], []), EMPTY);
  const one = fold([5], [-2.5]);
  assert.deepEqual(combine(one, EMPTY), one);
  assert.deepEqual(combine(EMPTY, one), one);
});

test("fold() says count, exact sum, bounds and span", () => {
  const { sum, ...rest } = fold([1, 2, 9], [0.1, 0.2, -3]);
  assert.deepEqual(rest, { count: 3, min: -3, max: 0.2, firstMs: 1, lastMs: 9 });
  assert.deepEqual(sum, { mantissa: -27n, scale: 1 });
});

test("combine() of any two parts, in any order, is the fold of the whole", () => {
  fc.assert(
    fc.property(readings, fc.nat(20), (list, cut) => {
      const [left, right] = [foldAll(list.slice(0, cut)), foldAll(list.slice(cut))];
      assert.deepEqual(combine(left, right), foldAll(list));
      assert.deepEqual(combine(right, left), foldAll(list));
    }),
  );
});

test("loadAggregate() gives back what storeAggregate() wrote, through JSON", () => {
  fc.assert(
    fc.property(
      readings.filter((list) => list.length > 0),
      (list) => {
        const aggregate = foldAll(list);
        const stored = JSON.parse(JSON.stringify(storeAggregate(aggregate))) as never;
        assert.deepEqual(loadAggregate(stored), aggregate);
      },
    ),
  );
});
