// What is each value that a device may send taken for? A reading, or an error with its own code.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../../../edge/limits.ts";
import { ReadingCollector } from "../../../../edge/telemetry/reading-collector.ts";

const AT = { pointer: "/readings/0", index: 0 };

function codeOf(name: unknown, value: unknown, timeMs: number | null | "bad"): string {
  const collector = new ReadingCollector(false);
  collector.take(name, value, timeMs, AT);
  assert.equal(collector.rejected, collector.errors.length);
  return collector.errors[0]?.code ?? "taken";
}

const CASES: readonly (readonly [unknown, unknown, number | null | "bad", string])[] = [
  ["depth_m", 1.5, 0, "taken"],
  ["depth_m", true, 0, "taken"],
  ["constructor", 1, 0, "taken"],
  ["a".repeat(64), 1, 0, "taken"],
  ["a".repeat(65), 1, 0, "stream-name"],
  ["", 1, 0, "stream-name"],
  ["Depth", 1, 0, "stream-name"],
  ["9depth", 1, 0, "stream-name"],
  ["__proto__", 1, 0, "stream-name"],
  ["depth_m\n", 1, 0, "stream-name"],
  [7, 1, 0, "stream-name"],
  [undefined, 1, 0, "stream-name"],
  ["depth_m", null, 0, "value-missing"],
  ["depth_m", undefined, 0, "value-missing"],
  ["depth_m", "1.5", 0, "value-text"],
  ["depth_m", {}, 0, "value-type"],
  ["depth_m", [1], 0, "value-type"],
  ["depth_m", Infinity, 0, "value-not-finite"],
  ["depth_m", NaN, 0, "value-not-finite"],
  ["depth_m", 1e-30, 0, "taken"],
  ["depth_m", 1e-31, 0, "value-too-fine"],
  ["depth_m", 5e-324, 0, "value-too-fine"],
  ["depth_m", 1.7976931348623157e308, 0, "taken"],
  ["depth_m", 1, "bad", "time"],
  ["depth_m", 1, null, "time-or-key-required"],
  ["Depth", "text", "bad", "stream-name"],
];

for (const [name, value, timeMs, code] of CASES)
  test(`take() says ${code} for ${JSON.stringify(name)?.slice(0, 12)} = ${String(value)} at ${timeMs}`, () =>
    assert.equal(codeOf(name, value, timeMs), code));

test("take() keeps minus zero as zero and booleans as 0 and 1", () => {
  const collector = new ReadingCollector(false);
  collector.take("depth_m", -0, 1, AT);
  collector.take("door", true, 1, AT);
  collector.take("door", false, 2, AT);
  assert.ok(Object.is(collector.timed.get("depth_m")?.values[0], 0));
  assert.deepEqual(collector.timed.get("door")?.values, [1, 0]);
  assert.equal(collector.timed.get("door")?.kind, "boolean");
});

test("take() says type-mixed for a boolean among a stream's numbers, and keeps the numbers", () => {
  const collector = new ReadingCollector(false);
  collector.take("depth_m", 1, 1, AT);
  collector.take("depth_m", true, 2, AT);
  assert.deepEqual(
    collector.errors.map(({ code }) => code),
    ["type-mixed"],
  );
  assert.deepEqual(collector.timed.get("depth_m")?.values, [1]);
});

test("take() allows one reading a stream without a time if the batch is named, then says time-required", () => {
  const collector = new ReadingCollector(true);
  for (const name of ["door", "hatch", "door"]) collector.take(name, 1, null, AT);
  assert.deepEqual([...collector.timeless.keys()], ["door", "hatch"]);
  assert.deepEqual(
    collector.errors.map(({ code, stream }) => [code, stream]),
    [["time-required", "door"]],
  );
});

for (const timeMs of [5, null]) {
  test(`take() says too-many-streams past the bound, with time ${timeMs}`, () => {
    const collector = new ReadingCollector(true);
    for (let i = 0; i < limits.streamsPerDeviceMax; i += 1) collector.take(`s${i}`, 1, timeMs, AT);
    assert.equal(collector.rejected, 0);
    collector.take("one_more", 1, timeMs, AT);
    collector.take("s0", 1, 6, AT);
    assert.deepEqual(
      collector.errors.map(({ code }) => code),
      ["too-many-streams"],
    );
  });
}

test("reject() counts every value, and lists no more than errorsListedMax", () => {
  const collector = new ReadingCollector(false);
  for (let i = 0; i < 100; i += 1)
    collector.take("x".repeat(500).toUpperCase(), 1, 0, { ...AT, index: i });
  assert.equal(collector.rejected, 100);
  assert.equal(collector.errors.length, limits.errorsListedMax);
  assert.equal(collector.errors[0]?.stream?.length, 80);
});

test("takeColumn() does what take() does for each value that is there", () => {
  const numbers = [0, -0, 1, 2.5, 10.44, 1e15, 1e-30, 1e-31, 5e-324, 1.7e308, Infinity, NaN];
  const others = [true, false, null, "1", {}, undefined];
  const value = fc.oneof(fc.constantFrom<unknown>(...numbers), fc.constantFrom<unknown>(...others));
  const time = fc.constantFrom<number | null | "bad">(null, "bad", 0, 5, 5, 9);
  const column = fc.record({
    name: fc.constantFrom("a", "b", "constructor", "A"),
    cells: fc.array(fc.tuple(value, time), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(column, { maxLength: 4 }), fc.boolean(), (columns, mayLackTime) => {
      const [together, single] = [true, true].map(() => new ReadingCollector(mayLackTime));
      assert.ok(together !== undefined && single !== undefined);
      for (const { name, cells } of columns) {
        const present = cells.filter(([given]) => given !== null).length;
        const at = { pointer: name, index: 0 };
        const values = cells.map(([given]) => given);
        const times = cells.map(([, timeMs]) => timeMs);
        assert.equal(together.takeColumn(name, values, times, at), present);
        for (const [index, [given, timeMs]] of cells.entries())
          if (given !== null) single.take(name, given, timeMs, { pointer: name, index });
      }
      assert.deepEqual(together, single);
    }),
    { numRuns: 2_000 },
  );
});
