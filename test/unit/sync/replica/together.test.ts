// Several writes are stored as one row once all are made; one that throws takes nothing with it but
// itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { erase, write } from "../../../../sync/crdt/lww-register.ts";
import { HubReplica } from "../../../../sync/replica/hub-replica.ts";
import { collection } from "../../../../sync/replica/kind.ts";
import { lwwKind } from "../../../../sync/replica/kinds.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";

const FIELDS = collection(1, "both", lwwKind);

class Counted extends MemoryReplicaStore {
  rows = 0;

  override append(row: Uint8Array): void {
    this.rows += 1;
    super.append(row);
  }
}

const open = (store: MemoryReplicaStore): HubReplica =>
  new HubReplica({ collections: [FIELDS], store, newNumber: () => 7, leaseMs: 1_000 });

function put(hub: HubReplica, nowMs: number, key: string, value: number): void {
  hub.write(nowMs, (draft) => draft.write(FIELDS, key, write(value, draft.stamp)));
}

test("writes of several times are one row, each with its stamp", () => {
  const store = new Counted();
  const hub = open(store);
  const before = store.rows;
  hub.together(() => {
    for (let i = 0; i < 100; i += 1) put(hub, 1_600 * (i + 1), `k${i % 50}`, i);
    assert.equal(store.rows, before, "nothing is stored before it returns");
  });
  assert.equal(store.rows, before + 1);
  put(hub, 1, "k4", -1);
  assert.equal(store.rows, before + 2, "what follows is a row of its own");
  const again = open(store);
  assert.equal(again.head, hub.head);
  assert.deepEqual(again.readAll(FIELDS), hub.readAll(FIELDS));
  assert.deepEqual(again.read(FIELDS, "k3")?.stamp, { wallMs: 86_400, logical: 0 });
});

test("a write that throws takes only itself away, and a throw leaves what was written before it", () => {
  const store = new Counted();
  const hub = open(store);
  const rows = store.rows;
  assert.throws(
    () =>
      hub.together(() => {
        put(hub, 1_000, "kept", 1);
        assert.throws(
          () =>
            hub.write(2_000, (draft) => {
              draft.write(FIELDS, "kept", erase(draft.stamp));
              draft.write(FIELDS, "half", write(2, draft.stamp));
              throw new TypeError("Half way");
            }),
          TypeError,
        );
        put(hub, 3_000, "late", 3);
        throw new RangeError("After two");
      }),
    RangeError,
  );
  assert.equal(store.rows, rows + 1);
  for (const replica of [hub, open(store)]) {
    const held = [...replica.readAll(FIELDS)].map(([key, { value }]) => [key, value]);
    assert.deepEqual(held, [
      ["kept", 1],
      ["late", 3],
    ]);
  }
});

test("a checkpoint waits for as many bytes of rows as its pages had", () => {
  let checkpoints = 0;
  class Watched extends MemoryReplicaStore {
    override checkpoint(pages: ReadonlyMap<number, Uint8Array | null>): void {
      checkpoints += 1;
      super.checkpoint(pages);
    }
  }
  const hub = open(new Watched());
  const long = "x".repeat(1_000);
  const fill = (round: number): void => {
    hub.together(() => {
      for (let i = 0; i < 1_024; i += 1)
        hub.write(round * 1_000, (draft) =>
          draft.write(FIELDS, `k${i}`, write(long + round, draft.stamp)),
        );
    });
  };
  for (let round = 1; round <= 9; round += 1) fill(round);
  // Each row has a megabyte, as its pages have: 256 KiB more than those, and it is due.
  assert.equal(checkpoints, 5);
});
