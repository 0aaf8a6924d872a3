// Does a page look as the documents say, in CSV and in JSON, and does the door for CSV take it back?

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryPage } from "../../../../edge/history/query.ts";
import { writeCsv } from "../../../../edge/routes/history-csv.ts";
import { pageColumns } from "../../../../edge/routes/history-json.ts";
import { parseCsv } from "../../../../edge/telemetry/parse-csv.ts";

const T = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const raw: HistoryPage = {
  streams: ["a", "b", "c"],
  rows: {
    kind: "raw",
    times: [T, T, T + 1, T + 2, T + 2],
    streams: [0, 2, 2, 0, 0],
    values: [1e-7, true, false, 1e21, 5],
    quarantined: [4],
  },
  next: null,
  coarser: [],
  damaged: [],
  gaps: { listed: [], isTruncated: false },
};
const at = (ms: number): string => new Date(T + ms).toISOString();

test("readings have a column for each stream that was asked for", () => {
  const rows = { ...raw.rows, times: [T, T, T + 1, T + 2], quarantined: [] };
  const csv = writeCsv({ ...raw, rows }, false);
  assert.equal(
    csv,
    `time,a,b,c\r\n${at(0)},1e-7,,true\r\n${at(1)},,,false\r\n${at(2)},1e+21,,\r\n`,
  );
  const parsed = parseCsv(csv, null);
  assert.ok(parsed.ok);
  assert.equal(parsed.value.readings.rejected, 0);
});

test("with quarantined ones a reading is a row, and an object of its own", () => {
  assert.deepEqual(writeCsv(raw, true).split("\r\n").slice(0, 6), [
    "time,stream,value,quarantined",
    `${at(0)},a,1e-7,false`,
    `${at(0)},c,true,false`,
    `${at(1)},c,false,false`,
    `${at(2)},a,1e+21,false`,
    `${at(2)},a,5,true`,
  ]);
  assert.deepEqual(pageColumns(raw, true), {
    t: [at(0), at(1), at(2)],
    series: { a: [1e-7, null, 1e21], c: [true, false, null] },
    quarantined: { t: [at(2)], series: { a: [5] } },
  });
});

test("a bucket is a row, and in JSON a place in its stream's columns", () => {
  const bucket = { startMs: T, stream: 1, count: 2, sum: "0.3", min: 0.1, max: 0.2, mean: 0.15 };
  const page: HistoryPage = {
    ...raw,
    rows: { kind: "buckets", buckets: [{ ...bucket, first: 0.1, last: 0.2 }] },
  };
  assert.equal(
    writeCsv(page, false),
    `time,stream,count,sum,min,max,mean,first,last\r\n${at(0)},b,2,0.3,0.1,0.2,0.15,0.1,0.2\r\n`,
  );
  assert.deepEqual(pageColumns(page, false), {
    series: {
      b: {
        t: [at(0)],
        count: [2],
        sum: ["0.3"],
        min: [0.1],
        max: [0.2],
        mean: [0.15],
        first: [0.1],
        last: [0.2],
      },
    },
  });
});
