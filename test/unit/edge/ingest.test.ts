// What does the hub do with a batch, from recall to commit? Each outcome, what it leaves on disk,
// and that the counts of an answer add up to what was sent (P1, P2).

import assert from "node:assert/strict";
import { test } from "node:test";
import { ingest, type IngestOutcome } from "../../../edge/ingest.ts";
import { limits } from "../../../edge/limits.ts";
import { SqlHubStore } from "../../../edge/platform/sql-hub-store.ts";
import type { HubStore } from "../../../edge/ports.ts";
import { MINUTE_MS, minuteOf } from "../../../edge/telemetry/device-state.ts";
import { foldHeldMinute } from "../../../edge/telemetry/held-minute.ts";
import { FUTURE_MS_MAX } from "../../../sync/quarantine.ts";
import { decodeBatches, type ReadingBatch } from "../../../sync/wire/batch.ts";
import { deviceId } from "../../support/arbitraries.ts";
import { commandOf, DEVICE } from "../../support/commands.ts";
import { openNodeSql, type NodeSql } from "../../support/node-sql.ts";

const NOW = 6_000 * MINUTE_MS;

type Committed = Extract<IngestOutcome, { kind: "committed" }>;
type Options = NonNullable<Parameters<typeof commandOf>[1]>;

class Hub {
  readonly sql: NodeSql = openNodeSql();
  readonly store: SqlHubStore = new SqlHubStore(this.sql, 1);
  nowMs = NOW;

  post(body: unknown, options: Options = {}, store: HubStore = this.store): IngestOutcome {
    this.nowMs += 10;
    const outcome = ingest(commandOf(body, options), store, this.nowMs);
    store.write();
    return outcome;
  }

  commit(body: unknown, options: Options = {}): Committed {
    const outcome = this.post(body, options);
    assert.equal(outcome.kind, "committed");
    return outcome as Committed;
  }

  /** The batches of every journal row, in order. */
  journal(): ReadingBatch[][] {
    return this.store.entriesAfter(0, Infinity, 10_000).map(({ body }) => {
      const decoded = decodeBatches(body);
      assert.ok(decoded.ok);
      return decoded.value;
    });
  }

  /** A store of which one answer is another. */
  with(changes: Partial<HubStore>): HubStore {
    const { store } = this;
    return new Proxy(store, {
      get: (_, name) => {
        const changed = changes[name as keyof HubStore];
        if (changed !== undefined) return changed;
        const value = store[name as keyof HubStore] as unknown;
        return typeof value === "function" ? value.bind(store) : value;
      },
    });
  }
}

/** [accepted, duplicates, conflicts, late, quarantined] */
function counts(outcome: Committed): number[] {
  const { accepted, duplicates, conflicts, late, quarantined } = outcome;
  return [accepted, duplicates, conflicts, late, quarantined];
}

const named = { boot: "b1", seq: 1, t: [NOW - 2, NOW - 1], series: { a: [1, 2] } };
const streams = (count: number, from = 0): Record<string, number[]> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${from + i}`, [1]]));

test("ingest() commits what is new, and its answer says so", () => {
  const hub = new Hub();
  const outcome = hub.commit(named);
  assert.deepEqual(counts(outcome), [2, 0, 0, 0, 0]);
  assert.equal(outcome.ackSeq, 1);
  assert.deepEqual(hub.journal()[0]?.[0]?.times, named.t);
  assert.equal(hub.store.loadDevice(DEVICE)?.streams["a"]?.total?.[0], 2);
});

test("ingest() of a repeated batch writes nothing at all", () => {
  const hub = new Hub();
  hub.commit(named);
  const before = hub.sql.copy();
  const outcome = hub.commit(named);
  assert.deepEqual(counts(outcome), [0, 2, 0, 0, 0]);
  assert.equal(outcome.ackSeq, 1);
  assert.deepEqual(hub.sql.copy(), before);
});

test("ingest() refuses another batch under the same name, and writes nothing", () => {
  const hub = new Hub();
  hub.commit(named);
  const before = hub.sql.copy();
  assert.equal(hub.post({ ...named, series: { a: [1, 3] } }).kind, "sequence-reused");
  assert.deepEqual(hub.sql.copy(), before);
});

test("ingest() of the same readings under another name stores no reading twice", () => {
  const hub = new Hub();
  hub.commit(named);
  const outcome = hub.commit({ ...named, seq: 2 });
  assert.deepEqual(counts(outcome), [0, 2, 0, 0, 0]);
  assert.equal(outcome.ackSeq, 2);
  assert.deepEqual(hub.journal()[1], [], "what is held of it is its name");
});

test("P1 ingest() does not take new readings for held ones because an old boot numbers from 1 again", () => {
  const hub = new Hub();
  for (let seq = 1; seq <= limits.batchWindow + 10; seq += 1)
    hub.commit({ boot: "b1", seq, t: [seq], series: { a: [1] } });
  const outcome = hub.commit({ boot: "b1", seq: 1, t: [NOW], series: { a: [1] } });
  assert.deepEqual(counts(outcome), [1, 0, 0, 0, 0]);
});

test("ingest() keeps a conflict for the origin, outside of this region's totals", () => {
  const hub = new Hub();
  hub.commit(named);
  assert.deepEqual(counts(hub.commit({ t: [NOW - 1], series: { a: [9] } })), [0, 0, 1, 0, 0]);
  assert.equal(hub.journal().length, 2);
  assert.deepEqual(hub.store.loadDevice(DEVICE)?.streams["a"]?.total?.slice(0, 4), [2, "3", 1, 2]);
});

test("ingest() counts a reading as late if it is further behind its stream's newest than the bound", () => {
  const hub = new Hub();
  hub.commit({ t: [NOW], series: { a: [1], b: [1] } });
  const edge = NOW - limits.latenessMs;
  const outcome = hub.commit({ t: [edge - 1, edge], series: { a: [1, 2], c: [1, 2] } });
  assert.deepEqual(counts(outcome), [4, 0, 0, 1, 0]);
});

test("ingest() takes a quarantined reading, and keeps it out of totals, rollups and latest", () => {
  const hub = new Hub();
  const edge = NOW + 10 + FUTURE_MS_MAX;
  const outcome = hub.commit({ t: [edge, edge + 1], series: { a: [1, 2] } });
  assert.deepEqual(counts(outcome), [2, 0, 0, 0, 1]);
  const stream = hub.store.loadDevice(DEVICE)?.streams["a"];
  assert.deepEqual([stream?.total?.[0], stream?.quarantined, stream?.latest], [1, 1, [edge, 1]]);
  const minutes = [edge, edge + 1].map((timeMs) =>
    foldHeldMinute(DEVICE, minuteOf(timeMs), hub.store),
  );
  assert.deepEqual(
    [...new Set(minutes.flatMap((rollup) => (rollup["a"] ?? []).slice(0, 2)))],
    [1, "1"],
  );
  assert.equal(hub.journal()[0]?.[0]?.times.length, 2);
});

test("ingest() fixes the time of a reading without one at the first commit, and repeats it by its key", () => {
  const hub = new Hub();
  const body = [{ stream: "door", value: true }];
  assert.deepEqual(counts(hub.commit(body, { key: "k1" })), [1, 0, 0, 0, 0]);
  const [first] = hub.journal()[0] ?? [];
  assert.deepEqual([first?.isTimeAssigned, first?.times], [true, [hub.nowMs]]);
  assert.deepEqual(counts(hub.commit(body, { key: "k1" })), [0, 1, 0, 0, 0]);
  assert.equal(hub.journal().length, 1);
  assert.deepEqual(counts(hub.commit(body, { key: "k2" })), [1, 0, 0, 0, 0]);
});

test("ingest() assigns no time that the request gives itself", () => {
  const hub = new Hub();
  const given = [NOW + 10, NOW + 11];
  const readings = [
    ...given.map((time) => ({ stream: "a", value: 1, time })),
    { stream: "a", value: 1 },
  ];
  assert.deepEqual(counts(hub.commit({ boot: "b1", seq: 1, readings })), [3, 0, 0, 0, 0]);
  assert.deepEqual(
    hub.journal()[0]?.map(({ times }) => times),
    [given, [NOW + 12]],
  );
});

test("P2 ingest() assigns no time that the stream's readings have, if the device's clock is ahead", () => {
  const hub = new Hub();
  const ahead = [NOW + 20, NOW + 21];
  hub.commit({ t: ahead, series: { a: [1, 2] } });
  assert.deepEqual(counts(hub.commit([{ stream: "a", value: 1 }], { key: "k1" })), [1, 0, 0, 0, 0]);
  assert.deepEqual(hub.journal()[1]?.[0]?.times, [NOW + 22]);
  assert.equal(hub.store.lastStampMs(), NOW + 20, "the commit's stamp is the clock's");
  hub.nowMs = NOW + 12;
  assert.deepEqual(counts(hub.commit([{ stream: "a", value: 1 }], { key: "k2" })), [1, 0, 0, 0, 0]);
  assert.equal(hub.store.loadDevice(DEVICE)?.streams["a"]?.total?.[0], 4);
});

test("ingest() never lets stamps go back although the clock does", () => {
  const hub = new Hub();
  hub.commit({ t: [1], series: { a: [1] } });
  hub.nowMs = 5;
  hub.commit({ t: [2], series: { a: [1] } });
  const stamps = hub.store.entriesAfter(0, Infinity, 10).map(({ stampMs }) => stampMs);
  assert.deepEqual(stamps, [NOW + 10, NOW + 10]);
});

test("P2 ingest() of many batches in one millisecond counts each reading, and gives each its own time", () => {
  const hub = new Hub();
  for (let seq = 1; seq <= 30; seq += 1) {
    hub.nowMs = NOW;
    const readings = [
      { stream: "a", value: seq, time: seq },
      { stream: "door", value: seq },
    ];
    assert.deepEqual(counts(hub.commit({ boot: "b1", seq, readings })), [2, 0, 0, 0, 0]);
  }
  const stamps = hub.store.entriesAfter(0, Infinity, 100).map(({ stampMs }) => stampMs);
  assert.deepEqual([...new Set(stamps)], [NOW + 10]);
  const { streams: held } = hub.store.loadDevice(DEVICE) ?? {};
  assert.deepEqual(
    [held?.["a"]?.total?.[0], held?.["door"]?.total?.slice(0, 2)],
    [30, [30, "465"]],
  );
  hub.nowMs = NOW;
  const again = hub.commit({ t: [1, 2], series: { a: [1, 7] } });
  assert.deepEqual(counts(again), [0, 1, 1, 0, 0]);
});

test("ingest() folds each reading into the minute of its time", () => {
  const hub = new Hub();
  const startMs = minuteOf(NOW) - MINUTE_MS;
  const t = [startMs - 1, startMs, startMs + MINUTE_MS - 1];
  hub.commit({ t, series: { a: [1, 2, 3] } });
  hub.commit({ t: [startMs + 5], series: { a: [10], constructor: [1] } });
  const sums = (minuteMs: number): unknown =>
    Object.entries(foldHeldMinute(DEVICE, minuteMs, hub.store)).map(([stream, [count, sum]]) => [
      stream,
      count,
      sum,
    ]);
  assert.deepEqual(sums(startMs - MINUTE_MS), [["a", 1, "1"]]);
  assert.deepEqual(sums(startMs), [
    ["a", 3, "15"],
    ["constructor", 1, "1"],
  ]);
});

test("ingest() refuses a reading without a time whose batch lies below the window", () => {
  const hub = new Hub();
  hub.commit({ boot: "b1", seq: limits.batchWindow + 1, t: [1], series: { a: [1] } });
  const readings = [
    { stream: "a", value: 1, time: 2 },
    { stream: "door", value: 1 },
  ];
  for (const [accepted, duplicates] of [
    [1, 0],
    [0, 1],
  ]) {
    const outcome = hub.commit({ boot: "b1", seq: 1, readings });
    assert.deepEqual([outcome.accepted, outcome.duplicates], [accepted, duplicates]);
    assert.deepEqual(outcome.refused, [{ stream: "door", code: "time-required", count: 1 }]);
  }
});

test("ingest() that can take nothing stores nothing, however often it is asked", () => {
  const hub = new Hub();
  hub.commit({ boot: "b1", seq: limits.batchWindow + 1, t: [1], series: { a: [1] } });
  const before = hub.sql.copy();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const outcome = hub.post({ boot: "b1", seq: 1, series: { door: [1] } });
    assert.equal(outcome.kind, "refused");
  }
  assert.deepEqual(hub.sql.copy(), before);
});

test("ingest() refuses streams past the bound, takes the others, and says the same to a retry", () => {
  const hub = new Hub();
  hub.commit({ t: [1], series: streams(limits.streamsPerDeviceMax - 1) });
  const body = { boot: "b1", seq: 1, t: [2], series: { s0: [1], x: [1], y: [1] } };
  const first = hub.commit(body);
  assert.deepEqual(counts(first), [2, 0, 0, 0, 0]);
  assert.deepEqual(first.refused, [{ stream: "y", code: "too-many-streams", count: 1 }]);
  const again = hub.commit(body);
  assert.deepEqual(counts(again), [0, 2, 0, 0, 0]);
  assert.deepEqual(again.refused, first.refused);
  assert.equal(Object.keys(hub.store.loadDevice(DEVICE)?.streams ?? {}).length, 256);
});

test("ingest() that is strict stores nothing if a stream has to be refused", () => {
  const hub = new Hub();
  hub.commit({ t: [1], series: streams(limits.streamsPerDeviceMax) });
  const before = hub.sql.copy();
  const body = { t: [2], series: { s0: [1], x: [1] } };
  assert.equal(hub.post(body, { isStrict: true }).kind, "refused");
  assert.deepEqual(hub.sql.copy(), before);
  assert.equal(hub.post({ t: [2], series: { s0: [1] } }, { isStrict: true }).kind, "committed");
});

test("ingest() answers buffer-full at the bound of what is not acknowledged, but knows a repetition", () => {
  const hub = new Hub();
  hub.commit(named);
  const before = hub.sql.copy();
  const full = hub.with({ unackedBytes: () => limits.journalUnackedBytesMax });
  assert.equal(hub.post({ ...named, seq: 2 }, {}, full).kind, "buffer-full");
  assert.equal(hub.post(named, {}, full).kind, "committed");
  assert.deepEqual(hub.sql.copy(), before);
  const bytes = limits.journalUnackedBytesMax * limits.bufferFullShare;
  const almost = hub.with({ unackedBytes: () => bytes - 1 });
  const outcome = hub.post({ ...named, seq: 2 }, {}, almost);
  assert.ok(outcome.kind === "committed" && (outcome.buffer ?? 0) > 0.94);
});

test("ingest() answers hub-full to a new device at the bound, and goes on to serve the others", () => {
  const hub = new Hub();
  hub.commit(named);
  const full = hub.with({ deviceCount: () => limits.devicesPerHubMax });
  assert.equal(hub.post(named, { device: deviceId("boat-2") }, full).kind, "hub-full");
  assert.equal(hub.store.loadDevice(deviceId("boat-2")), null);
  assert.equal(hub.post({ ...named, seq: 2 }, {}, full).kind, "committed");
});

test("ingest() smooths the device's clock skew, and keeps it if the device does not say", () => {
  const hub = new Hub();
  const skew = (): number | null | undefined => hub.store.loadDevice(DEVICE)?.clockSkewMs;
  hub.commit({ t: [1], series: { a: [1] } });
  assert.equal(skew(), null);
  hub.commit({ t: [2], series: { a: [1] }, sent: NOW + 20 - 800 });
  assert.equal(skew(), 800);
  hub.commit({ t: [3], series: { a: [1] }, sent: NOW + 30 });
  assert.equal(skew(), 700);
  hub.commit({ t: [4], series: { a: [1] } });
  assert.equal(skew(), 700);
});

test("ingest() takes a stream named constructor like any other", () => {
  const hub = new Hub();
  const body = { boot: "b1", seq: 1, t: [1], series: { constructor: [5] } };
  assert.deepEqual(counts(hub.commit(body)), [1, 0, 0, 0, 0]);
  assert.deepEqual(counts(hub.commit(body)), [0, 1, 0, 0, 0]);
  assert.deepEqual(counts(hub.commit({ ...body, seq: 2 })), [0, 1, 0, 0, 0]);
});

test("P1 a commit that fails half way leaves nothing behind, in memory or on disk", () => {
  const hub = new Hub();
  hub.commit(named);
  const before = hub.sql.copy();
  hub.sql.exec(
    "create trigger full before insert on journal begin select raise(fail, 'disk full'); end",
  );
  assert.throws(() => hub.post({ ...named, seq: 2, t: [NOW, NOW + 1] }), /disk full/);
  hub.sql.exec("drop trigger full");
  assert.deepEqual(hub.sql.copy().length, before.length);
  assert.equal(hub.store.extent().head, 1);
  assert.equal(hub.store.loadDevice(DEVICE)?.streams["a"]?.total?.[0], 2);
  assert.deepEqual(counts(hub.commit({ ...named, seq: 2, t: [NOW, NOW + 1] })), [2, 0, 0, 0, 0]);
});

test("P1 P2 a hub that starts over knows every batch, mark, count and time as before", () => {
  const hub = new Hub();
  const ahead = NOW + 2 * FUTURE_MS_MAX;
  const bodies: [unknown, Options][] = [
    [{ ...named, sent: NOW - 500 }, {}],
    [{ t: [NOW - 1, NOW + 5], series: { a: [9, 1], b: [true, false] } }, { key: "k1" }],
    [{ boot: "b1", seq: 2, t: [NOW - 2], series: { a: [1] }, sent: NOW }, {}],
    [[{ stream: "door", value: true }], { key: "k2" }],
    [{ boot: "b2", seq: 3, t: [5, ahead], series: { a: [1, 2] } }, {}],
    [{ t: [NOW], series: { constructor: [0.1] } }, { device: deviceId("boat-2") }],
  ];
  for (const [body, options] of bodies) {
    hub.commit(body, options);
    const states = (store: HubStore) =>
      [DEVICE, deviceId("boat-2")].map((device) => store.loadDevice(device));
    assert.deepEqual(states(new SqlHubStore(hub.sql, 2)), states(hub.store));
  }
  const again = new SqlHubStore(hub.sql, 2);
  for (const [body, options] of bodies) {
    const outcome = hub.post(body, options, again);
    assert.equal(outcome.kind === "committed" && outcome.accepted, 0);
  }
});
