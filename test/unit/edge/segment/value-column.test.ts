// Which codec wins for which values, and does each give them back to the bit?

import assert from "node:assert/strict";
import { test } from "node:test";
import { scalings } from "../../../../edge/segment/scale.ts";
import {
  readValueColumn,
  writeValueColumn,
  type Deflate,
  type Inflate,
} from "../../../../edge/segment/value-column.ts";
import { ByteReader, ByteWriter } from "../../../../sync/wire/bytes.ts";

/** A deflate that nothing beats: it keeps the bytes itself. */
let kept = new Uint8Array(0);
const deflate: Deflate = (bytes) => {
  kept = Uint8Array.from(bytes);
  return Uint8Array.of(7);
};
const inflate: Inflate = (bytes, bytesMax) =>
  bytes[0] === 7 && kept.length <= bytesMax ? kept : null;

function roundTrip(kind: "number" | "boolean", values: Float64Array, own?: Deflate): Uint8Array {
  const writer = new ByteWriter();
  writeValueColumn(writer, kind, values, kind === "number" ? scalings(values) : [], own);
  const reader = new ByteReader(writer.bytes());
  const back = readValueColumn(reader, kind, values.length, Math.min(...values), inflate);
  assert.ok(!reader.broken && reader.remaining === 0);
  assert.deepEqual(back, values);
  return writer.bytes();
}

function values(count: number, at: (index: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => at(index));
}

/** Digits that no rule predicts. */
function noise(index: number): number {
  let mixed = Math.imul(index + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

test("a value that never changes takes its codec's number alone, a minus zero eight bytes more", () => {
  assert.deepEqual(
    [
      ...roundTrip(
        "number",
        values(100, () => 20.5),
      ),
    ],
    [0],
  );
  assert.deepEqual(
    [
      ...roundTrip(
        "boolean",
        values(100, () => 1),
      ),
    ],
    [0],
  );
  assert.equal(
    roundTrip(
      "number",
      values(100, () => -0),
    ).length,
    9,
  );
});

test("decimals are stored as decimals, also with a few among them that are none", () => {
  const tenths = values(500, (at) => Math.round(200 + 20 * noise(at)) / 10);
  assert.equal(roundTrip("number", tenths)[0], 1);
  const mixed = tenths.slice();
  mixed.set([-0, 1e300, 5e-324, 0.1 + 0.2], 100);
  const bytes = roundTrip("number", mixed);
  assert.equal(bytes[0], 1);
  assert.ok(bytes.length < roundTrip("number", tenths).length + 60);
});

test("a wide step costs no more than a narrow one", () => {
  const steps = (step: number): number =>
    roundTrip(
      "number",
      values(500, (at) => (Math.floor(noise(at) * 20) * step + 3) / 100),
    ).length;
  assert.ok(Math.abs(steps(1) - steps(25)) <= 4);
});

test("positions printed as degrees cost what their thousandths of a minute cost", () => {
  const minutes = values(500, (at) => 3_600_000 + Math.floor(noise(at) * 30));
  const degrees = minutes.map((thousandths) => Math.round((thousandths / 60_000) * 1e6) / 1e6);
  const bytes = roundTrip("number", degrees);
  assert.equal(bytes[2], 4);
  assert.ok(bytes.length <= roundTrip("number", minutes).length + 8);
});

test("a deflate that beats the others is used, and needs its inflate", () => {
  const bytes = roundTrip(
    "number",
    values(500, noise).map((value) => Math.round(value * 1e6) / 10),
    deflate,
  );
  assert.equal(bytes[0], 2);
  const reader = new ByteReader(bytes);
  readValueColumn(reader, "number", 500, 0, undefined);
  assert.ok(reader.broken);
});

test("doubles of few bits are stored as their differences", () => {
  const few = values(500, (at) => 1 + Math.floor(noise(at) * 2 ** 12) * 2 ** -51);
  assert.equal(roundTrip("number", few)[0], 3);
});

test("doubles that wander are stored in halves, both signs", () => {
  const wandering = values(500, (at) => Math.sin(at / 50) * 3 + noise(at) / 100);
  assert.equal(roundTrip("number", wandering)[0], 4);
});

test("doubles that are noise are stored as they are", () => {
  const view = new DataView(new ArrayBuffer(8));
  const random = values(500, (at) => {
    view.setUint32(0, Math.floor(noise(2 * at) * 0x7ff00000) + (at % 2) * 0x80000000);
    view.setUint32(4, Math.floor(noise(2 * at + 1) * 2 ** 32));
    return view.getFloat64(0);
  });
  const bytes = roundTrip("number", random);
  assert.ok(bytes.length <= 1 + 500 * 8);
});

test("booleans are stored as bits, or as what the ones before make likely", () => {
  assert.equal(
    roundTrip(
      "boolean",
      values(64, (at) => Number(noise(at) > 0.5)),
    )[0],
    6,
  );
  const periodic = roundTrip(
    "boolean",
    values(4_000, (at) => Number(at % 5 < 2)),
  );
  assert.equal(periodic[0], 7);
  assert.ok(periodic.length < 40);
});

test("readValueColumn() refuses the codec of another kind", () => {
  for (const [codec, kind] of [
    [6, "number"],
    [1, "boolean"],
    [8, "number"],
    [255, "boolean"],
  ] as const) {
    const reader = new ByteReader(Uint8Array.of(codec, 0, 0, 0, 0, 0));
    readValueColumn(reader, kind, 4, 0, undefined);
    assert.ok(reader.broken);
  }
});
