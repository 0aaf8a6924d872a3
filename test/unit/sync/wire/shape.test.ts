// Goal: the wire does not change its shape under one version number.
// Method: a checksum of every limit and of what this code writes for samples of everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import * as limits from "../../../../sync/limits.ts";
import { ByteWriter } from "../../../../sync/wire/bytes.ts";
import { crc32c } from "../../../../sync/wire/crc32c.ts";
import { encodeDownFrame, type Outcome } from "../../../../sync/wire/down-frame.ts";
import * as frame from "../../../../sync/wire/frame.ts";
import { encodeUpFrame, type UpFrame } from "../../../../sync/wire/up-frame.ts";
import { ALL_KINDS } from "../../../../tools/frame/kinds.ts";
import { hexOf, samplesOf } from "../../../support/wire.ts";

/** The version and the shape that belong together. */
const PINNED = { version: 1, shape: 3_752_275_434 };

/** Bounds of memory and time that the other end does not notice. */
const OWN = new Set([
  "SESSIONS_MAX",
  "SESSIONS_BYTES_MAX",
  "DICTIONARY_KEY_ROOM",
  "DICTIONARY_BYTES_MAX",
  "LIVES_PER_REPLICA_MAX",
  "SUPERSEDED_LEASE_MS",
  "LINKS_MAX",
  "LINK_BYTES_MAX",
  "LINKS_LOOK_MS",
  "KEPT_BYTES_MAX",
  "SKETCHES_MAX",
  "PAGE_ENTRIES",
  "CHECKPOINT_BYTES",
  "IMAGE_ENTRIES_MAX",
  "IMAGE_PARTS_MAX",
  "IMAGE_BYTES_MAX",
  "FRAME_BYTES_TARGET",
  "MV_WRITE_BYTES_MAX",
  "REPLICA_EPOCH_MAX",
]);

const OUTCOMES: readonly Outcome[] = [
  "open",
  "unknown",
  "applied",
  "at",
  "clock-ahead",
  "unreadable",
  "unsupported",
];

const AT = { seq: 3, digest: 5 };
const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);
const UP: UpFrame = {
  speaker: { kind: "hello", replica: REPLICA, replicaEpoch: 7 },
  floor: 2,
  head: 9,
  sentMs: 11,
  from: AT,
  to: 8,
  ack: { seq: 13, digest: 17 },
  isKeyless: true,
  log: [{ seq: 8, stampMs: 19, body: Uint8Array.of(23) }],
  groups: [{ collection: 29, kind: 31, keys: ["ab", "ac"], body: Uint8Array.of(37) }],
};

function groupOf(code: number, way: "up" | "down"): string {
  const writer = new ByteWriter();
  ALL_KINDS.find((kind) => kind.code === code)?.[way].write(writer, samplesOf(code, way));
  return hexOf(writer.bytes());
}

/** Describes the wire: equal texts, equal wires. */
function shapeOf(): string {
  const state = { from: 0, to: 2, head: 5, stable: 1, groups: UP.groups };
  const horizon = { seq: 1, stamp: { wallMs: 3, logical: 4 }, known: 6 };
  return JSON.stringify({
    flags: Object.entries(frame).filter(([name]) => name.startsWith("HAS_")),
    limits: Object.entries(limits).filter(([name]) => !OWN.has(name)),
    up: hexOf(encodeUpFrame(UP)),
    down: OUTCOMES.map((outcome) => {
      const told = { outcome, link: 41, at: AT, hubNowMs: 43, state: { ...state, horizon } };
      return hexOf(encodeDownFrame(told));
    }),
    kinds: ALL_KINDS.map(({ code }) => [code, groupOf(code, "up"), groupOf(code, "down")]),
  });
}

test("a wire of another shape has another version", () => {
  const shape = crc32c(new TextEncoder().encode(shapeOf()));
  assert.deepEqual(
    { version: frame.PROTOCOL_VERSION, shape },
    PINNED,
    `What is written on the wire has changed (shape ${shape}). If something that is deployed speaks ` +
      "the shape before, raise PROTOCOL_VERSION, keep VERSIONS.min at the one before, describe both " +
      "in docs/wire-format.md and add vectors; then pin version and shape here.",
  );
});

test("what has to agree at both ends is pinned, and each bound of its own is one that there is", () => {
  const names = new Set(Object.keys(limits));
  assert.deepEqual(
    [...OWN].filter((name) => !names.has(name)),
    [],
  );
});
