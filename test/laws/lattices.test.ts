// Goal: every replicated type converges whatever the order, grouping and repetition of deltas.
// Method: one suite of lattice laws on states from generated histories of three replicas.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { acknowledge, alert, fire, resolve } from "../../sync/crdt/alert.ts";
import * as counts from "../../sync/crdt/counts.ts";
import * as dottedSet from "../../sync/crdt/dotted-set.ts";
import * as gCounter from "../../sync/crdt/g-counter.ts";
import * as histogram from "../../sync/crdt/histogram.ts";
import { gComponent, replicaKey, unit, type Unit } from "../../sync/crdt/lattice.ts";
import * as lwwMap from "../../sync/crdt/lww-map.ts";
import { erase, lwwRegister, write } from "../../sync/crdt/lww-register.ts";
import { maxRegister, minRegister } from "../../sync/crdt/max-register.ts";
import * as mvRegister from "../../sync/crdt/mv-register.ts";
import * as pnCounter from "../../sync/crdt/pn-counter.ts";
import { isPurged, purge, purgeMarks, viewOf } from "../../sync/crdt/purge-marks.ts";
import { publish, versioned } from "../../sync/crdt/versioned.ts";
import { decimalOf, formatDecimal, sumOf } from "../../sync/decimal.ts";
import { lawsOf } from "../support/laws-of.ts";

const lifeOf = (replica: number): string => replicaKey(`r${replica}/00-ff`, 7);
const stampOf = (at: number) => ({ wallMs: Math.floor(at / 2), logical: at % 2 });
const { bottom: nothing } = counts.countComponent;
const { bottom: noPn } = pnCounter.pnComponent;
const scalar = fc.constantFrom("a", "b", 1, 2, true, false, null);

lawsOf({
  name: "max register",
  lattice: maxRegister,
  op: fc.integer(),
  mutate: (_, value) => value,
});
lawsOf({
  name: "min register",
  lattice: minRegister,
  op: fc.integer(),
  mutate: (_, value) => value,
});
lawsOf({
  name: "grow-only counter",
  lattice: gCounter.gCounter,
  op: fc.integer({ min: 1, max: 9 }),
  mutate: (state, by, replica) => gCounter.increment(state, lifeOf(replica), by),
});
lawsOf({
  name: "PN-counter",
  lattice: pnCounter.pnCounter,
  op: fc.integer({ min: -9, max: 9 }).filter((by) => by !== 0),
  mutate: (state, by, replica) =>
    new Map([[lifeOf(replica), pnCounter.add(state.get(lifeOf(replica)) ?? noPn, by)]]),
});
lawsOf({
  name: "grow-only counter's component",
  lattice: gComponent,
  op: fc.nat(9),
  mutate: (state, by) => state + by,
});
lawsOf({
  name: "PN-counter's component",
  lattice: pnCounter.pnComponent,
  op: fc.integer({ min: -9, max: 9 }),
  mutate: (state, by) => pnCounter.add(state, by),
});
lawsOf<Unit, null>({
  name: "unit",
  lattice: unit,
  op: fc.constant(null),
  mutate: () => true,
});
lawsOf({
  name: "LWW register",
  lattice: lwwRegister,
  op: fc.tuple(scalar, fc.boolean()),
  mutate: (_, [value, isDeleted], __, at) =>
    isDeleted ? erase(stampOf(at + 1)) : write(value, stampOf(at + 1)),
});
lawsOf({
  name: "LWW map",
  lattice: lwwMap.lwwMap,
  op: fc.tuple(fc.constantFrom("x", "y", "z"), scalar, fc.boolean()),
  mutate: (_, [key, value, isDeleted], __, at) =>
    lwwMap.set(key, isDeleted ? erase(stampOf(at + 1)) : write(value, stampOf(at + 1))),
});
lawsOf({
  name: "multi-value register",
  lattice: mvRegister.mvRegister,
  op: scalar,
  mutate: (state, value, replica) => mvRegister.write(state, lifeOf(replica), value),
  isWhole: true,
});
lawsOf({
  name: "dotted set",
  lattice: dottedSet.dottedSet,
  op: fc.tuple(fc.constantFrom("x", "y"), fc.boolean()),
  mutate: (state, [key, isRemoved], replica) =>
    isRemoved ? dottedSet.remove(state, key) : dottedSet.add(state, lifeOf(replica), key),
});
lawsOf({
  name: "counts",
  lattice: counts.counts,
  op: fc.constantFrom(0.1, 0.2, 7, -3, 0, -0, 1e-9),
  mutate: (state, value, replica) =>
    new Map([
      [
        lifeOf(replica),
        counts.observe(state.get(lifeOf(replica)) ?? nothing, value, decimalOf(value)),
      ],
    ]),
});
lawsOf({
  name: "alert",
  lattice: alert,
  op: fc.constantFrom("fire", "acknowledge", "resolve"),
  mutate: (state, op, replica, at) => {
    const act = { fire, acknowledge, resolve }[op] ?? fire;
    return act(state, stampOf(at), `r${replica}`);
  },
});
lawsOf({
  name: "purge marks",
  lattice: purgeMarks,
  op: fc.constantFrom("url:/a", "all"),
  mutate: (state, scope, replica) => purge(state, scope, `r${replica}`),
});
lawsOf({
  name: "versioned configuration",
  lattice: versioned,
  op: fc.constantFrom("a", "b"),
  // One writer: what the others do is nothing.
  mutate: (state, content, replica) => (replica === 0 ? publish(state, content, content) : state),
});

test("counters and counts give what was counted, each once", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 9 }))), (events) => {
      let grown = gCounter.gCounter.bottom;
      let counted = counts.counts.bottom;
      for (const [replica, by] of events) {
        grown = gCounter.gCounter.join(grown, gCounter.increment(grown, lifeOf(replica), by));
        const held = counted.get(lifeOf(replica)) ?? nothing;
        const next = counts.observe(held, by / 10, decimalOf(by / 10));
        counted = counts.counts.join(counted, new Map([[lifeOf(replica), next]]));
      }
      const values = events.map(([, by]) => by / 10);
      assert.equal(
        gCounter.count(grown),
        events.reduce((sum, [, by]) => sum + by, 0),
      );
      const { count, sum, max, histogram: spread } = counts.total(counted.values());
      assert.deepEqual(
        [count, formatDecimal(sum), max, histogram.total(spread)],
        [
          values.length,
          formatDecimal(sumOf(values)),
          Math.max(-Infinity, ...values),
          values.length,
        ],
      );
    }),
  );
  const both = pnCounter.pnCounter.join(
    new Map([["a#1", pnCounter.add(noPn, 5)]]),
    new Map([["b#1", pnCounter.add(noPn, -7)]]),
  );
  assert.equal(pnCounter.value(both.values()), -2);
});

test("a histogram's quantiles lie within 1 % of the values", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, q) => {
        const cut = Math.floor(q * values.length);
        const [left, right] = [values.slice(0, cut), values.slice(cut)].map((part) =>
          part.reduce<histogram.Histogram>(histogram.observe, new Map()),
        );
        const state = histogram.combine(left ?? new Map(), right ?? new Map());
        const exact = values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? NaN;
        const estimate = histogram.quantile(state, q) ?? NaN;
        assert.equal(histogram.total(state), values.length);
        assert.ok(Math.abs(estimate - exact) <= exact * 0.0101, `${estimate} for ${exact}`);
      },
    ),
  );
});

test("a histogram orders zero, signs and the ends of the doubles, and keeps its bound", () => {
  const values = [-Number.MAX_VALUE, -1, -1e-300, 0, Number.MIN_VALUE, 2, Number.MAX_VALUE];
  const state = values.reduce<histogram.Histogram>(histogram.observe, new Map());
  values.forEach((exact, i) => {
    const estimate = histogram.quantile(state, i / (values.length - 1)) ?? NaN;
    assert.ok(Math.abs(estimate - exact) <= Math.abs(exact) * 0.0101, `${estimate} for ${exact}`);
  });
  assert.equal(histogram.quantile(new Map(), 0.5), null);
  for (const bucket of state.keys())
    assert.ok(Math.abs(bucket) <= histogram.BUCKET_NUMBER_MAX && Number.isInteger(bucket));
  const wide = Array.from({ length: 3_000 }, (_, i) => 1.05 ** i);
  const full = wide.reduce<histogram.Histogram>(histogram.observe, new Map());
  assert.deepEqual([full.size, histogram.total(full)], [histogram.BUCKETS_MAX, wide.length]);
});

test("concurrent writes of a multi-value register stand side by side until one replaces both", () => {
  const { bottom, join } = mvRegister.mvRegister;
  const a = join(bottom, mvRegister.write(bottom, "a#1", "left"));
  const b = join(bottom, mvRegister.write(bottom, "b#1", "right"));
  const both = join(a, b);
  assert.deepEqual(mvRegister.values(both), ["left", "right"]);
  const settled = join(both, mvRegister.write(both, "a#1", "settled"));
  assert.deepEqual(mvRegister.values(join(settled, b)), ["settled"]);
});

test("an acknowledgement is not undone by a late firing, and does not silence the next episode", () => {
  const firing = fire(alert.bottom, stampOf(1), "17.2");
  const acknowledged = acknowledge(firing, stampOf(2), "ann");
  assert.equal(alert.join(acknowledged, { ...firing, stamp: stampOf(9) }).rank, "acknowledged");
  const again = fire(resolve(acknowledged, stampOf(3), ""), stampOf(4), "18");
  assert.deepEqual(
    [alert.join(again, acknowledged).episode, alert.join(again, acknowledged).rank],
    [2, "firing"],
  );
});

test("a response that was fetched before a purge is dead, one fetched after it is not", () => {
  const before = viewOf(purgeMarks.bottom);
  const marked = purgeMarks.join(purgeMarks.bottom, purge(purgeMarks.bottom, "url:/a", "hel"));
  assert.equal(isPurged(marked, ["url:/a", "all"], before), true);
  assert.equal(isPurged(marked, ["url:/b", "all"], before), false);
  assert.equal(isPurged(marked, ["url:/a"], viewOf(marked)), false);
});

test("a map of last writes forgets deletions that everybody has seen", () => {
  const state = lwwMap.lwwMap.join(
    lwwMap.set("x", erase(stampOf(2))),
    lwwMap.set("y", write(1, stampOf(1))),
  );
  assert.deepEqual([...lwwMap.fields(state)], [["y", 1]]);
  assert.deepEqual([...lwwMap.collect(state, stampOf(2)).keys()], ["y"]);
  assert.deepEqual([...lwwMap.collect(state, stampOf(1)).keys()], ["x", "y"]);
});
