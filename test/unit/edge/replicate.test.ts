// Does a run of the link bring the journal to the origin, in bounded exchanges, and end where the
// alarm has to know? The real state machine and store; the origin's answers are scripted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../edge/limits.ts";
import { SqlHubStore } from "../../../edge/platform/sql-hub-store.ts";
import type { ExchangeOutcome } from "../../../edge/ports.ts";
import { replicate, type Replication } from "../../../edge/replicate.ts";
import { parseReplicaId } from "../../../sync/brand.ts";
import { openEdgeLink, type EdgeLink } from "../../../sync/link/edge.ts";
import { FRAME_BYTES_TARGET } from "../../../sync/limits.ts";
import {
  decodeUpFrame,
  encodeDownFrame,
  type DownFrame,
  type UpFrame,
} from "../../../sync/wire/frame.ts";
import { openNodeSql } from "../../support/node-sql.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);

/** What the origin does with a request: an answer, or null for none. */
type Origin = (frame: UpFrame) => Partial<DownFrame> | null;

/** Takes everything, as an origin does that holds all before it. */
const takesAll: Origin = ({ interval }) => ({ cursor: interval.to });

class Run {
  readonly store = new SqlHubStore(openNodeSql(), 7);
  readonly requests: Uint8Array[] = [];
  readonly events: string[] = [];
  link: EdgeLink;
  onExchange: () => void = () => {};

  constructor(rows: number, bytesEach = 10) {
    assert.ok(REPLICA !== null);
    this.link = openEdgeLink(REPLICA, 7, 0);
    this.append(rows, bytesEach);
  }

  append(rows: number, bytesEach = 10): void {
    for (let i = 0; i < rows; i += 1)
      this.store.append(this.store.lastStampMs() + 1, new Uint8Array(bytesEach), []);
  }

  async with(origin: Origin): Promise<Replication> {
    const run = await replicate(this.link, {
      store: this.store,
      origin: { exchange: async (request) => this.#exchange(request, origin) },
      now: () => 5,
      chance: () => 0.5,
      newEpoch: () => 8,
      log: (event) => this.events.push(event),
    });
    this.link = run.link;
    return run;
  }

  #exchange(request: Uint8Array, origin: Origin): ExchangeOutcome {
    this.requests.push(request);
    const frame = decodeUpFrame(request);
    assert.ok(frame.ok);
    this.onExchange();
    const answer = origin(frame.value);
    if (answer === null) return { kind: "failed", reason: "lost" };
    const { replicaEpoch } = frame.value;
    const down = { outcome: "applied", replicaEpoch, cursor: 0, hubNowMs: 5, ...answer } as const;
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
  assert.deepEqual([run.store.loadLink().cursor, run.store.unackedBytes()], [5, 0]);
});

test("P3 replicate() needs as many exchanges as frames, for a backlog of several", async () => {
  const run = new Run(10, FRAME_BYTES_TARGET / 2);
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.equal(run.requests.length, 5);
});

test("replicate() also brings over what is committed while it waits", async () => {
  const run = new Run(1);
  let left = 3;
  run.onExchange = () => {
    if ((left -= 1) >= 0) run.append(1);
  };
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.equal(run.store.loadLink().cursor, 4);
});

test("replicate() lets other work in after its bound of exchanges, and goes on at once (P8)", async () => {
  const run = new Run(1);
  run.onExchange = () => run.append(1);
  const { againInMs, isOriginAway, link } = await run.with(takesAll);
  assert.deepEqual([againInMs, isOriginAway, link.phase.kind], [0, false, "idle"]);
  assert.ok(run.requests.length <= limits.exchangesPerAlarmMax + 1);
  run.onExchange = () => {};
  assert.equal((await run.with(takesAll)).againInMs, null);
  assert.equal(run.store.loadLink().cursor, run.store.extent().head);
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
  assert.deepEqual([run.requests.length, run.store.loadLink().cursor], [3, 5]);
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
  let held = 2;
  const { againInMs } = await run.with(({ interval }) => {
    if (interval.from > held) return { outcome: "behind", cursor: held };
    held = interval.to;
    return { cursor: held };
  });
  assert.deepEqual([againInMs, held, run.store.loadLink().cursor], [null, 5, 5]);
});

for (const [what, answer] of [
  ["holds another log", { outcome: "diverged", cursor: 2 }],
  ["holds more than the journal", { cursor: 9 }],
] as const)
  test(`replicate() with an origin that ${what} begins another life, and sends all of it`, async () => {
    const run = new Run(4);
    const first = await run.with(() => answer);
    assert.deepEqual([first.againInMs, run.store.loadLink()], [0, { replicaEpoch: 8, cursor: 0 }]);
    assert.deepEqual(run.events, ["epoch-renewed"]);
    const epochs: number[] = [];
    const second = await run.with((frame) => {
      epochs.push(frame.replicaEpoch);
      return takesAll(frame);
    });
    assert.deepEqual([second.againInMs, epochs, run.store.loadLink().cursor], [null, [8], 4]);
  });
