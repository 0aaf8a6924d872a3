// Does a live reading reach the origin while a backlog drains? One region on bare workerd whose origin
// was away: what comes after it is back is counted there before what had waited is (P2, P6).

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BATCH, BufferWorld } from "../support/buffer-world.ts";

/** Requests of as many readings as one may have; their values have all their bits. */
const BODIES = 60;
const PER_BODY = 10_000;

async function postBacklog(world: BufferWorld): Promise<void> {
  const token = await world.world.deviceToken("waiting");
  for (let seq = 1; seq <= BODIES; seq += 1) {
    const answer = await world.send("/v1/devices/waiting/readings", token, {
      boot: "b1",
      seq,
      t0: 1_790_000_000_000 + seq * PER_BODY,
      step: 1,
      series: { noise: Array.from({ length: PER_BODY }, () => Math.random()) },
    });
    assert.equal(answer.status, 200);
  }
}

test("P2 P6 live readings are counted at the origin before the backlog is, and everything once", async () => {
  await using world = await BufferWorld.open({});
  world.region.link.cut();
  await postBacklog(world);
  world.region.link.heal();
  let [posts, behindAtLive] = [0, -1];
  for (let tries = 0; tries < 600 && behindAtLive === -1; tries += 1) {
    assert.equal((await world.post("live")).status, 200);
    posts += 1;
    await sleep(50);
    if ((await world.counted("live")) > 0)
      behindAtLive = BODIES * PER_BODY - (await world.counted("waiting"));
  }
  assert.ok(
    behindAtLive > 0,
    `${behindAtLive} readings waited when the first live one was counted`,
  );
  await world.drained();
  assert.equal(await world.counted("waiting"), BODIES * PER_BODY);
  assert.equal(await world.counted("live"), posts * BATCH);
});
