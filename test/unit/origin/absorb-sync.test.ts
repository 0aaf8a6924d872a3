// What does the origin make of frames? Each distinct reading counts once, whatever is repeated,
// broken, lost or sent by two regions; readings and cursor move together (P2).

import assert from "node:assert/strict";
import { test } from "node:test";
import { absorb, type Absorbed } from "../../../origin/absorb-sync.ts";
import { limits } from "../../../origin/limits.ts";
import { SqlShardStore } from "../../../origin/platform/sql-shard-store.ts";
import { replayAll, replayPoison } from "../../../origin/replay-poison.ts";
import { totalsOf, type StreamTotals } from "../../../origin/replica/totals.ts";
import { parseReplicaId } from "../../../sync/brand.ts";
import { AHEAD_MS_MAX } from "../../../sync/clock/hlc.ts";
import { FUTURE_MS_MAX } from "../../../sync/quarantine.ts";
import { decodeBatches, encodeBatches } from "../../../sync/wire/batch.ts";
import { decodeDownFrame } from "../../../sync/wire/down-frame.ts";
import { encodeUpFrame, type Speaker, type UpFrame } from "../../../sync/wire/up-frame.ts";
import { commandOf, DEVICE } from "../../support/commands.ts";
import { openNodeSql } from "../../support/node-sql.ts";

const NOW = 10_000_000;
const HEL = parseReplicaId("hel/00-ff");
assert.ok(HEL !== null);

type Answered = Extract<Absorbed, { kind: "answered" }>;
type Changes = Partial<UpFrame> & { readonly replicaEpoch?: number };

class Shard {
  readonly sql = openNodeSql();
  readonly store: SqlShardStore;
  #links = 0;

  constructor(timelessBatchesMax?: number, replicasMax?: number) {
    this.store = new SqlShardStore(this.sql, timelessBatchesMax, replicasMax);
  }

  /**
   * Absorbs the entries after `from`, on the link of the named replica's life; entry n is stamped
   * `firstStampMs + n`. Says hello first if the origin does not know the life.
   */
  absorb(
    name: string,
    from: number,
    bodies: readonly Uint8Array[],
    changes: Changes = {},
    firstStampMs = 1_000_000,
  ): Answered {
    const { replicaEpoch = 7, ...rest } = changes;
    const replica = parseReplicaId(`${name}/00-ff`);
    assert.ok(replica !== null);
    if (this.store.findReplica(replica, replicaEpoch) === null)
      this.take(frameOf({ kind: "hello", replica, replicaEpoch }, 0, [], rest, firstStampMs));
    const held = this.store.findReplica(replica, replicaEpoch);
    assert.ok(held !== null);
    const speaker: Speaker = { kind: "link", link: held.link };
    const digest = from === held.cursor.seq ? held.cursor.digest : 0;
    const at = { from: { seq: from, digest }, ...rest };
    return this.take(frameOf(speaker, from, bodies, at, firstStampMs));
  }

  take(frame: UpFrame): Answered {
    const absorbed = absorb(encodeUpFrame(frame), this.store, NOW, () => (this.#links += 1));
    assert.ok(absorbed.kind === "answered");
    return absorbed;
  }

  totals(): Record<string, StreamTotals> {
    return Object.fromEntries(totalsOf(this.store.summaries(DEVICE)).map((t) => [t.stream, t]));
  }
}

function frameOf(
  speaker: Speaker,
  from: number,
  bodies: readonly Uint8Array[],
  changes: Partial<UpFrame>,
  firstStampMs: number,
): UpFrame {
  const log = bodies.map((body, i) => {
    const seq = from + i + 1;
    return { seq, stampMs: firstStampMs + seq, body };
  });
  const to = from + log.length;
  return {
    speaker,
    floor: 1,
    head: Math.max(to, (changes.floor ?? 1) - 1),
    sentMs: 5,
    from: { seq: from, digest: 0 },
    to,
    ack: { seq: 0, digest: 0 },
    isKeyless: true,
    log,
    groups: [],
    ...changes,
  };
}

function answerOf(absorbed: Answered): readonly [outcome: string, seq: number] {
  const answer = decodeDownFrame(absorbed.answer);
  assert.ok(answer.ok);
  return [answer.value.outcome, answer.value.at.seq];
}

/** The entry of one request, times of readings without one fixed as a hub does. */
function entry(body: unknown, options: { key?: string; assignedMs?: number } = {}): Uint8Array {
  const command = commandOf(body, options.key === undefined ? {} : { key: options.key });
  const decoded = decodeBatches(command.entry);
  assert.ok(decoded.ok);
  return encodeBatches(
    decoded.value.map((batch) =>
      batch.isTimeAssigned ? { ...batch, times: [options.assignedMs ?? 1_000_000] } : batch,
    ),
  );
}

const A = entry({ t: [10, 20], series: { a: [1, 2] } });
const B = entry({ t: [20, 30], series: { a: [2, 3] } });
const BROKEN = Uint8Array.of(9, 9, 9);

test("absorb() counts each reading once, and answers with the cursor", () => {
  const shard = new Shard();
  const absorbed = shard.absorb("hel", 0, [A, B]);
  assert.deepEqual([absorbed.entries, absorbed.added, absorbed.poisoned], [2, 3, 0]);
  assert.deepEqual(answerOf(absorbed), ["applied", 2]);
  assert.deepEqual([shard.totals()["a"]?.count, shard.totals()["a"]?.sum], [3, "6"]);
});

test("absorb() of a frame that came before changes no total", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [A, B]);
  const before = shard.totals();
  for (let again = 0; again < 3; again += 1) assert.equal(shard.absorb("hel", 0, [A, B]).added, 0);
  assert.deepEqual(shard.totals(), before);
});

test("absorb() of a frame that begins too late stores nothing, and asks for what is missing", () => {
  const shard = new Shard();
  assert.deepEqual(answerOf(shard.absorb("hel", 1, [B])), ["at", 0]);
  assert.deepEqual(shard.totals(), {});
});

test("absorb() of the same readings from two regions counts them once", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [A]);
  assert.equal(shard.absorb("tll", 0, [A, B]).added, 1);
  assert.equal(shard.totals()["a"]?.count, 3);
});

test("absorb() of a conflict counts the value that was committed first, whichever came first", () => {
  for (const order of [
    ["hel", "tll"],
    ["tll", "hel"],
  ]) {
    const shard = new Shard();
    const stamps: Record<string, number> = { hel: 1_000_000, tll: 2_000_000 };
    for (const name of order) {
      const body = entry({ t: [10], series: { a: [name === "hel" ? 5 : 1] } });
      shard.absorb(name, 0, [body], {}, stamps[name]);
    }
    const { count, sum, conflicts } = shard.totals()["a"] ?? {};
    assert.deepEqual([count, sum, conflicts], [1, "5", 1]);
  }
});

test("replayAll() replays what an older release set aside, a page at a time, and keeps what it cannot", () => {
  const shard = new Shard();
  assert.ok(HEL !== null);
  const count = limits.poisonReplayedMax + 2;
  for (let seq = 1; seq <= count; seq += 1) {
    const body = seq === 1 ? BROKEN : entry({ t: [seq], series: { a: [seq] } });
    const times = { stampMs: 0, sinceMs: 0 };
    shard.store.poison.keep({
      replica: HEL,
      replicaEpoch: 7,
      seq,
      body,
      reason: "broken-batch",
      ...times,
    });
  }
  const first = replayAll(null, shard.store, NOW);
  assert.deepEqual([first.replayed, first.added, first.stillPoison], [count - 3, count - 3, 1]);
  assert.ok(first.next !== null);
  const second = replayAll(first.next, shard.store, NOW);
  assert.deepEqual(second, { replayed: 2, added: 2, stillPoison: 0, next: null });
  assert.deepEqual(
    [shard.totals()["a"]?.count, shard.store.poison.summary().entries],
    [count - 1, 1],
  );
});

test("P3 absorb() keeps an entry that does not decode, and goes on behind it", () => {
  const shard = new Shard();
  const absorbed = shard.absorb("hel", 0, [A, BROKEN, B]);
  assert.deepEqual([absorbed.entries, absorbed.added, absorbed.poisoned], [3, 3, 1]);
  const kept = shard.sql.exec("select replica, epoch, seq, body from poison");
  assert.deepEqual(
    kept.map((row) => ({ ...row })),
    [{ replica: "hel/00-ff", epoch: 7, seq: 2, body: BROKEN }],
  );
  assert.equal(shard.absorb("hel", 3, [entry({ t: [40], series: { a: [4] } })]).added, 1);
});

test("absorb() counts a reading without a time once, although two regions gave it two times", () => {
  const body = [{ stream: "door", value: 1 }];
  for (const named of [{ key: "k1" }, {}]) {
    const shard = new Shard();
    const request = "key" in named ? body : { boot: "b1", seq: 1, readings: body };
    shard.absorb("hel", 0, [entry(request, { ...named, assignedMs: 1_000_001 })]);
    shard.absorb("tll", 0, [entry(request, { ...named, assignedMs: 1_000_900 })]);
    assert.deepEqual([shard.totals()["door"]?.count, shard.totals()["door"]?.quarantined], [1, 0]);
  }
});

test("absorb() counts both parts of a request with and without times", () => {
  const shard = new Shard();
  const readings = [
    { stream: "a", value: 1, time: 10 },
    { stream: "door", value: 1 },
  ];
  const request = entry({ boot: "b1", seq: 1, readings });
  shard.absorb("hel", 0, [request]);
  shard.absorb("tll", 0, [request]);
  assert.deepEqual([shard.totals()["a"]?.count, shard.totals()["door"]?.count], [1, 1]);
});

test("absorb() counts a name that is used twice with other content twice", () => {
  const shard = new Shard();
  const timeless = (value: number): Uint8Array =>
    entry(
      { boot: "b1", seq: 1, readings: [{ stream: "door", value }] },
      { assignedMs: 1_000_000 + value },
    );
  shard.absorb("hel", 0, [timeless(1)]);
  shard.absorb("tll", 0, [timeless(2)]);
  assert.deepEqual([shard.totals()["door"]?.count, shard.totals()["door"]?.sum], [2, "3"]);
});

test("absorb() counts every one of many keys and boots", () => {
  const shard = new Shard();
  const bodies = Array.from({ length: 1500 }, (_, i) =>
    entry([{ stream: "door", value: 1 }], { key: `k${i}`, assignedMs: 1_000_000 + i }),
  );
  for (let from = 0; from < bodies.length; from += 500)
    shard.absorb("hel", from, bodies.slice(from, from + 500));
  assert.deepEqual([shard.totals()["door"]?.count, shard.totals()["door"]?.quarantined], [1500, 0]);
});

test("absorb() quarantines a reading without a time of which nobody can tell whether it is counted", () => {
  const shard = new Shard(10);
  const timeless = (i: number): Uint8Array =>
    entry([{ stream: "door", value: 1 }], { key: `k${i}`, assignedMs: 1_000_000 + i });
  shard.absorb(
    "hel",
    0,
    Array.from({ length: 11 }, (_, i) => timeless(i)),
  );
  shard.absorb("tll", 0, [timeless(0)]);
  assert.deepEqual([shard.totals()["door"]?.count, shard.totals()["door"]?.quarantined], [11, 1]);
  // What was committed long after everything that was forgotten is new.
  shard.absorb("sto", 0, [timeless(99)], {}, 2_000_000 + limits.batchRetryMsMax);
  assert.equal(shard.totals()["door"]?.count, 12);
});

test("absorb() throws what may pass, so that the frame is sent again", () => {
  const shard = new Shard();
  const save = shard.store.saveSegment.bind(shard.store);
  shard.store.saveSegment = () => {
    throw new Error("the disk is busy");
  };
  assert.throws(() => shard.absorb("hel", 0, [A, B]), /busy/);
  assert.equal(shard.store.listReplicas()[0]?.cursor.seq, 0);
  shard.store.saveSegment = save;
  assert.equal(shard.absorb("hel", 0, [A, B]).added, 3);
});

test("P2 absorb() counts two readings without times that two regions gave one time", () => {
  const shard = new Shard();
  const timeless = (seq: number): Uint8Array =>
    entry({ boot: "b1", seq, readings: [{ stream: "door", value: seq }] });
  shard.absorb("hel", 0, [timeless(1), timeless(2)]);
  shard.absorb("tll", 0, [timeless(3), timeless(1)]);
  const { count, sum, conflicts } = shard.totals()["door"] ?? {};
  assert.deepEqual([count, sum, conflicts], [3, "6", 0]);
});

test("P2 absorb() counts thousands of readings without times that were all given one time", () => {
  const shard = new Shard();
  const timeless = (i: number): Uint8Array =>
    entry([{ stream: "door", value: i }], { key: `k${i}`, assignedMs: 1_000_000 });
  const bodies = Array.from({ length: 3_000 }, (_, i) => timeless(i));
  for (let from = 0; from < bodies.length; from += 500)
    shard.absorb("hel", from, bodies.slice(from, from + 500));
  const { count, conflicts, quarantined } = shard.totals()["door"] ?? {};
  assert.deepEqual([count, conflicts, quarantined], [3_000, 0, 0]);
});

test("P3 absorb() keeps an entry aside that cannot be stored, and stores the others", () => {
  const shard = new Shard();
  const saveSegment = shard.store.saveSegment.bind(shard.store);
  shard.store.saveSegment = (lane, ...rest) => {
    if (lane.stream === "b") throw new RangeError("this row is too large");
    saveSegment(lane, ...rest);
  };
  const bad = entry({ t: [10], series: { b: [1] } });
  const absorbed = shard.absorb("hel", 0, [A, bad, B]);
  assert.equal(absorbed.poisoned, 1);
  assert.deepEqual([shard.totals()["a"]?.count, shard.totals()["b"]], [3, undefined]);
  assert.equal(shard.store.listReplicas()[0]?.cursor.seq, 3);
  const [poison] = shard.store.poison.list(null, 9);
  assert.ok(poison !== undefined);
  assert.deepEqual([poison.reason, poison.stampMs], ["cannot-be-stored", 1_000_002]);
  const still = { kind: "still-poison", reason: "cannot-be-stored" };
  assert.deepEqual(replayPoison(poison, shard.store, NOW), still);
  shard.store.saveSegment = saveSegment;
  assert.deepEqual(replayPoison(poison, shard.store, NOW), { kind: "replayed", added: 1 });
  assert.equal(shard.totals()["b"]?.count, 1);
  assert.deepEqual(replayPoison(poison, shard.store, NOW), { kind: "unknown" });
});

test("absorb() keeps readings that lie too far ahead of their commit out of the totals", () => {
  const shard = new Shard();
  const edge = 1_000_001 + FUTURE_MS_MAX;
  shard.absorb("hel", 0, [entry({ t: [10, edge, edge + 1], series: { a: [1, 2, 4] } })]);
  const { count, sum, quarantined } = shard.totals()["a"] ?? {};
  assert.deepEqual([count, sum, quarantined], [2, "3", 1]);
});

test("absorb() records entries that their replica has lost, and goes on behind them", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [A]);
  const log = [{ seq: 6, stampMs: 1_000_006, body: B }];
  const absorbed = shard.absorb("hel", 1, [], { floor: 6, head: 6, to: 6, log });
  assert.equal(absorbed.lostEntries, 4);
  const [status] = shard.store.listReplicas();
  assert.deepEqual(
    [status?.cursor.seq, status?.lostEntries, shard.totals()["a"]?.count],
    [6, 4, 3],
  );
});

test("absorb() keeps the lives of a replica apart, and counts no reading of the second twice", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [A, B]);
  shard.absorb("hel", 0, [B, A], { replicaEpoch: 8 });
  assert.equal(shard.totals()["a"]?.count, 3);
  assert.deepEqual(
    shard.store.listReplicas().map(({ replicaEpoch, cursor }) => [replicaEpoch, cursor.seq]),
    [
      [7, 2],
      [8, 2],
    ],
  );
});

test("absorb() stores nothing of a replica whose history is another one, and says where it stands", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [A, A]);
  const wrong = { from: { seq: 2, digest: 99 } };
  const absorbed = shard.absorb("hel", 2, [B], wrong);
  assert.deepEqual(answerOf(absorbed), ["at", 2]);
  assert.deepEqual([absorbed.entries, shard.totals()["a"]?.count], [0, 2]);
  assert.deepEqual(answerOf(shard.absorb("hel", 2, [B])), ["applied", 3]);
});

test("absorb() of a link that it does not know asks who is there, and stores nothing", () => {
  const shard = new Shard();
  const stray = frameOf({ kind: "link", link: 404 }, 0, [A], {}, 1_000_000);
  assert.deepEqual(answerOf(shard.take(stray)), ["unknown", 0]);
  assert.deepEqual(shard.totals(), {});
});

test("absorb() opens a link once, however often it is greeted, and another for a life that is used", () => {
  const shard = new Shard();
  const hello: Speaker = { kind: "hello", replica: HEL, replicaEpoch: 7 };
  for (let again = 0; again < 3; again += 1) shard.take(frameOf(hello, 0, [], {}, 0));
  assert.equal(shard.store.listReplicas().length, 1);
  shard.absorb("hel", 0, [A]);
  const again = shard.take(frameOf(hello, 0, [], { floor: 2, head: 2 }, 0));
  assert.deepEqual(answerOf(again), ["open", 1]);
  assert.equal(shard.store.listReplicas().length, 2);
});

test("absorb() refuses stamps that lie ahead of its clock, stores nothing and tells the time", () => {
  const shard = new Shard();
  const absorbed = shard.absorb("hel", 0, [A, B], {}, NOW + AHEAD_MS_MAX - 1);
  assert.deepEqual(answerOf(absorbed), ["clock-ahead", 0]);
  assert.deepEqual(shard.totals(), {});
  assert.equal(shard.absorb("hel", 0, [A], {}, NOW + AHEAD_MS_MAX - 1).added, 2);
});

test("absorb() of a heartbeat stores no entry, and says what is held", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [A]);
  const before = shard.totals();
  for (const [from, outcome] of [
    [1, "applied"],
    [4, "at"],
  ] as const) {
    const absorbed = shard.absorb("hel", from, []);
    assert.deepEqual(answerOf(absorbed), [outcome, 1]);
    assert.deepEqual([absorbed.entries, absorbed.lostEntries], [0, 0]);
  }
  assert.deepEqual(shard.totals(), before);
});

test("absorb() that fails half way stores nothing, and takes the same frame later", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, []);
  const before = shard.sql.copy();
  const saveReplica = shard.store.saveReplica.bind(shard.store);
  shard.store.saveReplica = () => {
    throw new Error("disk full");
  };
  assert.throws(() => shard.absorb("hel", 0, [A, BROKEN]), /disk full/);
  assert.deepEqual(shard.sql.copy(), before);
  shard.store.saveReplica = saveReplica;
  assert.equal(shard.absorb("hel", 0, [A, BROKEN]).added, 2);
});

test("absorb() takes a stream named constructor like any other", () => {
  const shard = new Shard();
  shard.absorb("hel", 0, [entry({ t: [1], series: { constructor: [5] } })]);
  assert.equal(totalsOf(shard.store.summaries(DEVICE))[0]?.stream, "constructor");
});

test("P8 absorb() takes no more replicas than there is room for, and says so; those it knows go on", () => {
  const shard = new Shard(undefined, 2);
  for (const name of ["hel", "tll"]) shard.absorb(name, 0, [entry({ t: [1], series: { a: [5] } })]);
  const hello = (name: string, nowMs: number): Absorbed => {
    const replica = parseReplicaId(`${name}/00-ff`);
    assert.ok(replica !== null);
    const frame = frameOf({ kind: "hello", replica, replicaEpoch: 1 }, 0, [], {}, nowMs);
    return absorb(encodeUpFrame(frame), shard.store, nowMs, () => 99);
  };
  assert.deepEqual(hello("made-up", NOW), { kind: "no-room", replica: "made-up/00-ff" });
  assert.equal(shard.store.listReplicas().length, 2);
  assert.equal(hello("hel", NOW).kind, "answered", "a known one may begin another life");
  assert.equal(hello("made-up", NOW + limits.regionLeaseMs + 1).kind, "answered");
});
