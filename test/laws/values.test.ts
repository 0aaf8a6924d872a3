// Goal: every value that a replica may hold comes back from its codec, and no bytes whatever make a
// reader throw, take much room, or accept a second form of the same value.
// Method: for each codec round trips of generated columns; all prefixes, mutations and random bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LOGICAL_MAX } from "../../sync/clock/hlc.ts";
import type { Alert } from "../../sync/crdt/alert.ts";
import { countComponent, observe, type CountComponent } from "../../sync/crdt/counts.ts";
import { BUCKETS_MAX } from "../../sync/crdt/histogram.ts";
import type { LwwRegister, Scalar } from "../../sync/crdt/lww-register.ts";
import * as mvRegister from "../../sync/crdt/mv-register.ts";
import type { StarEdgeEntry, StarHubEntry, StarOp } from "../../sync/crdt/star-map.ts";
import type { Versioned } from "../../sync/crdt/versioned.ts";
import { decimalOf, isSummable } from "../../sync/decimal.ts";
import { CONTENT_BYTES_MAX, STRING_BYTES_MAX, TIME_MS_MAX } from "../../sync/limits.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import {
  listCodec,
  mapCodec,
  naturalCodec,
  recordCodec,
  unitCodec,
  type Codec,
} from "../../sync/wire/values.ts";
import {
  alertCodec,
  countComponentCodec,
  pnComponentCodec,
  versionedCodec,
} from "../../sync/wire/values/records.ts";
import {
  isStorable,
  lwwRegisterCodec,
  mvRegisterCodec,
  nameCodec,
  numberCodec,
} from "../../sync/wire/values/scalars.ts";
import {
  optionalCodec,
  starEdgeCodec,
  starHubCodec,
  starUpCodec,
} from "../../sync/wire/values/star.ts";
import { sensorValue } from "../support/arbitraries.ts";

function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const natural = fc.oneof(fc.nat(300), fc.maxSafeNat());
const text = fc.string({ unit: "binary", maxLength: 40 });
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
const number = fc.oneof(
  sensorValue,
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.constantFrom(2 ** 52, 2 ** 52 - 1, -(2 ** 52), -(2 ** 52) - 1, 2 ** 53, Number.MIN_VALUE),
);
const scalar: fc.Arbitrary<Scalar> = fc.oneof(fc.constant(null), fc.boolean(), number, text);
const stamp = record({
  wallMs: fc.oneof(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }), fc.nat(9)),
  logical: fc.nat(LOGICAL_MAX),
});
const lww: fc.Arbitrary<LwwRegister> = fc
  .tuple(stamp, fc.option(scalar, { nil: undefined }))
  .map(([at, value]) => ({ stamp: at, value: value ?? null, isDeleted: value === undefined }));
const mv = fc
  .array(
    record({ life: fc.constantFrom("a#1", "a#12", "b@x#1", "é#1"), value: scalar, to: fc.nat(2) }),
  )
  .map((writes) => {
    const { bottom, join } = mvRegister.mvRegister;
    const states = [bottom, bottom, bottom];
    for (const { life, value, to } of writes) {
      const state = states[to] ?? bottom;
      states[to] = join(state, mvRegister.write(state, `${life}${to}`, value));
    }
    return states.reduce(join, bottom);
  });
const counted: fc.Arbitrary<CountComponent> = fc
  .array(fc.oneof({ weight: 9, arbitrary: sensorValue.filter(isSummable) }, fc.constant(-0)), {
    minLength: 1,
    maxLength: 30,
  })
  .map((values) =>
    values.reduce((held, value) => observe(held, value, decimalOf(value)), countComponent.bottom),
  );
const alert: fc.Arbitrary<Alert> = record({
  episode: natural,
  rank: fc.constantFrom("none", "firing", "acknowledged", "resolved"),
  stamp,
  note: text,
});
const versioned: fc.Arbitrary<Versioned> = record({ version: natural, hash: name, content: text });

function opOf<V>(value: fc.Arbitrary<V>): fc.Arbitrary<StarOp<V>> {
  return fc.oneof(
    record({ kind: fc.constant("add" as const), value }),
    record({ kind: fc.constant("remove" as const), context: natural }),
  );
}
function hubOf<V>(value: fc.Arbitrary<V>): fc.Arbitrary<StarHubEntry<V>> {
  const tags = fc.array(fc.tuple(fc.nat(), record({ seq: natural, value })), { maxLength: 5 });
  return record({
    tags: tags.map((list) => new Map(list)),
    stable: fc.option(value),
    stableSeq: natural,
  });
}
function edgeOf<V>(value: fc.Arbitrary<V>): fc.Arbitrary<StarEdgeEntry<V>> {
  return record({ present: fc.option(value), op: fc.option(opOf(value)) });
}

/** Registers the laws of one codec. */
function lawsOf<V>(title: string, codec: Codec<V>, value: fc.Arbitrary<V>): void {
  const columns = fc.array(value, { maxLength: 12, size: "max" });

  test(`${title}: what is written comes back`, () => {
    fc.assert(
      fc.property(columns, (values) => {
        const reader = new ByteReader(encode(codec, values));
        assert.deepEqual(codec.read(reader, values.length), values);
        assert.deepEqual([reader.broken, reader.remaining], [false, 0]);
      }),
    );
  });

  test(`${title}: a part of the bytes is not enough`, () => {
    fc.assert(
      fc.property(columns, fc.nat(), (values, cut) => {
        const bytes = encode(codec, values);
        const reader = new ByteReader(bytes.subarray(0, cut % (bytes.length || 1)));
        codec.read(reader, values.length);
        assert.equal(reader.broken, bytes.length > 0);
      }),
    );
  });

  test(`${title}: of other bytes each is refused or is the only form of its values`, () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const mutated = fc.tuple(columns, changes).map(([values, list]) => {
      const bytes = encode(codec, values);
      for (const [at, byte] of list) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return { bytes, count: values.length };
    });
    const random = record({ bytes: fc.uint8Array({ maxLength: 60 }), count: fc.nat(8) });
    fc.assert(
      fc.property(fc.oneof(mutated, random), ({ bytes, count }) => {
        const reader = new ByteReader(bytes);
        const values = codec.read(reader, count);
        if (reader.broken) return;
        assert.equal(values.length, count);
        const taken = bytes.subarray(0, bytes.length - reader.remaining);
        assert.deepEqual(encode(codec, values), Uint8Array.from(taken));
      }),
      { numRuns: 500 },
    );
  });

  test(`${title}: a number of values without bytes costs nothing`, () => {
    const reader = new ByteReader(new Uint8Array(64));
    assert.ok(codec.read(reader, 1e9).length <= 65);
    assert.equal(reader.broken, true);
  });
}

lawsOf("naturals", naturalCodec, natural);
lawsOf("numbers and max registers", numberCodec, number);
lawsOf("LWW registers", lwwRegisterCodec, lww);
lawsOf("multi-value registers", mvRegisterCodec, mv);
lawsOf("PN-counter's components", pnComponentCodec, record({ added: natural, removed: natural }));
lawsOf("components of counts", countComponentCodec, counted);
lawsOf("alerts", alertCodec, alert);
lawsOf("versioned configuration", versionedCodec, versioned);
lawsOf("star set, up", starUpCodec(unitCodec), opOf(fc.constant<true>(true)));
lawsOf("star set, down", optionalCodec(unitCodec), fc.option(fc.constant<true>(true)));
lawsOf("star set, at the hub", starHubCodec(unitCodec), hubOf(fc.constant<true>(true)));
lawsOf("star set, at an edge", starEdgeCodec(unitCodec), edgeOf(fc.constant<true>(true)));
lawsOf("star map, up", starUpCodec(lwwRegisterCodec), opOf(lww));
lawsOf("star map, down", optionalCodec(lwwRegisterCodec), fc.option(lww));
lawsOf("star map, at the hub", starHubCodec(lwwRegisterCodec), hubOf(lww));
lawsOf("star map, at an edge", starEdgeCodec(lwwRegisterCodec), edgeOf(lww));

test("isStorable() is true of just the values that come back", () => {
  const anyScalar: fc.Arbitrary<Scalar> = fc.oneof(
    scalar,
    fc.double(),
    fc.string({
      unit: fc.integer({ min: 0xd7f0, max: 0xe00f }).map((c) => String.fromCharCode(c)),
    }),
    fc.constantFrom(-0, NaN, Infinity, -Infinity, "\ufeffa", "\0", "\ud800", "a\udc00", ""),
    fc
      .tuple(fc.constantFrom("a", "é", "€", "😀"), fc.integer({ min: -1, max: 1 }))
      .map(([unit, more]) => unit.repeat(STRING_BYTES_MAX / encodedLength(unit) + more)),
  );
  fc.assert(
    fc.property(anyScalar, (value) => {
      const register = { stamp: { wallMs: 1, logical: 0 }, value, isDeleted: false };
      const reader = new ByteReader(encode(lwwRegisterCodec, [register]));
      const [back] = lwwRegisterCodec.read(reader, 1);
      assert.equal(isStorable(value), !reader.broken && Object.is(back?.value, value));
    }),
    { numRuns: 1000 },
  );
});

test("a content is as long as its limit at most", () => {
  for (const [length, isLegal] of [
    [CONTENT_BYTES_MAX, true],
    [CONTENT_BYTES_MAX + 1, false],
  ] as const) {
    const content = "c".repeat(length);
    const reader = new ByteReader(encode(versionedCodec, [{ version: 1, hash: "", content }]));
    versionedCodec.read(reader, 1);
    assert.equal(!reader.broken, isLegal);
    assert.equal(isStorable(content, CONTENT_BYTES_MAX), isLegal);
  }
});

test("stamps out of bounds, incoherent counts and unknown dots are refused", () => {
  const at = { wallMs: 5, logical: 0 };
  const held: LwwRegister = { stamp: at, value: null, isDeleted: true };
  const one = observe(countComponent.bottom, 2, decimalOf(2));
  const seen = new Map([
    ["a#1", 3],
    ["b#1", 3],
  ]);
  const wide = Array.from({ length: BUCKETS_MAX + 1 }, (_, bucket) => [bucket, 1] as const);
  const isRefused = <V>(codec: Codec<V>, value: V): boolean => {
    const reader = new ByteReader(encode(codec, [value]));
    codec.read(reader, 1);
    return reader.broken;
  };
  assert.deepEqual(
    [
      isRefused(lwwRegisterCodec, held),
      isRefused(countComponentCodec, one),
      isRefused(mvRegisterCodec, { context: seen, values: new Map([["3@a#1", 1]]) }),
    ],
    [false, false, false],
  );
  const refused = [
    isRefused(lwwRegisterCodec, { ...held, stamp: { wallMs: TIME_MS_MAX + 1, logical: 0 } }),
    isRefused(lwwRegisterCodec, { ...held, stamp: { wallMs: -1, logical: 0 } }),
    isRefused(lwwRegisterCodec, { ...held, stamp: { wallMs: 1, logical: LOGICAL_MAX + 1 } }),
    isRefused(countComponentCodec, { ...one, count: 2 }),
    isRefused(countComponentCodec, { ...one, min: 3 }),
    isRefused(countComponentCodec, { ...one, histogram: new Map([[0, 0], ...one.histogram]) }),
    isRefused(countComponentCodec, { ...one, histogram: new Map([[80_001, 1]]) }),
    isRefused(countComponentCodec, { ...one, sum: { mantissa: 20n, scale: 1 } }),
    isRefused(countComponentCodec, { ...one, count: 0, histogram: new Map() }),
    isRefused(mvRegisterCodec, { context: seen, values: new Map([["4@a#1", 1]]) }),
    isRefused(mvRegisterCodec, { context: seen, values: new Map([["0@b#1", 1]]) }),
    isRefused(countComponentCodec, { ...one, count: wide.length, histogram: new Map(wide) }),
  ];
  assert.deepEqual(
    refused,
    refused.map(() => true),
  );
});

test("second forms of a value are refused, and lengths that the rest of the bytes cannot hold", () => {
  const isRead = <V>(codec: Codec<V>, bytes: Uint8Array): boolean => {
    const reader = new ByteReader(bytes);
    codec.read(reader, 1);
    return !reader.broken;
  };
  const map = mapCodec(naturalCodec, naturalCodec);
  const pairs = listCodec(recordCodec({ key: naturalCodec, value: naturalCodec }));
  const pairsOf = (...keys: number[]): Uint8Array =>
    encode(pairs, [keys.map((key) => ({ key, value: 7 }))]);
  assert.deepEqual(
    [pairsOf(1, 2), pairsOf(2, 1), pairsOf(1, 1)].map((bytes) => isRead(map, bytes)),
    [true, false, false],
  );
  const floatOf = (value: number): Uint8Array => {
    const writer = new ByteWriter();
    writer.byte(1);
    writer.float64(value);
    return writer.bytes();
  };
  assert.deepEqual(
    [0.5, 2 ** 52, 2, -0, NaN, Infinity].map((value) => isRead(numberCodec, floatOf(value))),
    [true, true, false, false, false, false],
  );
  const dotsOf = (...seqs: number[]): Uint8Array => {
    const dot = recordCodec({ life: naturalCodec, seq: naturalCodec, none: numberCodec });
    const raw = recordCodec({ context: mapCodec(nameCodec, naturalCodec), values: listCodec(dot) });
    const values = seqs.map((seq) => ({ life: 0, seq, none: 0 }));
    const bytes = encode(raw, [{ context: new Map([["a#1", 9]]), values }]);
    // The values are the last bytes, a kind and a number each: as scalars, null is a kind alone.
    return bytes.slice(0, bytes.length - seqs.length);
  };
  assert.deepEqual(
    [dotsOf(1, 2), dotsOf(2, 1), dotsOf(1, 1)].map((bytes) => isRead(mvRegisterCodec, bytes)),
    [true, false, false],
  );
  assert.equal(isRead(listCodec(unitCodec), encode(naturalCodec, [1e9])), false);
});

test("columns are small: a member takes a byte, a switched field five, a kept count little", () => {
  const members = Array.from({ length: 100 }, () => ({
    kind: "add" as const,
    value: true as const,
  }));
  assert.equal(encode(starUpCodec(unitCodec), members).length, 100);
  const switched = Array.from({ length: 100 }, (_, i): LwwRegister => ({
    stamp: { wallMs: 1_700_000_000_000 + i * 16, logical: 0 },
    value: i % 2 === 0,
    isDeleted: false,
  }));
  assert.ok(encode(lwwRegisterCodec, switched).length <= 310);
  const latencies = Array.from({ length: 1_000 }, (_, i) => 10 + (i % 90));
  const spread = latencies.reduce(
    (kept, value) => observe(kept, value, decimalOf(value)),
    countComponent.bottom,
  );
  assert.ok(encode(countComponentCodec, [spread]).length <= 200);
});

function encode<V>(codec: Codec<V>, values: readonly V[]): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, values);
  return writer.bytes();
}

function encodedLength(unit: string): number {
  return new TextEncoder().encode(unit).length;
}
