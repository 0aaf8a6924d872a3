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
const NONE = new Uint8Array(0);

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
  readonly outcomes: string[] = [];
  readonly coder: EdgeRangeCoder | null;
  nowMs = NOW;
  /** How many answers are lost, after so many that are not. */
  lose = 0;
  loseFrom = 0;

  constructor(name: string, isCoded: boolean) {
    const replica = parseReplicaId(`${name}/00-ff`);
    assert.ok(replica !== null);
    const store = new MemoryReplicaStore();
    this.replica = new EdgeReplica({ replica, collections: [FIELDS], store, newEpoch: draw });
    this.link = openEdgeLink(this.replica.record);
    this.coder = isCoded ? new EdgeRangeCoder() : null;
    this.options = this.coder?.serve(RETRY) ?? RETRY;
  }

  put(key: string, value: number): void {
    this.replica.write(this.nowMs, (draft) => draft.write(FIELDS, key, write(value, draft.stamp)));
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
          event = { kind: "cut", cut: this.replica.cut(effect.isWhole), nowMs: this.nowMs };
        else if (effect.kind === "save") this.replica.save(effect.record);
        else if (effect.kind === "absorb") this.replica.absorb(effect.state, effect.record);
        else if (effect.kind === "set-timer") event = { kind: "wake", isHeartbeat: false };
        else if (effect.kind === "send") event = this.#send(effect.request, hub);
      }
    }
  }

  #send(request: Uint8Array, hub: HubReplica): EdgeLinkEvent {
    this.sent.push(request);
    const exchange = hub.exchange(request, this.nowMs);
    this.outcomes.push(exchange.kind === "answered" ? exchange.outcome : exchange.kind);
    if (exchange.kind !== "answered") return { kind: "failed", chance: 0 };
    if (this.loseFrom > 0) this.loseFrom -= 1;
    else if (this.lose > 0) {
      this.lose -= 1;
      return { kind: "failed", chance: 0 };
    }
    this.heard.push(exchange.answer);
    return { kind: "answer", frame: exchange.answer, nowMs: this.nowMs };
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

test("a plain request whose answer was lost is answered alike, and what follows is coded", () => {
  const hub = newHub(true);
  const [north, south] = [new Edge("north", true), new Edge("south", false)];
  north.sync(hub);
  south.put("a/temp", 1);
  south.sync(hub);
  new HubRangeCoder().serve(hub);
  // The hub cannot read the first request; the answer to the second, which tells something, is lost.
  Object.assign(north, { loseFrom: 1, lose: 1 });
  north.sync(hub);
  assert.equal(north.replica.read(FIELDS, "a/temp")?.value, 1);
  north.put("a/temp", 2);
  north.sync(hub);
  assert.deepEqual(north.outcomes.slice(1), [
    "applied",
    "unreadable",
    "applied",
    "applied",
    "applied",
  ]);
  assert.equal(first(north.sent.at(-1)), UP_MAGIC);
});

test("a hub that forgets in silence is asked plainly after the next ones, and no misfit is counted", () => {
  const hub = newHub(true);
  const edge = new Edge("north", true);
  edge.sync(hub);
  let misread = 0;
  for (let i = 0; i < 60; i += 1) {
    // An object that nobody speaks to is put away, with what it has in memory.
    new HubRangeCoder().serve(hub);
    edge.nowMs += 60_000;
    edge.outcomes.length = 0;
    edge.sync(hub);
    misread += edge.outcomes.filter((outcome) => outcome === "unreadable").length;
  }
  assert.ok(misread <= 6, `${misread} of 60 heartbeats took another exchange`);
  for (let i = 0; i < 70; i += 1) {
    edge.nowMs += 60_000;
    edge.sync(hub);
  }
  assert.equal(edge.coder?.speech(), "coded");
  assert.equal(first(edge.sent.at(-1)), UP_MAGIC);
});

test("links beyond a hub's room speak plainly; nobody takes the memory of one that speaks", () => {
  const hub = newHub(true);
  const coder = new HubRangeCoder();
  coder.serve(hub);
  const edges = Array.from({ length: 270 }, (_, at) => new Edge(`e${at}`, true));
  for (let round = 0; round < 3; round += 1) {
    for (const edge of edges) {
      edge.outcomes.length = 0;
      edge.nowMs += 1_000;
      edge.put("a/temp", round);
      edge.sync(hub);
      // A plain one may be: the hub has as many dictionaries.
      const codedAt = edge.outcomes.map((_, i) => first(edge.sent.at(i - edge.outcomes.length)));
      const isMisread = edge.outcomes.some((it, i) => it === "unreadable" && codedAt[i] !== PLAIN);
      assert.equal(isMisread, false);
    }
  }
  assert.deepEqual(
    [coder.held.links, edges.filter(({ coder: end }) => end?.speech() === "coded").length],
    [256, 256],
  );
  // Five minutes after all others were heard one of the rest finds room.
  const last = edges.at(-1);
  assert.ok(last !== undefined && last.coder?.speech() === "plain");
  last.nowMs += 400_000;
  last.sync(hub);
  assert.equal(last.coder.speech(), "coded");
});

test("past the bytes that a hub has for its links those that found room keep it", () => {
  const hub = newHub(true);
  const coder = new HubRangeCoder();
  coder.serve(hub);
  const edges = Array.from({ length: 36 }, (_, at) => new Edge(`e${at}`, true));
  const [writer] = edges;
  for (let i = 0; i < 5_000; i += 1) writer?.put(`pump-${i}/temp`, i);
  for (let round = 0; round < 6; round += 1) {
    for (const edge of edges) {
      edge.outcomes.length = 0;
      edge.nowMs += 1_000;
      edge.sync(hub);
    }
  }
  assert.deepEqual(
    edges.filter(({ outcomes }) => outcomes.includes("unreadable")),
    [],
  );
  const coded = edges.filter(({ coder: end }) => end?.speech() === "coded").length;
  assert.equal(coded, coder.held.links);
  assert.ok(coded > 18 && coded < 36, `${coded} links find room`);
  assert.ok(coder.held.bytes <= 40 * 2 ** 20);
});

test("a request that is read and is not what its kind writes is said plainly the next time", () => {
  const hub = newHub(true);
  const edge = new Edge("north", true);
  edge.sync(hub);
  const coder = new HubRangeCoder();
  coder.serve(hub);
  edge.put("a/temp", 1);
  edge.sync(hub);
  const { up } = coder;
  // A reader that takes a body apart and puts it together wrong.
  hub.up = (bytes, ...rest) => {
    const read = up(bytes, ...rest);
    const isCoded = first(bytes) === UP_MAGIC && read.ok;
    const groups = isCoded ? read.value.groups.map((group) => ({ ...group, body: NONE })) : [];
    return isCoded ? { ok: true, value: { ...read.value, groups } } : read;
  };
  edge.put("a/temp", 2);
  edge.sync(hub);
  assert.equal(hub.read(FIELDS, "a/temp")?.value, 2);
});

test("an edge that is never understood speaks plainly until it starts again, and says so", () => {
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
  assert.equal(edge.coder?.speech(), "given-up");
  assert.deepEqual(
    edge.sent.slice(-10).map(first),
    Array.from({ length: 10 }, () => PLAIN),
  );
});
