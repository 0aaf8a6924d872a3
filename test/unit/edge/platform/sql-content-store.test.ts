// What does the region's tier do when it is full, and with bodies that are equal, or damaged? Over
// node:sqlite; what every tier promises is in test/contracts.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { StoredResponse } from "../../../../edge/cache/stored-response.ts";
import { limits } from "../../../../edge/limits.ts";
import { diskWeightOf, SqlContentStore } from "../../../../edge/platform/sql-content-store.ts";
import { bytesOf, numberOf, type Sql } from "../../../../storage/sql.ts";
import { openNodeSql } from "../../../support/node-sql.ts";
import { PLAIN_POLICY } from "../../../support/stored-policy.ts";

const BOUNDS = { variantsMax: 64, staleMsMax: 1e9 };

/** Bytes of which no two bodies have the same, unless they have the same seed. */
function bodyOf(bytes: number, seed: number): Uint8Array {
  const body = new Uint8Array(bytes);
  for (let at = 0, state = seed + 1; at < bytes; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    body[at] = state >>> 24;
  }
  return body;
}

function aResponse(bytes: number, seed: number, lifetimeS = 1e6): StoredResponse<Uint8Array> {
  const body = bodyOf(bytes, seed);
  const meta = {
    ...PLAIN_POLICY,
    status: 200,
    fields: [
      ["content-type", "text/html; charset=utf-8"],
      ["etag", `"${seed}"`],
    ],
    bodyBytes: bytes,
    requestMs: 0,
    responseMs: 0,
    freshnessLifetimeS: lifetimeS,
    bodyDigest: createHash("sha256").update(body).digest("base64url"),
  } as const;
  return { meta, body };
}

const keyOf = (i: number): string => `main|/a/path/like/others/${i}`;
const rowsOf = (sql: Sql, table: string): number =>
  numberOf(sql.exec(`select count(*) as n from ${table}`)[0]?.["n"]);

function diskBytes(sql: Sql): number {
  const pages = (pragma: string): number =>
    numberOf(Object.values(sql.exec(`pragma ${pragma}`)[0] ?? {})[0]);
  return (pages("page_count") - pages("freelist_count")) * 4_096;
}

test("P8: what is counted is what the file has, whatever the bodies' lengths", () => {
  for (const bytes of [200, 1_000, 2_000, 5_000, 16_000, 40_000, 300_000]) {
    const sql = openNodeSql();
    const bytesMax = 8_000_000;
    const store = new SqlContentStore(sql, { ...BOUNDS, bytesMax });
    for (let i = 0; i < (1.5 * bytesMax) / (bytes + 700); i += 1)
      assert.ok(store.put(keyOf(i), aResponse(bytes, i), i));
    assert.ok(store.bytes() <= bytesMax && store.bytes() > 0.9 * bytesMax);
    const share = diskBytes(sql) / store.bytes();
    assert.ok(share > 0.85 && share < 1.05, `${bytes}: ${share}`);
    sql.close();
  }
});

test("P8: a full store takes what comes, and what is asked for again outlives a scan", () => {
  const sql = openNodeSql();
  const weight = diskWeightOf(keyOf(10_000), aResponse(1_000, 1).meta);
  const store = new SqlContentStore(sql, { ...BOUNDS, bytesMax: 1_000 * weight });
  const hot = Array.from({ length: 800 }, (_, i) => i);
  for (const i of hot) store.put(keyOf(i), aResponse(1_000, i), i);
  for (const i of hot) assert.notEqual(store.get(keyOf(i), 1_000), null);
  for (let i = 10_000; i < 30_000; i += 1) {
    assert.ok(store.put(keyOf(i), aResponse(1_000, i), i), "nothing is refused");
  }
  assert.equal(hot.filter((i) => store.get(keyOf(i), 40_000) !== null).length, 800);
  // And what was hot once goes when something else is.
  for (let round = 0; round < 2; round += 1)
    for (let i = 50_000; i < 50_900; i += 1)
      if (store.get(keyOf(i), i) === null) store.put(keyOf(i), aResponse(1_000, i), i);
      else store.get(keyOf(i), i + 1);
  for (let i = 60_000; i < 61_000; i += 1) {
    store.put(keyOf(i), aResponse(1_000, i), i);
    store.get(keyOf(i), i);
  }
  assert.equal(hot.filter((i) => store.get(keyOf(i), 70_000) !== null).length, 0);
  sql.close();
});

test("what room costs does not grow with what is stored", () => {
  const written = (entries: number): number => {
    const sql = openNodeSql();
    const store = new SqlContentStore(sql, {
      ...BOUNDS,
      bytesMax: entries * diskWeightOf(keyOf(10_000), aResponse(500, 1).meta),
    });
    for (let i = 0; i < entries + 100; i += 1) store.put(keyOf(i), aResponse(500, i), i);
    const before = sql.rowsWritten();
    for (let i = 0; i < 1_000; i += 1) store.put(keyOf(-1 - i), aResponse(500, i), 1e6 + i);
    const plans = ["is_main = 0 order by used_ms", "usable_until_ms < 0 order by usable_until_ms"];
    for (const plan of plans) {
      const steps = sql.exec(`explain query plan select rowid from stored_variant where ${plan}`);
      assert.match(JSON.stringify(steps), /SEARCH stored_variant USING COVERING INDEX/);
      assert.doesNotMatch(JSON.stringify(steps), /TEMP B-TREE|SCAN/);
    }
    const rows = sql.rowsWritten() - before;
    sql.close();
    return rows / 1_000;
  };
  const [few, many] = [written(500), written(20_000)];
  assert.ok(many <= 2.1 && Math.abs(many - few) < 0.1, `${few} and ${many} rows for each put`);
});

test("what is past its use goes first, then what was purged, then what was not asked for", () => {
  const sql = openNodeSql();
  const weight = diskWeightOf(keyOf(10), aResponse(1_000, 10, 1).meta);
  const store = new SqlContentStore(sql, { ...BOUNDS, staleMsMax: 0, bytesMax: 4.5 * weight });
  const isPurged = (key: string): boolean => key === keyOf(12);
  store.put(keyOf(10), aResponse(1_000, 10, 1), 0);
  for (const i of [11, 12, 13]) store.put(keyOf(i), aResponse(1_000, i), i);
  store.get(keyOf(12), 20);
  const has = (): number[] => [10, 11, 12, 13].filter((i) => store.get(keyOf(i), 0) !== null);
  store.put(keyOf(14), aResponse(1_000, 14), 2_000, isPurged);
  // `get` at 0 would still give what ends at 1,000: it is gone from the table.
  assert.deepEqual(has(), [11, 12, 13]);
  store.sweepAnew();
  store.put(keyOf(15), aResponse(1_000, 15), 2_000, isPurged);
  assert.deepEqual(has(), [11, 13]);
  sql.close();
});

test("equal bodies are stored once, and as long as something refers to them", () => {
  const sql = openNodeSql();
  const store = new SqlContentStore(sql, { ...BOUNDS, bytesMax: 1e8 });
  const bytes = limits.bodyChunkBytes + 1;
  const same = aResponse(bytes, 7);
  for (let i = 0; i < 3; i += 1) store.put(keyOf(i), same, i);
  assert.deepEqual([rowsOf(sql, "stored_body"), rowsOf(sql, "body_chunk")], [1, 2]);
  assert.ok(store.bytes() < 1.1 * bytes, `${store.bytes()} for ${bytes}`);
  assert.equal(new SqlContentStore(sql, { ...BOUNDS, bytesMax: 1e8 }).bytes(), store.bytes());
  store.delete(keyOf(0));
  store.put(keyOf(1), aResponse(bytes, 8), 9);
  assert.deepEqual(store.get(keyOf(2), 10), same);
  assert.deepEqual(store.get(keyOf(1), 10), aResponse(bytes, 8));
  store.delete(keyOf(2));
  store.delete(keyOf(1));
  assert.deepEqual(
    [rowsOf(sql, "stored_body"), rowsOf(sql, "body_chunk"), store.bytes()],
    [0, 0, 0],
  );
  sql.close();
});

test("a body of which a part is missing is not given out, nor referred to any more", () => {
  const sql = openNodeSql();
  const store = new SqlContentStore(sql, { ...BOUNDS, bytesMax: 1e8 });
  const stored = aResponse(3 * limits.bodyChunkBytes, 7);
  for (let i = 0; i < 2; i += 1) store.put(keyOf(i), stored, i);
  sql.exec("delete from body_chunk where number = 1");
  assert.equal(store.get(keyOf(0), 0), null);
  assert.equal(store.damaged, 1);
  assert.deepEqual([rowsOf(sql, "stored_variant"), rowsOf(sql, "body_chunk")], [0, 0]);
  assert.equal(store.bytes(), 0);
  store.put(keyOf(0), stored, 1);
  assert.deepEqual(store.get(keyOf(0), 1), stored);
  // One that is whole, but not what its digest says, is found by who serves it.
  const [row] = sql.exec("select bytes from body_chunk where number = 0");
  const flipped = bytesOf(row?.["bytes"]).map((byte) => byte ^ 1);
  sql.exec("update body_chunk set bytes = ? where number = 0", flipped);
  assert.notDeepEqual(store.get(keyOf(0), 1), stored);
  store.deleteBody(stored.meta.bodyDigest ?? "");
  assert.deepEqual([store.get(keyOf(0), 1), store.bytes()], [null, 0]);
  sql.close();
});

test("P8: what could not be written changes nothing of the account", () => {
  const sql = openNodeSql();
  let isFull = false;
  const disk: Sql = {
    ...sql,
    exec: (statement, ...bindings) => {
      if (isFull && statement.startsWith("insert")) throw new Error("database or disk is full");
      return sql.exec(statement, ...bindings);
    },
  };
  const bounds = { ...BOUNDS, bytesMax: 2_000_000 };
  const store = new SqlContentStore(disk, bounds);
  for (let i = 0; i < 150; i += 1) store.put(keyOf(i), aResponse(20_000, i), i);
  const before = store.bytes();
  isFull = true;
  for (let i = 200; i < 240; i += 1)
    assert.throws(() => store.put(keyOf(i), aResponse(40_000, i), i), /full/);
  assert.deepEqual([store.bytes(), new SqlContentStore(sql, bounds).bytes()], [before, before]);
  isFull = false;
  for (let i = 300; i < 500; i += 1) store.put(keyOf(i), aResponse(20_000, i), i);
  assert.ok(diskBytes(sql) < 1.05 * bounds.bytesMax, `${diskBytes(sql)} bytes`);
  sql.close();
});
