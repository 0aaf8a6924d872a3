// How many links does a hub know, who gives way, and can all that it noted of them be read again?

import assert from "node:assert/strict";
import { test } from "node:test";
import { devices, REGION_COLLECTIONS } from "../../../../state/region.ts";
import { parseReplicaId } from "../../../../sync/brand.ts";
import {
  IMAGE_BYTES_MAX,
  KEPT_BYTES_MAX,
  LINK_BYTES_MAX,
  LINKS_MAX,
} from "../../../../sync/limits.ts";
import { HubReplica, type Exchange } from "../../../../sync/replica/hub-replica.ts";
import { encodeImage } from "../../../../sync/replica/image.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { decodeDownFrame, type DownFrame } from "../../../../sync/wire/down-frame.ts";
import { encodeUpFrame, type UpFrame } from "../../../../sync/wire/up-frame.ts";

const NOW_MS = 1_790_000_000_000;
const LEASE_MS = 86_400_000;
const START = { seq: 0, digest: 0 };
/** As large as a number of a frame can be, with room to count on. */
const LARGE = Number.MAX_SAFE_INTEGER - 10_000;

class Hub {
  readonly #store = new MemoryReplicaStore();
  #numbers = 4_000_000_000;
  replica = this.#open();

  restart(): void {
    this.replica.checkpoint();
    this.replica = this.#open();
  }

  hello(name: string, nowMs = NOW_MS): Exchange {
    const replica = parseReplicaId(name);
    assert.ok(replica !== null);
    return this.#exchange(
      { speaker: { kind: "hello", replica, replicaEpoch: 2 ** 32 - 1 } },
      nowMs,
    );
  }

  /** Says hello, then a frame that acknowledges `ack`. */
  speak(name: string, change: Partial<UpFrame> = {}): DownFrame {
    const { link, at } = read(this.hello(name));
    const frame = { speaker: { kind: "link", link }, from: at, to: at.seq, ...change } as const;
    return read(this.#exchange(frame, NOW_MS));
  }

  again(link: number, change: Partial<UpFrame>): DownFrame {
    return read(this.#exchange({ speaker: { kind: "link", link }, ...change }, NOW_MS));
  }

  #exchange(change: Partial<UpFrame> & Pick<UpFrame, "speaker">, nowMs: number): Exchange {
    const quiet = { from: START, to: 0, ack: START, isKeyless: true, log: [], groups: [] };
    const frame = { floor: LARGE, head: LARGE, sentMs: NOW_MS, ...quiet, ...change };
    return this.replica.exchange(encodeUpFrame(frame), nowMs);
  }

  #open(): HubReplica {
    return new HubReplica({
      collections: REGION_COLLECTIONS,
      store: this.#store,
      newNumber: () => (this.#numbers += 1),
      leaseMs: LEASE_MS,
    });
  }
}

function read(exchange: Exchange): DownFrame {
  assert.equal(exchange.kind, "answered");
  const answer = decodeDownFrame(exchange.answer);
  assert.ok(answer.ok);
  return answer.value;
}

const nameOf = (i: number): string => `${String(i).padStart(32, "x")}/${"r".repeat(32)}`;

test("P8 a hub that knows all the links and keeps all the entries it may is whole after a restart", () => {
  const hub = new Hub();
  hub.replica.write(NOW_MS, (draft) =>
    draft.write(devices, "boat-1", { kind: "add", value: true }),
  );
  for (let i = 0; i < LINKS_MAX; i += 1)
    assert.equal(hub.speak(nameOf(i)).outcome, "applied", `${i}`);
  const keys = Array.from({ length: 990 }, (_, i) => `${1_000 + i}`.padEnd(256, "\u0001"));
  const group = { collection: 200, kind: 2, keys, body: new Uint8Array(0) };
  const { link, cursor } = hub.replica.links()[0] ?? assert.fail();
  const change = { from: cursor, to: cursor.seq + 1, groups: [group] };
  assert.equal(hub.again(link, change).outcome, "applied");
  assert.ok(hub.replica.keptBytes > KEPT_BYTES_MAX * 0.9);
  for (const record of hub.replica.links())
    assert.ok(JSON.stringify([`link:${record.link}`, record]).length < LINK_BYTES_MAX);
  hub.restart();
  assert.equal(hub.replica.isWhole, true);
  assert.equal(hub.replica.links().length, LINKS_MAX);
  assert.deepEqual([...hub.replica.readAll(devices).keys()], ["boat-1"]);
  assert.ok(hub.replica.keptBytes > KEPT_BYTES_MAX * 0.9);
});

test("P8 past the links that it may know a hub says so to a new one, until one has been silent", () => {
  const hub = new Hub();
  for (let i = 0; i < LINKS_MAX; i += 1) hub.speak(nameOf(i));
  const refused = { kind: "no-room", reason: "no-room", replica: "new/region" };
  assert.deepEqual(hub.hello("new/region"), refused);
  assert.equal(read(hub.hello(nameOf(7))).outcome, "at", "one that is known is answered");
  assert.equal(hub.replica.links().length, LINKS_MAX);
  assert.equal(read(hub.hello("new/region", NOW_MS + LEASE_MS + 1)).outcome, "open");
  assert.equal(hub.replica.links().length, LINKS_MAX);
});

test("P8 whoever says hello and no more gives way", () => {
  const hub = new Hub();
  hub.speak("hel/region");
  for (let i = 0; i < LINKS_MAX + 100; i += 1)
    assert.equal(read(hub.hello(nameOf(i))).outcome, "open");
  assert.equal(hub.replica.links().length, LINKS_MAX);
  assert.ok(hub.replica.links().some(({ replica }) => replica === "hel/region"));
});

test("what could not be read again is not written", () => {
  const facts = new Map([["fact", "x".repeat(IMAGE_BYTES_MAX)]]);
  assert.throws(() => encodeImage({ facts, entries: new Map() }, () => undefined), /read again/);
});
