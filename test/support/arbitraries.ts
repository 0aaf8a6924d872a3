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

const times: fc.Arbitrary<number[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 253_402_300_799_999 }), { minLength: 1, maxLength: 30 })
  .map((list) => list.toSorted((a, b) => a - b));

/** A batch as the wire allows it. */
export const readingBatch: fc.Arbitrary<ReadingBatch> = times.chain((batchTimes) =>
  record({
    device: fc.stringMatching(/^[A-Za-z0-9._-]{3,64}$/).map(deviceId),
    identity,
    contentHash: fc.stringMatching(/^[0-9a-f]{16}$/),
    isTimeAssigned: fc.boolean(),
    times: fc.constant(batchTimes),
    columns: fc
      .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), { maxLength: 6 })
      .chain((names) =>
        fc.tuple(...names.toSorted().map((name) => column(name, batchTimes.length))),
      ),
  }),
);

function column(name: string, rowCount: number): fc.Arbitrary<Column> {
  return fc
    .tuple(
      fc.boolean(),
      fc.subarray(
        Array.from({ length: rowCount }, (_, i) => i),
        { minLength: 1 },
      ),
    )
    .chain(([isBoolean, rows]) =>
      record({
        stream: fc.constant(streamName(name)),
        kind: fc.constant(isBoolean ? ("boolean" as const) : ("number" as const)),
        rows: fc.constant(rows),
        values: fc.array(isBoolean ? fc.constantFrom(0, 1) : sensorValue, {
          minLength: rows.length,
          maxLength: rows.length,
        }),
      }),
    );
}
