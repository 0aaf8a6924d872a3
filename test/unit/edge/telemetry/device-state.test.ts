// Are readings folded into the right stream and minute, and is the newest one the latest?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  foldMinute,
  foldStream,
  MINUTE_MS,
  minuteOf,
  NEW_STREAM,
  streamOf,
  type FreshReadings,
} from "../../../../edge/telemetry/device-state.ts";

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

test("minuteOf() names a minute by its start", () => {
  const times = [0, 1, MINUTE_MS - 1, MINUTE_MS, 3 * MINUTE_MS + 7];
  assert.deepEqual(times.map(minuteOf), [0, 0, 0, MINUTE_MS, 3 * MINUTE_MS]);
});

test("foldMinute() adds each stream's readings to its aggregate", () => {
  const first = foldMinute({}, [fresh([10, 20], "a", [1, 2]), fresh([15], "b", [0.5])]);
  const second = foldMinute(first, [fresh([5], "a", [-1])]);
  assert.deepEqual(second, { a: [3, "2", -1, 2, 5, 20], b: [1, "0.5", 0.5, 0.5, 15, 15] });
});

test("foldMinute() leaves the rollup it was given as it was", () => {
  const before = foldMinute({}, [fresh([1])]);
  const copy = structuredClone(before);
  foldMinute(before, [fresh([2])]);
  assert.deepEqual(before, copy);
});

test("foldMinute() folds a stream named constructor like any other", () => {
  const rollup = foldMinute(foldMinute({}, [fresh([1], "constructor")]), [
    fresh([2], "constructor"),
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(rollup)), { constructor: [2, "2", 1, 1, 1, 2] });
});
