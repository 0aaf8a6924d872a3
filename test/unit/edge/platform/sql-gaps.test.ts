// Do gap records stay exact where they have no more room for hours, and then for streams?

import assert from "node:assert/strict";
import { test } from "node:test";
import { addGaps, GAP_TABLE, SqlGaps } from "../../../../edge/platform/sql-gaps.ts";
import { limits } from "../../../../edge/limits.ts";
import type { StreamName } from "../../../../sync/brand.ts";
import type { ReadingBatch } from "../../../../sync/wire/batch.ts";
import { deviceId } from "../../../support/arbitraries.ts";
import { openNodeSql } from "../../../support/node-sql.ts";

const HOUR_MS = 3_600_000;
const DEVICE = deviceId("boat-1");

function batchAt(hour: number, streams: readonly string[]): ReadingBatch {
  return {
    device: DEVICE,
    identity: { kind: "none" },
    contentHash: "",
    isTimeAssigned: false,
    times: [hour * HOUR_MS],
    columns: streams.map((name) => ({
      stream: name as StreamName,
      kind: "number",
      rows: [0],
      values: [1],
    })),
  };
}

test("past their bytes gap records tell streams only, then devices only, and every count stays", () => {
  const sql = openNodeSql();
  for (const statement of GAP_TABLE.split(";")) sql.exec(statement);
  const gaps = new SqlGaps(sql);
  const bytesMax = 10 * limits.gapRecordBytes;
  for (let hour = 1; hour <= 10; hour += 1)
    addGaps(sql, 7, "drop-oldest", bytesMax, [batchAt(hour, ["a"])]);
  assert.deepEqual([gaps.of(DEVICE).length, gaps.bytes()], [10, bytesMax]);
  const streams = Array.from({ length: 10 }, (_, n) => `s${n}`);
  for (let hour = 11; hour <= 20; hour += 1)
    addGaps(sql, 7, "drop-oldest", bytesMax, [batchAt(hour, streams)]);
  assert.equal(gaps.of(DEVICE).length, 21, "ten hours, ten streams, then the device");
  for (let hour = 21; hour <= 200; hour += 1)
    addGaps(sql, 7, "drop-oldest", bytesMax, [batchAt(hour, streams)]);
  assert.equal(gaps.of(DEVICE).length, 21, "and no more");
  assert.deepEqual(gaps.readings(), { thinned: 0, gapped: 10 + 190 * 10 });
  const whole = gaps.of(DEVICE).find(({ stream }) => stream === "*");
  assert.deepEqual([whole?.hourMs, whole?.lastMs], [-1, 200 * HOUR_MS]);
});
