// Do pages of thinned minutes tell each minute of each stream once, in order, whatever their size?

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../origin/limits.ts";
import type { ShardStore, ThinnedHour } from "../../../../origin/ports.ts";
import { readThinned, type ThinnedQuery } from "../../../../origin/replica/read-thinned.ts";
import { fold } from "../../../../sync/crdt/aggregate.ts";
import { deviceId } from "../../../support/arbitraries.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const query: ThinnedQuery = {
  device: deviceId("boat-1"),
  streams: null,
  fromMs: 0,
  toMs: Infinity,
  limit: 3,
};

/** An hour with two minutes of two streams. */
function hourAt(hourMs: number): ThinnedHour {
  const minutes = (value: number) =>
    new Map([5, 6].map((minute) => [minute, fold([hourMs + minute * MINUTE_MS], [value])]));
  return {
    hourMs,
    rollup: new Map([
      ["b", minutes(0.1)],
      ["a", minutes(2)],
    ]),
  };
}

function storeOf(hours: readonly number[]): Pick<ShardStore, "thinnedHour"> {
  return {
    thinnedHour: (_, fromMs, toMs) => {
      const hourMs = hours.find((each) => each >= fromMs && each < toMs);
      return hourMs === undefined ? null : hourAt(hourMs);
    },
  };
}

function readAll(asked: ThinnedQuery, hours: readonly number[]): string[] {
  const told: string[] = [];
  for (let fromMs: number | null = asked.fromMs; fromMs !== null;) {
    const page = readThinned({ ...asked, fromMs }, storeOf(hours));
    told.push(
      ...page.minutes.map(({ stream, startMs, sum }) => `${startMs / MINUTE_MS} ${stream} ${sum}`),
    );
    assert.ok(page.nextMs === null || page.nextMs > fromMs, "A page goes on");
    fromMs = page.nextMs;
  }
  return told;
}

test("readThinned() tells all minutes in order of time, then stream, over any pages", () => {
  const whole = [
    "5 a 2",
    "5 b 0.1",
    "6 a 2",
    "6 b 0.1",
    "125 a 2",
    "125 b 0.1",
    "126 a 2",
    "126 b 0.1",
  ];
  for (const limit of [1, 2, 3, 100])
    assert.deepEqual(readAll({ ...query, limit }, [0, 2 * HOUR_MS]), whole);
});

test("readThinned() tells what is asked for: streams, and minutes that begin in the range", () => {
  const asked = { ...query, streams: ["b"], fromMs: 6 * MINUTE_MS, toMs: 126 * MINUTE_MS };
  assert.deepEqual(readAll(asked, [0, 2 * HOUR_MS]), ["6 b 0.1", "125 b 0.1"]);
  assert.deepEqual(readAll({ ...query, streams: ["c"] }, [0]), []);
});

test("readThinned() reads so many hours and no more for a page that finds nothing", () => {
  const hours = Array.from({ length: limits.thinnedHoursMax + 1 }, (_, hour) => hour * HOUR_MS);
  const page = readThinned({ ...query, streams: ["c"] }, storeOf(hours));
  assert.deepEqual(page, { minutes: [], nextMs: limits.thinnedHoursMax * HOUR_MS });
});
