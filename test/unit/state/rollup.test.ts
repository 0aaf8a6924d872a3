// Do aggregates come back as they were, exact sums and all, and is what is not one refused?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addPart, decodeRollup, encodeRollup, type Rollup } from "../../../state/rollup.ts";
import { fold } from "../../../sync/crdt/aggregate.ts";
import { sensorValue } from "../../support/arbitraries.ts";

const START = 1_800_000_000_000;

const rollup: fc.Arbitrary<Rollup> = fc
  .array(
    fc.tuple(
      fc.constantFrom("a", "constructor", "depth_m"),
      fc.nat(59),
      fc.array(fc.oneof(sensorValue, fc.double({ noNaN: true, noDefaultInfinity: true })), {
        minLength: 1,
        maxLength: 5,
      }),
    ),
    { maxLength: 40 },
  )
  .map((drawn) => {
    const made: Rollup = new Map();
    for (const [stream, part, values] of drawn) {
      const times = values.map((_, at) => START + part * 60_000 + at);
      addPart(made, stream, part, fold(times, values));
    }
    return made;
  });

const plain = (from: Rollup | null): unknown =>
  from === null
    ? null
    : [...from]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([stream, parts]) => [stream, [...parts].toSorted(([a], [b]) => a - b)]);

test("a rollup comes back as it was", () => {
  fc.assert(
    fc.property(rollup, (made) => {
      assert.deepEqual(plain(decodeRollup(encodeRollup(made, START), START)), plain(made));
    }),
  );
});

test("P9 what is not a rollup is refused, or read within bounds, and nothing is thrown", () => {
  fc.assert(
    fc.property(rollup, fc.nat(), fc.nat(255), (made, at, byte) => {
      const bytes = encodeRollup(made, START);
      bytes[at % bytes.length] = byte;
      const read = decodeRollup(bytes, START);
      assert.ok(read === null || read.size <= 256);
      assert.equal(decodeRollup(bytes.subarray(0, at % bytes.length), START), null);
    }),
  );
});

test("a minute of six readings of a sensor takes at most fourteen bytes", () => {
  const made: Rollup = new Map();
  for (let minute = 0; minute < 60; minute += 1) {
    const times = Array.from({ length: 6 }, (_, at) => START + minute * 60_000 + at * 10_000);
    const values = times.map((_, at) => (2_000 + ((minute * 7 + at * 3) % 40)) / 100);
    addPart(made, "temperature", minute, fold(times, values));
  }
  const { length } = encodeRollup(made, START);
  assert.ok(length <= 60 * 14, `${length}`);
});
