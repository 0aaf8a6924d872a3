// Are readings folded into the right stream, hour and minute, and is the newest one the latest?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  byHour,
  foldHour,
  foldStream,
  HOUR_MS,
  MINUTE_MS,
  NEW_STREAM,
  streamOf,
  type FreshReadings,
  type HourRollup,
} from "../../../../edge/telemetry/device-state.ts";
import { loadAggregate } from "../../../../sync/crdt/aggregate.ts";

function fresh(times: readonly number[], stream = "a", values?: readonly number[]): FreshReadings {
  return { stream, kind: "number", times, values: values ?? times.map(() => 1) };
}

test("streamOf() finds nothing of a stream that was never seen, also if it is named constructor", () => {
  assert.equal(streamOf({}, "constructor"), NEW_STREAM);
  assert.equal(streamOf({ a: { ...NEW_STREAM, quarantined: 3 } }, "a").quarantined, 3);
});

test("foldStream() without readings changes nothing", () => {
  assert.equal(foldStream(NEW_STREAM, fresh([])), NEW_STREAM);
});

test("foldStream() adds to the total, and an older reading is not the latest", () => {
  const first = foldStream(NEW_STREAM, fresh([10, 20], "a", [1.5, 2]));
  const second = foldStream(first, { ...fresh([5], "a", [1]), kind: "boolean" });
  assert.deepEqual(second.total, [3, "4.5", 1, 2, 5, 20]);
  assert.deepEqual([second.latest, second.kind, second.highWaterMs], [[20, 2], "number", 20]);
  const third = foldStream(second, { ...fresh([30], "a", [0]), kind: "boolean" });
  assert.deepEqual([third.latest, third.kind, third.highWaterMs], [[30, 0], "boolean", 30]);
});

test("foldStream() takes a reading at time 0 for the latest of a new stream", () => {
  assert.deepEqual(foldStream(NEW_STREAM, fresh([0])).latest, [0, 1]);
});

const HOURS: readonly (readonly [
  string,
  readonly number[],
  readonly (readonly [number, readonly number[]])[],
])[] = [
  ["nothing", [], []],
  ["the first and last millisecond of an hour", [0, HOUR_MS - 1], [[0, [0, HOUR_MS - 1]]]],
  [
    "two sides of an hour",
    [HOUR_MS - 1, HOUR_MS],
    [
      [0, [HOUR_MS - 1]],
      [HOUR_MS, [HOUR_MS]],
    ],
  ],
  [
    "hours with none between",
    [5, 7 * HOUR_MS],
    [
      [0, [5]],
      [7 * HOUR_MS, [7 * HOUR_MS]],
    ],
  ],
];

for (const [what, times, hours] of HOURS)
  test(`byHour() cuts ${what}`, () =>
    assert.deepEqual(
      [...byHour([fresh(times)])].map(([hourMs, parts]) => [
        hourMs,
        parts.flatMap((part) => part.times),
      ]),
      hours,
    ));

test("byHour() keeps the streams of an hour together", () => {
  const hours = byHour([fresh([1, HOUR_MS]), fresh([2], "b")]);
  assert.deepEqual(
    hours.get(0)?.map(({ stream }) => stream),
    ["a", "b"],
  );
  assert.equal(hours.get(HOUR_MS)?.length, 1);
});

test("foldHour() puts each reading into the minute of its time", () => {
  const hourMs = 3 * HOUR_MS;
  const times = [hourMs, hourMs + MINUTE_MS - 1, hourMs + MINUTE_MS, hourMs + HOUR_MS - 1];
  const rollup = foldHour({}, hourMs, [fresh(times)]);
  assert.deepEqual(
    Object.entries(rollup["a"] ?? {}).map(([minute, [count]]) => [minute, count]),
    [
      ["0", 2],
      ["1", 1],
      ["59", 1],
    ],
  );
});

test("foldHour() leaves the rollup it was given as it was", () => {
  const before = foldHour({}, 0, [fresh([1])]);
  const copy = structuredClone(before);
  foldHour(before, 0, [fresh([2])]);
  assert.deepEqual(before, copy);
});

test("foldHour() folds a stream named constructor like any other", () => {
  const rollup = foldHour(foldHour({}, 0, [fresh([1], "constructor")]), 0, [
    fresh([2], "constructor"),
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(rollup)), {
    constructor: { 0: [2, "2", 1, 1, 1, 2] },
  });
});

test("the minutes of all hours add up to the readings, however they are split into commits", () => {
  const time = fc.integer({ min: 0, max: 3 * HOUR_MS });
  fc.assert(
    fc.property(fc.uniqueArray(time, { maxLength: 30 }), fc.nat(30), (times, cut) => {
      const rollups = new Map<number, HourRollup>();
      for (const part of [times.slice(0, cut), times.slice(cut)]) {
        for (const [hourMs, parts] of byHour([fresh(part.toSorted((a, b) => a - b))]))
          rollups.set(hourMs, foldHour(rollups.get(hourMs) ?? {}, hourMs, parts));
      }
      const minutes = [...rollups].flatMap(([hourMs, rollup]) =>
        Object.entries(rollup["a"] ?? {}).map(([minute, stored]) => ({
          startMs: hourMs + Number(minute) * MINUTE_MS,
          ...loadAggregate(stored),
        })),
      );
      for (const { startMs, count, firstMs, lastMs } of minutes) {
        assert.ok(startMs <= firstMs && lastMs < startMs + MINUTE_MS);
        const inside = times.filter((ms) => ms >= startMs && ms < startMs + MINUTE_MS);
        assert.equal(count, inside.length);
      }
      assert.equal(
        minutes.reduce((sum, { count }) => sum + count, 0),
        times.length,
      );
    }),
  );
});
