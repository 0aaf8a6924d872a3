// Does every object in the bucket belong to something, or go? Whatever ends in between, over node:sqlite.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlContentStore } from "../../../../edge/platform/sql-content-store.ts";
import type { SqlBucket } from "../../../../edge/platform/sql-bucket.ts";
import type { Sql } from "../../../../storage/sql.ts";
import { openNodeSql } from "../../../support/node-sql.ts";
import { PLAIN_POLICY } from "../../../support/stored-policy.ts";

const BOUNDS = { bytesMax: 1e6, variantsMax: 4, staleMsMax: 1e9 };
const open = (sql: Sql): SqlContentStore => new SqlContentStore(sql, BOUNDS);

/** Stores what an object of the bucket has. */
function put(store: SqlContentStore, key: string, digest: string, responseMs = 0): boolean {
  const meta = {
    ...PLAIN_POLICY,
    status: 200,
    fields: [],
    bodyBytes: 5e6,
    requestMs: responseMs,
    responseMs,
    freshnessLifetimeS: 1e6,
    isInBucket: true,
    bodyDigest: digest,
  } as const;
  return store.put(key, { meta, body: new TextEncoder().encode(digest) }, responseMs);
}

/** Sends and claims an object, and stores what it belongs to. */
function store(into: SqlContentStore, key: string, object: string, digest: string): void {
  into.bucket.begin(object, key, 1_000);
  assert.ok(into.bucket.claim(object, key));
  into.bucket.add(digest, object, 5e6, 0);
  assert.ok(put(into, key, digest));
  into.bucket.settle(digest);
}

const dueOf = (bucket: SqlBucket, nowMs = 0): readonly string[] => bucket.due(nowMs, 10);

test("an object that was being sent when everything ended goes when its time has come", () => {
  const sql = openNodeSql();
  open(sql).bucket.begin("o1", "k", 1_000);
  const { bucket } = open(sql);
  assert.deepEqual([dueOf(bucket, 999), dueOf(bucket, 1_000)], [[], ["o1"]]);
  assert.equal(bucket.nextDueMs(), 1_000);
  // Until the bucket has said that it is gone it is due, as often as it takes.
  assert.deepEqual(dueOf(open(sql).bucket, 1_000), ["o1"]);
  bucket.deleted(["o1"]);
  assert.deepEqual([dueOf(bucket, 1_000), bucket.nextDueMs()], [[], null]);
  assert.equal(bucket.claim("o1", "k"), false, "who comes too late has nothing to claim");
  sql.close();
});

test("an object goes with the last that refers to it, and not before", () => {
  const sql = openNodeSql();
  const cell = open(sql);
  store(cell, "k1", "o1", "digest");
  store(cell, "k2", "o2", "digest");
  assert.deepEqual(dueOf(cell.bucket), ["o2"], "it has what another had already");
  assert.equal(cell.bucket.bytes(), 5e6);
  cell.bucket.deleted(["o2"]);
  // Validated: the same body, stored again.
  assert.ok(put(cell, "k1", "digest", 5));
  assert.equal(put(cell, "k1", "digest", 4), false);
  cell.delete("k1");
  assert.deepEqual(dueOf(cell.bucket), []);
  assert.notEqual(open(sql).get("k2", 0), null);
  cell.delete("k2");
  assert.deepEqual([dueOf(cell.bucket), cell.bucket.bytes()], [["o1"], 0]);
  assert.equal(put(cell, "k3", "digest"), false, "nothing may refer to what is about to go");
  sql.close();
});

test("a write ends what is being sent for its key, whose object goes when nobody sends it any more", () => {
  const sql = openNodeSql();
  const { bucket } = open(sql);
  bucket.begin("o1", "k", 1_000);
  bucket.forget("k");
  assert.deepEqual(dueOf(bucket, 999), []);
  assert.equal(bucket.claim("o1", "k"), false);
  bucket.abandon("o1");
  assert.deepEqual(dueOf(bucket), ["o1"]);
  sql.close();
});

test("P8: what was used longest ago makes room, and all that refers to it goes", () => {
  const sql = openNodeSql();
  const cell = open(sql);
  for (const name of ["a", "b", "c"]) store(cell, `k-${name}`, `o-${name}`, name);
  cell.get("k-a", 100_000);
  assert.deepEqual(cell.bucket.oldest(6e6), ["b", "c"]);
  assert.deepEqual(cell.bucket.oldest(99e6), []);
  for (const digest of cell.bucket.oldest(4e6)) cell.deleteBody(digest);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => cell.get(`k-${name}`, 0) !== null),
    [true, false, true],
  );
  assert.deepEqual(dueOf(cell.bucket), ["o-b"]);
  assert.equal(open(sql).bucket.bytes(), 1e7);
  sql.close();
});
