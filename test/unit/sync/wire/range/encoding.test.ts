// How do two ends come to speak the coded encoding, and what if one does not, or has forgotten?

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../../sync/brand.ts";
import { write } from "../../../../../sync/crdt/lww-register.ts";
import {
  openEdgeLink,
  stepEdgeLink,
  type EdgeLink,
  type EdgeLinkEvent,
  type EdgeLinkOptions,
} from "../../../../../sync/link/edge.ts";
import { EdgeReplica } from "../../../../../sync/replica/edge-replica.ts";
import { HubReplica } from "../../../../../sync/replica/hub-replica.ts";
import { collection } from "../../../../../sync/replica/kind.ts";
import { lwwKind } from "../../../../../sync/replica/kinds.ts";
import { err } from "../../../../../sync/result.ts";
import { MemoryReplicaStore } from "../../../../../sync/replica/store.ts";
import { EdgeRangeCoder, HubRangeCoder } from "../../../../../sync/wire/range/encoding.ts";
import { DOWN_MAGIC, UP_MAGIC } from "../../../../../sync/wire/range/frames.ts";

const FIELDS = collection(1, "both", lwwKind);
const RETRY = { retryMsMin: 250, retryMsMax: 2_000 };
const PLAIN = 0x53;
const NOW = 1_789_000_000_000;

let drawn = 0;
const draw = (): number => (drawn += 0x10001);

function newHub(isCoded: boolean): HubReplica {
  const store = new MemoryReplicaStore();
  const options = { collections: [FIELDS], store, newNumber: draw, leaseMs: 86_400_000 };
  const hub = new HubReplica(options);
  if (isCoded) new HubRangeCoder().serve(hub);
  return hub;
}

/** An edge, its link, and what it sent and was answered. */
class Edge {
  readonly replica: EdgeReplica;
  readonly options: EdgeLinkOptions;
  link: EdgeLink;
  readonly sent: Uint8Array[] = [];
  readonly heard: Uint8Array[] = [];
  /** How many of the next answers are lost. */
  lose = 0;

  constructor(name: string, isCoded: boolean) {
    const replica = parseReplicaId(`${name}/00-ff`);
    assert.ok(replica !== null);
    const store = new MemoryReplicaStore();
    this.replica = new EdgeReplica({ replica, collections: [FIELDS], store, newEpoch: draw });
    this.link = openEdgeLink(this.replica.record);
    this.options = isCoded ? new EdgeRangeCoder().serve(RETRY) : RETRY;
  }

  put(key: string, value: number): void {
    this.replica.write(NOW, (draft) => draft.write(FIELDS, key, write(value, draft.stamp)));
  }

  sync(hub: HubReplica): void {
    let event: EdgeLinkEvent | null = { kind: "wake", isHeartbeat: true };
    for (let steps = 0; event !== null; steps += 1) {
      assert.ok(steps < 60, "it comes to rest");
      const step = stepEdgeLink(this.link, event, this.options);
      this.link = step.state;
      event = null;
      for (const effect of step.effects) {
        if (effect.kind === "cut")
          event = { kind: "cut", cut: this.replica.cut(effect.isWhole), nowMs: NOW };
        else if (effect.kind === "save") this.replica.save(effect.record);
        else if (effect.kind === "absorb") this.replica.absorb(effect.state, effect.record);
        else if (effect.kind === "set-timer") event = { kind: "wake", isHeartbeat: false };
        else if (effect.kind === "send") event = this.#send(effect.request, hub);
      }
    }
  }

  #send(request: Uint8Array, hub: HubReplica): EdgeLinkEvent {
    this.sent.push(request);
    const exchange = hub.exchange(request, NOW);
    assert.ok(exchange.kind === "answered");
    this.lose -= 1;
    if (this.lose >= 0) return { kind: "failed", chance: 0 };
    this.heard.push(exchange.answer);
    return { kind: "answer", frame: exchange.answer, nowMs: NOW };
  }
}

const first = (frame: Uint8Array | undefined): number | undefined => frame?.[0];

test("after a plain hello both ways are coded, and both ends agree", () => {
  const hub = newHub(true);
  const [north, south] = [new Edge("north", true), new Edge("south", true)];
  north.put("a/temp", 20.5);
  for (const edge of [north, south, north]) edge.sync(hub);
  north.put("a/temp", 20.6);
  for (const edge of [north, south]) edge.sync(hub);
  assert.equal(south.replica.read(FIELDS, "a/temp")?.value, 20.6);
  assert.deepEqual(north.sent.map(first).slice(0, 2), [PLAIN, UP_MAGIC]);
  assert.ok(north.sent.slice(1).every((frame) => first(frame) === UP_MAGIC));
  assert.ok(north.heard.slice(1).every((frame) => first(frame) === DOWN_MAGIC));
});

for (const [who, isEdgeCoded] of [
  ["the hub", true],
  ["the edge", false],
] as const)
  test(`${who} without the encoding goes on plainly`, () => {
    const hub = newHub(!isEdgeCoded);
    const edge = new Edge("north", isEdgeCoded);
    edge.put("a/temp", 1);
    edge.sync(hub);
    assert.equal(hub.read(FIELDS, "a/temp")?.value, 1);
    assert.ok([...edge.sent, ...edge.heard].every((frame) => first(frame) === PLAIN));
  });

test("a request whose answers were lost is repeated byte by byte, answered alike, and coded goes on", () => {
  const hub = newHub(true);
  const edge = new Edge("north", true);
  edge.sync(hub);
  edge.put("a/temp", 1);
  edge.lose = 2;
  const before = edge.sent.length;
  edge.sync(hub);
  const [once, again, third] = edge.sent.slice(before);
  assert.deepEqual([again, third], [once, once]);
  edge.put("a/temp", 2);
  edge.sync(hub);
  assert.equal(hub.read(FIELDS, "a/temp")?.value, 2);
  assert.ok(edge.sent.slice(1).every((frame) => first(frame) === UP_MAGIC));
});

test("a hub that has forgotten is told plainly, and what follows is coded again", () => {
  const hub = newHub(true);
  const edge = new Edge("north", true);
  edge.sync(hub);
  // Another process has nothing of what the one before kept in memory.
  new HubRangeCoder().serve(hub);
  edge.put("a/temp", 3);
  const before = edge.sent.length;
  edge.sync(hub);
  assert.equal(hub.read(FIELDS, "a/temp")?.value, 3);
  const kinds = edge.sent.slice(before).map(first);
  assert.deepEqual(kinds.slice(0, 2), [UP_MAGIC, PLAIN]);
  assert.equal(kinds.at(-1), UP_MAGIC);
});

test("an edge that is never understood speaks plainly for good", () => {
  const hub = newHub(true);
  const { up } = hub;
  // A hub whose reader is wrong, though it says that it reads the encoding.
  hub.up = (bytes, ...rest) =>
    first(bytes) === UP_MAGIC ? err("no-dictionary") : up(bytes, ...rest);
  const edge = new Edge("north", true);
  for (let i = 0; i < 12; i += 1) {
    edge.put("a/temp", i);
    edge.sync(hub);
    assert.equal(hub.read(FIELDS, "a/temp")?.value, i);
  }
  assert.ok(edge.sent.some((frame) => first(frame) === UP_MAGIC));
  assert.deepEqual(
    edge.sent.slice(-10).map(first),
    Array.from({ length: 10 }, () => PLAIN),
  );
});
