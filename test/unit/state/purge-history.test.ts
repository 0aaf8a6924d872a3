// Is it known who purged what, however often, and no more than there is room for?

import assert from "node:assert/strict";
import { test } from "node:test";
import { RegionReplica } from "../../../edge/region-replica.ts";
import { formatPurges, listPurges, PURGE_CURSOR } from "../../../state/purge-history.ts";
import { PURGES_REMEMBERED, refusalOfRecord } from "../../../state/purge-record.ts";
import { purgeRecords } from "../../../state/region.ts";
import type { ReplicaId } from "../../../sync/brand.ts";
import { MemoryReplicaStore } from "../../../sync/replica/store.ts";

function openRegion(name: string): RegionReplica {
  let epoch = 0;
  const store = new MemoryReplicaStore();
  return new RegionReplica(name, `${name}/region` as ReplicaId, store, () => (epoch += 1));
}

test("listPurges() tells who purged what and when, the newest first, page by page", () => {
  const region = openRegion("hel");
  for (let i = 1; i <= 5; i += 1) region.purge(i * 1_000, [`tag ${i}`], `anna-${i}`);
  const first = listPurges(region, 2, null);
  assert.deepEqual(
    first.purges.map(({ by, scopes, seq }) => [by, scopes, seq]),
    [
      ["anna-5", ["tag 5"], 5_000],
      ["anna-4", ["tag 4"], 4_000],
    ],
  );
  const second = listPurges(region, 2, first.cursor);
  const third = listPurges(region, 2, second.cursor);
  const seen = [first, second, third].flatMap(({ purges }) => purges.map(({ seq }) => seq));
  assert.deepEqual(seen, [5_000, 4_000, 3_000, 2_000, 1_000]);
  assert.equal(third.cursor, null);
  assert.deepEqual(listPurges(region, 2, "hel-77").purges, [], "older than all");
  const later = listPurges(region, 2, "lis-3500").purges;
  assert.deepEqual(
    later.map(({ seq }) => seq),
    [3_000, 2_000],
    "a purge that is not remembered has its place all the same",
  );
});

test("P8 the oldest purge gives its place to the next, and long lists are cut", () => {
  const region = openRegion("hel");
  const purges = PURGES_REMEMBERED + 10;
  for (let i = 1; i <= purges; i += 1) region.purge(i * 1_000, ["tag a"], "anna");
  assert.equal(region.readAll(purgeRecords).size, PURGES_REMEMBERED);
  const { purges: listed } = listPurges(region, 1_000, null);
  assert.deepEqual([listed[0]?.seq, listed.at(-1)?.seq], [purges * 1_000, 11_000]);
  const many = Array.from({ length: 100 }, (_, i) => `url main/${"long/".repeat(30)}${i}`);
  region.purge(1_000_000, many, "b".repeat(64));
  const [one] = listPurges(region, 1, null).purges;
  assert.deepEqual([one?.scopes.length, one?.more], [8, 92]);
  for (const [key, { value }] of region.readAll(purgeRecords))
    assert.equal(refusalOfRecord(key, value), null, "the origin takes what a region writes");
});

test("P9 the origin refuses what is no record", () => {
  const right = JSON.stringify([1, 1, "anna", 0, "tag a"]);
  assert.equal(refusalOfRecord("hel/0", right), null);
  for (const key of ["hel", "hel/", "hel/128", "hel/01", "HEL/1", "hel/x"])
    assert.equal(refusalOfRecord(key, right), "not-a-record", key);
  for (const value of ["", "{}", "[1]", "[1,1,1,1]", '[1,9e99,"a",0]', 7])
    assert.equal(refusalOfRecord("hel/0", value), "not-a-record", String(value));
  assert.equal(refusalOfRecord("hel/0", JSON.stringify([1, 1, "x".repeat(2_000), 0])), "too-long");
});

test("a page's cursor looks like one", () => {
  const region = openRegion("hel-2");
  for (let i = 1; i <= 2; i += 1) region.purge(i * 1_000, ["*"], "anna");
  assert.match(listPurges(region, 1, null).cursor ?? "", PURGE_CURSOR);
  for (const cursor of ["", "hel", "hel-", "-1", "HEL-1", "hel-1 ", `hel-${"9".repeat(17)}`])
    assert.doesNotMatch(cursor, PURGE_CURSOR);
});

test("formatPurges() names a purge as its answer did", () => {
  const region = openRegion("hel");
  region.purge(5_000, ["*"], "anna");
  const page = formatPurges(listPurges(region, 9, null), (ms) => `at ${ms}`);
  const shown = {
    id: "hel-5000",
    writer: "hel",
    at: "at 5000",
    by: "anna",
    scopes: ["*"],
    more: 0,
  };
  assert.deepEqual(page, { purges: [shown], cursor: null });
});
