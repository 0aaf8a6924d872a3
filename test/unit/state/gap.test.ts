// What is told of gaps for streams and times that are asked for, and in what bounds?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeGaps,
  encodeGaps,
  formatGap,
  formatGaps,
  gapsWithin,
  HOUR_MS,
  tellGaps,
  type GapRecord,
} from "../../../state/gap.ts";
import type { ReplicaId } from "../../../sync/brand.ts";

function record(hour: number, gap: Partial<GapRecord> = {}): GapRecord {
  const firstMs = hour * HOUR_MS + 10;
  return {
    epoch: 7,
    device: "boat-1",
    stream: "a",
    policy: "drop-oldest",
    hourMs: hour * HOUR_MS,
    firstMs,
    lastMs: firstMs + 10,
    readings: 2,
    ...gap,
  };
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

test("gapsWithin() takes what meets the times, the end left out, and the streams or any", () => {
  const gaps = [record(1), record(2), record(3, { stream: "b" }), record(4, { stream: "*" })];
  const hours = (streams: readonly string[] | null, fromMs: number, toMs: number): number[] =>
    gapsWithin(gaps, streams, fromMs, toMs).map(({ hourMs }) => hourMs / HOUR_MS);
  assert.deepEqual(hours(null, 0, Infinity), [1, 2, 3, 4]);
  assert.deepEqual(hours(["a"], 0, Infinity), [1, 2, 4]);
  assert.deepEqual(hours(null, HOUR_MS + 20, 2 * HOUR_MS + 11), [1, 2]);
  assert.deepEqual(hours(null, HOUR_MS + 21, 2 * HOUR_MS + 10), []);
});

test("tellGaps() lists the newest, hours that follow each other as one, and says that there are more", () => {
  const gaps = [record(1), record(2), record(5), record(8, { policy: "thin" })];
  const { listed, isTruncated } = tellGaps(gaps, 2);
  assert.deepEqual(
    listed.map(({ fromMs, readings }) => [Math.floor(fromMs / HOUR_MS), readings]),
    [
      [8, 2],
      [5, 2],
    ],
  );
  assert.equal(isTruncated, true);
  const whole = tellGaps(gaps, 3);
  assert.deepEqual([whole.listed.at(-1)?.readings, whole.isTruncated], [4, false]);
});

test("formatGap() says of what was thinned that its minutes remain", () => {
  const [told] = tellGaps([record(1, { policy: "thin" })], 1).listed;
  assert.ok(told !== undefined);
  assert.deepEqual(formatGap(told, iso), {
    stream: "a",
    from: "1970-01-01T01:00:00.010Z",
    to: "1970-01-01T01:00:00.020Z",
    readings: 2,
    reason: "thinned",
    rollups: "1m",
    policy: "thin",
  });
});

test("P1 formatGaps() tells what may be of any device beside the device's own, and counts it not as its", () => {
  const lost = { device: "*", stream: "*", policy: "damage", hourMs: -1, readings: 7 };
  const uncounted = { ...lost, policy: "damage-uncounted", readings: 0 };
  const records = [record(1, { policy: "damage" }), record(2, lost), record(3, uncounted)];
  assert.deepEqual(formatGaps("boat-1", records, 9, iso), {
    device: "boat-1",
    readings: 2,
    gaps: [
      {
        device: "*",
        stream: "*",
        from: "1970-01-01T03:00:00.010Z",
        to: "1970-01-01T03:00:00.020Z",
        readings: null,
        reason: "damaged",
      },
      {
        device: "*",
        stream: "*",
        from: "1970-01-01T02:00:00.010Z",
        to: "1970-01-01T02:00:00.020Z",
        readings: 7,
        reason: "damaged",
      },
      {
        stream: "a",
        from: "1970-01-01T01:00:00.010Z",
        to: "1970-01-01T01:00:00.020Z",
        readings: 2,
        reason: "damaged",
      },
    ],
    truncated: false,
  });
  const message = { replica: "hel/00-ff" as ReplicaId, gaps: records };
  assert.deepEqual(decodeGaps(encodeGaps(message)), message);
});
