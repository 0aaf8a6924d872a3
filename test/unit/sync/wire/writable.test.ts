// Which values may be written? Those that come back from their bytes: anything else would make the
// row that holds it, and each frame, one that nobody can read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { write, type Scalar } from "../../../../sync/crdt/lww-register.ts";
import { KEY_BYTES_MAX, STRING_BYTES_MAX, TIME_MS_MAX } from "../../../../sync/limits.ts";
import { parseReplicaId } from "../../../../sync/brand.ts";
import { EdgeReplica } from "../../../../sync/replica/edge-replica.ts";
import { HubReplica } from "../../../../sync/replica/hub-replica.ts";
import { collection, type Collection } from "../../../../sync/replica/kind.ts";
import { gCounterKind, lwwKind } from "../../../../sync/replica/kinds.ts";
import { MemoryReplicaStore } from "../../../../sync/replica/store.ts";
import { isWritable, naturalCodec } from "../../../../sync/wire/values.ts";
import { lwwRegisterCodec, numberCodec } from "../../../../sync/wire/values/scalars.ts";
import { componentKey } from "../../../../sync/replica/component.ts";

const STAMP = { wallMs: 1_000, logical: 0 };

for (const [value, isGood] of [
  [0, true],
  [2 ** 53 - 1, true],
  [2 ** 53, false],
  [-1, false],
  [0.5, false],
  [NaN, false],
] as const)
  test(`the natural ${value} is ${isGood ? "written" : "refused"}`, () =>
    assert.equal(isWritable(naturalCodec, value), isGood));

for (const [value, isGood] of [
  [1e300, true],
  [-0, true],
  [NaN, false],
  [Infinity, false],
  [-Infinity, false],
] as const)
  test(`the number ${Object.is(value, -0) ? "-0" : value} is ${isGood ? "written" : "refused"}`, () =>
    assert.equal(isWritable(numberCodec, value), isGood));

const REFUSED: readonly (readonly [string, Scalar])[] = [
  ["NaN", NaN],
  ["half of a character", "\ud800"],
  ["too long a text", "x".repeat(STRING_BYTES_MAX + 1)],
  ["too many bytes of text", "ä".repeat(STRING_BYTES_MAX / 2 + 1)],
];
for (const [what, value] of REFUSED)
  test(`a last write of ${what} is refused`, () =>
    assert.equal(isWritable(lwwRegisterCodec, write(value, STAMP)), false));

test("the longest text, and every other scalar, is written", () => {
  for (const value of [null, true, "", "x".repeat(STRING_BYTES_MAX), "Kärdla 🚢", -3.5])
    assert.equal(isWritable(lwwRegisterCodec, write(value, STAMP)), true);
});

test("a stamp past the year 9999 is refused", () => {
  const late = { wallMs: TIME_MS_MAX + 1, logical: 0 };
  assert.equal(isWritable(lwwRegisterCodec, write(1, late)), false);
});

const notes = collection(1, "both", lwwKind);
const hits = collection(2, "both", gCounterKind);
const collections = [notes, hits] as readonly unknown[] as readonly Collection[];

function replicas(): readonly (EdgeReplica | HubReplica)[] {
  const replica = parseReplicaId("hel/00-ff");
  assert.ok(replica !== null);
  const parts = { collections, store: new MemoryReplicaStore() };
  return [
    new EdgeReplica({ ...parts, replica, newEpoch: () => 7 }),
    new HubReplica({
      collections,
      store: new MemoryReplicaStore(),
      newNumber: () => 5,
      leaseMs: 1,
    }),
  ];
}

test("P3 a replica refuses what it could not read back, and goes on", () => {
  for (const replica of replicas()) {
    for (const [, value] of REFUSED)
      assert.throws(
        () => replica.write(1_000, (draft) => draft.write(notes, "a", write(value, draft.stamp))),
        RangeError,
      );
    for (const key of ["\ud800", "k".repeat(KEY_BYTES_MAX + 1)])
      assert.throws(
        () => replica.write(1_000, (draft) => draft.write(notes, key, write(1, draft.stamp))),
        RangeError,
      );
    assert.throws(
      () =>
        replica.write(1_000, (draft) => draft.write(hits, componentKey("a", draft.life), 2 ** 53)),
      RangeError,
    );
    replica.write(1_000, (draft) => draft.write(notes, "a", write(1, draft.stamp)));
    assert.equal(replica.read(notes, "a")?.value, 1);
    assert.equal(replica.readAll(hits).size, 0);
  }
});
