// What does a hub give up that goes on with a copy of its disk? It does not know what it gave up behind
// the copy, and the origin does: by one name they would be taken for the same, and counted as one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTA, type BufferPolicy } from "../../../edge/buffer/quota.ts";
import { FRAME_ENTRIES_MAX } from "../../../sync/limits.ts";
import { DEVICE } from "../../support/commands.ts";
import { FullBuffer } from "../../support/full-buffer.ts";

const GIVE_UP = { kind: "shed", bytesMax: 0, bytesAtOnce: 1e6, isOld: false } as const;

/** Of which the first two stay: a frame may have held them. */
const BATCHES = 12;

function worldOf(policy: BufferPolicy): FullBuffer {
  return new FullBuffer({ ...DEFAULT_QUOTA, policy });
}

/** Posts batches of readings with times of their own, all in one hour; then nearly all is given up. */
async function giveUp(world: FullBuffer, fromMs: number, batches: number): Promise<void> {
  for (let n = 0; n < batches; n += 1) {
    const times = Array.from({ length: 20 }, (_, at) => fromMs + n * 100 + at);
    await world.take({ kind: "post", times, isSoon: false });
    if (n === 1) await world.take(GIVE_UP);
  }
  await world.take(GIVE_UP);
  await world.tellGaps("none");
  await world.tellThinned("none");
}

function told(world: FullBuffer): { counted: number; gapped: number; thinned: number } {
  const { store } = world.origin;
  const records = store.gapsOf(DEVICE);
  const thinned = store.thinnedTotals(DEVICE).reduce((sum, { total }) => sum + total.count, 0);
  return {
    counted: world.origin.totals().reduce((sum, { count }) => sum + count, 0),
    gapped: records.reduce((sum, { readings }) => sum + readings, 0),
    thinned,
  };
}

/** Puts a copy in place; tells how many readings the hub no longer knows to have accepted. */
function restore(world: FullBuffer, copy: Uint8Array): number {
  const before = world.accepted;
  world.region.restore(copy);
  world.accepted = world.region.store.account().accepted;
  return before - world.accepted;
}

for (const policy of ["drop-oldest", "thin"] as const)
  test(`P1 P2 a hub restored from a copy, under ${policy}: what both gave up is told, in one hour`, async () => {
    const world = worldOf(policy);
    await giveUp(world, 700_000, 4);
    await world.settle();
    const copy = world.region.copy();
    await giveUp(world, 710_000, BATCHES);
    await world.settle();
    const unknown = restore(world, copy);
    await giveUp(world, 740_000, BATCHES);
    assert.ok(await world.region.settles());
    const { counted, gapped, thinned } = told(world);
    assert.equal(counted + gapped, world.accepted + unknown);
    assert.ok(gapped > 100, String(gapped));
    assert.equal(thinned, policy === "thin" ? gapped : 0, "and so do its minutes");
  });

test("P2 a hub restored from a copy that thins the same entries once more: their minutes count once", async () => {
  const world = worldOf("thin");
  for (let n = 0; n < BATCHES; n += 1) {
    const times = Array.from({ length: 20 }, (_, at) => 700_000 + n * 100 + at);
    await world.take({ kind: "post", times, isSoon: false });
    if (n === 1) await world.take(GIVE_UP);
  }
  const copy = world.region.copy();
  await giveUp(world, 0, 0);
  const before = told(world).thinned;
  assert.ok(before > 0);
  restore(world, copy);
  await giveUp(world, 0, 0);
  assert.equal(told(world).thinned, before);
});

test("P1 a hub whose link's record is damaged says nothing lost that the origin was known to hold", async () => {
  const world = worldOf("drop-oldest");
  // More entries than a frame may have held.
  for (let n = 0; n < FRAME_ENTRIES_MAX + 50; n += 1)
    await world.take({ kind: "post", times: [700_000 + n], isSoon: false });
  await world.settle();
  await world.take({ kind: "seal" });
  world.region.damageLink();
  // Before the origin is heard again, and may say what it holds of the new life: nothing.
  await world.take(GIVE_UP);
  const { counted, gapped, thinned } = await world.settle();
  assert.deepEqual([counted, gapped, thinned], [world.accepted, 0, 0]);
});
