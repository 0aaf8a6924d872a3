// Does a heartbeat alone repair an origin that was restored from a copy? Hubs and an origin as they
// are, on SQLite; nothing is committed after the restore.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeUpFrame, type UpFrame } from "../../../../sync/wire/up-frame.ts";
import { TestOrigin, TestRegion } from "../../../support/regions.ts";

const NOW = 1_000_000;

/** A region that has posted `count` readings, one a batch, and brought them over. */
async function regionAtRest(name: string, origin: TestOrigin, count: number): Promise<TestRegion> {
  const region = new TestRegion(name, origin, NOW);
  post(region, 1, count);
  assert.ok(await region.sync());
  region.frames.length = 0;
  return region;
}

function post(region: TestRegion, from: number, count: number): void {
  for (let seq = from; seq < from + count; seq += 1) {
    const readings = [
      { stream: "depth_m", time: seq, value: 1 },
      { stream: "door", value: 1 },
    ];
    assert.equal(region.post({ boot: "b1", seq, readings }).kind, "committed");
  }
}

function counts(origin: TestOrigin): Record<string, number> {
  return Object.fromEntries(origin.totals().map(({ stream, count }) => [stream, count]));
}

function framesOf(region: TestRegion): UpFrame[] {
  return region.frames.map((request) => {
    const frame = decodeUpFrame(request);
    assert.ok(frame.ok);
    return frame.value;
  });
}

test("a hub at rest that is not to beat sends nothing", async () => {
  const hub = await regionAtRest("hel", new TestOrigin(), 3);
  assert.ok(await hub.sync());
  assert.deepEqual(hub.frames, []);
});

test("a heartbeat of a hub at rest is one frame without entries, and changes no total", async () => {
  const origin = new TestOrigin();
  const hub = await regionAtRest("hel", origin, 3);
  const before = origin.totals();
  origin.nowMs += 60_000;
  assert.ok(await hub.beats());
  assert.deepEqual(
    framesOf(hub).map(({ from, to, head, log, groups }) => [from.seq, to, head, log, groups]),
    [[3, 3, 3, [], []]],
  );
  assert.deepEqual(origin.totals(), before);
  assert.equal(origin.store.listReplicas()[0]?.seenMs, origin.nowMs, "the origin heard it");
});

test("a hub that is not at rest sends its entries, and no heartbeat", async () => {
  const hub = await regionAtRest("hel", new TestOrigin(), 3);
  post(hub, 4, 2);
  assert.ok(await hub.beats());
  assert.deepEqual(
    framesOf(hub).map(({ from, to }) => [from.seq, to]),
    [[3, 5]],
  );
});

for (const [what, held] of [
  ["an older copy", 2],
  ["a copy from before its first frame", 0],
] as const)
  test(`P1 a heartbeat alone repairs an origin that was restored from ${what}`, async () => {
    const origin = new TestOrigin();
    const hub = new TestRegion("hel", origin, NOW);
    const other = await regionAtRest("tll", origin, 4);
    post(hub, 1, held);
    assert.ok(await hub.sync());
    const copy = origin.copy();
    post(hub, held + 1, 5);
    assert.ok(await hub.sync());
    const before = origin.totals();
    origin.restore(copy);
    assert.notDeepEqual(origin.totals(), before);
    assert.ok(await hub.beats());
    assert.deepEqual(origin.totals(), before);
    assert.ok(await other.beats());
    assert.deepEqual(origin.totals(), before);
    hub.frames.length = 0;
    assert.ok(await hub.beats());
    assert.equal(hub.frames.length, 1, "what is repaired is not sent again");
  });

test("P1 a heartbeat whose answer is lost repairs the origin with the next one", async () => {
  const origin = new TestOrigin();
  const copy = origin.copy();
  const hub = await regionAtRest("hel", origin, 3);
  origin.restore(copy);
  assert.equal(await hub.beats("lose-answer"), false);
  assert.equal(await hub.beats("lose-request"), false);
  assert.ok(await hub.settles());
  assert.deepEqual(counts(origin), { depth_m: 3, door: 3 });
});

test("P1 a heartbeat of a hub that was restored from an older copy begins another life", async () => {
  const origin = new TestOrigin();
  const hub = await regionAtRest("hel", origin, 2);
  const copy = hub.copy();
  post(hub, 3, 2);
  assert.ok(await hub.sync());
  const before = hub.store.loadLink().replicaEpoch;
  hub.restore(copy);
  await hub.beats();
  assert.notEqual(hub.store.loadLink().replicaEpoch, before);
  post(hub, 5, 1);
  assert.ok(await hub.beats());
  assert.deepEqual(counts(origin), { depth_m: 5, door: 5 });
});
