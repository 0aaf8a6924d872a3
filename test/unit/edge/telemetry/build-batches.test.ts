// Do equal readings give equal bytes, whatever their JSON looked like? And what stands twice?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildBatches } from "../../../../edge/telemetry/build-batches.ts";
import {
  decodeBatches,
  encodeBatches,
  encodeWithPlaces,
  readingsOf,
  withHash,
} from "../../../../sync/wire/batch.ts";
import { DEVICE, parsed } from "../../../support/commands.ts";

function build(body: unknown, key: string | null = null): ReturnType<typeof buildBatches> {
  const { identity, readings } = parsed(body, key);
  return buildBatches(DEVICE, identity, readings);
}
const bytesOf = (body: unknown): Uint8Array => encodeBatches(build(body).batches);

const COLUMNS = { t: [1, 2], series: { a: [1, 2], b: [null, true] } };
const SAME: readonly (readonly [string, unknown])[] = [
  ["columns in another order", { series: { b: [null, true], a: [1, 2] }, t: [1, 2] }],
  ["times in another order", { t: [2, 1], series: { a: [2, 1], b: [true, null] } }],
  ["a start and a step", { t0: 1, step: 1, series: { a: [1, 2], b: [null, true] } }],
  [
    "times as text",
    {
      t: ["1970-01-01T00:00:00.001Z", "1970-01-01T01:00:00.002+01:00"],
      series: COLUMNS.series,
    },
  ],
  [
    "rows in any order",
    [
      { stream: "b", value: true, time: 2 },
      { stream: "a", value: 2, time: 2 },
      { time: 1, stream: "a", value: 1 },
    ],
  ],
  [
    "a reading that stands twice",
    [
      { stream: "a", value: 1, time: 1 },
      { stream: "a", value: 1, time: 1 },
      { stream: "a", value: 2, time: 2 },
      { stream: "b", value: true, time: 2 },
    ],
  ],
  ["a row of nulls", { t: [1, 7, 2], series: { a: [1, null, 2], b: [null, null, true] } }],
  ["a column that is all wrong", { t: [1, 2], series: { ...COLUMNS.series, c: ["x", "y"] } }],
];

for (const [what, body] of SAME)
  test(`buildBatches() gives the same bytes for ${what}`, () =>
    assert.deepEqual(bytesOf(body), bytesOf(COLUMNS)));

const OTHER: readonly (readonly [string, unknown])[] = [
  ["another value", { ...COLUMNS, series: { a: [1, 3], b: [null, true] } }],
  ["1 in the place of true", { ...COLUMNS, series: { a: [1, 2], b: [null, 1] } }],
  ["another time", { ...COLUMNS, t: [1, 3] }],
  ["another stream", { ...COLUMNS, series: { a: [1, 2], c: [null, true] } }],
  ["another name", { ...COLUMNS, boot: "b", seq: 1 }],
];

for (const [what, body] of OTHER)
  test(`buildBatches() gives other bytes for ${what}`, () =>
    assert.notDeepEqual(bytesOf(body), bytesOf(COLUMNS)));

test("buildBatches() counts what stands twice in a request, and keeps the smaller of two values", () => {
  const rows = [3, 1, 1, 2].map((value) => ({ stream: "a", value, time: 5 }));
  const built = build([...rows, { stream: "a", value: 9, time: 6 }]);
  assert.deepEqual([built.duplicates, built.conflicts], [1, 2]);
  assert.deepEqual(built.batches[0]?.columns[0]?.values, [1, 9]);
});

test("buildBatches() keeps readings with and without times apart, both under one name", () => {
  const body = {
    boot: "b",
    seq: 1,
    readings: [
      { stream: "a", value: 1 },
      { stream: "a", value: 2, time: 5 },
    ],
  };
  const { batches } = build(body);
  assert.deepEqual(
    batches.map(({ isTimeAssigned, times }) => [isTimeAssigned, times]),
    [
      [false, [5]],
      [true, [0]],
    ],
  );
  assert.deepEqual(batches[0]?.identity, batches[1]?.identity);
});

test("buildBatches() makes none of readings that are all wrong", () => {
  assert.deepEqual(build({ t: [1], series: { A: [1] } }).batches, []);
});

test("withHash() sets every batch's hash, and nothing else", () => {
  const two = [
    { stream: "a", value: 1 },
    { stream: "a", value: 1, time: 5 },
  ];
  const { batches } = build({ boot: "b", seq: 1, readings: two });
  const content = encodeWithPlaces(batches);
  const contentHash = "0123456789abcdef";
  const hashed = batches.map((batch) => ({ ...batch, contentHash }));
  assert.equal(hashed.length, 2);
  assert.deepEqual(content.bytes, encodeBatches(batches));
  assert.deepEqual(withHash(content, contentHash), encodeBatches(hashed));
});

test("buildBatches() makes batches that decode, and loses no reading of any request", () => {
  const cell = fc.record({
    stream: fc.constantFrom("a", "b", "constructor"),
    value: fc.constantFrom(0, 1, 2.5),
    time: fc.nat(6),
  });
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 20 }), (rows) => {
      const built = build(rows);
      const kept = built.batches.reduce((sum, batch) => sum + readingsOf(batch), 0);
      assert.equal(kept + built.duplicates + built.conflicts, rows.length);
      assert.equal(kept, new Set(rows.map(({ stream, time }) => `${stream} ${time}`)).size);
      const decoded = decodeBatches(encodeBatches(built.batches));
      assert.deepEqual(decoded, { ok: true, value: [...built.batches] });
    }),
  );
});
