// Goal: what is encoded comes back, and no bytes whatever make a decoder throw or hang.
// Method: round trips on generated values; mutated good frames and random bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeReadingSet } from "../../sync/crdt/reading-set.ts";
import { decodeBatches, encodeBatches } from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { decodeDownFrame, encodeDownFrame, type DownFrame } from "../../sync/wire/down-frame.ts";
import type { Group, Position } from "../../sync/wire/frame.ts";
import { decodeUpFrame, encodeUpFrame, type UpFrame } from "../../sync/wire/up-frame.ts";
import { readingBatch } from "../support/arbitraries.ts";
import { dictionaryOf } from "../support/wire.ts";

const time = fc.integer({ min: 0, max: 253_402_300_799_999 });
const digest = fc.integer({ min: 0, max: 0xffffffff });
const position: fc.Arbitrary<Position> = fc.record(
  { seq: fc.nat(1_000_000), digest },
  { noNullPrototype: true },
);
/** Keys of any script; the length keeps them below the bound in bytes. */
const key = fc.string({ unit: "binary", maxLength: 40 });
const groups: fc.Arbitrary<Group[]> = fc.array(
  fc.record(
    {
      collection: fc.integer({ min: 1, max: 255 }),
      kind: fc.nat(255),
      keys: fc.array(key, { maxLength: 6 }),
      // A group of no entries has no bytes to spare for its count in the decoder's bound.
      body: fc.uint8Array({ minLength: 4, maxLength: 30 }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 4 },
);
const bodies = fc.array(fc.tuple(time, fc.uint8Array({ minLength: 1, maxLength: 40 })), {
  maxLength: 10,
});

const upFrame: fc.Arbitrary<UpFrame> = fc
  .tuple(position, position, fc.nat(1_000), time, bodies, groups, fc.boolean(), fc.nat())
  .map(([from, ack, ahead, sentMs, list, said, isKeyless, link]) => {
    const log = list.map(([stampMs, body], i) => ({ seq: from.seq + i + 1, stampMs, body }));
    const to = from.seq + log.length + said.length;
    return {
      speaker: { kind: "link", link },
      floor: 1,
      head: to + ahead,
      sentMs,
      from,
      to,
      ack,
      isKeyless,
      log,
      groups: said,
    };
  });

const downFrame: fc.Arbitrary<DownFrame> = fc
  .tuple(position, fc.nat(9), fc.nat(9), fc.nat(9), time, groups, fc.boolean())
  .map(([at, from, more, ahead, hubNowMs, said, isTold]) => {
    const horizon = { seq: more, stamp: { wallMs: hubNowMs, logical: ahead }, known: from };
    const state = {
      from,
      to: from + more,
      head: from + more + ahead,
      stable: more,
      horizon: from === 0 ? horizon : null,
      groups: said,
    };
    return { outcome: "applied", link: ahead, at, hubNowMs, state: isTold ? state : null };
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

test("frames come back, both ways, whatever keys are held, and equal frames have equal bytes", () => {
  fc.assert(
    fc.property(upFrame, downFrame, fc.array(key, { maxLength: 5 }), (up, down, list) => {
      const held = [...new Set(list)];
      const bytes = encodeUpFrame(up, dictionaryOf(held), held.length);
      const read = decodeUpFrame(bytes, () => dictionaryOf(held));
      assert.ok(read.ok);
      const { newKeys, version, ...value } = read.value;
      assert.deepEqual(value, up);
      assert.deepEqual([newKeys === null, version], [up.groups.length === 0, 1]);
      assert.deepEqual(encodeUpFrame({ ...up }, dictionaryOf(held), held.length), bytes);
      const answer = decodeDownFrame(
        encodeDownFrame(down, dictionaryOf(held), held.length),
        dictionaryOf(held),
      );
      assert.ok(answer.ok);
      assert.deepEqual({ ...answer.value, newKeys: null }, { ...down, newKeys: null });
    }),
  );
});

test("a decoder answers any bytes with a value or an error", () => {
  const decoders = [
    (bytes: Uint8Array) => decodeUpFrame(bytes),
    (bytes: Uint8Array) => decodeDownFrame(bytes),
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
    speaker: { kind: "link", link: 7 },
    floor: 1,
    head: 1,
    sentMs: 5,
    from: { seq: 0, digest: 0 },
    to: 1,
    ack: { seq: 0, digest: 0 },
    isKeyless: false,
    log: [{ seq: 1, stampMs: 5, body: Uint8Array.of(0) }],
    groups: [],
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

test("whole numbers come back, and are written as their definition says: 7 bits a byte, lowest first", () => {
  const bits = fc.integer({ min: 0, max: 53 }).map((exponent) => 2 ** exponent);
  const near = fc.tuple(bits, fc.integer({ min: -2, max: 2 })).map(([power, by]) => power + by);
  const whole = fc
    .oneof(near, fc.maxSafeNat())
    .filter((value) => value >= 0 && Number.isSafeInteger(value));
  fc.assert(
    fc.property(fc.array(whole, { maxLength: 5 }), fc.array(fc.boolean()), (values, isNegative) => {
      const writer = new ByteWriter();
      const signed = values.map((value, i) => (isNegative[i] === true ? -value : value) / 2);
      const zigzags = signed.filter((value) => Number.isInteger(value)).map((value) => value + 0);
      for (const value of values) writer.varint(value);
      const expected = values.flatMap(sevenBits);
      assert.deepEqual([...writer.bytes()], expected);
      for (const value of zigzags) writer.zigzag(value);
      const reader = new ByteReader(writer.bytes());
      assert.deepEqual(
        values.map(() => reader.varint()),
        values,
      );
      assert.deepEqual(
        zigzags.map(() => reader.zigzag()),
        zigzags,
      );
      assert.deepEqual([reader.broken, reader.remaining], [false, 0]);
    }),
    { numRuns: 2_000 },
  );
});

function sevenBits(value: number): number[] {
  let rest = BigInt(value);
  const bytes: number[] = [];
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}
