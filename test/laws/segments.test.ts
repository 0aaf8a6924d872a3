// Goal: a lane's segments hold each reading once, are disjoint, ascend and stay within their bound,
// and their totals are those of a plain fold, whatever the order of arrival (P2).
// Method: random arrivals, also of thousands that force splits, compared with a map.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../origin/limits.ts";
import { SqlShardStore } from "../../origin/platform/sql-shard-store.ts";
import type { Lane } from "../../origin/ports.ts";
import { mergeReadings, summarize } from "../../origin/replica/merge-readings.ts";
import { totalsOf } from "../../origin/replica/totals.ts";
import { join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { formatDecimal, sumOf } from "../../sync/decimal.ts";
import { deviceId, readingSet } from "../support/arbitraries.ts";
import { openNodeSql } from "../support/node-sql.ts";

const LANE: Lane = { device: deviceId("boat-1"), stream: "depth_m", isQuarantined: false };
const MOST = limits.segmentReadingsMax;

/** A lane of a shard beside the set that it has to hold. */
class LaneWorld {
  readonly store = new SqlShardStore(openNodeSql());
  #expected: ReadingSet = [];

  merge(incoming: ReadingSet): void {
    const before = this.#expected.length;
    this.#expected = join(this.#expected, incoming);
    const added = this.store.transaction(() => mergeReadings(LANE, incoming, this.store));
    assert.equal(added, this.#expected.length - before);
  }

  sizes(): number[] {
    return this.#starts().map((start) => this.store.loadSegment(LANE, start).length);
  }

  /** Disjoint, ascending, within the bound, and together what arrived. */
  assertSegments(): void {
    const starts = this.#starts();
    const segments = starts.map((start) => this.store.loadSegment(LANE, start));
    if (this.#expected.length > 0) assert.equal(starts[0], 0);
    for (const [at, segment] of segments.entries()) {
      assert.ok(segment.length <= MOST);
      assert.ok(segment.every(({ timeMs }) => timeMs >= (starts[at] ?? 0)));
      assert.ok(segment.every(({ timeMs }) => timeMs < (starts[at + 1] ?? Infinity)));
    }
    assert.deepEqual(segments.flat(), [...this.#expected]);
  }

  assertTotals(): void {
    const [totals] = totalsOf(this.store.summaries(LANE.device));
    const values = this.#expected.map(({ value }) => value);
    assert.equal(totals?.count ?? 0, values.length);
    if (totals === undefined) return;
    const { sum, min, max, firstMs, lastMs, conflicts } = totals;
    assert.deepEqual(
      { sum, min, max, firstMs, lastMs, conflicts },
      {
        sum: formatDecimal(sumOf(values)),
        min: Math.min(...values),
        max: Math.max(...values),
        firstMs: this.#expected[0]?.timeMs,
        lastMs: this.#expected.at(-1)?.timeMs,
        conflicts: this.#expected.filter(({ isContested }) => isContested).length,
      },
    );
  }

  assertWhole(): void {
    this.assertSegments();
    this.assertTotals();
  }

  #starts(): number[] {
    return this.store.segmentStarts(LANE, 0, 1e15);
  }
}

function readings(first: number, count: number, step = 1): Reading[] {
  return Array.from({ length: count }, (_, i) => ({
    timeMs: first + i * step,
    stampMs: 5,
    kind: "number",
    value: (i % 7) / 10,
    isContested: false,
  }));
}

test("segments hold the join of what arrived, in any order and with repetitions", () => {
  fc.assert(
    fc.property(fc.array(readingSet, { maxLength: 10 }), (arrivals) => {
      const world = new LaneWorld();
      for (const arrival of [...arrivals, ...arrivals.toReversed()]) world.merge(arrival);
      world.assertWhole();
    }),
  );
});

test("segments stay whole when thousands of readings arrive in any order and split them", () => {
  const part = fc.record({
    first: fc.nat(20_000),
    count: fc.integer({ min: 1, max: 6_000 }),
    step: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), (parts) => {
      const world = new LaneWorld();
      for (const { first, count, step } of parts) world.merge(readings(first, count, step));
      world.assertWhole();
    }),
    { numRuns: 12 },
  );
});

test("readings that are appended leave full segments behind", () => {
  const world = new LaneWorld();
  for (let i = 0; i < 10; i += 1) world.merge(readings(i * 1_000, 1_000));
  const full = Math.floor(10_000 / MOST);
  assert.deepEqual(world.sizes(), [...Array<number>(full).fill(MOST), 10_000 - full * MOST]);
  world.assertWhole();
});

test("readings that are inserted halve a full segment, so that the next ones find room", () => {
  const world = new LaneWorld();
  world.merge(readings(0, MOST, 2));
  world.merge(readings(1, 1));
  assert.deepEqual(world.sizes(), [MOST / 2, MOST / 2, 1]);
  world.merge(readings(3, 1));
  assert.deepEqual(world.sizes(), [MOST / 2 + 1, MOST / 2, 1]);
  world.assertWhole();
});

test("mergeReadings() of nothing, and of what is held, adds nothing", () => {
  const world = new LaneWorld();
  world.merge([]);
  assert.deepEqual(world.sizes(), []);
  world.merge(readings(0, 10));
  world.merge(readings(0, 10));
  world.assertWhole();
});

test("summarize() of an empty segment is no total", () => {
  assert.deepEqual(summarize([]), { total: null, contested: 0 });
});
