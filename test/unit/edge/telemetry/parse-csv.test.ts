// What does a CSV body say? Both shapes, the quoting of RFC 4180, and what is wrong with a body, a
// row or a cell.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../edge/limits.ts";
import { parseCsv } from "../../../../edge/telemetry/parse-csv.ts";

/** Stream, times and values of what was taken, and where errors are. */
function read(text: string, key: string | null = null): { taken: unknown[]; errors: unknown[] } {
  const result = parseCsv(text, key);
  if (!result.ok) throw new TypeError(result.error.detail);
  const { readings } = result.value;
  return {
    taken: [...readings.timed.values(), ...readings.timeless.values()].map(
      ({ stream, times, values }) => [stream, times, values],
    ),
    errors: readings.errors.map(({ pointer, code }) => [pointer, code]),
  };
}

const GOOD: readonly (readonly [string, string, readonly unknown[]])[] = [
  [
    "a reading a row",
    "time,stream,value\n1,a,2.5\n2,b,true\n",
    [
      ["a", [1], [2.5]],
      ["b", [2], [1]],
    ],
  ],
  ["other orders", "value,time,stream\n-1e2,1,a", [["a", [1], [-100]]]],
  [
    "columns",
    "time,a,b\n1,2,\n2,,3\n",
    [
      ["a", [1], [2]],
      ["b", [2], [3]],
    ],
  ],
  ["two columns", "a,time\r\n2,1970-01-01T00:00:01Z\r\n", [["a", [1000], [2]]]],
  ["quotes", '"time","a"\r\n"1","2"\r\n"1970-01-01T00:00:01Z",3', [["a", [1, 1000], [2, 3]]]],
  ["spaces and empty lines", "time, a\n\n 1 , .5\n\n", [["a", [1], [0.5]]]],
  [
    "streams named stream",
    "time,stream,b\n1,2,3",
    [
      ["stream", [1], [2]],
      ["b", [1], [3]],
    ],
  ],
];
for (const [what, text, taken] of GOOD)
  test(`parseCsv() takes ${what}`, () => assert.deepEqual(read(text), { taken, errors: [] }));

const REJECTED: readonly (readonly [string, string, string, string])[] = [
  ["text", "time,a\n1,x", "/0/a", "value-text"],
  ["hexadecimal", "time,a\n1,0x10", "/0/a", "value-text"],
  ["Infinity", "time,a\n1,Infinity", "/0/a", "value-text"],
  ["an infinite value", "time,a\n1,1e999", "/0/a", "value-not-finite"],
  ["seconds", "time,a\n1790000000,1", "/0/a", "time"],
  ["yesterday", "time,a\nyesterday,1", "/0/a", "time"],
  ["no time", "time,a\n,1", "/0/a", "time-or-key-required"],
  ["a stream's name", "time,A b\n1,1", "/0/A b", "stream-name"],
  ["an escaped pointer", "time,a/b~\n1,1", "/0/a~1b~0", "stream-name"],
  ["a short row", "time,a,b\n1,2", "/0", "row-width"],
  ["a long row", "time,a\n1,2,3", "/0", "row-width"],
  ["no value", "time,stream,value\n1,a,", "/0", "value-missing"],
  ["numbers and booleans", "time,a\n1,2\n2,true", "/1/a", "type-mixed"],
];
for (const [what, text, pointer, code] of REJECTED)
  test(`parseCsv() rejects ${what} alone: ${code}`, () =>
    assert.deepEqual(read(text).errors, [[pointer, code]]));

test("a batch with a key may lack a time", () => {
  assert.deepEqual(read("time,a\n,1", "k").taken, [["a", [0], [1]]]);
});

const wide = (cells: number): string =>
  `time,${Array.from({ length: cells }, (_, i) => `s${i}`).join(",")}\n1,${"1,".repeat(cells - 1)}1`;
const BROKEN: readonly (readonly [string, string, number])[] = [
  ["nothing", "", 400],
  ["no time", "a,b\n1,2", 400],
  ["a time alone", "time\n1", 400],
  ["a header alone", "time,a\n", 400],
  ["a column twice", "time,a,a\n1,2,3", 400],
  ["a quote without an end", 'time,a\n1,"2', 400],
  ["text behind a quote", 'time,a\n1,"2"3', 400],
  ["a bare carriage return", "time,a\r1,2", 400],
  ["too many columns", wide(limits.csvColumnsMax), 400],
  ["too many rows", `time,a\n${"1,1\n".repeat(limits.readingsPerRequestMax + 1)}`, 413],
];
for (const [what, text, status] of BROKEN)
  test(`parseCsv() refuses ${what}: ${status}`, () => {
    const result = parseCsv(text, null);
    assert.deepEqual([result.ok, !result.ok && result.error.status], [false, status]);
  });

test("a row has room for all streams of a device, and a key is checked", () => {
  assert.equal(read(wide(limits.streamsPerDeviceMax)).taken.length, limits.streamsPerDeviceMax);
  assert.equal(parseCsv("time,a\n1,1", "a b").ok, false);
});

test("a long body is read in one pass", () => {
  const startMs = performance.now();
  for (const text of ['"'.repeat(1_000_000), `time,a\n1,"${'""'.repeat(500_000)}`, ",".repeat(1e6)])
    assert.equal(parseCsv(text, null).ok, false);
  assert.ok(performance.now() - startMs < 1_000);
});
