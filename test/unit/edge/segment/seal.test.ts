// Are whole segments sealed within their bounds, as small as they should be, and read in part?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { decodeColumn, decodeSegment } from "../../../../edge/segment/decode.ts";
import { encodeSegment } from "../../../../edge/segment/encode.ts";
import { segmentOf } from "../../../../edge/segment/join.ts";
import { COLUMNS_MAX, INSTANTS_MAX, type Segment } from "../../../../edge/segment/segment.ts";
import { readZoneMap } from "../../../../edge/segment/zone-map.ts";
import type { StreamName } from "../../../../sync/brand.ts";
import type { Reading } from "../../../../sync/crdt/reading-set.ts";
import { streamName } from "../../../support/arbitraries.ts";
import { ROOT } from "../../../support/repository.ts";
import { everyTenSeconds, longest, numbers } from "../../../support/segments.ts";

function assertComesBack(segment: Segment): number {
  const bytes = encodeSegment(segment);
  assert.deepEqual(decodeSegment(bytes), { ok: true, value: segment });
  return bytes.length;
}

function boatHours(): Segment[] {
  const file = path.join(ROOT, "examples/data/boat.csv.gz");
  const [, ...lines] = gunzipSync(readFileSync(file)).toString().trim().split("\n");
  const hours = new Map<number, Map<StreamName, Reading[]>>();
  for (const line of lines) {
    const [second = "", stream = "", value = ""] = line.split(",");
    const timeMs = 1_768_435_200_000 + Number(second) * 1000;
    const hour = Math.floor(timeMs / 3_600_000);
    const streams = hours.get(hour) ?? new Map<StreamName, Reading[]>();
    const readings = streams.get(streamName(stream)) ?? [];
    // A commit a minute.
    const stampMs = (Math.floor(timeMs / 60_000) + 1) * 60_000 + 35;
    readings.push({ timeMs, stampMs, kind: "number", value: Number(value), isContested: false });
    hours.set(hour, streams.set(streamName(stream), readings));
  }
  return [...hours.values()].map((streams) => segmentOf(streams));
}

test("the boat's hours come back, in at most 0.7 bytes a reading", () => {
  const segments = boatHours();
  const bytes = segments.reduce((sum, segment) => sum + assertComesBack(segment), 0);
  assert.equal(segments.length, 6);
  assert.ok(bytes / 65_202 <= 0.7, `${bytes / 65_202} bytes a reading`);
});

test("an empty segment, one reading and the most instants come back", () => {
  assert.ok(assertComesBack({ times: new Float64Array(0), columns: [] }) < 20);
  assert.ok(assertComesBack(everyTenSeconds(numbers("a", [21.5]))) < 40);
  assert.ok(assertComesBack(longest()) < 100);
});

test("the most columns come back", () => {
  const columns = Array.from({ length: COLUMNS_MAX }, (_, at) =>
    numbers(`s${String(at).padStart(3, "0")}`, [at / 10, at, 0.5]),
  );
  assertComesBack(everyTenSeconds(...columns));
});

test("columns with rows in common say them once", () => {
  const odd = Uint16Array.from({ length: 200 }, (_, at) =>
    (at * at) % 7 < 3 ? 2 * at : 2 * at + 1,
  );
  const column = (stream: string) => ({
    ...numbers(
      stream,
      Array.from(odd, (row) => (row * row) % 11),
    ),
    rows: odd,
  });
  const all = numbers("all", Array<number>(400).fill(1));
  const one = assertComesBack(everyTenSeconds(all, column("b")));
  const two = assertComesBack(everyTenSeconds(all, column("b"), column("c")));
  assert.ok(two - one < one - assertComesBack(everyTenSeconds(all)));
  const bytes = encodeSegment(everyTenSeconds(all, column("b"), column("c")));
  const slices = decodeColumn(bytes, "c", 0, Infinity);
  assert.ok(slices.ok);
  assert.deepEqual(slices.value[0]?.values, column("c").values);
});

test("encodeSegment() throws for what is no legal segment", () => {
  const legal = everyTenSeconds(numbers("a", [1, 2, 3]), numbers("b", [1, 2, 3]));
  const [a, b] = legal.columns;
  if (a === undefined || b === undefined) throw new TypeError("No columns");
  const long = Array<number>(INSTANTS_MAX + 1).fill(0);
  for (const broken of [
    { ...legal, times: legal.times.toReversed() },
    { ...legal, times: Float64Array.of(1, 2) },
    { ...legal, times: Float64Array.of(1, 2, 3, 4) },
    { ...legal, times: Float64Array.of(1, 2, 2.5) },
    { ...legal, columns: [b, a] },
    { ...legal, columns: [a, a] },
    { ...legal, columns: [{ ...a, values: Float64Array.of(1, 2) }] },
    { ...legal, columns: [{ ...a, values: Float64Array.of(1, 2, NaN) }] },
    { ...legal, columns: [{ ...a, kind: "boolean" as const }] },
    { ...legal, columns: [{ ...a, stamps: Float64Array.of(1, 2, -3) }] },
    { ...legal, columns: [{ ...a, rows: Uint16Array.of(0, 2, 1) }] },
    { ...legal, columns: [{ ...a, contested: Uint16Array.of(3) }] },
    everyTenSeconds(numbers("a", long)),
  ])
    assert.throws(() => encodeSegment(broken), /within its bounds/);
});

test("decodeSegment() refuses any byte that changed, and any end that is missing", () => {
  const bytes = encodeSegment(everyTenSeconds(numbers("a", [1.5, 2, 3]), numbers("b", [0, 9, 9])));
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    assert.ok(!decodeSegment(changed).ok);
    assert.ok(!decodeSegment(bytes.subarray(0, at)).ok);
  }
  assert.ok(!decodeSegment(Uint8Array.of(...bytes, 0)).ok);
});

test("readZoneMap() tells sums that no double holds", () => {
  const big = [2 ** 60, 1e22, -1e22, 0.1, 5e-324].concat(Array<number>(100).fill(1.7e308));
  const zones = readZoneMap(encodeSegment(everyTenSeconds(numbers("a", big))));
  assert.ok(zones.ok);
  const sum = zones.value.columns[0]?.sum ?? "";
  assert.ok(sum.startsWith("17") && sum.endsWith("5") && sum.length > 600);
  const thirds = readZoneMap(encodeSegment(everyTenSeconds(numbers("a", [0.1, 0.2, -0.3]))));
  assert.ok(thirds.ok && thirds.value.columns[0]?.sum === "0");
});

test("stamps of one late stream do not cost the others", () => {
  const steady = numbers("a", Array<number>(300).fill(1), 5_000_000);
  const late = numbers("b", Array<number>(300).fill(1), 9_000_000);
  const both = assertComesBack(everyTenSeconds(steady, late));
  assert.ok(both - assertComesBack(everyTenSeconds(steady)) < 40);
});
