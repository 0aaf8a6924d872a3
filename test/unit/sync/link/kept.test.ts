// How much does a hub keep of collections that it does not know? Keys count as values do, and past
// its bound it says so and keeps nothing more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import { FRAME_GROUPS_MAX, KEPT_BYTES_MAX, KEY_BYTES_MAX } from "../../../../sync/limits.ts";
import { collection, type Collection } from "../../../../sync/replica/kind.ts";
import { maxKind } from "../../../../sync/replica/kinds.ts";
import { HubReplica } from "../../../../sync/replica/hub-replica.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { decodeDownFrame } from "../../../../sync/wire/down-frame.ts";
import type { Group, Position } from "../../../../sync/wire/frame.ts";
import { encodeUpFrame, type UpFrame } from "../../../../sync/wire/up-frame.ts";

const NOW = 1_000_000;
const NOWHERE: Position = { seq: 0, digest: 0 };
const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);
const newer = collection(9, "both", maxKind);

function frame(fields: Partial<UpFrame>): Uint8Array {
  return encodeUpFrame({
    speaker: { kind: "link", link: 5 },
    floor: 1,
    head: 1_000_000,
    sentMs: NOW,
    from: NOWHERE,
    to: 0,
    ack: NOWHERE,
    isKeyless: true,
    log: [],
    groups: [],
    ...fields,
  });
}

function openHub(store: MemoryReplicaStore, collections: readonly unknown[]): HubReplica {
  return new HubReplica({
    collections: collections as readonly Collection[],
    store,
    newNumber: () => 5,
    leaseMs: NOW,
  });
}

/** Sends the groups again and again; gives how often they were taken before they were not. */
function takenOf(hub: HubReplica, groups: readonly Group[]): number {
  assert.ok(REPLICA !== null);
  hub.exchange(frame({ speaker: { kind: "hello", replica: REPLICA, replicaEpoch: 7 } }), NOW);
  let from = NOWHERE;
  for (let taken = 0; taken < 10_000; taken += 1) {
    const exchange = hub.exchange(frame({ from, to: from.seq + 1, groups }), NOW);
    assert.ok(exchange.kind === "answered");
    if (exchange.outcome === "unsupported") return taken;
    const answer = decodeDownFrame(exchange.answer);
    assert.ok(answer.ok && exchange.outcome === "applied");
    from = answer.value.at;
  }
  return Infinity;
}

const LONG_KEYS = Array.from({ length: 100 }, (_, i) => String(i).padStart(KEY_BYTES_MAX, "k"));
const NONE = new Uint8Array(0);
for (const [what, groups, most] of [
  ["values", [group(9, ["a"], new Uint8Array(32_768))], 8],
  ["keys without values", [group(9, LONG_KEYS, NONE)], KEPT_BYTES_MAX / (100 * KEY_BYTES_MAX)],
  ["groups without keys", emptyGroups(), KEPT_BYTES_MAX / (FRAME_GROUPS_MAX * 64)],
] as const)
  test(`P8 what a hub keeps of ${what} is bounded`, () => {
    const store = new MemoryReplicaStore();
    const taken = takenOf(openHub(store, []), groups);
    assert.ok(taken >= 1 && taken <= most, `${taken} frames`);
    const { keptBytes } = openHub(store, []);
    assert.ok(keptBytes > KEPT_BYTES_MAX / 2 && keptBytes <= KEPT_BYTES_MAX, `${keptBytes} bytes`);
  });

function group(id: number, keys: readonly string[], body: Uint8Array): Group {
  return { collection: id, kind: 2, keys, body };
}
function emptyGroups(): Group[] {
  // Each takes four bytes of the frame, which a reader asks for.
  return Array.from({ length: FRAME_GROUPS_MAX }, (_, i) => group(i + 1, [], NONE));
}

test("what was kept is applied once the hub knows the collection", () => {
  const store = new MemoryReplicaStore();
  const hub = openHub(store, []);
  // A case of 0, whole, and 21.
  const outcome = takenOnce(hub, [group(9, ["a"], Uint8Array.of(0, 42))]);
  assert.equal(outcome, "applied");
  assert.ok(hub.keptBytes > 0);
  const newerHub = openHub(store, [newer]);
  assert.deepEqual([newerHub.read(newer, "a"), newerHub.keptBytes], [21, 0]);
});

function takenOnce(hub: HubReplica, groups: readonly Group[]): string {
  assert.ok(REPLICA !== null);
  hub.exchange(frame({ speaker: { kind: "hello", replica: REPLICA, replicaEpoch: 7 } }), NOW);
  const exchange = hub.exchange(frame({ to: 1, groups }), NOW);
  return exchange.kind === "answered" ? exchange.outcome : exchange.reason;
}
