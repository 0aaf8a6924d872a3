// Does a link come to rest, and is every reading counted or told given up, when a hub gives up entries
// while its origin forgets, or takes nothing ahead? The real stores and link.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME_BYTES_MAX } from "../../../sync/limits.ts";
import { DEVICE } from "../../support/commands.ts";
import { TestOrigin, TestRegion } from "../../support/regions.ts";

const T0 = 1_000_000_000;
/** Readings of a post: eight thousand bytes. */
const MANY = 900;

class World {
  readonly origin = new TestOrigin();
  readonly region = new TestRegion("hel", this.origin, T0);
  accepted = 0;
  #seq = 0;

  constructor() {
    this.origin.nowMs = T0;
  }

  post(times: number): void {
    for (let at = 0; at < times; at += 1) {
      this.#seq += 1;
      const t = Array.from({ length: MANY }, (_, i) => this.accepted + i);
      const body = { boot: "b", seq: this.#seq, t, series: { a: t.map(Math.sin) } };
      assert.equal(this.region.post(body).kind, "committed");
      this.accepted += MANY;
      this.region.nowMs += 30;
      this.origin.nowMs = this.region.nowMs;
    }
  }

  shed(bytesMax: number): void {
    for (const _ of this.region.store.seal()) continue;
    const goal = { beforeMs: 0, bytesAtOnce: 524_288, keptBytesMax: 0, thinnedBytesMax: 0 };
    for (let turn = 0; turn < 100; turn += 1)
      this.region.store.shed({ ...goal, policy: "drop-oldest", bytesMax });
  }

  found(): number {
    const counted = this.origin.totals().reduce((sum, { count }) => sum + count, 0);
    const given = this.region.store.gaps.of(DEVICE);
    return counted + given.reduce((sum, { readings }) => sum + readings, 0);
  }
}

test("P3 however much went ahead in doubt and was given up, frames stay short and the link rests", async () => {
  const world = new World();
  await world.region.sync();
  world.post(70);
  for (let round = 0; round < 40; round += 1) {
    world.post(8);
    await world.region.goAhead("lose-request");
  }
  world.post(70);
  world.shed(100_000);
  assert.ok(await world.region.settles(20));
  assert.ok(world.region.frames.every(({ length }) => length < FRAME_BYTES_MAX));
  assert.equal(world.found(), world.accepted);
});

test("P1 what an origin has forgotten with the whole life is told given up", async () => {
  const world = new World();
  const empty = world.origin.copy();
  world.post(100);
  assert.ok(await world.region.settles());
  world.origin.restore(empty);
  await world.region.beats();
  world.shed(10_000);
  assert.ok(await world.region.settles(20));
  assert.equal(world.found(), world.accepted);
});
