// Does a buffer that fills say so, close, and lose nothing? A region with a small quota on bare
// workerd, whose origin is away and comes back: announced, some refused, all refused, drained, and
// the origin counts exactly what was accepted (P1, P2, P8).

import assert from "node:assert/strict";
import { test } from "node:test";
import { BATCH, BufferWorld, type Answer } from "../support/buffer-world.ts";

/** Posts until all is refused; the answers by status. Between the marks chance refuses some of many. */
async function fill(world: BufferWorld): Promise<Map<number, Answer[]>> {
  const seen = new Map<number, Answer[]>();
  for (let posts = 0; posts < 1_000 && !seen.has(503); posts += 1) {
    const answer = await world.post("boat-1");
    seen.set(answer.status, [...(seen.get(answer.status) ?? []), answer]);
  }
  return seen;
}

function assertMarks(seen: ReadonlyMap<number, readonly Answer[]>): void {
  assert.deepEqual(new Set(seen.keys()), new Set([200, 429, 503]));
  const announced = seen.get(200)?.filter(({ headers }) => headers.has("skerry-buffer")) ?? [];
  assert.ok(announced.length > 0);
  for (const { headers, json } of announced) {
    assert.ok(Number(headers.get("skerry-buffer")) >= 0.7);
    assert.equal(json["buffer"], Number(headers.get("skerry-buffer")));
  }
  for (const [status, code, least] of [
    [429, "buffer-high", 0.85],
    [503, "buffer-full", 0.95],
  ] as const)
    for (const { headers, json } of seen.get(status) ?? []) {
      assert.equal(json["type"], `urn:skerry:problem:${code}`);
      const waitS = Number(headers.get("retry-after"));
      assert.ok(Number.isInteger(waitS) && waitS >= 1 && waitS <= 300, String(waitS));
      assert.ok(Number(headers.get("skerry-buffer")) >= least);
    }
}

test("P1 a full buffer refuses with Retry-After, takes again once it drains, and the counts are exact", async () => {
  await using world = await BufferWorld.open({ bytes: 131_072 });
  assert.equal((await world.post("boat-1")).headers.has("skerry-buffer"), false);
  world.region.link.cut();
  const seen = await fill(world);
  assertMarks(seen);
  const full = await world.buffer();
  assert.ok(Number(full["fill"]) >= 0.95 && full["bytesMax"] === 131_072, JSON.stringify(full));
  // The other doors are closed as well, in their own words.
  const gateway = await world.world.operatorToken("ingest");
  const batches = await world.send("/v1/batches", gateway, {
    batches: [{ device: "boat-2", t: [1_790_000_000_000], series: { a: [1] } }],
  });
  assert.deepEqual([batches.status, batches.headers.has("retry-after")], [503, true]);

  world.region.link.heal();
  await world.drained();
  const again = await world.post("boat-1");
  assert.deepEqual([again.status, again.headers.has("skerry-buffer")], [200, false]);
  await world.drained();
  const taken = 2 + (seen.get(200)?.length ?? 0);
  assert.equal(await world.counted("boat-1"), taken * BATCH);
  assert.equal(await world.counted("boat-2"), 0);
});

test("P1 with drop-oldest nothing is refused, and what is given up is told at both ends, to the reading", async () => {
  await using world = await BufferWorld.open({ bytes: 65_536, policy: "drop-oldest" });
  world.region.link.cut();
  let accepted = 0;
  for (let posts = 0; posts < 150; posts += 1) {
    const { status, json } = await world.post("boat-1");
    assert.equal(status, 200, JSON.stringify(json));
    accepted += Number(json["accepted"]);
    // A hub that is killed in between goes on where it was.
    if (posts === 100) await world.region.edge.restart();
  }
  const buffer = await world.buffer();
  assert.ok(Number(buffer["shed"]) > 0 && Number(buffer["fill"]) < 0.95, JSON.stringify(buffer));
  world.region.link.heal();
  await world.drained();
  const there = await world.origin("/v1/devices/boat-1/gaps");
  const here = await world.edge("/v1/devices/boat-1/gaps");
  assert.deepEqual({ region: "hel", ...there }, here);
  assert.equal(Number(there["readings"]) + (await world.counted("boat-1")), accepted);
  const gaps = there["gaps"] as { stream: string; policy: string; reason: string }[];
  for (const { stream, policy, reason } of gaps)
    assert.deepEqual([stream, policy, reason], ["noise", "drop-oldest", "buffer-full"]);
  assert.ok(gaps.length === 1 || gaps.length === 2, "Hours that follow each other are one gap");
});
