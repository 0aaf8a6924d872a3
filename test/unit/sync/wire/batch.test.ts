// Which entries are no batches? Each bound and each field that may be wrong, behind good bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BATCH_COLUMNS_MAX,
  BATCH_READINGS_MAX,
  ENTRY_BATCHES_MAX,
  NAME_CHARS_MAX,
} from "../../../../sync/limits.ts";
import { decodeBatches, encodeBatches, type ReadingBatch } from "../../../../sync/wire/batch.ts";
import { ByteWriter } from "../../../../sync/wire/bytes.ts";
import { deviceId, streamName } from "../../../support/arbitraries.ts";

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function aBatch(changes: Partial<ReadingBatch> = {}): ReadingBatch {
  return {
    device: deviceId("boat-1"),
    identity: { kind: "none" },
    contentHash: "0123456789abcdef",
    isTimeAssigned: false,
    times: [5],
    columns: [{ stream: streamName("a"), kind: "number", rows: [0], values: [1] }],
    ...changes,
  };
}
function columns(count: number, rowsEach: number): ReadingBatch {
  const times = range(rowsEach);
  return aBatch({
    times,
    columns: range(count).map((i) => ({
      stream: streamName(`s${String(i).padStart(5, "0")}`),
      kind: "boolean",
      rows: times,
      values: times.map(() => 1),
    })),
  });
}

/** One batch, written field by field, with a tail that follows it. */
function raw(fields: {
  flags?: number;
  device?: string;
  identity?: (writer: ByteWriter) => void;
  streams?: readonly string[];
  tail?: number;
}): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(1);
  writer.byte(fields.flags ?? 0);
  writer.text(fields.device ?? "boat-1");
  (fields.identity ?? ((w) => w.byte(0)))(writer);
  writer.raw(new Uint8Array(8));
  writer.raw(Uint8Array.of(1, 10));
  writer.varint(fields.streams?.length ?? 0);
  for (const stream of fields.streams ?? []) {
    writer.text(stream);
    writer.raw(Uint8Array.of(0, 0, 0, 2));
  }
  for (let i = 0; i < (fields.tail ?? 0); i += 1) writer.byte(0);
  return writer.bytes();
}
const named = (kind: number, name: string, seq: number[]) => (writer: ByteWriter) => {
  writer.byte(kind);
  writer.text(name);
  writer.raw(Uint8Array.from(seq));
};

const CASES: readonly (readonly [string, Uint8Array, boolean])[] = [
  ["no batch", encodeBatches([]), true],
  ["the most batches", encodeBatches(range(ENTRY_BATCHES_MAX).map(() => aBatch())), true],
  ["a batch too many", encodeBatches(range(ENTRY_BATCHES_MAX + 1).map(() => aBatch())), false],
  ["the most columns", encodeBatches([columns(BATCH_COLUMNS_MAX, 1)]), true],
  ["a column too many", encodeBatches([columns(BATCH_COLUMNS_MAX + 1, 1)]), false],
  ["the most readings", encodeBatches([columns(1, BATCH_READINGS_MAX)]), true],
  ["a reading too many", encodeBatches([columns(1, BATCH_READINGS_MAX + 1)]), false],
  ["too many readings in several columns", encodeBatches([columns(2, 5_001)]), false],
  ["a plain batch, written by hand", raw({ streams: ["a", "b"] }), true],
  ["an unknown flag", raw({ flags: 2 }), false],
  ["a device that is none", raw({ device: "a b" }), false],
  ["a boot and a number", raw({ identity: named(1, "b1", [7]) }), true],
  ["a key", raw({ identity: named(2, "k1", []) }), true],
  ["an unknown identity", raw({ identity: named(3, "x", []) }), false],
  ["an empty key", raw({ identity: named(2, "", []) }), false],
  [
    "a key that is too long",
    raw({ identity: named(2, "k".repeat(NAME_CHARS_MAX + 1), []) }),
    false,
  ],
  ["a stream that is none", raw({ streams: ["A"] }), false],
  ["streams that fall", raw({ streams: ["b", "a"] }), false],
  ["a stream twice", raw({ streams: ["a", "a"] }), false],
  ["a byte behind it", raw({ tail: 1 }), false],
  ["nothing", new Uint8Array(0), false],
  ["a count without batches", Uint8Array.of(5), false],
];

for (const [what, bytes, isGood] of CASES)
  test(`decodeBatches() ${isGood ? "takes" : "refuses"} ${what}`, () =>
    assert.equal(decodeBatches(bytes).ok, isGood));

test("decodeBatches() refuses an entry that is cut anywhere", () => {
  const bytes = encodeBatches([aBatch({ identity: { kind: "boot", boot: "b1", seq: 300 } })]);
  for (let length = 0; length < bytes.length; length += 1)
    assert.equal(decodeBatches(bytes.subarray(0, length)).ok, false, `${length} bytes`);
});
