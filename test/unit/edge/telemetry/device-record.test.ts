// Is a device on disk what it was in memory? Whatever is in it, in the form of today and that of
// earlier releases; and broken bytes are no device.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeDevice, encodeDevice } from "../../../../edge/telemetry/device-record.ts";
import { remember } from "../../../../edge/telemetry/batch-memory.ts";
import {
  foldStream,
  NEW_DEVICE,
  NEW_STREAM,
  type DeviceState,
} from "../../../../edge/telemetry/device-state.ts";
import { encodeText } from "../../../../sync/wire/bytes.ts";
import { sensorValue } from "../../../support/arbitraries.ts";

const NOW_MS = 1_770_000_000_000;

const identity = fc.oneof(
  fc
    .tuple(
      fc.string({ minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    )
    .map(([boot, seq]) => ({ kind: "boot" as const, boot, seq })),
  fc.string({ minLength: 1, maxLength: 40 }).map((key) => ({ kind: "key" as const, key })),
);
const hash = fc.stringMatching(/^[0-9a-f]{16}$/);
const timeMs = fc.integer({ min: 0, max: 253_402_300_799_999 });

const stream = fc
  .record({
    kind: fc.constantFrom("number" as const, "boolean" as const),
    times: fc.uniqueArray(timeMs, { maxLength: 5 }).map((all) => all.toSorted((a, b) => a - b)),
    values: fc.array(sensorValue, { minLength: 5, maxLength: 5 }),
    quarantined: fc.nat(),
    quarantineHighWaterMs: timeMs,
  })
  .map(({ kind, times, values, quarantined, quarantineHighWaterMs }) => {
    const fresh = { stream: "s", kind, times, values: values.slice(0, times.length) };
    return { ...foldStream({ ...NEW_STREAM, kind }, fresh), quarantined, quarantineHighWaterMs };
  });

const device: fc.Arbitrary<DeviceState> = fc
  .record({
    batches: fc.array(fc.tuple(identity, hash), { maxLength: 90 }),
    streams: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/), stream, {
      maxKeys: 6,
      noNullPrototype: true,
    }),
    counts: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
    lastCommitMs: timeMs,
    clockSkewMs: fc.option(fc.integer()),
  })
  .map(({ batches, streams, counts: [duplicates, conflicts, late], lastCommitMs, clockSkewMs }) => {
    const memory = batches.reduce((held, [id, own]) => remember(held, id, own), NEW_DEVICE.memory);
    return { memory, streams, duplicates, conflicts, late, lastCommitMs, clockSkewMs };
  });

test("decodeDevice() gives back what encodeDevice() took", () => {
  fc.assert(
    fc.property(device, fc.nat(), (state, seq) => {
      assert.deepEqual(decodeDevice(encodeDevice({ state, seq })), { state, seq });
    }),
    { numRuns: 200 },
  );
});

test("decodeDevice() reads the JSON that earlier releases wrote", () => {
  fc.assert(
    fc.property(device, fc.nat(), (state, seq) => {
      const json = encodeText(JSON.stringify({ seq, state }));
      assert.deepEqual(decodeDevice(json), { state, seq });
    }),
    { numRuns: 50 },
  );
});

test("decodeDevice() refuses what is cut off, longer or of another version", () => {
  fc.assert(
    fc.property(
      device,
      fc.nat(),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (state, seq, cut) => {
        const bytes = encodeDevice({ state, seq });
        assert.equal(decodeDevice(bytes.subarray(0, Math.floor(cut * bytes.length))), null);
        assert.equal(decodeDevice(Uint8Array.of(...bytes, 0)), null);
        assert.equal(decodeDevice(Uint8Array.of(2, ...bytes.subarray(1))), null);
      },
    ),
    { numRuns: 100 },
  );
});

test("a device with a window of 64 batches and four streams takes less than a kilobyte", () => {
  let { memory } = NEW_DEVICE;
  for (let seq = 1; seq <= 100; seq += 1)
    memory = remember(memory, { kind: "boot", boot: "b-20260115", seq }, "0123456789abcdef");
  const times = [NOW_MS - 20_000, NOW_MS - 10_000];
  const fresh = { stream: "s", kind: "number" as const, times, values: [21.5, 21.6] };
  const four = ["temperature_c", "humidity_pct", "pressure_hpa", "battery_v"];
  const streams = Object.fromEntries(four.map((name) => [name, foldStream(NEW_STREAM, fresh)]));
  const state = { ...NEW_DEVICE, memory, streams, lastCommitMs: NOW_MS };
  assert.ok(encodeDevice({ state, seq: 100 }).length < 1_000);
  assert.ok(JSON.stringify({ state, seq: 100 }).length > 2_000);
});
