// Goal: a receiver ends with the sender's log whatever the order, overlap, repetition and loss of
// the intervals it is given, and never skips or repeats an entry (P3).
// Method: the lattice laws on prefixes, and random deliveries compared with the sender's log.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  apply,
  intervalAfter,
  join,
  lessOrEqual,
  type LogEntry,
} from "../../sync/crdt/batch-log.ts";

function logOf(length: number): LogEntry[] {
  return Array.from({ length }, (_, i) => ({
    seq: i + 1,
    stampMs: 1000 + i,
    body: Uint8Array.of(i),
  }));
}
const log = fc.nat(12).map(logOf);

test("join() of prefixes of one log is commutative, associative and idempotent, and has bottom", () => {
  fc.assert(
    fc.property(log, log, log, (a, b, c) => {
      assert.deepEqual(join(a, b), join(b, a));
      assert.deepEqual(join(join(a, b), c), join(a, join(b, c)));
      assert.deepEqual(join(a, a), a);
      assert.deepEqual(join(a, []), a);
      assert.ok(lessOrEqual(a, join(a, b)) && lessOrEqual(b, join(a, b)));
    }),
  );
});

test("joining the interval after any cursor gives the longer log", () => {
  fc.assert(
    fc.property(log, fc.nat(12), (state, cursor) => {
      const received = logOf(Math.min(cursor, state.length));
      const applied = apply(received.length, intervalAfter(state, received.length));
      const fresh = applied.kind === "applied" ? applied.fresh : [];
      assert.deepEqual([...received, ...fresh], join(received, state));
    }),
  );
});

test("order, overlap and repetition of delivered intervals do not change the result", () => {
  const delivery = fc.record({ from: fc.nat(12), length: fc.nat(5) });
  fc.assert(
    fc.property(log, fc.array(delivery, { maxLength: 30 }), (state, deliveries) => {
      const received: LogEntry[] = [];
      for (const { from, length } of [...deliveries, { from: 0, length: state.length }]) {
        const entries = state.filter(({ seq }) => seq > from && seq <= from + length);
        const interval = { from, to: from + entries.length, entries };
        const application = apply(received.length, interval);
        if (application.kind === "applied") received.push(...application.fresh);
        assert.equal(application.cursor, received.length);
        assert.deepEqual(received, state.slice(0, received.length));
      }
      assert.deepEqual(received, state);
    }),
  );
});

const ENTRIES = logOf(9);
const CASES: readonly (readonly [number, number, number, string])[] = [
  [0, 0, 0, "known"],
  [0, 0, 3, "applied"],
  [2, 0, 3, "applied"],
  [3, 0, 3, "known"],
  [5, 0, 3, "known"],
  [3, 3, 6, "applied"],
  [2, 3, 6, "behind"],
  [0, 1, 1, "behind"],
];

for (const [cursor, from, to, kind] of CASES)
  test(`apply() of (${from}, ${to}] at cursor ${cursor} is ${kind}`, () => {
    const interval = { from, to, entries: ENTRIES.slice(from, to) };
    const application = apply(cursor, interval);
    assert.equal(application.kind, kind);
    assert.equal(application.cursor, kind === "applied" ? to : cursor);
    if (application.kind === "applied") assert.equal(application.fresh[0]?.seq, cursor + 1);
  });
