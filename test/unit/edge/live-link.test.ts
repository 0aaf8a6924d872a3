// Do the newest readings go ahead of those that wait, each once, and only when much waits? The real
// store and origin; what the way between them does is scripted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../edge/limits.ts";
import { LiveLink } from "../../../edge/live-link.ts";
import { SqlHubStore } from "../../../edge/platform/sql-hub-store.ts";
import type { ExchangeOutcome } from "../../../edge/ports.ts";
import { absorbLive } from "../../../origin/absorb-live.ts";
import { SqlShardStore } from "../../../origin/platform/sql-shard-store.ts";
import { totalsOf } from "../../../origin/replica/totals.ts";
import { decodeLiveEntries, LIVE_BYTES_TARGET } from "../../../state/live-entries.ts";
import type { DeviceId } from "../../../sync/brand.ts";
import type { LogEntry } from "../../../sync/crdt/batch-log.ts";
import { FRAME_BYTES_TARGET } from "../../../sync/limits.ts";
import { batchAt, commitBatch } from "../../support/hub-commits.ts";
import { openNodeSql } from "../../support/node-sql.ts";

const DEVICE = "boat-1" as DeviceId;
const FAILED: ExchangeOutcome = { kind: "failed", reason: "lost" };

/** A hub, its origin, and what went ahead. */
class Way {
  readonly store = new SqlHubStore(openNodeSql(), 7);
  readonly shard = new SqlShardStore(openNodeSql());
  readonly messages: (readonly LogEntry[])[] = [];
  live: LiveLink;
  isCut = false;
  losesAnswers = false;
  readonly #behindBytes: number | undefined;
  /** Behind all event times: none is quarantined. */
  nowMs = 50_000_000;
  #times = 0;

  constructor(behindBytes?: number) {
    this.#behindBytes = behindBytes;
    this.live = this.#newLink();
  }

  /** Forgets what is in memory, as a hub that starts again. */
  restart(): void {
    this.live = this.#newLink();
  }

  /** Gives up all that may be given up. */
  shedAll(): void {
    for (const _ of this.store.seal()) continue;
    for (let turn = 0; turn < 100; turn += 1)
      this.store.shed({
        policy: "drop-oldest",
        bytesMax: 0,
        beforeMs: 0,
        bytesAtOnce: 100_000,
        keptBytesMax: 0,
        thinnedBytesMax: 0,
      });
  }

  /** Brings to the origin what is left, in frames no longer than they may be. */
  drain(): void {
    for (let after = 0; ;) {
      const entries = this.store.entriesAfter(after, FRAME_BYTES_TARGET, 512);
      const last = entries.at(-1);
      if (last === undefined) return;
      const bytes = entries.reduce((sum, { body }) => sum + body.length, 0);
      assert.ok(entries.length === 1 || bytes <= FRAME_BYTES_TARGET);
      assert.ok(entries.every(({ seq }, at) => seq === (entries[0]?.seq ?? 0) + at));
      assert.ok((entries[0]?.seq ?? 0) >= this.store.floorAfter(after));
      absorbLive(entries, this.shard, Infinity);
      after = last.seq;
    }
  }

  /** Commits an entry of so many readings, of nine bytes each. */
  commit(readings = 1): void {
    const times = Array.from({ length: readings }, () => (this.#times += 1));
    commitBatch(this.store, Math.max(50_000_000, this.store.lastStampMs() + 1), batchAt(times));
  }

  /** Sends what is due, after the wait between two times. */
  async send(): Promise<number[]> {
    this.nowMs += limits.liveEveryMs;
    this.messages.length = 0;
    await this.live.send();
    return this.messages.flat().map(({ seq }) => seq);
  }

  counted(): number {
    return totalsOf(this.shard.summaries(DEVICE)).reduce((sum, { count }) => sum + count, 0);
  }

  given(): number {
    return this.store.gaps.of(DEVICE).reduce((sum, { readings }) => sum + readings, 0);
  }

  #newLink(): LiveLink {
    const origin = { exchange: async (request: Uint8Array) => this.#exchange(request) };
    return new LiveLink(this.store, origin, () => this.nowMs, this.#behindBytes);
  }

  #exchange(request: Uint8Array): ExchangeOutcome {
    const entries = decodeLiveEntries(request);
    assert.ok(entries !== null);
    this.messages.push(entries);
    if (this.isCut) return FAILED;
    const { kind } = absorbLive(entries, this.shard, this.nowMs);
    const frame = new Uint8Array([Number(kind === "joined")]);
    return this.losesAnswers ? FAILED : { kind: "answered", frame };
  }
}

/** Readings of an entry of about eight thousand bytes. */
const MANY = 900;

test("nothing goes ahead while the next frames take all, and frames are as long as ever", async () => {
  const way = new Way();
  for (let at = 0; at < 40; at += 1) way.commit(MANY);
  assert.ok(way.store.unackedBytes() < limits.liveBehindBytes);
  assert.deepEqual(await way.send(), []);
  assert.equal(way.live.frameBytes, FRAME_BYTES_TARGET);
});

test("while much waits the newest entries go ahead, each once, at most so often, and count once", async () => {
  const way = new Way();
  while (way.store.unackedBytes() <= limits.liveBehindBytes) way.commit(MANY);
  assert.equal(way.live.frameBytes, limits.backlogFrameBytes);
  while ((await way.send()).at(-1) !== undefined);
  const before = way.store.extent().head;
  for (let at = 0; at < 3; at += 1) way.commit();
  assert.deepEqual(await way.send(), [before + 1, before + 2, before + 3]);
  way.commit();
  way.messages.length = 0;
  await way.live.send();
  assert.deepEqual(way.messages, [], "It is not long enough ago");
  assert.deepEqual(await way.send(), [before + 4]);
  assert.deepEqual(await way.send(), []);
  const counted = way.counted();
  // In their turn they come again.
  const entries = way.store.entriesAfter(before, FRAME_BYTES_TARGET, 100);
  assert.deepEqual(absorbLive(entries, way.shard, way.nowMs), {
    kind: "joined",
    entries: 4,
    added: 0,
  });
  assert.equal(way.counted(), counted);
});

test("where more comes than goes ahead the newest does, and no message is longer than its bound", async () => {
  const way = new Way(0);
  for (let round = 0; round < 5; round += 1) {
    for (let at = 0; at < 40; at += 1) way.commit(MANY);
    await way.send();
    assert.ok(way.messages.length <= limits.liveMessagesMax);
    for (const entries of way.messages) {
      const bytes = entries.reduce((sum, { body }) => sum + body.length, 0);
      assert.ok(entries.length === 1 || bytes <= LIVE_BYTES_TARGET);
    }
  }
  way.commit();
  const sent = await way.send();
  assert.equal(sent.at(-1), way.store.extent().head);
});

test("what was not answered goes again, or in its turn, and stops nothing", async () => {
  const way = new Way(0);
  way.commit();
  way.isCut = true;
  assert.deepEqual(await way.send(), [1]);
  way.isCut = false;
  way.commit();
  assert.deepEqual(await way.send(), [], "It waits longer after a failure");
  assert.deepEqual(await way.send(), [1, 2]);
  assert.equal(way.counted(), 2);
});

test("the origin takes none of a message with a stamp too far ahead, or that does not decode", async () => {
  const way = new Way(0);
  commitBatch(way.store, 60_000_000, batchAt([5]));
  await way.send();
  assert.equal(way.counted(), 0);
  const [entry] = way.messages.flat();
  assert.ok(entry !== undefined);
  const broken = { ...entry, stampMs: 1, body: entry.body.subarray(1) };
  assert.deepEqual(absorbLive([{ ...entry, stampMs: 1 }, broken], way.shard, way.nowMs), {
    kind: "left",
    reason: "poison",
  });
  assert.equal(way.counted(), 0);
});

for (const what of ["arrived", "is in doubt", "is lost"] as const)
  test(`P1 P2 what went ahead and ${what} is given up exactly when the origin lacks it`, async () => {
    const way = new Way(0);
    // More than a frame waits, so that what goes ahead is not set aside with what a frame may have held.
    for (let at = 0; at < 60; at += 1) way.commit(MANY);
    await way.send();
    const [first, before] = [way.counted(), way.store.extent().head];
    for (let at = 0; at < 5; at += 1) way.commit(10);
    way.isCut = what === "is lost";
    way.losesAnswers = what === "is in doubt";
    assert.equal((await way.send()).at(-1), before + 5);
    for (let at = 0; at < 40; at += 1) way.commit(MANY);
    way.shedAll();
    assert.ok(way.store.extent().floor > before + 5, "Given up past what went ahead");
    way.drain();
    assert.equal(way.counted() + way.given(), 100 * MANY + 50);
    assert.ok(first > 0);
  });

for (const how of ["a failure", "a restart"] as const)
  test(`P1 P2 after ${how} the lane goes back, and what never went is not taken for held`, async () => {
    const way = new Way(0);
    for (let at = 0; at < 150; at += 1) way.commit(MANY);
    await way.send();
    way.commit(10);
    await way.send();
    way.isCut = how === "a failure";
    if (how === "a restart") way.restart();
    way.commit(10);
    await way.send();
    way.isCut = false;
    way.nowMs += limits.liveRetryMsMax;
    way.commit(10);
    await way.send();
    for (let at = 0; at < 60; at += 1) way.commit(MANY);
    way.shedAll();
    way.drain();
    assert.equal(way.counted() + way.given(), 210 * MANY + 30);
  });

test("P2 where there is no room to know what went ahead, no more goes", async () => {
  const way = new Way(0);
  for (let round = 0; round < limits.aheadRangesMax + 4; round += 1) {
    for (let at = 0; at < 18; at += 1) way.commit(MANY);
    way.nowMs += limits.liveRetryMsMax;
    await way.send();
  }
  for (let at = 0; at < 60; at += 1) way.commit(MANY);
  way.shedAll();
  way.drain();
  assert.equal(way.counted() + way.given(), ((limits.aheadRangesMax + 4) * 18 + 60) * MANY);
});

test("an origin that takes nothing ahead is asked ever more seldom", async () => {
  const way = new Way(0);
  way.isCut = true;
  way.commit();
  let messages = 0;
  for (let round = 0; round < 400; round += 1) messages += (await way.send()).length;
  assert.ok(messages < 12, `${messages} messages in 100 s`);
});

test("a clock that is set back stops nothing", async () => {
  const way = new Way(0);
  way.commit();
  await way.send();
  way.nowMs -= 3_600_000;
  way.commit();
  assert.deepEqual(await way.send(), [2]);
});

test("P2 readings without a time go in their turn only", async () => {
  const way = new Way(0);
  way.commit();
  const timeless = { ...batchAt([50]), isTimeAssigned: true };
  commitBatch(way.store, way.store.lastStampMs() + 1, timeless);
  way.commit();
  assert.deepEqual([await way.send(), await way.send()].flat(), [1, 3]);
  const entries = way.store.entriesAfter(1, FRAME_BYTES_TARGET, 10);
  assert.deepEqual(absorbLive(entries, way.shard, way.nowMs), { kind: "left", reason: "timeless" });
});

test("P1 what is in doubt stays in order, whatever policy gave it up", () => {
  const way = new Way(0);
  for (let at = 0; at < 300; at += 1) way.commit(MANY);
  way.store.sendAhead(150, 150);
  way.store.sendAhead(250, 250);
  for (const _ of way.store.seal()) continue;
  const goal = { beforeMs: 0, bytesAtOnce: 524_288, thinnedBytesMax: 0 };
  for (let turn = 0; turn < 20; turn += 1)
    way.store.shed({ ...goal, policy: "drop-newest", bytesMax: 1e5, keptBytesMax: 1_600_000 });
  for (let turn = 0; turn < 20; turn += 1)
    way.store.shed({ ...goal, policy: "drop-oldest", bytesMax: 1e4, keptBytesMax: 0 });
  way.drain();
  assert.equal(way.counted() + way.given(), 300 * MANY);
});
