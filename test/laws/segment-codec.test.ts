// Goal: what is sealed comes back bit by bit, equal segments have equal bytes, the zone map tells the
// truth, joining sealed segments is joining their readings, and no bytes make a decoder throw.
// Method: generated segments of all kinds, and sealed ones with bytes changed and checksums repaired.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { decodeColumn, decodeSegment } from "../../edge/segment/decode.ts";
import { encodeSegment } from "../../edge/segment/encode.ts";
import { joinSegments, readingsOf, segmentOf } from "../../edge/segment/join.ts";
import { isLegal, type Segment } from "../../edge/segment/segment.ts";
import type { Inflate } from "../../edge/segment/value-column.ts";
import { readHeader, readZoneMap } from "../../edge/segment/zone-map.ts";
import { join } from "../../sync/crdt/reading-set.ts";
import { formatDecimal, sumOf } from "../../sync/decimal.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { anySegment } from "../support/segments.ts";

function decoded(bytes: Uint8Array, inflate?: Inflate): Segment {
  const result = decodeSegment(bytes, inflate);
  assert.ok(result.ok);
  return result.value;
}

/** Bytes of doubles, so that a minus zero is not a zero. */
function bitsOf(values: Float64Array): string {
  return Buffer.from(values.slice().buffer).toString("hex");
}

function assertSame(left: Segment, right: Segment): void {
  assert.deepEqual(left, right);
  left.columns.forEach(({ values }, at) =>
    assert.equal(bitsOf(values), bitsOf(right.columns[at]?.values ?? new Float64Array(0))),
  );
}

const inflate = (bytes: Uint8Array, bytesMax: number): Uint8Array | null => {
  try {
    return inflateRawSync(bytes, { maxOutputLength: bytesMax });
  } catch {
    return null;
  }
};

test("decodeSegment() gives back bit by bit what encodeSegment() took", () => {
  fc.assert(
    fc.property(anySegment, (segment) => {
      assert.ok(isLegal(segment));
      assertSame(decoded(encodeSegment(segment)), segment);
    }),
    { numRuns: 500 },
  );
});

test("decodeSegment() gives back what was deflated, and without inflate says that it cannot", () => {
  fc.assert(
    fc.property(anySegment, (segment) => {
      assertSame(decoded(encodeSegment(segment, deflateRawSync), inflate), segment);
      // One that keeps the bytes and gives their number is the smallest wherever it is tried.
      const kept: Uint8Array[] = [];
      const bytes = encodeSegment(segment, (plain) => Uint8Array.of(kept.push(plain) - 1));
      assertSame(
        decoded(bytes, ([number]) => kept[number ?? 0] ?? null),
        segment,
      );
      // Without it, only a segment in which it was of no use is read.
      const plain = decodeSegment(bytes);
      if (plain.ok) assertSame(plain.value, segment);
    }),
  );
});

test("equal segments have equal bytes, however they came to be", () => {
  fc.assert(
    fc.property(anySegment, (segment) => {
      const bytes = encodeSegment(segment);
      assert.deepEqual(encodeSegment(structuredClone(segment)), bytes);
      assert.deepEqual(encodeSegment(decoded(bytes)), bytes);
      assert.deepEqual(encodeSegment(segmentOf(readingsOf(segment))), bytes);
    }),
  );
});

test("readZoneMap() says what the readings add up to, from the front of the bytes alone", () => {
  fc.assert(
    fc.property(anySegment, (segment) => {
      const bytes = encodeSegment(segment);
      const zones = readZoneMap(bytes.subarray(0, readHeader(bytes)?.bytes));
      assert.ok(zones.ok);
      const { columns, times } = segment;
      assert.deepEqual(zones.value, {
        readings: columns.reduce((sum, { values }) => sum + values.length, 0),
        instants: times.length,
        firstMs: times[0] ?? 0,
        lastMs: times.at(-1) ?? 0,
        columns: columns.map(({ stream, kind, values }) => ({
          stream,
          kind,
          count: values.length,
          min: Math.min(...values) + 0,
          max: Math.max(...values) + 0,
          sum: formatDecimal(sumOf([...values])),
        })),
      });
    }),
  );
});

test("decodeColumn() gives the part of a stream that lies in a range, and nothing else", () => {
  fc.assert(
    fc.property(anySegment, fc.nat(50), fc.nat(50), (segment, from, to) => {
      const { times } = segment;
      const fromMs = times[from] ?? 0;
      const toMs = times[to] ?? Infinity;
      for (const stream of ["a", "depth_m", "nothing"]) {
        const slices = decodeColumn(encodeSegment(segment), stream, fromMs, toMs);
        assert.ok(slices.ok);
        const expected = segment.columns
          .filter((column) => column.stream === stream)
          .map((column) => {
            const inside = [...column.rows.keys()].filter((at) => {
              const time = times[column.rows[at] ?? 0] ?? 0;
              return time >= fromMs && time < toMs;
            });
            return {
              kind: column.kind,
              times: Float64Array.from(inside, (at) => times[column.rows[at] ?? 0] ?? 0),
              values: Float64Array.from(inside, (at) => column.values[at] ?? 0),
              stamps: Float64Array.from(inside, (at) => column.stamps[at] ?? 0),
              contested: Uint16Array.from(
                inside.flatMap((at, position) => (column.contested.includes(at) ? [position] : [])),
              ),
            };
          });
        assert.deepEqual(
          slices.value,
          expected.filter(({ values }) => values.length > 0),
        );
      }
    }),
  );
});

test("joining two segments is joining their readings, stream by stream", () => {
  fc.assert(
    fc.property(anySegment, anySegment, fc.boolean(), (left, other, isShifted) => {
      // Times of two generated segments hardly ever meet: give the second those of the first.
      const count = Math.min(left.times.length, other.times.length);
      const times = other.times.map((time, at) => (at < count ? (left.times[at] ?? 0) : time));
      const moved = { times, columns: other.columns };
      const right = isShifted || !isLegal(moved) ? other : moved;
      const [l, r] = [decoded(encodeSegment(left)), decoded(encodeSegment(right))];
      const joined = readingsOf(decoded(encodeSegment(joinSegments(l, r))));
      const [ofLeft, ofRight] = [readingsOf(left), readingsOf(right)];
      const streams = [...new Set([...ofLeft.keys(), ...ofRight.keys()])].toSorted();
      assert.deepEqual([...joined.keys()].toSorted(), streams);
      for (const stream of streams)
        assert.deepEqual(
          joined.get(stream),
          join(ofLeft.get(stream) ?? [], ofRight.get(stream) ?? []),
        );
    }),
  );
});

test("bytes that were changed are broken, or a legal segment if their checksums were repaired", () => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
  fc.assert(
    fc.property(
      anySegment,
      fc.array(change, { minLength: 1, maxLength: 3 }),
      (segment, changes) => {
        const bytes = encodeSegment(segment);
        const before = bytes.slice();
        for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
        if (Buffer.compare(before, bytes) !== 0) assert.ok(!decodeSegment(bytes).ok);
        repair(bytes, readHeader(before)?.bytes ?? 0);
        const result = decodeSegment(bytes, inflate);
        if (result.ok) {
          assert.ok(isLegal(result.value));
          assertSame(decoded(encodeSegment(result.value)), result.value);
        }
        assert.equal(typeof decodeColumn(bytes, "a", 0, Infinity, inflate).ok, "boolean");
      },
    ),
    { numRuns: 1_500 },
  );
});

test("any bytes at all are broken, or a legal segment", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.ok(!decodeSegment(bytes).ok && !readZoneMap(bytes).ok);
    }),
  );
});

function repair(bytes: Uint8Array, headerBytes: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(headerBytes - 4, crc32c(bytes.subarray(0, headerBytes - 4)), true);
  view.setUint32(bytes.length - 4, crc32c(bytes.subarray(0, bytes.length - 4)), true);
}
