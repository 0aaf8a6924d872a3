// What may a region that holds the link's key write at the origin, and what becomes of the rest of
// its frame?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EVERYTHING,
  markingOf,
  NAMED_MARKS_MAX,
  softScope,
  WRITER_MARKS_MAX,
} from "../../../state/purge-scope.ts";
import {
  GENERATION_MAX,
  purgeKey,
  purges,
  REGION_COLLECTIONS,
  revoked,
} from "../../../state/region.ts";
import { KEY_BYTES_MAX, TIME_MS_MAX } from "../../../sync/limits.ts";
import { boundedRule, type Bounds } from "../../../state/bounded-rule.ts";
import type { RefusedEntry } from "../../../sync/replica/hub-replica.ts";
import { HubReplica } from "../../../sync/replica/hub-replica.ts";
import { collection, type Collection } from "../../../sync/replica/kind.ts";
import { maxKind } from "../../../sync/replica/kinds.ts";
import { MemoryReplicaStore } from "../../../sync/replica/store.ts";
import { region } from "../../support/region-replicas.ts";

const NOW_MS = Date.UTC(2026, 10, 21);
const DAY_MS = 86_400_000;

class Origin {
  readonly store = new MemoryReplicaStore();
  readonly refused: RefusedEntry[] = [];
  readonly hub: HubReplica;

  constructor(collections: readonly Collection[] = REGION_COLLECTIONS) {
    this.hub = new HubReplica({
      collections,
      store: this.store,
      newNumber: () => 7,
      leaseMs: DAY_MS,
      onRefused: (refused) => this.refused.push(...refused),
    });
  }
}

type Case = readonly [
  collection: Collection<number, number>,
  key: string,
  value: number,
  reason: string | null,
];
const CASES: readonly Case[] = [
  [revoked, "boat-1", 1, null],
  [revoked, "boat-1", GENERATION_MAX, null],
  [revoked, "boat-1", GENERATION_MAX + 1, "generation-out-of-bounds"],
  [revoked, "boat-1", Number.MAX_SAFE_INTEGER, "generation-out-of-bounds"],
  [revoked, "boat-1", 2 ** 53, "generation-out-of-bounds"],
  [revoked, "boat-1", 1.5, "generation-out-of-bounds"],
  [revoked, "boat-1", 0, "generation-out-of-bounds"],
  [revoked, "a boat", 1, "not-a-device"],
  [revoked, "..", 1, "not-a-device"],
  [purges, "hel tag news", NOW_MS, null],
  [purges, "hel *", NOW_MS + DAY_MS * 400, null],
  [purges, "hel *", TIME_MS_MAX + 1, "seq-out-of-bounds"],
  [purges, "tll *", NOW_MS, null],
  [purges, "origin url main/a", NOW_MS + DAY_MS, null],
  [purges, "origin url main/a", NOW_MS + DAY_MS + 1, "seq-out-of-bounds"],
  [purges, "tll *", Number.MAX_SAFE_INTEGER, "seq-out-of-bounds"],
  [purges, "hel tag news", 0.5, "seq-out-of-bounds"],
  [purges, "tag", NOW_MS, "not-a-mark"],
  [purges, "HEL tag news", NOW_MS, "not-a-mark"],
  [purges, "hel tag n\u0000", NOW_MS, "not-a-mark"],
  [purges, `hel ${"x".repeat(KEY_BYTES_MAX - 4)}`, NOW_MS, "not-a-mark"],
];

for (const [where, key, value, reason] of CASES)
  test(`P3 the origin ${reason === null ? "takes" : "refuses"} ${where.id} ${key.slice(0, 30)} = ${value}, and what is beside it`, async () => {
    const { hub, refused } = new Origin();
    const hel = region("hel", hub, () => NOW_MS);
    hel.replica.write(NOW_MS, (draft) => {
      draft.write(revoked, "before", 1);
      draft.write(where, key, value);
      draft.write(purges, "hel tag behind", NOW_MS);
    });
    await hel.untilAtRest();
    assert.equal(hub.read(where, key), reason === null ? value : null);
    assert.deepEqual(
      [hub.read(revoked, "before"), hub.read(purges, "hel tag behind")],
      [1, NOW_MS],
    );
    const expected = { collection: where.id, key, replica: "hel/region", reason };
    assert.deepEqual(refused, reason === null ? [] : [expected]);
    assert.equal(hel.replica.record.cursor.seq, hel.replica.head, "the link goes on");
  });

test("P8 past its bound of keys a collection takes no new ones, and what it has goes on", async () => {
  const bounds: Bounds<number> = {
    refusal: () => null,
    keysMax: (key) => (key.startsWith("own") ? 3 : 2),
  };
  const few = collection(3, "both", maxKind, boundedRule(bounds));
  const { hub, refused } = new Origin([few]);
  const hel = region("hel", hub, () => NOW_MS);
  hel.replica.write(NOW_MS, (draft) => {
    for (const key of ["a", "b", "c", "own-a", "own-b"]) draft.write(revoked, key, 1);
  });
  await hel.untilAtRest();
  assert.deepEqual([...hub.readAll(few).keys()].toSorted(), ["a", "b", "own-a"]);
  assert.deepEqual(
    refused.map(({ key, reason }) => [key, reason]),
    [
      ["c", "too-many-keys"],
      ["own-b", "too-many-keys"],
    ],
  );
  hel.replica.write(NOW_MS, (draft) => draft.write(revoked, "a", 5));
  await hel.untilAtRest();
  assert.equal(hub.read(few, "a"), 5);
});

test("P5 whatever a writer purges finds room at the origin, and no writer takes that of another", async () => {
  const { hub, refused } = new Origin();
  const [hel, tll] = [region("hel", hub, () => NOW_MS), region("tll", hub, () => NOW_MS)];
  const marked = new Set<string>();
  for (let i = 0; i < 60_000; i += 100) {
    const scopes = Array.from({ length: 100 }, (_, n) => `${n % 2 ? "tag" : "prefix"} ${i + n}`);
    for (const scope of markingOf(scopes, marked, NAMED_MARKS_MAX).scopes) marked.add(scope);
  }
  for (const everything of [EVERYTHING, softScope(EVERYTHING)])
    for (const scope of markingOf([everything], marked, NAMED_MARKS_MAX).scopes) marked.add(scope);
  assert.equal(marked.size, WRITER_MARKS_MAX, "all that a writer may mark");
  hel.replica.write(NOW_MS, (draft) => {
    for (const scope of marked) draft.write(purges, purgeKey("hel", scope), NOW_MS);
  });
  await hel.untilAtRest();
  assert.deepEqual([hub.readAll(purges).size, refused], [WRITER_MARKS_MAX, []]);
  hel.replica.write(NOW_MS, (draft) => draft.write(purges, purgeKey("hel", "tag more"), NOW_MS));
  tll.replica.write(NOW_MS, (draft) => draft.write(purges, purgeKey("tll", "tag more"), NOW_MS));
  await hel.untilAtRest();
  await tll.untilAtRest();
  assert.deepEqual(
    refused.map(({ key, reason }) => [key, reason]),
    [["hel tag more", "too-many-keys"]],
  );
  assert.equal(hub.read(purges, "tll tag more"), NOW_MS);
});
