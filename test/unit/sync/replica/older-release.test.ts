// What becomes of a collection when a release is rolled back that had added it, and comes again? Both
// ends keep what they held of it, and tell it to whom they have not told it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { HubReplica } from "../../../../sync/replica/hub-replica.ts";
import { collection } from "../../../../sync/replica/kind.ts";
import { maxKind } from "../../../../sync/replica/kinds.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { LinkedReplicas } from "../../../support/linked-replicas.ts";
import { bytesOf } from "../../../support/wire.ts";

const old = collection(2, "both", maxKind);
const added = collection(3, "both", maxKind);
const NEW = [old, added];
const OLD = [old];

for (const isCheckpointed of [false, true])
  for (const isOldCheckpointed of [false, true])
    test(`a hub keeps what it held of a collection through an older release, checkpoints ${isCheckpointed}, ${isOldCheckpointed}`, () => {
      const world = new LinkedReplicas(NEW);
      const edge = world.openEdge("hel");
      const [before, after] = [world.openEdge("oul"), world.openEdge("tmp")];
      before.sync();
      for (let i = 0; i < 300; i += 1)
        world.hub.write(1, (draft) => draft.write(added, `k${i}`, i + 1));
      if (isCheckpointed) world.hub.checkpoint();
      world.hub.write(1, (draft) => draft.write(added, "k0", 1_000));
      world.reopenHub(OLD);
      assert.ok(world.hub.isWhole, "an older release opens it");
      for (let i = 0; i < 300; i += 1)
        world.hub.write(2, (draft) => draft.write(old, `o${i}`, i + 1));
      before.sync();
      if (isOldCheckpointed) world.hub.checkpoint();
      assert.ok(world.reopenHub(OLD).isWhole, "and once more");
      world.reopenHub(NEW);
      assert.ok(world.hub.isWhole);
      world.hub.write(3, (draft) => draft.write(added, "k1", 2_000));
      world.hub.checkpoint();
      world.reopenHub(NEW);
      const held = world.hub.readAll(added);
      assert.deepEqual(
        [held.size, held.get("k0"), held.get("k1"), held.get("k2")],
        [300, 1_000, 2_000, 3],
      );
      for (const linked of [before, after, edge]) {
        linked.sync();
        assert.deepEqual(linked.replica.readAll(added), held, "and whoever was told less has it");
        assert.equal(linked.replica.readAll(old).size, 300);
      }
    });

for (const isCheckpointed of [false, true])
  test(`an edge keeps what it had not sent through an older release, checkpoints ${isCheckpointed}`, () => {
    const world = new LinkedReplicas(NEW);
    let edge = world.openEdge("hel");
    edge.sync();
    edge.replica.write(1, (draft) => draft.write(added, "k", 7));
    edge = world.openEdge("hel", OLD, edge.store);
    edge.replica.write(2, (draft) => draft.write(old, "o", 1));
    edge.sync();
    if (isCheckpointed) edge.replica.checkpoint();
    edge = world.openEdge("hel", NEW, edge.store);
    edge.sync();
    assert.deepEqual([world.hub.read(added, "k"), world.hub.read(old, "o")], [7, 1]);
    assert.deepEqual([edge.replica.read(added, "k"), edge.replica.read(old, "o")], [7, 1]);
  });

test("a state that version 1 of the images wrote opens, and is written as the present one", () => {
  const file = path.join(import.meta.dirname, "../../../vectors/wire/images.json");
  const vectors = JSON.parse(readFileSync(file, "utf8")) as { name: string; input: string }[];
  const store = new MemoryReplicaStore();
  store.append(bytesOf(vectors.find(({ name }) => name === "hub: kind 2")?.input ?? ""));
  const open = (): HubReplica =>
    new HubReplica({ collections: OLD, store, newNumber: () => 1, leaseMs: 1 });
  const hub = open();
  const held = hub.readAll(old);
  assert.ok(hub.isWhole && held.size > 0 && hub.head >= 1_100);
  hub.checkpoint();
  assert.ok([...store.load().pages].every((page) => page[0] === 0));
  assert.deepEqual(open().readAll(old), held);
});
