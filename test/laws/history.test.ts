// Goal: what is read back is what was taken in, to the last digit, wherever it is kept: each reading
// once, conflicts as they are decided everywhere, buckets exact, and pages that together are the whole
// (P1, P2).
// Method: random batches that are out of order, repeat, contradict, lie years back or in the future,
// over a hub that is sealed in part, sealed whole or opened again at random; every question beside a
// plain fold of what the journal's entries say.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readHistory, type HistoryBounds } from "../../edge/history/read-history.ts";
import type { HistoryPage, HistoryQuery, Position } from "../../edge/history/query.ts";
import { RESOLUTIONS } from "../../edge/history/query.ts";
import { formatCursor, parseCursor } from "../../edge/history/cursor.ts";
import { parseHistoryQuery } from "../../edge/history/parse-query.ts";
import { ingest } from "../../edge/ingest.ts";
import { limits } from "../../edge/limits.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import type { CoarserRange, HubStore } from "../../edge/ports.ts";
import { bottom, join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { addDecimals, decimalOf, formatDecimal, ZERO } from "../../sync/decimal.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import { decodeBatches } from "../../sync/wire/batch.ts";
import { deviceId, streamName } from "../support/arbitraries.ts";
import { commandOf } from "../support/commands.ts";
import { openNodeSql, type NodeSql } from "../support/node-sql.ts";

const DEVICE = deviceId("boat-1");
const OTHER = deviceId("boat-1-b");
const STREAMS = ["a", "b", "constructor"].map(streamName);
const START = 500_000 * 3_600_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type Value = number | boolean;

/** What a case does, one after the other. */
type Step =
  | {
      readonly kind: "commit";
      readonly isOther: boolean;
      readonly startMs: number;
      readonly stepMs: number;
      readonly values: readonly (readonly [stream: number, value: Value])[];
    }
  | { readonly kind: "seal"; readonly steps: number }
  | { readonly kind: "restart" }
  /** An hour and a half goes by: what was ahead of the clock may come again in time. */
  | { readonly kind: "wait" };

/** A few places in time, so that batches meet: now, minutes and months back, and ahead of the clock. */
const startMs = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((at) => START + at * 20_000),
  fc.integer({ min: 0, max: 5 }).map((at) => START - 90 * DAY + at * 11 * HOUR),
  fc.integer({ min: 0, max: 5 }).map((at) => START + 2 * HOUR + at * 20_000),
);
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.boolean(),
  fc.double({ noNaN: true, min: -5, max: 5 }),
  fc.constantFrom(0.1, 0.2, 1e21, -1e-7, 123_456_789.123),
);
const commit: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("commit" as const),
  isOther: fc.boolean(),
  startMs,
  stepMs: fc.constantFrom(0, 1, 1_000, 20_000, 600_000, 40 * HOUR),
  values: fc.array(fc.tuple(fc.nat(STREAMS.length - 1), value), { minLength: 1, maxLength: 12 }),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: commit },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("seal" as const),
        steps: fc.constantFrom(1, 2, 5, 1e9),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "restart" } as const) },
    { weight: 1, arbitrary: fc.constant({ kind: "wait" } as const) },
  ),
  { maxLength: 25 },
);

/** From a reading a slice to all in one. */
const bounds: fc.Arbitrary<HistoryBounds> = fc.record({
  sliceReadings: fc.constantFrom(1, 150, 1e9),
  sliceBytes: fc.constantFrom(1, 60, 1e9),
  work: fc.constantFrom(1, 300, 1e9),
});

interface Ask {
  readonly streams: readonly number[] | null;
  readonly span: readonly [number, number];
  readonly resolution: HistoryQuery["resolution"];
  readonly limit: number;
  readonly isWithQuarantined: boolean;
}

const edgeMs = fc.oneof(
  startMs,
  fc.constantFrom(0, START - 90 * DAY + 1, START + 61_000, START + DAY),
);
const ask: fc.Arbitrary<Ask> = fc.record({
  streams: fc.option(fc.uniqueArray(fc.nat(STREAMS.length - 1), { minLength: 1 })),
  span: fc.tuple(edgeMs, edgeMs).filter(([from, to]) => from !== to),
  resolution: fc.constantFrom("raw", "1m", "1h"),
  limit: fc.constantFrom(1, 2, 3, 7, 10_000),
  isWithQuarantined: fc.boolean(),
});

class World {
  readonly sql: NodeSql = openNodeSql();
  store: SqlHubStore = new SqlHubStore(this.sql, 1);
  nowMs = START + HOUR;
  bounds: HistoryBounds = { sliceReadings: 1e9, sliceBytes: 1e9, work: 1e9 };

  /** Folds what is older than so many hours, once it is sealed and the origin holds it. */
  retain(rawHours: number, minuteHours: number): void {
    for (const _ of this.store.seal());
    const kept = (hours: number) => ({ ms: hours * HOUR, bytes: Infinity });
    const retention = { raw: kept(rawHours), minutes: kept(minuteHours), hours: kept(1e6) };
    const link = this.store.loadLink();
    this.store.saveLink({ ...link, cursor: { ...link.cursor, seq: this.store.extent().head } });
    this.store = new SqlHubStore(this.sql, 1, { retention });
    for (const _ of this.store.retain(this.nowMs));
  }

  run(step: Step): void {
    this.nowMs += 1;
    if (step.kind === "commit") {
      const rows = step.values.map(([stream, each], at) => ({
        stream: STREAMS[stream],
        value: each,
        time: step.startMs + at * step.stepMs,
      }));
      const device = step.isOther ? OTHER : DEVICE;
      ingest(commandOf(rows, { device, key: null }), this.store, this.nowMs);
      this.store.write();
    } else if (step.kind === "wait") {
      this.nowMs += 1.5 * HOUR;
    } else if (step.kind === "restart") {
      this.store = new SqlHubStore(this.sql, 1);
    } else {
      let left = step.steps;
      for (const _ of this.store.seal()) if ((left -= 1) <= 0) break;
    }
  }
}

/** What the journal's entries say of a stream: what counts, and what is quarantined. */
function oracle(store: HubStore, stream: string): { inside: ReadingSet; outside: ReadingSet } {
  let [inside, outside]: ReadingSet[] = [bottom, bottom];
  for (const { stampMs, body } of store.entriesAfter(0, Infinity, 10_000)) {
    const decoded = decodeBatches(body);
    assert.ok(decoded.ok);
    for (const batch of decoded.value.filter(({ device }) => device === DEVICE))
      for (const { kind, rows, values } of batch.columns.filter((each) => each.stream === stream)) {
        const all = rows.map((row, at): Reading => ({
          timeMs: batch.times[row] ?? 0,
          stampMs,
          kind,
          value: values[at] ?? 0,
          isContested: false,
        }));
        const isOut = ({ timeMs }: Reading): boolean => isQuarantined(timeMs, stampMs);
        inside = join(
          inside ?? bottom,
          all.filter((each) => !isOut(each)),
        );
        outside = join(outside ?? bottom, all.filter(isOut));
      }
  }
  // What came again in time counts, and is quarantined no more.
  const counted = new Set(inside?.map(({ timeMs }) => timeMs));
  return {
    inside: inside ?? bottom,
    outside: (outside ?? bottom).filter(({ timeMs }) => !counted.has(timeMs)),
  };
}

function typed({ kind, value: number }: Reading): Value {
  return kind === "boolean" ? number !== 0 : number;
}

/** The whole answer, by the plainest way to it. */
function expected(store: HubStore, query: HistoryQuery): unknown[] {
  const { fromMs, toMs, resolution, isWithQuarantined } = query;
  const streams = query.streams ?? STREAMS;
  const rows = [...streams].toSorted().flatMap((stream) => {
    const { inside, outside } = oracle(store, stream);
    const inRange = ({ timeMs }: Reading): boolean => timeMs >= fromMs && timeMs < toMs;
    const counted = inside.filter(inRange);
    if (resolution !== "raw") return buckets(stream, counted, RESOLUTIONS[resolution]);
    return [
      ...counted.map((each) => [each.timeMs, stream, typed(each), false]),
      ...(isWithQuarantined ? outside.filter(inRange) : []).map((each) => [
        each.timeMs,
        stream,
        typed(each),
        true,
      ]),
    ];
  });
  return rows.toSorted((a, b) => (a[0] as number) - (b[0] as number));
}

function buckets(stream: string, readings: ReadingSet, widthMs: number): unknown[][] {
  const starts = new Set(readings.map(({ timeMs }) => timeMs - (timeMs % widthMs)));
  return [...starts].map((start) => {
    const own = readings.filter(({ timeMs }) => timeMs >= start && timeMs < start + widthMs);
    const sum = own.map(({ value: each }) => decimalOf(each)).reduce(addDecimals, ZERO);
    const values = own.map((each) => each.value);
    return [
      start,
      stream,
      own.length,
      formatDecimal(sum),
      Math.min(...values),
      Math.max(...values),
      Number(formatDecimal(sum)) / own.length,
      typed(own[0] as Reading),
      typed(own.at(-1) as Reading),
    ];
  });
}

function rowsOf({ rows, streams }: HistoryPage): unknown[][] {
  if (rows.kind === "buckets")
    return rows.buckets.map((bucket) => [
      bucket.startMs,
      streams[bucket.stream],
      bucket.count,
      bucket.sum,
      bucket.min,
      bucket.max,
      bucket.mean,
      bucket.first,
      bucket.last,
    ]);
  const outside = new Set(rows.quarantined);
  return rows.times.map((timeMs, at) => [
    timeMs,
    streams[rows.streams[at] ?? -1],
    rows.values[at],
    outside.has(at),
  ]);
}

/** Follows the cursors to the end; `between` happens after each slice and page. */
function readAll(
  world: World,
  query: HistoryQuery,
  between: () => void = () => {},
  coarser: CoarserRange[] = [],
): unknown[][] {
  const all: unknown[][] = [];
  let after: Position | null = null;
  for (let pages = 0; pages < 10_000; pages += 1) {
    const page = readPage(world, { ...query, after }, between);
    const rows = rowsOf(page);
    assert.ok(rows.length <= query.limit);
    assert.deepEqual(page.damaged, []);
    coarser.push(...page.coarser);
    all.push(...rows);
    if (page.next === null) return all;
    after = parseCursor(query, formatCursor(query, page.next));
    assert.deepEqual(after, page.next);
    between();
  }
  assert.fail("It does not end");
}

function readPage(world: World, query: HistoryQuery, between: () => void): HistoryPage {
  const reading = readHistory(query, world.store, world.bounds);
  let step = reading.next();
  for (; step.done !== true; step = reading.next()) between();
  assert.ok(step.value !== null);
  return step.value;
}

function queryOf({ streams, span, ...rest }: Ask): HistoryQuery {
  const names = streams === null ? null : streams.map((at) => STREAMS[at] ?? streamName("a"));
  const [fromMs, toMs] = span.toSorted((a, b) => a - b) as [number, number];
  return { device: DEVICE, streams: names?.toSorted() ?? null, fromMs, toMs, ...rest, after: null };
}

test("P2 what is read back is what was taken in, by itself, by bucket and by page", () => {
  fc.assert(
    fc.property(steps, fc.array(ask, { minLength: 1, maxLength: 4 }), bounds, (all, asks, own) => {
      const world = new World();
      world.bounds = own;
      for (const step of all) world.run(step);
      if (world.store.loadDevice(DEVICE) === null) return;
      for (const each of asks) {
        const query = queryOf(each);
        assert.deepEqual(readAll(world, query), expected(world.store, query));
      }
    }),
    { numRuns: 300 },
  );
});

test("P2 sealing and restarts between two pages change nothing of what was there", () => {
  fc.assert(
    fc.property(steps, ask, bounds, (all, each, own) => {
      const world = new World();
      world.bounds = own;
      for (const step of all) world.run(step);
      if (world.store.loadDevice(DEVICE) === null) return;
      const query = queryOf(each);
      const whole = expected(world.store, query);
      let turn = 0;
      const rows = readAll(world, query, () => {
        turn += 1;
        world.run(turn % 3 === 0 ? { kind: "restart" } : { kind: "seal", steps: turn % 4 });
      });
      assert.deepEqual(rows, whole);
    }),
    { numRuns: 150 },
  );
});

/** Hours, each with the minutes of its readings. */
const spread = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.nat(59)), {
  minLength: 1,
  maxLength: 30,
  selector: ([hour, minute]) => hour * 60 + minute,
});

test("P2 what went is in its buckets, exactly, and what is left no finer is named", () => {
  const ages = fc.record({ raw: fc.nat(70), minutes: fc.nat(70) });
  const late = fc.array(fc.tuple(fc.nat(60), fc.nat(59)), { maxLength: 4 });
  fc.assert(
    fc.property(spread, ages, late, bounds, ask, (places, { raw, minutes }, after, own, asked) => {
      const world = new World();
      world.bounds = own;
      let second = 0;
      const commitAt = ([hour, minute]: readonly [number, number]): void => {
        // Each has a time of its own: of what went nobody knows that it was sent before.
        second += 1;
        const at = START - hour * HOUR + minute * 60_000 + second * 500;
        const values = [0, 1].map((stream) => [stream, second / 8] as const);
        world.run({ kind: "commit", isOther: false, startMs: at, stepMs: 0, values });
      };
      for (const place of places) commitAt(place);
      world.retain(raw, raw + minutes);
      for (const place of after) commitAt(place);
      for (const resolution of ["1h", "1m", "raw"] as const) {
        const query = queryOf({ ...asked, resolution, isWithQuarantined: false });
        const whole = { ...query, fromMs: 0, toMs: START + 10 * DAY };
        checkLeft(world, whole);
      }
    }),
    { numRuns: 150 },
  );
});

/** Everything is told, or named as left no finer; and nothing is told that is not so. */
function checkLeft(world: World, query: HistoryQuery): void {
  const coarser: CoarserRange[] = [];
  const told = readAll(world, query, () => {}, coarser).map((row) => JSON.stringify(plain(row)));
  const all = expected(world.store, query) as unknown[][];
  assert.ok(query.resolution !== "1h" || coarser.length === 0);
  const isNamed = (timeMs: number): boolean =>
    coarser.some(({ range: [firstMs, lastMs] }) => timeMs >= firstMs && timeMs <= lastMs);
  const missing = all.filter((row) => !told.includes(JSON.stringify(plain(row))));
  assert.deepEqual(
    missing.filter(([timeMs]) => !isNamed(timeMs as number)),
    [],
  );
  if (query.resolution === "1m") return;
  const known = new Set(all.map((row) => JSON.stringify(plain(row))));
  assert.deepEqual(
    told.filter((row) => !known.has(row)),
    [],
  );
}

/** Without the first and the last value, which a fold does not know. */
function plain(row: readonly unknown[]): readonly unknown[] {
  return row.slice(0, 7);
}

test("P9 any query is a question, or a 400 that says what is wrong; any cursor a place, or none", () => {
  const name = fc.constantFrom("stream", "from", "to", "resolution", "limit", "cursor", "format");
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom("1m", "raw", "csv", "true", "5", "a,b", "2026-01-31T12:00:00Z", "1-0--0-0"),
  );
  const pairs = fc.array(fc.tuple(fc.oneof(name, fc.string()), text), { maxLength: 6 });
  fc.assert(
    fc.property(pairs, (parameters) => {
      const asked = parseHistoryQuery(DEVICE, parameters);
      if (!asked.ok) {
        const { status, errors = [], detail } = asked.error;
        assert.ok(status === 400 && errors.length > 0 && detail.length > 10);
        return;
      }
      const { fromMs, toMs, limit } = asked.value.query;
      assert.ok(fromMs >= 0 && fromMs < toMs && limit >= 1 && limit <= limits.historyRowsMax);
    }),
    { numRuns: 2_000 },
  );
});
