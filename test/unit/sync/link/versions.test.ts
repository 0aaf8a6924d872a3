// What do the hubs that there are say to a frame of the version before theirs and of the one after it,
// and do the two ends find the version that both speak? Today there is one version, so the frame of
// another one is one of today's under another number.

import assert from "node:assert/strict";
import { test } from "node:test";
import { absorb } from "../../../../origin/absorb-sync.ts";
import { SqlShardStore } from "../../../../origin/platform/sql-shard-store.ts";
import { REGION_COLLECTIONS, revoked } from "../../../../state/region.ts";
import { parseReplicaId } from "../../../../sync/brand.ts";
import { openEdgeLink, stepEdgeLink, type EdgeLinkEvent } from "../../../../sync/link/edge.ts";
import { EdgeReplica } from "../../../../sync/replica/edge-replica.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { decodeDownFrame } from "../../../../sync/wire/down-frame.ts";
import { ORIGIN_POSITION, PROTOCOL_VERSION, VERSIONS } from "../../../../sync/wire/frame.ts";
import { encodeUpFrame } from "../../../../sync/wire/up-frame.ts";
import { openNodeSql } from "../../../support/node-sql.ts";
import { openRegionHub } from "../../../support/region-replicas.ts";

const NOW_MS = Date.UTC(2026, 10, 21);
const REPLICA = parseReplicaId("hel/region");
assert.ok(REPLICA !== null);

function hello(version: number): Uint8Array {
  assert.ok(REPLICA !== null);
  return encodeUpFrame(
    {
      speaker: { kind: "hello", replica: REPLICA, replicaEpoch: 1 },
      floor: 1,
      head: 0,
      sentMs: NOW_MS,
      from: ORIGIN_POSITION,
      to: 0,
      ack: ORIGIN_POSITION,
      isKeyless: true,
      log: [],
      groups: [],
    },
    undefined,
    0,
    version,
  );
}

const HUBS = {
  "the registry": (frame: Uint8Array) => openRegionHub().exchange(frame, NOW_MS),
  "a shard of devices": (frame: Uint8Array) =>
    absorb(frame, new SqlShardStore(openNodeSql()), NOW_MS, () => 1),
};

for (const [name, exchange] of Object.entries(HUBS)) {
  for (const version of [VERSIONS.min - 1, PROTOCOL_VERSION + 1])
    test(`${name} answers a frame of version ${version} with those it speaks, and opens no link`, () => {
      const answered = exchange(hello(version));
      assert.ok(answered.kind === "answered");
      assert.equal(answered.answer[1], VERSIONS.min, "in a version that an older end reads");
      const answer = decodeDownFrame(answered.answer);
      assert.ok(answer.ok);
      const { outcome, link, at } = answer.value;
      assert.deepEqual([outcome, link, at], ["unsupported", PROTOCOL_VERSION, ORIGIN_POSITION]);
    });
  test(`${name} opens a link for a frame of its own version`, () => {
    const answered = exchange(hello(PROTOCOL_VERSION));
    assert.ok(answered.kind === "answered");
    const answer = decodeDownFrame(answered.answer);
    assert.ok(answer.ok && answer.value.outcome === "open");
  });
}

test("an edge that is a version ahead goes down to the registry's, and all of it arrives", () => {
  const hub = openRegionHub();
  assert.ok(REPLICA !== null);
  const edge = new EdgeReplica({
    replica: REPLICA,
    collections: REGION_COLLECTIONS,
    store: new MemoryReplicaStore(),
    newEpoch: () => 1,
  });
  edge.write(NOW_MS, (draft) => draft.write(revoked, "boat-1", 3));
  const versions: (number | undefined)[] = [];
  let link = openEdgeLink(edge.record, { min: 1, max: PROTOCOL_VERSION + 1 });
  const events: EdgeLinkEvent[] = [{ kind: "wake", isHeartbeat: true }];
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    const step = stepEdgeLink(link, event, { retryMsMin: 1, retryMsMax: 1 });
    link = step.state;
    for (const effect of step.effects) {
      if (effect.kind === "cut")
        events.push({ kind: "cut", cut: edge.cut(effect.isWhole), nowMs: NOW_MS });
      else if (effect.kind === "save") edge.save(effect.record);
      else if (effect.kind === "absorb") edge.absorb(effect.state, effect.record);
      else if (effect.kind === "send") {
        versions.push(effect.request[1]);
        const exchange = hub.exchange(effect.request, NOW_MS);
        assert.ok(exchange.kind === "answered");
        events.push({ kind: "answer", frame: exchange.answer, nowMs: NOW_MS });
      } else assert.equal(effect.kind, "at-rest");
    }
  }
  assert.deepEqual([...new Set(versions)], [PROTOCOL_VERSION + 1, PROTOCOL_VERSION]);
  assert.equal(versions.indexOf(PROTOCOL_VERSION), 1, "after one exchange");
  assert.equal(hub.read(revoked, "boat-1"), 3);
});
