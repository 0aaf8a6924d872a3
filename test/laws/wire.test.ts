// Goal: what is encoded comes back, and no bytes whatever make a decoder throw or hang.
// Method: round trips on generated values; mutated good frames and random bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseReplicaId } from "../../sync/brand.ts";
import { decodeReadingSet } from "../../sync/crdt/reading-set.ts";
import { decodeBatches, encodeBatches } from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import {
  decodeDownFrame,
  decodeUpFrame,
  encodeDownFrame,
  encodeUpFrame,
  type UpFrame,
} from "../../sync/wire/frame.ts";
import { readingBatch } from "../support/arbitraries.ts";

const replica = parseReplicaId("hel/00-ff");
assert.ok(replica !== null);

const whole = fc.integer({ min: 0, max: 253_402_300_799_999 });
const upFrame: fc.Arbitrary<UpFrame> = fc
  .record({
    replicaEpoch: fc.integer({ min: 1, max: 0xffffffff }),
    from: fc.nat(1000),
    ahead: fc.nat(1000),
    sentMs: whole,
    bodies: fc.array(fc.tuple(whole, fc.uint8Array({ maxLength: 40 })), { maxLength: 10 }),
  })
  .map(({ replicaEpoch, from, ahead, sentMs, bodies }) => {
    const entries = bodies.map(([stampMs, body], i) => ({ seq: from + i + 1, stampMs, body }));
    const to = from + entries.length;
    return {
      replica,
      replicaEpoch,
      floor: 1,
      head: to + ahead,
      sentMs,
      interval: { from, to, entries },
    };
  });

test("varints and zigzags give back every safe integer, in their shortest form only", () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }),
      (natural, signed) => {
        const writer = new ByteWriter();
        writer.varint(natural);
        writer.zigzag(signed);
        const reader = new ByteReader(writer.bytes());
        assert.deepEqual(
          [reader.varint(), reader.zigzag(), reader.broken, reader.remaining],
          [natural, signed, false, 0],
        );
      },
    ),
  );
  const padded = new ByteReader(Uint8Array.of(0x80, 0x00));
  padded.varint();
  assert.equal(padded.broken, true);
});

test("decodeBatches() gives back what encodeBatches() took", () => {
  fc.assert(
    fc.property(fc.array(readingBatch, { maxLength: 4 }), (batches) => {
      assert.deepEqual(decodeBatches(encodeBatches(batches)), { ok: true, value: batches });
    }),
  );
});

test("frames come back, both ways, and equal frames have equal bytes", () => {
  fc.assert(
    fc.property(upFrame, fc.maxSafeNat(), whole, (frame, cursor, hubNowMs) => {
      assert.deepEqual(decodeUpFrame(encodeUpFrame(frame)), { ok: true, value: frame });
      assert.deepEqual(encodeUpFrame(frame), encodeUpFrame({ ...frame }));
      const down = {
        outcome: "applied" as const,
        replicaEpoch: frame.replicaEpoch,
        cursor,
        hubNowMs,
      };
      assert.deepEqual(decodeDownFrame(encodeDownFrame(down)), { ok: true, value: down });
    }),
  );
});

test("a decoder answers any bytes with a value or an error", () => {
  const decoders = [
    decodeUpFrame,
    decodeDownFrame,
    decodeBatches,
    (bytes: Uint8Array) => decodeReadingSet(bytes, 4096),
  ];
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(readingBatch, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([batch, edits]) => mutate(encodeBatches([batch]), edits)),
    fc
      .tuple(upFrame, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([frame, edits]) => reseal(mutate(encodeUpFrame(frame), edits))),
  );
  fc.assert(
    fc.property(frames, (bytes) => {
      for (const decode of decoders) assert.equal(typeof decode(bytes).ok, "boolean");
    }),
    { numRuns: 3000 },
  );
});

test("each single flipped bit of a frame is found by its checksum", () => {
  const frame = encodeUpFrame({
    replica,
    replicaEpoch: 7,
    floor: 1,
    head: 1,
    sentMs: 5,
    interval: { from: 0, to: 1, entries: [{ seq: 1, stampMs: 5, body: Uint8Array.of(0) }] },
  });
  for (let bit = 0; bit < frame.length * 8; bit += 1) {
    const flipped = frame.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(decodeUpFrame(flipped).ok, false, `bit ${bit}`);
  }
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

function mutate(bytes: Uint8Array, edits: readonly (readonly [number, number])[]): Uint8Array {
  const mutated = bytes.slice();
  for (const [at, value] of edits) if (mutated.length > 0) mutated[at % mutated.length] = value;
  return mutated;
}

/** Puts the right checksum behind mutated bytes, so that the decoder behind it is reached. */
function reseal(frame: Uint8Array): Uint8Array {
  const body = frame.slice(0, -4);
  const writer = new ByteWriter();
  writer.raw(body);
  writer.uint32(crc32c(body));
  return writer.bytes();
}
