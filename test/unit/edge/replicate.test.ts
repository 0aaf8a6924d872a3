// Does a run of the link bring the journal to the origin, in bounded exchanges, and end where the
// alarm has to know? The real state machine and store; the origin's answers are scripted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { JournalReplica } from "../../../edge/journal-replica.ts";
import { limits } from "../../../edge/limits.ts";
import { SqlHubStore } from "../../../edge/platform/sql-hub-store.ts";
import type { ExchangeOutcome } from "../../../edge/ports.ts";
import { replicate, type ReplicatePorts, type Replication } from "../../../edge/replicate.ts";
import { parseReplicaId } from "../../../sync/brand.ts";
import { openEdgeLink, type EdgeLink } from "../../../sync/link/edge.ts";
import { FRAME_BYTES_TARGET } from "../../../sync/limits.ts";
import { encodeDownFrame, type DownFrame } from "../../../sync/wire/down-frame.ts";
import { decodeUpFrame, type UpFrame } from "../../../sync/wire/up-frame.ts";
import { endOf } from "../../../sync/link/position.ts";
import { LOG_LANE } from "../../../sync/wire/log-lane.ts";
import { batchAt, commitBatch } from "../../support/hub-commits.ts";
import { openNodeSql } from "../../support/node-sql.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);

/** What the origin does with a request of an open link: an answer, or null for none. */
type Origin = (frame: UpFrame, bytes: Uint8Array) => Partial<DownFrame> | null;

/** Takes everything, as an origin does that holds all before it. */
const takesAll: Origin = ({ to, log }, bytes) => ({
  at: endOf(log, to, bytes, LOG_LANE),
});

class Run {
  readonly store = new SqlHubStore(openNodeSql(), 7);
  readonly requests: Uint8Array[] = [];
  readonly events: string[] = [];
  readonly journal: JournalReplica;
  link: EdgeLink;
  onExchange: () => void = () => {};

  constructor(rows: number, bytesEach = 10) {
    assert.ok(REPLICA !== null);
    this.journal = new JournalReplica(this.store, REPLICA, () => 8);
    this.journal.save({ ...this.journal.record, link: 5, isPulling: false });
    this.link = openEdgeLink(this.journal.record);
    this.append(rows, bytesEach);
  }

  /** Commits entries of about so many bytes. */
  append(rows: number, bytesEach = 10): void {
    const times = Array.from({ length: Math.ceil(bytesEach / 9) }, (_, at) => at);
    for (let i = 0; i < rows; i += 1)
      commitBatch(this.store, this.store.lastStampMs() + 1, batchAt(times));
  }

  async with(origin: Origin): Promise<Replication> {
    const ports: ReplicatePorts = {
      origin: { exchange: async (request) => this.#exchange(request, origin) },
      now: () => 5,
      chance: () => 0.5,
      log: (event) => this.events.push(event),
    };
    const run = await replicate(this.link, this.journal, ports);
    this.link = run.link;
    return run;
  }

  #exchange(request: Uint8Array, origin: Origin): ExchangeOutcome {
    this.requests.push(request);
    const frame = decodeUpFrame(request);
    assert.ok(frame.ok);
    this.onExchange();
    const answer = origin(frame.value, request);
    if (answer === null) return { kind: "failed", reason: "lost" };
    const at = { seq: 0, digest: 0 };
    const down = { outcome: "applied", link: 5, at, hubNowMs: 5, state: null, ...answer } as const;
    return { kind: "answered", frame: encodeDownFrame(down) };
  }
}

test("replicate() with nothing to send asks nobody, and rests", async () => {
  const run = new Run(0);
  const { againInMs, isOriginAway } = await run.with(takesAll);
  assert.deepEqual([againInMs, isOriginAway, run.requests.length], [null, false, 0]);
});

test("replicate() brings the journal over in one exchange, and stores the cursor", async () => {
  const run = new Run(5);
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.equal(run.requests.length, 1);
  assert.deepEqual([run.store.loadLink().cursor.seq, run.store.unackedBytes()], [5, 0]);
});

test("P3 replicate() needs as many exchanges as frames, for a backlog of several", async () => {
  const run = new Run(12, FRAME_BYTES_TARGET / 4);
  const [entry] = run.store.entriesAfter(0, 0, 1);
  const each = Math.floor(FRAME_BYTES_TARGET / (entry?.body.length ?? 0));
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.ok(each > 1 && each < 12);
  assert.equal(run.requests.length, Math.ceil(12 / each));
});

test("replicate() also brings over what is committed while it waits", async () => {
  const run = new Run(1);
  let left = 3;
  run.onExchange = () => {
    if ((left -= 1) >= 0) run.append(1);
  };
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.equal(run.store.loadLink().cursor.seq, 4);
});

test("replicate() lets other work in after its bound of exchanges, and goes on at once (P8)", async () => {
  const run = new Run(1);
  run.onExchange = () => run.append(1);
  const { againInMs, isOriginAway } = await run.with(takesAll);
  assert.deepEqual([againInMs, isOriginAway], [0, false]);
  assert.ok(run.requests.length <= limits.exchangesPerAlarmMax + 1);
  run.onExchange = () => {};
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.equal(run.store.loadLink().cursor.seq, run.store.extent().head);
});

test("P6 replicate() that gets no answer says so and when to ask again, then repeats the same bytes", async () => {
  const run = new Run(2);
  const { againInMs, isOriginAway } = await run.with(() => null);
  assert.equal(isOriginAway, true);
  assert.ok(againInMs !== null && againInMs > 0 && againInMs <= limits.syncRetryMsMax);
  assert.deepEqual(run.events, ["exchange-failed"]);
  run.append(3);
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.deepEqual(run.requests[1], run.requests[0]);
  assert.deepEqual([run.requests.length, run.store.loadLink().cursor.seq], [3, 5]);
});

test("replicate() never waits longer than its bound, however long the origin is away", async () => {
  const run = new Run(1);
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const { againInMs } = await run.with(() => null);
    assert.ok(againInMs !== null && againInMs <= limits.syncRetryMsMax);
  }
  assert.equal(
    new Set(run.requests.map((request) => Buffer.from(request).toString("hex"))).size,
    1,
  );
});

test("replicate() sends again what an origin that was restored no longer holds", async () => {
  const run = new Run(4);
  await run.with(takesAll);
  run.append(1);
  let held = { seq: 2, digest: run.journal.digestAt(2) ?? 0 };
  const { againInMs } = await run.with((frame, bytes) => {
    if (frame.from.seq !== held.seq) return { outcome: "at", at: held };
    held = endOf(frame.log, frame.to, bytes, LOG_LANE);
    return { at: held };
  });
  assert.deepEqual([againInMs, held.seq, run.store.loadLink().cursor], [null, 5, held]);
});

for (const [what, seq] of [
  ["holds another log", 2],
  ["holds more than the journal", 9],
] as const)
  test(`replicate() with an origin that ${what} begins another life, and sends all of it`, async () => {
    const run = new Run(4);
    const first = await run.with(() => ({ outcome: "at", at: { seq, digest: 123 } }));
    assert.equal(first.againInMs, limits.syncRetryMsMin);
    const { replicaEpoch, link, cursor } = run.store.loadLink();
    assert.deepEqual([replicaEpoch, link, cursor.seq], [8, 0, 0]);
    assert.deepEqual(run.events, ["epoch-renewed"]);
    const speakers: string[] = [];
    const second = await run.with((frame, bytes) => {
      speakers.push(frame.speaker.kind);
      return frame.speaker.kind === "hello" ? { outcome: "open", link: 6 } : takesAll(frame, bytes);
    });
    assert.deepEqual([second.againInMs, speakers[0]], [null, "hello"]);
    assert.equal(run.store.loadLink().cursor.seq, 4);
  });

test("replicate() stamps anew what was stamped a year ahead, and sends all of it", async () => {
  const run = new Run(0);
  for (const stampMs of [10, 31_536_000_000, 31_536_000_007])
    commitBatch(run.store, stampMs, batchAt([stampMs]));
  await run.with(() => ({ outcome: "clock-ahead", hubNowMs: 5_000 }));
  const stamps = run.store.entriesAfter(0, Infinity, 10).map(({ stampMs }) => stampMs);
  assert.deepEqual(stamps, [10, 5_000, 5_000], "by the origin's clock, in their order");
  assert.equal(run.store.loadLink().replicaEpoch, 8);
});
