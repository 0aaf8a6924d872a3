// Is a write whole or not there at all, at both ends, and does it say no before what it leaves could
// not travel?

import assert from "node:assert/strict";
import { test } from "node:test";
import { erase, write as put } from "../../../../sync/crdt/lww-register.ts";
import { KEY_BYTES_MAX, MV_WRITE_BYTES_MAX } from "../../../../sync/limits.ts";
import { componentKey } from "../../../../sync/replica/component.ts";
import type { Draft } from "../../../../sync/replica/draft.ts";
import { collection } from "../../../../sync/replica/kind.ts";
import { gCounterKind, lwwKind, maxKind, mvKind, setKind } from "../../../../sync/replica/kinds.ts";
import { mvRegister, write as note } from "../../../../sync/crdt/mv-register.ts";
import { LinkedReplicas } from "../../../support/linked-replicas.ts";

const members = collection(1, "both", setKind);
const fields = collection(2, "both", lwwKind);
const highs = collection(3, "both", maxKind);
const counts = collection(4, "up", gCounterKind);
const notes = collection(5, "both", mvKind);
const ALL = [members, fields, highs, counts, notes];

/** Writes to what is there and to what is not, and then what cannot be written. */
function halfOf(draft: Draft): void {
  draft.write(members, "held", { kind: "remove" });
  draft.write(members, "new", { kind: "add", value: true });
  draft.write(fields, "gone", put("again", draft.stamp));
  draft.write(fields, "held", erase(draft.stamp));
  draft.write(highs, "held", 9);
  draft.write(highs, "held", 10);
  assert.equal(draft.read(highs, "held"), 10);
  draft.write(highs, "k".repeat(KEY_BYTES_MAX + 1), 1);
}

for (const end of ["edge", "hub"] as const)
  test(`write() at the ${end} leaves nothing of a write that throws half way`, () => {
    const world = new LinkedReplicas(ALL);
    let edge = world.openEdge("hel");
    const at = (): { write: (nowMs: number, change: (draft: Draft) => void) => number } =>
      end === "edge" ? edge.replica : world.hub;
    const shown = (): unknown => {
      const { replica } = edge;
      const views = end === "edge" ? replica : world.hub;
      return [
        views.head,
        ...[members, fields, highs].map((all) => [...views.readAll<unknown>(all)]),
      ];
    };
    edge.sync();
    at().write(1, (draft) => {
      draft.write(members, "held", { kind: "add", value: true });
      draft.write(fields, "held", put("kept", draft.stamp));
      draft.write(fields, "gone", erase(draft.stamp));
      draft.write(highs, "held", 3);
    });
    const before = shown();
    assert.throws(() => at().write(2, halfOf), /Cannot write key: it has more than 256 bytes/);
    assert.deepEqual(shown(), before, "in memory");
    edge.sync();
    edge.sync();
    assert.equal(world.hub.read(members, "held"), true);
    assert.equal(world.hub.read(fields, "held")?.value, "kept");
    assert.deepEqual([...world.hub.readAll(highs)], [["held", 3]]);
    const settled = shown();
    edge = world.openEdge("hel", ALL, edge.store);
    world.reopenHub(ALL);
    assert.deepEqual(shown(), settled, "and as stored");
    at().write(3, (draft) => draft.write(highs, "held", 4));
    edge.sync();
    assert.deepEqual([world.hub.read(highs, "held"), edge.replica.read(highs, "held")], [4, 4]);
  });

test("write() refuses the key of a count that would not fit once its replica begins another life", () => {
  const edge = new LinkedReplicas(ALL).openEdge("hel").replica;
  const put1 = (bytes: number): number =>
    edge.write(1, (draft) => {
      const name = "n".repeat(bytes - componentKey("", draft.life).length);
      draft.write(counts, componentKey(name, draft.life), 1);
    });
  assert.throws(() => put1(KEY_BYTES_MAX), /it has more than 256 bytes/);
  // The epochs of this world have one digit, and may have ten.
  put1(KEY_BYTES_MAX - 9);
  edge.renew();
  assert.equal(edge.readAll(counts).size, 1);
});

test("write() refuses a concurrent value that would not fit in a frame beside those of others", () => {
  const edge = new LinkedReplicas(ALL).openEdge("hel").replica;
  const write = (text: string): number =>
    edge.write(1, (draft) =>
      draft.write(notes, "k", note(draft.read(notes, "k") ?? mvRegister.bottom, draft.life, text)),
    );
  assert.throws(() => write("x".repeat(MV_WRITE_BYTES_MAX)), /it has more than 16384 bytes/);
  write("x".repeat(MV_WRITE_BYTES_MAX - 100));
});
