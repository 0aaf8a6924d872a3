// Why are bytes not a frame? Each FrameError, in both directions, and the bounds on either side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import {
  ENTRY_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
  TIME_MS_MAX,
} from "../../../../sync/limits.ts";
import { ByteWriter } from "../../../../sync/wire/bytes.ts";
import { crc32c } from "../../../../sync/wire/crc32c.ts";
import {
  decodeDownFrame,
  decodeUpFrame,
  encodeDownFrame,
  encodeUpFrame,
  PROTOCOL_VERSION,
  type FrameError,
  type UpFrame,
} from "../../../../sync/wire/frame.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);
const DOWN = { outcome: "applied", replicaEpoch: 7, cursor: 3, hubNowMs: 5 } as const;

function aFrame(bodies: readonly Uint8Array[] = [Uint8Array.of(1)]): UpFrame {
  assert.ok(REPLICA !== null);
  const entries = bodies.map((body, i) => ({ seq: i + 1, stampMs: 5 + i, body }));
  return {
    replica: REPLICA,
    replicaEpoch: 7,
    floor: 1,
    head: entries.length,
    sentMs: 5,
    interval: { from: 0, to: entries.length, entries },
  };
}

/** Writes a frame with a good checksum around any body. */
function framed(
  direction: number,
  write: (writer: ByteWriter) => void,
  head = [0x53, 1],
): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(Uint8Array.of(...head, direction));
  write(writer);
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

interface UpFields {
  readonly replica?: string;
  readonly floor?: number;
  readonly head?: number;
  readonly sentMs?: number;
  readonly count?: number;
  readonly stampMs?: number;
  readonly bytes?: number;
  readonly tail?: number;
}

/** An up-frame of one entry in which any field may be wrong. */
function up(fields: UpFields = {}): Uint8Array {
  const { replica = "hel/00-ff", floor = 1, head = 1, sentMs = 5 } = fields;
  return framed(1, (writer) => {
    writer.text(replica);
    for (const number of [7, floor, head, sentMs, 0, fields.count ?? 1]) writer.varint(number);
    writer.zigzag(fields.stampMs ?? 5);
    writer.varint(fields.bytes ?? 1);
    writer.byte(9);
    for (let i = 0; i < (fields.tail ?? 0); i += 1) writer.byte(0);
  });
}

const UP_CASES: readonly (readonly [string, Uint8Array, FrameError | null])[] = [
  ["a frame of one entry", up(), null],
  ["a frame with more behind its head", up({ head: 100 }), null],
  ["nothing", new Uint8Array(0), "not-a-frame"],
  ["too few bytes", Uint8Array.of(0x53, 1, 1, 0, 0, 0), "not-a-frame"],
  ["text", new TextEncoder().encode("GET / HTTP/1.1"), "not-a-frame"],
  ["a down-frame", encodeDownFrame(DOWN), "not-a-frame"],
  ["no direction", framed(0, () => {}), "not-a-frame"],
  ["version 0", framed(1, () => {}, [0x53, 0]), "unknown-version"],
  ["the next version", framed(1, () => {}, [0x53, PROTOCOL_VERSION + 1]), "unknown-version"],
  ["a frame cut short", up().slice(0, -1), "wrong-checksum"],
  ["a frame and a byte", Uint8Array.of(...up(), 0), "wrong-checksum"],
  ["no fields", framed(1, () => {}), "broken-frame"],
  ["a replica that is none", up({ replica: "hel" }), "broken-frame"],
  ["a replica that is not UTF-8", framed(1, (w) => w.block(Uint8Array.of(0xff))), "broken-frame"],
  ["floor 0", up({ floor: 0 }), "broken-frame"],
  ["a head below its entries", up({ head: 0 }), "broken-frame"],
  ["a clock past the year 9999", up({ sentMs: TIME_MS_MAX + 1 }), "broken-frame"],
  ["a stamp below 0", up({ stampMs: -1 }), "broken-frame"],
  ["a stamp past the year 9999", up({ stampMs: TIME_MS_MAX + 1 }), "broken-frame"],
  ["more entries than there are bytes for", up({ count: 3 }), "broken-frame"],
  ["more entries than are allowed", up({ count: FRAME_ENTRIES_MAX + 1 }), "broken-frame"],
  ["an entry that is longer than the frame", up({ bytes: 2 }), "broken-frame"],
  ["an entry that is shorter", up({ bytes: 0 }), "broken-frame"],
  ["an entry of 2^53 - 1 bytes", up({ bytes: Number.MAX_SAFE_INTEGER }), "broken-frame"],
  ["a byte behind the entries", up({ tail: 1 }), "broken-frame"],
  [
    "an entry beyond its bound",
    encodeUpFrame(aFrame([new Uint8Array(ENTRY_BYTES_MAX + 1)])),
    "broken-frame",
  ],
  ["the longest entry", encodeUpFrame(aFrame([new Uint8Array(ENTRY_BYTES_MAX)])), null],
  ["more bytes than a frame has", new Uint8Array(FRAME_BYTES_MAX + 1025).fill(0x53), "too-large"],
];

for (const [what, bytes, error] of UP_CASES)
  test(`decodeUpFrame() of ${what}: ${error ?? "a frame"}`, () => {
    const result = decodeUpFrame(bytes);
    assert.equal(result.ok ? null : result.error, error);
  });

function down(outcome: number, tail: number[] = []): Uint8Array {
  return framed(2, (writer) => {
    writer.byte(outcome);
    for (const number of [7, 3, 5]) writer.varint(number);
    writer.raw(Uint8Array.from(tail));
  });
}

const DOWN_CASES: readonly (readonly [string, Uint8Array, FrameError | null])[] = [
  ["applied", down(0), null],
  ["behind", down(1), null],
  ["diverged", down(2), null],
  ["an unknown outcome", down(3), "broken-frame"],
  ["a byte too many", down(0, [0]), "broken-frame"],
  ["no fields", framed(2, () => {}), "broken-frame"],
  ["an up-frame", up(), "not-a-frame"],
  ["nothing", new Uint8Array(0), "not-a-frame"],
  ["another version", framed(2, () => {}, [0x53, 2]), "unknown-version"],
  ["a frame cut short", down(0).slice(0, -1), "wrong-checksum"],
  ["more bytes than a frame has", new Uint8Array(FRAME_BYTES_MAX + 1025), "too-large"],
];

for (const [what, bytes, error] of DOWN_CASES)
  test(`decodeDownFrame() of ${what}: ${error ?? "a frame"}`, () => {
    const result = decodeDownFrame(bytes);
    assert.equal(result.ok ? null : result.error, error);
  });

test("encodeUpFrame() of the most entries gives a frame that comes back", () => {
  const frame = aFrame(Array.from({ length: FRAME_ENTRIES_MAX }, () => Uint8Array.of(1)));
  assert.deepEqual(decodeUpFrame(encodeUpFrame(frame)), { ok: true, value: frame });
});

test("decodeUpFrame() reads out of the middle of a larger buffer", () => {
  const bytes = encodeUpFrame(aFrame());
  const around = new Uint8Array(bytes.length + 20).fill(0xff);
  around.set(bytes, 10);
  assert.deepEqual(decodeUpFrame(around.subarray(10, 10 + bytes.length)), {
    ok: true,
    value: aFrame(),
  });
});
