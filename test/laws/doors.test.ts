// Goals: the schema of readings and the parser that is written by hand accept the same bodies; and
// no bytes whatever make a door for readings fail, throw or hang. Methods: bodies that are nearly
// right; and mutated requests to the real routes over a real hub, in this process.
//
// npm run fuzz:doors runs more of the second.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readingsSchema } from "../../edge/routes/readings-schema.ts";
import { parseReadings } from "../../edge/telemetry/parse-readings.ts";
import { DEVICE } from "../support/commands.ts";
import { fuzzDoors, unseenOutcomes } from "../support/fuzz-doors.ts";
import { findLines, listFiles } from "../support/repository.ts";

const BODIES = 4_000;

/** Mostly one of `good`, now and then one of `odd`. */
const mostly = <T>(good: readonly T[], odd: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
const stream = mostly(["a", "b", "constructor"], ["", "A", "a b", 7, null, "x".repeat(65)]);
const number = fc.constantFrom(1, -2.5, 1e300, 0.1);
const value = fc.oneof(
  { weight: 24, arbitrary: number },
  { weight: 1, arbitrary: fc.constantFrom(true, "x", null, {}, [], 1e-31) },
);
const time = mostly(
  [0, 1e11, 1_790_000_000_000, "2026-11-21T10:00:00Z", "1970-01-01t00:00:01.5+01:00"],
  [-1, 1.5, 1e9, 1e15, "now", true, "2026-02-30T00:00:00Z", "2026-11-21"],
);
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const named = {
  boot: mostly(["b1", 7], ["", "a b", 1.5, null]),
  seq: mostly([1, 2 ** 53 - 1], [0, -1, 1.5, "1", 2 ** 53]),
};
const batch = {
  device: some(mostly([DEVICE], [DEVICE])),
  sent: some(time),
  odd: fc.oneof(
    { weight: 30, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: number },
  ),
};
const row = fc.record({
  stream,
  value,
  time: fc.oneof(
    { weight: 20, arbitrary: time },
    { weight: 1, arbitrary: fc.constantFrom(null, undefined) },
  ),
  odd: batch.odd,
});
const rows = fc.array(row, { maxLength: 4 });
function timesOf(length: number, chance: number): Record<string, fc.Arbitrary<unknown>> {
  if (chance % 3 === 1) return { t0: time, step: mostly([1, 1_000], [0, 1.5, null, 1e9]) };
  if (chance === 3) return { t0: some(time) };
  const maxLength = length + (chance === 2 ? 1 : 0);
  return { t: fc.array(time, { minLength: length, maxLength }) };
}
const columns = fc
  .tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.uniqueArray(stream, { maxLength: 3, selector: String }),
    fc.integer({ min: 0, max: 15 }),
  )
  .chain(([length, names, chance]) =>
    fc.record({
      ...batch,
      series: fc
        .tuple(
          ...names.map(() =>
            fc.array(
              fc.oneof(
                { weight: 5, arbitrary: value },
                { weight: 1, arbitrary: fc.constant(null) },
              ),
              {
                minLength: chance === 0 ? 0 : length,
                maxLength: length,
              },
            ),
          ),
        )
        .map((cells) => Object.fromEntries(names.map((name, i) => [String(name), cells[i]]))),
      ...timesOf(length, chance),
    }),
  );
const withName = (body: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc
    .tuple(body, fc.constantFrom<Partial<typeof named>>({}, named, named, { seq: named.seq }))
    .chain(([rest, names]) =>
      fc.record<object>(names).map((identity) => ({ ...rest, ...identity })),
    );
const timeless = withName(
  fc.oneof(
    fc.record({
      series: fc.constantFrom({ a: [1] }, { a: [1], b: [true] }, { a: [1, 2] }, { a: [null] }),
    }),
    fc.record({ stream, value }),
  ),
);
const bodies: fc.Arbitrary<unknown> = fc
  .oneof(
    { weight: 4, arbitrary: withName(columns) },
    { weight: 2, arbitrary: withName(fc.record({ ...batch, readings: rows })) },
    { weight: 1, arbitrary: rows },
    {
      weight: 1,
      arbitrary: withName(fc.tuple(row, fc.record(batch)).map(([a, b]) => ({ ...a, ...b }))),
    },
    { weight: 1, arbitrary: timeless },
    { weight: 1, arbitrary: fc.jsonValue() },
  )
  // As it comes out of JSON: what is undefined is not there.
  .map((body) => JSON.parse(JSON.stringify(body)) as unknown);

/** Leaves out what stands beside no value: columns and rows of nulls, which the parser passes over. */
function pruned(body: unknown): unknown {
  const { series, t } = Object(body) as { series?: unknown; t?: unknown };
  if (typeof series !== "object" || series === null || Array.isArray(series)) return body;
  const own = Object.entries(series).filter(
    ([, column]) => !Array.isArray(column) || column.some((cell) => cell !== null),
  );
  const isEven = own.every(([, column]) => Array.isArray(column));
  const lengths = Object.values(series).map((column) => (column as unknown[]).length);
  if (!isEven || !Array.isArray(t) || lengths.some((length) => length !== t.length))
    return isEven && lengths.every((length) => length === lengths[0])
      ? { ...(body as object), series: Object.fromEntries(own) }
      : body;
  const kept = t.map((_, at) => own.some(([, column]) => (column as unknown[])[at] !== null));
  const rest = own.map(([name, column]) => [
    name,
    (column as unknown[]).filter((_, at) => kept[at]),
  ]);
  return {
    ...(body as object),
    series: Object.fromEntries(rest),
    t: t.filter((_, at) => kept[at]),
  };
}

test("the schema and the parser accept the same bodies", () => {
  let accepted = 0;
  fc.assert(
    fc.property(bodies, (body) => {
      const parsed = parseReadings(body, DEVICE, null);
      const isTaken = parsed.ok && parsed.value.readings.rejected === 0;
      const isReadings = readingsSchema.safeParse(pruned(body)).success;
      assert.equal(isReadings, isTaken, parsed.ok ? "" : parsed.error.detail);
      if (isTaken) accepted += 1;
    }),
    { numRuns: BODIES, seed: 1 },
  );
  assert.ok(accepted > BODIES / 8 && accepted < (BODIES * 4) / 5, `${accepted} were accepted`);
});

test("the schema and the parser have the same bounds", () => {
  const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
  const streams = (count: number): object => ({
    t: [1],
    series: Object.fromEntries(ones(count).map((_, i) => [`s${i}`, [i]])),
  });
  const readings = (count: number): object[] =>
    ones(count).map((_, i) => ({ stream: "a", value: i, time: i }));
  for (const [isTaken, body] of [
    [true, streams(256)],
    [false, streams(257)],
    [true, { t0: 1, step: 1, series: { a: ones(10_000) } }],
    [false, { t0: 1, step: 1, series: { a: ones(10_001) } }],
    [true, { readings: readings(10_000) }],
    [false, readings(10_001)],
    [false, [{ stream: "a", value: 1 }]],
    [true, { boot: "b".repeat(128), seq: 1, stream: "a", value: 1 }],
    [false, { boot: "b".repeat(129), seq: 1, stream: "a", value: 1 }],
  ] as const) {
    const parsed = parseReadings(body, DEVICE, null);
    assert.equal(parsed.ok && parsed.value.readings.rejected === 0, isTaken);
    assert.equal(readingsSchema.safeParse(body).success, isTaken);
  }
});

test("no Worker imports the schema, and so none carries it", () => {
  const sources = listFiles().filter((file) => /^(edge|origin|doors|sync)\/.*\.ts$/.test(file));
  assert.ok(sources.length > 50);
  assert.deepEqual(findLines(sources, /from ".*readings-schema\.ts"/), []);
});

const REQUESTS = 20_000;
const SEED = 1;

test(`P9 ${REQUESTS} mutated requests to every door are answered, and with what they were told`, async () => {
  const seen = await fuzzDoors(REQUESTS, SEED);
  assert.deepEqual(unseenOutcomes(seen), [], JSON.stringify(seen));
});
