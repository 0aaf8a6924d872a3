// What do replicas make of a long absence, of a clock that is led astray, and of a disk that a later
// release wrote or that is damaged? Two real ends over the simulated link of the tests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AHEAD_MS_MAX } from "../../../../sync/clock/hlc.ts";
import { alert, fire, forget } from "../../../../sync/crdt/alert.ts";
import { erase, write } from "../../../../sync/crdt/lww-register.ts";
import { crc32c } from "../../../../sync/wire/crc32c.ts";
import { HubReplica } from "../../../../sync/replica/hub-replica.ts";
import { collection } from "../../../../sync/replica/kind.ts";
import { alertKind, lwwKind, setKind } from "../../../../sync/replica/kinds.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { LinkedReplicas } from "../../../support/linked-replicas.ts";

const members = collection(1, "both", setKind);
const fields = collection(2, "both", lwwKind);
const alerts = collection(3, "both", alertKind);
const HOUR_MS = 3_600_000;
const KEYS = Array.from({ length: 100 }, (_, i) => `k${i}`);

test("who comes back after its lease, with nothing unsent, brings back nothing that was deleted", () => {
  const world = new LinkedReplicas([members, fields, alerts]);
  const [stays, leaves] = [world.openEdge("hel"), world.openEdge("oul")];
  stays.replica.write(world.nowMs, (draft) => {
    for (const key of KEYS) {
      draft.write(members, key, { kind: "add", value: true });
      draft.write(fields, key, write(1, draft.stamp));
      draft.write(alerts, key, fire(alert.bottom, draft.stamp, ""));
    }
  });
  for (const edge of [stays, leaves, stays, leaves]) edge.sync();
  assert.equal(leaves.replica.readAll(members).size, KEYS.length);
  stays.replica.write(world.nowMs, (draft) => {
    for (const key of KEYS) {
      draft.write(members, key, { kind: "remove" });
      draft.write(fields, key, erase(draft.stamp));
      draft.write(alerts, key, forget(draft.read(alerts, key) ?? alert.bottom, draft.stamp));
    }
  });
  for (let hour = 0; hour < 30; hour += 1) {
    world.nowMs += HOUR_MS;
    stays.sync();
  }
  for (const edge of [leaves, stays, leaves]) edge.sync();
  for (const { replica } of [leaves, stays]) {
    assert.equal(replica.readAll(members).size, 0);
    assert.equal(replica.readAll(fields).size, 0);
    assert.equal(replica.readAll(alerts).size, 0);
  }
  assert.equal(world.hub.readAll(members).size + world.hub.readAll(fields).size, 0);
});

test("small steps ahead of what was accepted lead no further than the first", () => {
  const world = new LinkedReplicas([fields]);
  const liar = world.openEdge("hel");
  liar.sync();
  const stepAhead = (step: number): void => {
    const wallMs = world.nowMs + step * (AHEAD_MS_MAX - 1_000);
    liar.replica.write(world.nowMs, (draft) =>
      draft.write(fields, "k", write(step, { wallMs, logical: 0 })),
    );
    liar.sync();
  };
  stepAhead(1);
  // The hub tells it to stamp anew, which replicas that are linked so do not do.
  assert.throws(() => stepAhead(2), /restamp/);
  assert.equal(world.hub.read(fields, "k")?.value, 1);
});

test("a write that was overtaken before it was sent is said to be applied, once its key is", () => {
  const world = new LinkedReplicas([fields]);
  const edge = world.openEdge("hel");
  edge.sync();
  const { link } = edge.replica.record;
  const put = (value: number): number =>
    edge.replica.write(world.nowMs, (draft) => draft.write(fields, "k", write(value, draft.stamp)));
  const first = put(1);
  assert.ok(!world.hub.hasApplied(link, first));
  edge.sync();
  assert.ok(world.hub.hasApplied(link, first));
});

function openHub(store: MemoryReplicaStore): HubReplica {
  const options = { collections: [fields], newNumber: () => 1, leaseMs: HOUR_MS };
  return new HubReplica({ ...options, store });
}

/** A store of which every image looks as if the next release had written it. */
function ofNextRelease(store: MemoryReplicaStore): MemoryReplicaStore {
  const next = new MemoryReplicaStore();
  const { pages } = store.load();
  const changed = [...pages].map((page, at) => {
    const body = page.slice(0, -4);
    body[1] = 3;
    const image = new Uint8Array([...body, 0, 0, 0, 0]);
    new DataView(image.buffer).setUint32(body.length, crc32c(body), true);
    return [at, image] as const;
  });
  next.checkpoint(new Map(changed));
  return next;
}

test("what a later release has stored is not opened, and not written over", () => {
  const store = new MemoryReplicaStore();
  const hub = openHub(store);
  hub.write(1, (draft) => draft.write(fields, "k", write(1, draft.stamp)));
  hub.checkpoint();
  const next = ofNextRelease(store);
  const before = [...next.load().pages].map((page) => [...page]);
  assert.throws(() => openHub(next), /later release/);
  assert.deepEqual(
    [...next.load().pages].map((page) => [...page]),
    before,
  );
});

test("a hub whose facts are damaged goes on above the entries that it holds", () => {
  const store = new MemoryReplicaStore();
  const hub = openHub(store);
  for (const key of KEYS) hub.write(1, (draft) => draft.write(fields, key, write(1, draft.stamp)));
  hub.checkpoint();
  const pages = [...store.load().pages];
  const damaged = new MemoryReplicaStore();
  damaged.checkpoint(
    // The page with the facts is written last.
    new Map(
      pages.map((page, at) => [at, at === pages.length - 1 ? page.map((byte) => byte ^ 1) : page]),
    ),
  );
  const opened = openHub(damaged);
  assert.ok(!opened.isWhole);
  assert.ok(opened.head >= hub.head, `${opened.head} of ${hub.head}`);
  assert.equal(opened.readAll(fields).size, KEYS.length);
});
