// Does a full buffer of an older release go on in today's? The files are what that release wrote, a hub
// that had given up some of its oldest with its frame set aside, and its origin, beside what they said.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { DEFAULT_QUOTA, type BufferPolicy } from "../../../../edge/buffer/quota.ts";
import { FullBuffer } from "../../../support/full-buffer.ts";
import { readFile, ROOT } from "../../../support/repository.ts";

interface Said {
  readonly nowMs: number;
  readonly accepted: number;
  readonly extent: unknown;
  readonly unackedBytes: number;
  readonly gaps: unknown;
  readonly originGaps: unknown;
}

const said = JSON.parse(readFile("test/vectors/storage/hub-7.json")) as Said;

function stored(name: string): Uint8Array {
  return gunzipSync(readFileSync(path.join(ROOT, `test/vectors/storage/${name}.sqlite.gz`)));
}

function oldWorld(policy: BufferPolicy): FullBuffer {
  const world = new FullBuffer({ ...DEFAULT_QUOTA, bytesMax: 900, policy });
  world.origin.restore(stored("shard-3"));
  world.region.restore(stored("hub-7"));
  world.region.nowMs = said.nowMs;
  world.accepted = said.accepted;
  return world;
}

test("P1 a hub and an origin take over what an older release had given up, and what waits", () => {
  const { origin, region } = oldWorld("reject");
  const { store } = region;
  const { accepted, present } = region.store.account();
  assert.deepEqual([accepted, present], [said.accepted, said.accepted - 102]);
  const device = region.store.deviceIds()[0];
  assert.ok(device !== undefined);
  assert.deepEqual(
    [store.extent(), store.unackedBytes(), store.gaps.of(device), origin.store.gapsOf(device)],
    [said.extent, said.unackedBytes, said.gaps, said.originGaps],
  );
  const poison = origin.store.poison
    .list(null, 9)
    .map(({ seq, bytes, stampMs }) => [seq, bytes, stampMs]);
  assert.deepEqual(poison, [
    [900, 3, 0],
    [901, 1, 0],
  ]);
});

test("P1 P2 an origin that is restored from a copy is told again what was given up, and counts it once", async () => {
  for (const policy of ["thin", "drop-oldest"] as const) {
    const world = new FullBuffer({ ...DEFAULT_QUOTA, bytesMax: 900, policy });
    const post = async (n: number): Promise<void> => {
      const times = Array.from({ length: 20 }, (_, at) => 700_000 + n * 100 + at);
      await world.take({ kind: "post", times, isSoon: false });
    };
    for (let n = 0; n < 10; n += 1) await post(n);
    await world.settle();
    const copy = world.origin.copy();
    // Only what is not acknowledged is given up: it waits until all is told.
    for (let n = 10; n < 60; n += 1) await post(n);
    const before = await world.settle();
    assert.ok(before.thinned + before.gapped > 100, JSON.stringify(before));
    world.origin.restore(copy);
    assert.deepEqual(await world.settle(), before);
    assert.equal(before.counted + before.thinned + before.gapped, world.accepted);
  }
});

for (const policy of ["reject", "thin", "drop-oldest", "drop-newest"] as const)
  test(`P1 P2 it goes on under ${policy}, and the counts are exact`, async () => {
    const world = oldWorld(policy);
    for (let n = 0; n < 40; n += 1) {
      const first = said.nowMs + n * 1_000;
      const times = Array.from({ length: 20 }, (_, at) => first + at);
      await world.take({ kind: "post", times, isSoon: false });
    }
    const { counted, thinned, gapped } = await world.settle();
    assert.equal(counted + thinned + gapped, world.accepted);
    assert.ok(policy !== "reject" || world.refused > 0);
    assert.equal(thinned > 0, policy === "thin");
    assert.equal(gapped > 102, policy.startsWith("drop"));
  });
