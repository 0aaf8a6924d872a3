// What does a body of newline-delimited JSON say, and is a line that is none its own fault alone?

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../edge/limits.ts";
import { parseNdjson } from "../../../../edge/telemetry/parse-ndjson.ts";

const row = (time: number): string => JSON.stringify({ stream: "a", value: time, time });

test("a line is a reading; empty ones count for the index only", () => {
  const result = parseNdjson(`${row(1)}\r\n\n${row(2)}\n{"stream":"a"\n[]\n${row(3)}`, null);
  assert.ok(result.ok);
  const { timed, errors, rejected } = result.value.readings;
  assert.deepEqual(timed.get("a")?.times, [1, 2, 3]);
  assert.deepEqual(
    errors.map(({ pointer, index, code }) => [pointer, index, code]),
    [
      ["/3", 3, "line-json"],
      ["/4", 4, "reading-type"],
    ],
  );
  assert.equal(rejected, 2);
});

test("nothing, too much and a wrong key are refused as a whole", () => {
  const many = `${row(1)}\n`.repeat(limits.readingsPerRequestMax + 1);
  for (const [text, key, status] of [
    ["", null, 400],
    ["\n \n", null, 400],
    [many, null, 413],
    [row(1), "", 400],
  ] as const) {
    const result = parseNdjson(text, key);
    assert.deepEqual([result.ok, !result.ok && result.error.status], [false, status]);
  }
});
