// What does a hub remember of its links while it runs, and where does that end?

import assert from "node:assert/strict";
import { test } from "node:test";
import { REGION_COLLECTIONS } from "../../../../state/region.ts";
import { parseReplicaId } from "../../../../sync/brand.ts";
import { KEY_BYTES_MAX, SESSIONS_BYTES_MAX } from "../../../../sync/limits.ts";
import { HubReplica, type Exchange } from "../../../../sync/replica/hub-replica.ts";
import { NO_EXCHANGE, Sessions } from "../../../../sync/replica/sessions.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { KeyDictionary, writeKeys } from "../../../../sync/wire/dictionary.ts";
import { decodeDownFrame } from "../../../../sync/wire/down-frame.ts";
import { closeFrame, openFrame, positionCodec } from "../../../../sync/wire/frame.ts";
import { encodeUpFrame, type UpFrame } from "../../../../sync/wire/up-frame.ts";

const NOW_MS = 1_790_000_000_000;
const START = { seq: 0, digest: 0 };

/** Long keys that share all but their end: on the wire a few bytes each. */
function longKeys(count: number, first = 0): string[] {
  const start = "x".repeat(KEY_BYTES_MAX - 6);
  return Array.from({ length: count }, (_, i) => `${start}${String(first + i).padStart(6, "0")}`);
}

function fill(keys: KeyDictionary, count: number): void {
  for (const key of longKeys(count, keys.size)) keys.add(key);
}

test("P8 the dictionaries of all links take no more than their bytes, and the last that spoke stay", () => {
  const sessions = new Sessions();
  for (let link = 1; link <= 8; link += 1) {
    fill(sessions.of(link).up, 20_000);
    fill(sessions.of(link).down, 20_000);
    sessions.trim(() => true);
    assert.ok(sessions.bytes <= SESSIONS_BYTES_MAX, `${sessions.bytes}`);
  }
  assert.equal(sessions.of(8).up.size, 20_000);
  assert.equal(sessions.of(1).up.size, 0, "its keys are sent anew");
});

test("P8 an answer that is kept to be given again is counted as well", () => {
  const sessions = new Sessions();
  const frame = new Uint8Array(2 ** 21);
  for (let link = 1; link <= 100; link += 1) {
    sessions.of(link).last = { request: frame, answer: frame };
    sessions.trim(() => true);
  }
  assert.ok(sessions.bytes <= SESSIONS_BYTES_MAX);
  assert.ok(sessions.of(100).last !== NO_EXCHANGE);
});

test("a session goes with its link", () => {
  const sessions = new Sessions();
  for (const link of [1, 2, 3]) fill(sessions.of(link).up, 10);
  sessions.trim((link) => link !== 2);
  assert.deepEqual(
    [1, 2, 3].map((link) => sessions.of(link).up.size),
    [10, 0, 10],
  );
});

test("P8 a dictionary knows its bytes, and has room up to a bound of them", () => {
  const keys = new KeyDictionary();
  fill(keys, 1_000);
  const before = keys.bytesOf();
  fill(keys, 40_000);
  assert.equal(keys.hasRoom(longKeys(4_096, keys.size)), true);
  fill(keys, 6_600);
  assert.equal(keys.hasRoom(longKeys(4_096, keys.size)), false);
  assert.equal(keys.hasRoom(longKeys(4_096), 1_000), true, "after its first thousand");
  keys.truncate(1_000);
  assert.equal(keys.bytesOf(), before);
});

const QUIET = {
  floor: 1,
  head: 0,
  sentMs: NOW_MS,
  from: START,
  to: 0,
  ack: START,
  isKeyless: true,
  log: [],
  groups: [],
} as const;

/** A frame that only brings keys. */
function framesOfKeys(link: number, keys: readonly string[]): Uint8Array {
  const HAS_STATE = 4;
  const writer = openFrame(1, HAS_STATE, 1);
  for (const field of [link, 1, 0, NOW_MS]) writer.varint(field);
  positionCodec.write(writer, [START]);
  writer.varint(0);
  positionCodec.write(writer, [START]);
  writer.varint(0);
  writeKeys(writer, keys);
  writer.varint(0);
  return closeFrame(writer);
}

function greet(hub: HubReplica): number {
  const replica = parseReplicaId("hel/region");
  assert.ok(replica !== null);
  const hello: UpFrame = { ...QUIET, speaker: { kind: "hello", replica, replicaEpoch: 1 } };
  const exchange = hub.exchange(encodeUpFrame(hello), NOW_MS);
  assert.ok(exchange.kind === "answered");
  const answer = decodeDownFrame(exchange.answer);
  assert.ok(answer.ok);
  return answer.value.link;
}

test("P8 a frame with keys that no entry has is none, and leaves nothing", () => {
  const hub = new HubReplica({
    collections: REGION_COLLECTIONS,
    store: new MemoryReplicaStore(),
    newNumber: () => 7,
    leaseMs: 86_400_000,
  });
  const link = greet(hub);
  const empty = hub.exchange(framesOfKeys(link, []), NOW_MS);
  assert.equal(empty.kind === "answered" && empty.outcome, "applied", "as such it can be read");
  const expected: Exchange = { kind: "not-a-frame", reason: "broken-frame" };
  assert.deepEqual(hub.exchange(framesOfKeys(link, longKeys(4_000)), NOW_MS), expected);
});
