// Which bodies are readings, and what is said about those that are not? Every shape, and every
// problem with its status and the JSON pointer that leads to the mistake.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../../../edge/limits.ts";
import { parseReadings } from "../../../../edge/telemetry/parse-readings.ts";
import { DEVICE, parsed } from "../../../support/commands.ts";

const row = { stream: "depth_m", value: 1.5, time: 1000 };

/** Stream, times and values of what was taken. */
function taken(body: unknown, key: string | null = null): unknown[] {
  const { readings } = parsed(body, key);
  return [...readings.timed.values(), ...readings.timeless.values()].map(
    ({ stream, times, values }) => [stream, times, values],
  );
}

const SHAPES: readonly (readonly [string, unknown, readonly unknown[]])[] = [
  ["one reading", row, [["depth_m", [1000], [1.5]]]],
  ["one reading that names its device", { ...row, device: DEVICE }, [["depth_m", [1000], [1.5]]]],
  ["an array of readings", [row, { ...row, time: 2000 }], [["depth_m", [1000, 2000], [1.5, 1.5]]]],
  ["rows", { readings: [row] }, [["depth_m", [1000], [1.5]]]],
  ["a time as text", [{ ...row, time: "1970-01-01T00:00:01Z" }], [["depth_m", [1000], [1.5]]]],
  ["columns", { t: [1, 2], series: { a: [1, 2] } }, [["a", [1, 2], [1, 2]]]],
  [
    "columns with gaps",
    { t: [1, 2], series: { a: [null, 2], b: [3, null] } },
    [
      ["a", [2], [2]],
      ["b", [1], [3]],
    ],
  ],
  [
    "a start and a step",
    { t0: 10, step: 5, series: { a: [1, 2, 3] } },
    [["a", [10, 15, 20], [1, 2, 3]]],
  ],
  [
    "a start as text",
    { t0: "1970-01-01T00:00:01Z", step: 1, series: { a: [1] } },
    [["a", [1000], [1]]],
  ],
  ["one named row without a time", { boot: "b", seq: 1, series: { a: [1] } }, [["a", [0], [1]]]],
  [
    "one named reading without a time",
    { stream: "a", value: 1, boot: "b", seq: 1 },
    [["a", [0], [1]]],
  ],
  [
    "a stream named constructor",
    { t: [1], series: { constructor: [1] } },
    [["constructor", [1], [1]]],
  ],
];

for (const [what, body, expected] of SHAPES)
  test(`parseReadings() takes ${what}`, () => assert.deepEqual(taken(body), expected));

test("parseReadings() treats a null time as none", () => {
  assert.deepEqual(taken([{ stream: "a", value: 1, time: null }], "key-1"), [["a", [0], [1]]]);
});

const IDENTITIES: readonly (readonly [object, string | null, object])[] = [
  [{}, null, { kind: "none" }],
  [{}, "abc", { kind: "key", key: "abc" }],
  [{ boot: "b", seq: 3 }, null, { kind: "boot", boot: "b", seq: 3 }],
  [{ boot: 17, seq: 3 }, null, { kind: "boot", boot: "17", seq: 3 }],
  [{ boot: "b", seq: 3 }, "abc", { kind: "boot", boot: "b", seq: 3 }],
  [{}, "k".repeat(limits.batchKeyCharsMax), { kind: "key", key: "k".repeat(128) }],
];

for (const [fields, key, identity] of IDENTITIES)
  test(`parseReadings() names the batch by ${JSON.stringify(fields)} and key ${key?.slice(0, 5)}`, () =>
    assert.deepEqual(parsed({ ...fields, readings: [row] }, key).identity, identity));

for (const [sent, sentMs] of [
  [undefined, null],
  [5, 5],
  ["1970-01-01T00:00:01Z", 1000],
] as const)
  test(`parseReadings() reads sent ${sent} as ${sentMs}`, () =>
    assert.equal(parsed({ ...row, ...(sent === undefined ? {} : { sent }) }).sentMs, sentMs));

const many = Array.from({ length: limits.readingsPerRequestMax + 1 }, (_, i) => i);
const series = { a: [1] };

const PROBLEMS: readonly (readonly [string, unknown, number, string, string | null])[] = [
  ["a number", 5, 400, "", null],
  ["null", null, 400, "", null],
  ["text", "x", 400, "", null],
  ["an empty object", {}, 400, "", null],
  ["no readings", [], 400, "", null],
  ["no rows", { readings: [] }, 400, "", null],
  ["no columns", { t: [], series: {} }, 400, "", null],
  ["columns of nulls", { t: [1], series: { a: [null] } }, 400, "", null],
  ["another device", { device: "other", t: [1], series }, 400, "/device", null],
  ["a device that is no text", { device: null, ...row }, 400, "/device", null],
  ["rows that are no array", { readings: {} }, 400, "/readings", null],
  ["series that are no object", { t: [1], series: [1] }, 400, "/series", null],
  ["series of null", { t: [1], series: null }, 400, "/series", null],
  ["a column that is no array", { t: [1], series: { a: 1 } }, 400, "/series/a", null],
  ["a column with an odd name", { t: [1], series: { "a/b~c": 1 } }, 400, "/series/a~1b~0c", null],
  [
    "a column that is too short",
    { t: [1, 2], series: { a: [1, 2], b: [1] } },
    400,
    "/series/b",
    null,
  ],
  [
    "a column that is too long",
    { t0: 1, step: 1, series: { a: [1], b: [1, 2] } },
    400,
    "/series/b",
    null,
  ],
  ["times that are no array", { t: 5, series }, 400, "/t", null],
  ["rows without times", { series: { a: [1, 2] } }, 400, "", null],
  ["times given twice", { t: [1], t0: 1, step: 5, series }, 400, "/t0", null],
  ["a step without a start", { step: 5, series }, 400, "/t0", null],
  ["a start that is no time", { t0: "x", step: 5, series }, 400, "/t0", null],
  ["a start without a step", { t0: 5, series }, 400, "/step", null],
  ["a step of 0", { t0: 5, step: 0, series }, 400, "/step", null],
  ["a step of 1.5", { t0: 5, step: 1.5, series }, 400, "/step", null],
  ["an unknown field", { t: [1], series, "o/dd": 1 }, 400, "/o~1dd", null],
  ["an unknown field beside rows", { readings: [row], t: [1] }, 400, "/t", null],
  ["a clock that is no time", { t: [1], series, sent: "noon" }, 400, "/sent", null],
  ["a clock of null", { t: [1], series, sent: null }, 400, "/sent", null],
  ["a boot without a number", { boot: "b", t: [1], series }, 400, "/seq", null],
  ["a number without a boot", { seq: 1, t: [1], series }, 400, "/boot", null],
  ["number 0", { boot: "b", seq: 0, t: [1], series }, 400, "/seq", null],
  ["number 1.5", { boot: "b", seq: 1.5, t: [1], series }, 400, "/seq", null],
  ["a number beyond 2^53", { boot: "b", seq: 2 ** 53, t: [1], series }, 400, "/seq", null],
  ["a number as text", { boot: "b", seq: "1", t: [1], series }, 400, "/seq", null],
  ["an empty boot", { boot: "", seq: 1, t: [1], series }, 400, "/boot", null],
  ["a boot with a blank", { boot: "a b", seq: 1, t: [1], series }, 400, "/boot", null],
  ["a long boot", { boot: "b".repeat(129), seq: 1, t: [1], series }, 400, "/boot", null],
  ["a boot of 1.5", { boot: 1.5, seq: 1, t: [1], series }, 400, "/boot", null],
  ["a null boot", { boot: null, seq: 1, t: [1], series }, 400, "/boot", null],
  ["an empty key", row, 400, "", ""],
  ["a key with a blank", row, 400, "", "a b"],
  ["a long key", row, 400, "", "k".repeat(129)],
];

for (const [what, body, status, pointer, key] of PROBLEMS)
  test(`parseReadings() refuses ${what} at "${pointer}"`, () => {
    const result = parseReadings(body, DEVICE, key);
    assert.ok(!result.ok);
    assert.deepEqual([result.error.status, result.error.errors?.[0]?.pointer], [status, pointer]);
    assert.equal(result.error.detail, result.error.errors?.[0]?.message);
  });

for (const [what, body] of [
  ["rows", many.map((time) => ({ ...row, time }))],
  ["values", { t0: 0, step: 1, series: { a: many } }],
  ["times", { t: many, series: { a: many.map(() => null) } }],
] as const)
  test(`parseReadings() says 413 to more ${what} than a request may have`, () => {
    const result = parseReadings(body, DEVICE, null);
    assert.deepEqual(result.ok ? null : [result.error.status, result.error.code], [
      413,
      "too-many-readings",
    ]);
  });

test("parseReadings() takes as many readings as a request may have", () => {
  const full = many.slice(1);
  assert.equal(
    parsed({ t: full, series: { a: full } }).readings.timed.get("a")?.times.length,
    10_000,
  );
});

const ROW_ERRORS: readonly (readonly [string, unknown, string, string])[] = [
  ["a row that is no object", [7], "reading-type", "/0"],
  ["a row that is null", [null], "reading-type", "/0"],
  ["a row that is an array", { readings: [[1]] }, "reading-type", "/readings/0"],
  ["a field that no reading has", [{ ...row, unit: "m" }], "unknown-field", "/0"],
  ["__proto__", JSON.parse('[{"stream":"a","value":1,"__proto__":1}]'), "unknown-field", "/0"],
  ["a time that is none", { readings: [row, { ...row, time: "x" }] }, "time", "/readings/1"],
  ["a value that is text", [{ ...row, value: "1" }], "value-text", "/0"],
  ["one reading that is wrong", { ...row, value: "1" }, "value-text", ""],
  ["a cell that is text", { t: [1], series: { a: ["x"] } }, "value-text", "/series/a/0"],
  ["a time of a column", { t: [null], series: { a: [1] } }, "time", "/series/a/0"],
  [
    "a time past the year 9999",
    { t0: 253_402_300_799_999, step: 1, series: { a: [null, 1] } },
    "time",
    "/series/a/1",
  ],
  ["a column's name", { t: [1], series: { "A/b": [1] } }, "stream-name", "/series/A~1b/0"],
  ["no time and no name", { series: { a: [1] } }, "time-or-key-required", "/series/a/0"],
];

for (const [what, body, code, pointer] of ROW_ERRORS)
  test(`parseReadings() rejects ${what} alone, as ${code}`, () => {
    const { readings } = parsed(body);
    assert.equal(readings.rejected, 1);
    assert.deepEqual([readings.errors[0]?.code, readings.errors[0]?.pointer], [code, pointer]);
  });

test("P9 parseReadings() answers any JSON, and never throws", () => {
  const names = [
    "device",
    "boot",
    "seq",
    "sent",
    "t",
    "t0",
    "step",
    "series",
    "readings",
    "stream",
  ];
  const field = fc.constantFrom(...names, "value", "time", "__proto__", "constructor");
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<unknown>(null, true, 0, -1, 1, 1.5, 1e300, "", "a", "boat-1"),
      fc.array(tie("json"), { maxLength: 4 }),
      fc.dictionary(field, tie("json"), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(json, fc.option(fc.string()), (body, key) => {
      const result = parseReadings(body, DEVICE, key);
      assert.ok(result.ok || [400, 413].includes(result.error.status));
    }),
    { numRuns: 2000 },
  );
});
