// What does a SenML pack say? The vectors: RFC 8428's own examples, and what its text says of base
// fields, times and names, as far as it concerns one device.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../edge/limits.ts";
import { parseSenml } from "../../../../edge/telemetry/parse-senml.ts";
import { DEVICE } from "../../../support/commands.ts";
import { readFile } from "../../../support/repository.ts";

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly pack: unknown;
  /** The Idempotency-Key; "k" unless given. */
  readonly key?: string | null;
  readonly timed?: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  /** Value by stream of what is roughly now. */
  readonly timeless?: Readonly<Record<string, number>>;
  readonly isRelative?: boolean;
  /** Index and code of each. */
  readonly errors?: readonly (readonly [number, string])[];
  /** Pointer of the problem of the whole pack. */
  readonly problem?: string;
}

const NOW_MS = 1_790_000_000_000;
const vectors = ["rfc8428", "resolution"].flatMap(
  (file) => JSON.parse(readFile(`test/vectors/senml/${file}.json`)) as Vector[],
);

for (const vector of vectors)
  test(`${vector.source}: ${vector.name}`, () => {
    const { key = "k", timed = {}, timeless = {}, errors = [], isRelative = false } = vector;
    const result = parseSenml(vector.pack, DEVICE, key, NOW_MS);
    if (vector.problem !== undefined) {
      assert.ok(!result.ok);
      const { status, errors: named } = result.error;
      assert.deepEqual([status, named?.[0]?.pointer], [400, vector.problem]);
      return;
    }
    assert.ok(result.ok);
    const { readings } = result.value;
    const held = [...readings.timed].map(([stream, { times, values }]) => [
      stream,
      times.map((time, i) => [time, values[i]]),
    ]);
    assert.deepEqual(Object.fromEntries(held), timed);
    const now = [...readings.timeless].map(([stream, { values }]) => [stream, values[0]]);
    assert.deepEqual(Object.fromEntries(now), timeless);
    assert.deepEqual(
      readings.errors.map(({ index, code }) => [index, code]),
      errors,
    );
    assert.equal(result.value.isRelative, isRelative);
    assert.equal(readings.rejected, errors.length);
  });

test("a pack of too many records is refused as a whole, one of none as well", () => {
  const record = { n: "a", t: 1_500_000_000, v: 1 };
  const many = Array.from({ length: limits.readingsPerRequestMax + 1 }, () => record);
  for (const [pack, status] of [
    [many, 413],
    [[], 400],
    [[{ bn: "a" }], 400],
    [[7], 400],
  ] as const) {
    const result = parseSenml(pack, DEVICE, null, NOW_MS);
    assert.deepEqual([result.ok, !result.ok && result.error.status], [false, status]);
  }
});

test("a value past a double's range and a time that is none reject their reading alone", () => {
  const pack = JSON.parse(
    '[{"n":"a","v":1e999},{"n":"a","t":1e12,"v":1},{"n":"a","t":-2e9,"v":1}]',
  ) as unknown;
  const result = parseSenml(pack, DEVICE, "k", NOW_MS);
  assert.ok(result.ok);
  assert.deepEqual(
    result.value.readings.errors.map(({ code }) => code),
    ["value-not-finite", "time", "time"],
  );
});
