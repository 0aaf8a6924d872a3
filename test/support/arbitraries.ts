// Generated values that the laws share: what devices really send, and what they should not.

import fc from "fast-check";
import {
  parseDeviceId,
  parseStreamName,
  type DeviceId,
  type StreamName,
} from "../../sync/brand.ts";
import type { Reading, ReadingSet } from "../../sync/crdt/reading-set.ts";
import { join } from "../../sync/crdt/reading-set.ts";
import type { BatchIdentity, Column, ReadingBatch } from "../../sync/wire/batch.ts";

/** Records with the prototype that the code under test makes. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** A legal device id. */
export function deviceId(text: string): DeviceId {
  const device = parseDeviceId(text);
  if (device === null) throw new TypeError(`Not a device id: ${text}`);
  return device;
}

/** A legal stream name. */
export function streamName(text: string): StreamName {
  const stream = parseStreamName(text);
  if (stream === null) throw new TypeError(`Not a stream: ${text}`);
  return stream;
}

/** Sensor values: decimals as instruments print them, whole numbers, and raw doubles. */
export const sensorValue: fc.Arbitrary<number> = fc
  .oneof(
    fc
      .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 0, max: 6 }))
      .map(([m, s]) => m / 10 ** s),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
    fc.constantFrom(0, 0.1, -0.1, 1e-7, 1e21, 2 ** 53, 4.9e-20),
  )
  .map((value) => value + 0);

/** Readings of a stream on a small grid of times, so that sets overlap. */
export const readingSet: fc.Arbitrary<ReadingSet> = fc
  .array(
    record({
      timeMs: fc.integer({ min: 0, max: 20 }),
      stampMs: fc.integer({ min: 0, max: 5 }),
      kind: fc.constantFrom("number" as const, "boolean" as const),
      value: fc.constantFrom(0, 1, 2.5),
      isContested: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((readings) =>
    readings
      .map((reading): Reading =>
        reading.kind === "boolean" ? { ...reading, value: reading.value === 0 ? 0 : 1 } : reading,
      )
      .reduce<ReadingSet>((set, reading) => join(set, [reading]), []),
  );

const identity: fc.Arbitrary<BatchIdentity> = fc.oneof(
  fc.constant({ kind: "none" as const }),
  record({
    kind: fc.constant("boot" as const),
    boot: fc.stringMatching(/^[a-z0-9]{1,20}$/),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  }),
  record({ kind: fc.constant("key" as const), key: fc.stringMatching(/^[a-z0-9-]{1,40}$/) }),
);

const ROWS_MAX = 30;

const times: fc.Arbitrary<number[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 253_402_300_799_999 }), {
    minLength: 1,
    maxLength: ROWS_MAX,
  })
  .map((list) => list.toSorted((a, b) => a - b));

/** What a column is made of once the number of rows is known; `presence` has a bit a row. */
interface RawColumn {
  readonly name: string;
  readonly kind: "number" | "boolean";
  readonly presence: number;
  readonly values: readonly number[];
}

const rawColumn: fc.Arbitrary<RawColumn> = record({
  name: fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/),
  kind: fc.constantFrom("number" as const, "boolean" as const),
  presence: fc.oneof(fc.constant(2 ** ROWS_MAX - 1), fc.nat(2 ** ROWS_MAX - 1)),
  values: fc.array(sensorValue, { minLength: ROWS_MAX, maxLength: ROWS_MAX, size: "max" }),
});

/** A batch as the wire allows it. Built flat: chained arbitraries cost ten milliseconds a batch. */
export const readingBatch: fc.Arbitrary<ReadingBatch> = record({
  device: fc.stringMatching(/^[A-Za-z0-9._-]{3,64}$/).map(deviceId),
  identity,
  contentHash: fc.stringMatching(/^[0-9a-f]{16}$/),
  isTimeAssigned: fc.boolean(),
  times,
  columns: fc.uniqueArray(rawColumn, { maxLength: 6, selector: ({ name }) => name }),
}).map(({ columns, ...batch }) => ({
  ...batch,
  columns: columns
    .map((column) => columnOf(column, batch.times.length))
    .toSorted((a, b) => (a.stream < b.stream ? -1 : 1)),
}));

function columnOf({ name, kind, presence, values }: RawColumn, rowCount: number): Column {
  const all = Array.from({ length: rowCount }, (_, row) => row);
  const present = all.filter((row) => (presence >> row) & 1);
  const rows = present.length === 0 ? all : present;
  const own = values.slice(0, rows.length);
  return {
    stream: streamName(name),
    kind,
    rows,
    values: kind === "boolean" ? own.map((value) => (value > 0 ? 1 : 0)) : own,
  };
}
