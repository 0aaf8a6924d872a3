// Goal: what a replica stores is bounded by what it holds, not by what was done to it (P8).
// Method: a million overwrites of the same 8,000 values, and 20 rounds in which 10,000 ids are removed
// and added again; then the bytes at rest beside those of a replica that holds the same from the
// beginning. docs: at most 1.1 times.

import assert from "node:assert/strict";
import { test } from "node:test";
import { write } from "../../sync/crdt/lww-register.ts";
import { collection } from "../../sync/replica/kind.ts";
import { lwwKind, setKind } from "../../sync/replica/kinds.ts";
import { LinkedReplicas, type LinkedEdge } from "../support/linked-replicas.ts";

const FIELDS = collection(1, "both", lwwKind);
const IDS = collection(2, "both", setKind);
const VALUES = 8_000;
const OVERWRITES = 1_000_000;
const PER_COMMIT = 1_000;
const MEMBERS = 10_000;
const ROUNDS = 20;
const GROWTH_MAX = 1.1;

const fieldKey = (number: number): string => `device-${Math.floor(number / 8)}/field-${number % 8}`;
const memberKey = (number: number): string => `device-${number}`;

function overwrite(edge: LinkedEdge, nowMs: number, first: number): void {
  edge.replica.write(nowMs, (draft) => {
    for (let i = first; i < first + PER_COMMIT; i += 1) {
      const value = ((i * 7_919) % 10_007) / 10;
      draft.write(FIELDS, fieldKey(i % VALUES), write(value, draft.stamp));
    }
  });
}

function change(edge: LinkedEdge, nowMs: number, kind: "add" | "remove", from: number): void {
  edge.replica.write(nowMs, (draft) => {
    for (let i = from; i < MEMBERS; i += 2)
      draft.write(IDS, memberKey(i), kind === "add" ? { kind, value: true } : { kind });
  });
}

function settle(world: LinkedReplicas, edges: readonly LinkedEdge[]): void {
  for (const edge of [...edges, ...edges, ...edges]) edge.sync();
  world.hub.checkpoint();
  for (const edge of edges) edge.replica.checkpoint();
}

/** A million overwrites by two edges, then rounds of removals and additions. */
function wear(world: LinkedReplicas, a: LinkedEdge, b: LinkedEdge): void {
  for (let i = 0; i < OVERWRITES; i += PER_COMMIT) {
    world.nowMs += 250;
    overwrite(i % (2 * PER_COMMIT) === 0 ? a : b, world.nowMs, i);
    if (i % (50 * PER_COMMIT) === 0) for (const edge of [a, b]) edge.sync();
  }
  for (const from of [0, 1]) change(a, world.nowMs, "add", from);
  for (let round = 0; round < ROUNDS; round += 1) {
    const [one, other] = round % 2 === 0 ? [a, b] : [b, a];
    world.nowMs += 1_000;
    for (const edge of [a, b]) edge.sync();
    change(one, world.nowMs, "remove", round % 2);
    change(other, world.nowMs, "remove", round % 2);
    one.sync();
    change(one, world.nowMs, "add", round % 2);
  }
  settle(world, [a, b]);
}

/** Replicas that were given what the worn ones hold, and nothing else. */
function fresh(worn: LinkedReplicas): readonly [LinkedReplicas, LinkedEdge, LinkedEdge] {
  const world = new LinkedReplicas([FIELDS, IDS]);
  world.nowMs = worn.nowMs;
  const [a, b] = [world.openEdge("a"), world.openEdge("b")];
  a.replica.write(world.nowMs, (draft) => {
    for (const [key, register] of worn.hub.readAll(FIELDS)) draft.write(FIELDS, key, register);
    for (const key of worn.hub.readAll(IDS).keys())
      draft.write(IDS, key, { kind: "add", value: true });
  });
  settle(world, [a, b]);
  return [world, a, b];
}

test("P8 a million overwrites and 20 rounds of churn leave at most 1.1 times a fresh replica's bytes", () => {
  const world = new LinkedReplicas([FIELDS, IDS]);
  const [a, b] = [world.openEdge("a"), world.openEdge("b")];
  wear(world, a, b);
  assert.equal(world.hub.readAll(FIELDS).size, VALUES);
  assert.equal(world.hub.readAll(IDS).size, MEMBERS);
  assert.deepEqual(a.replica.readAll(FIELDS), world.hub.readAll(FIELDS));
  assert.deepEqual(b.replica.readAll(IDS), world.hub.readAll(IDS));
  const [newWorld, newA, newB] = fresh(world);
  const growth = {
    hub: world.hubStore.bytes() / newWorld.hubStore.bytes(),
    writer: a.store.bytes() / newA.store.bytes(),
    reader: b.store.bytes() / newB.store.bytes(),
  };
  const figures = JSON.stringify({ growth, hubBytes: world.hubStore.bytes() });
  for (const times of Object.values(growth)) assert.ok(times <= GROWTH_MAX, figures);
  process.stdout.write(`# ${figures}\n`);
});
