// How many bytes do columns take, and what breaks a reader? Byte-exact cases, and hostile ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TIME_MS_MAX } from "../../../../sync/limits.ts";
import { ByteReader, ByteWriter } from "../../../../sync/wire/bytes.ts";
import {
  readPresence,
  readTimes,
  readValues,
  writePresence,
  writeTimes,
  writeValues,
} from "../../../../sync/wire/columns.ts";

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.bytes();
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const TIMES: readonly (readonly [readonly number[], string])[] = [
  [[], ""],
  [[0], "00"],
  [[0, 1, 2], "000202"],
  [[1000, 2000, 3000, 4000], "d00fd00f0000"],
  [[1000, 2000, 2500], "d00fd00fe707"],
];

for (const [times, expected] of TIMES)
  test(`writeTimes() of [${times.join()}] is ${expected || "nothing"}, and comes back`, () => {
    const bytes = written((writer) => writeTimes(writer, times));
    assert.equal(hex(bytes), expected);
    assert.deepEqual(readTimes(new ByteReader(bytes), times.length), times);
  });

const BAD_TIMES: readonly (readonly [string, readonly number[]])[] = [
  ["equal times", [5, 5]],
  ["falling times", [5, 4]],
  ["a time below 0", [-1]],
  ["a time past the year 9999", [TIME_MS_MAX + 1]],
];

for (const [what, times] of BAD_TIMES)
  test(`readTimes() breaks on ${what}`, () => {
    const reader = new ByteReader(written((writer) => writeTimes(writer, times)));
    readTimes(reader, times.length);
    assert.equal(reader.broken, true);
  });

test("readTimes() breaks on bytes that end early, and stops there", () => {
  const reader = new ByteReader(Uint8Array.of(2));
  assert.equal(readTimes(reader, 10_000).length < 3, true);
  assert.equal(reader.broken, true);
});

const ROWS: readonly (readonly [readonly number[], number, string])[] = [
  [[], 0, "00"],
  [[0, 1, 2], 3, "00"],
  [[], 3, "0100"],
  [[0, 2], 3, "0105"],
  [[8], 9, "010001"],
];

for (const [rows, count, expected] of ROWS)
  test(`writePresence() of [${rows.join()}] of ${count} is ${expected}, and comes back`, () => {
    const bytes = written((writer) => writePresence(writer, rows, count));
    assert.equal(hex(bytes), expected);
    assert.deepEqual(readPresence(new ByteReader(bytes), count), rows);
  });

for (const [what, bytes, count] of [
  ["an unknown form", [2], 3],
  ["missing bits", [1], 9],
  ["nothing", [], 1],
] as const)
  test(`readPresence() breaks on ${what}`, () => {
    const reader = new ByteReader(Uint8Array.from(bytes));
    readPresence(reader, count);
    assert.equal(reader.broken, true);
  });

const VALUES: readonly (readonly ["number" | "boolean", readonly number[], string])[] = [
  ["number", [], "0000"],
  ["number", [10.4, 10.5, 10.4], "0001d0010201"],
  ["number", [0, -1, 1], "0000000104"],
  ["number", [1e300], "019c7500883ce4377e"],
  ["boolean", [1, 0, 1, 1, 0, 0, 0, 0, 1], "020d01"],
  ["boolean", [], "02"],
];

for (const [kind, values, expected] of VALUES)
  test(`writeValues() of ${kind}s [${values.join()}] is ${expected}, and comes back`, () => {
    const bytes = written((writer) => writeValues(writer, kind, values));
    assert.equal(hex(bytes), expected);
    const reader = new ByteReader(bytes);
    assert.deepEqual(readValues(reader, values.length), { kind, values });
    assert.deepEqual([reader.broken, reader.remaining], [false, 0]);
  });

function float(value: number): number[] {
  return [1, ...written((writer) => writer.float64(value))];
}
const whole = [...written((writer) => writer.zigzag(2 ** 52 - 1))];

for (const [what, bytes, count] of [
  ["an unknown encoding", [3], 0],
  ["NaN", float(NaN), 1],
  ["Infinity", float(-Infinity), 1],
  ["half a double", float(1).slice(0, 5), 1],
  ["a scale past 22", [0, 23, 0], 1],
  ["sums beyond 2^53", [0, 0, ...whole, ...whole, ...whole], 3],
  ["missing values", [0, 0, 2], 2],
  ["missing bits", [2, 1], 9],
] as const)
  test(`readValues() breaks on ${what}`, () => {
    const reader = new ByteReader(Uint8Array.from(bytes));
    readValues(reader, count);
    assert.equal(reader.broken, true);
  });
