// Goal: every tier of the cache keeps the bullets of ContentStore. Method: one suite, run on the
// store in memory and on the statements of the ContentCell over node:sqlite.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { weightOf, type StoredResponse } from "../../edge/cache/stored-response.ts";
import type { ContentStore } from "../../edge/content-ports.ts";
import { MemoryStore } from "../../edge/platform/memory-store.ts";
import { SqlContentStore } from "../../edge/platform/sql-content-store.ts";
import { openNodeSql } from "../support/node-sql.ts";

const STALE_MS = 1_000_000;

const stores: Record<string, (bytesMax: number) => ContentStore<Uint8Array>> = {
  MemoryStore: (bytesMax) => new MemoryStore({ bytesMax, entriesMax: 1_000, staleMsMax: STALE_MS }),
  SqlContentStore: (bytesMax) =>
    new SqlContentStore(openNodeSql(), { bytesMax, staleMsMax: STALE_MS }),
};

function aResponse(bodyBytes: number, responseMs = 0, lifetimeS = 60): StoredResponse<Uint8Array> {
  const meta = {
    status: 200,
    fields: [
      ["etag", '"ä"'],
      ["link", "a"],
      ["link", "b"],
    ],
    bodyBytes,
    responseMs,
    initialAgeMs: 0,
    freshnessLifetimeS: lifetimeS,
    staleForbiddenBy: null,
  } as const;
  return { meta, body: new Uint8Array(bodyBytes).fill(7) };
}

const weight = (bodyBytes: number) => weightOf("k1", aResponse(bodyBytes).meta);

for (const [name, open] of Object.entries(stores)) {
  test(`${name} gives back what was put, byte for byte and field for field`, () => {
    const store = open(1_000_000);
    const stored = { ...aResponse(256), body: Uint8Array.from({ length: 256 }, (_, i) => i) };
    assert.equal(store.get("k", 0), null);
    assert.equal(store.put("k", stored, 0), true);
    assert.deepEqual(store.get("k", 0), stored);
    assert.equal(store.bytes(), weightOf("k", stored.meta));
    store.delete("k");
    store.delete("k");
    assert.equal(store.get("k", 0), null);
    assert.equal(store.bytes(), 0);
  });

  test(`${name} keeps the newer of two, whichever came last`, () => {
    const store = open(1_000_000);
    assert.equal(store.put("k", aResponse(2, 20), 0), true);
    assert.equal(store.put("k", aResponse(1, 10), 0), false);
    assert.equal(store.get("k", 0)?.meta.responseMs, 20);
    assert.equal(store.put("k", aResponse(3, 30), 0), true);
    assert.equal(store.get("k", 0)?.body.length, 3);
    assert.equal(store.bytes(), weightOf("k", aResponse(3).meta));
  });

  test(`${name} does not give out what may not even be served stale`, () => {
    const store = open(1_000_000);
    store.put("k", aResponse(1, 0, 60), 0);
    assert.notEqual(store.get("k", 60_000 + STALE_MS), null);
    assert.equal(store.get("k", 60_001 + STALE_MS), null);
  });

  test(`${name} makes room by what was used longest ago, and refuses what never fits`, () => {
    const store = open(3 * weight(1_000));
    const hourMs = 3_600_000;
    for (const [index, key] of ["k1", "k2", "k3"].entries()) {
      store.put(key, aResponse(1_000, index, 1e6), index * hourMs);
    }
    assert.notEqual(store.get("k1", 3 * hourMs), null);
    store.put("k4", aResponse(1_000, 9, 1e6), 4 * hourMs);
    assert.equal(store.get("k2", 4 * hourMs), null);
    for (const key of ["k1", "k3", "k4"]) assert.notEqual(store.get(key, 4 * hourMs), null, key);
    assert.equal(store.put("k5", aResponse(4_000), 5 * hourMs), false);
    assert.notEqual(store.get("k1", 5 * hourMs), null);
  });

  test(`P8: ${name} never holds more than its bound, and counts what it holds`, () => {
    const act = fc.record({
      key: fc.nat(9),
      bytes: fc.nat(2_000),
      responseMs: fc.nat(5),
      isDelete: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const store = open(6_000);
        for (const [nowMs, { key, bytes, responseMs, isDelete }] of acts.entries()) {
          if (isDelete) store.delete(`k${key}`);
          else store.put(`k${key}`, aResponse(bytes, responseMs), nowMs);
          assert.ok(store.bytes() <= 6_000);
        }
        let held = 0;
        for (let key = 0; key < 10; key += 1) {
          const stored = store.get(`k${key}`, 100);
          if (stored !== null) held += weightOf(`k${key}`, stored.meta);
        }
        assert.equal(store.bytes(), held);
      }),
      { numRuns: 60 },
    );
  });
}

test("SqlContentStore drops what is past use first, and counts again after a restart", () => {
  const sql = openNodeSql();
  const bounds = { bytesMax: 2 * weight(1_000), staleMsMax: STALE_MS };
  const store = new SqlContentStore(sql, bounds);
  store.put("k1", aResponse(1_000, 0, 1), 900_000);
  store.put("k2", aResponse(1_000, 0, 1e6), 0);
  store.put("k3", aResponse(1_000, 0, 1e6), 2_000_000);
  assert.notEqual(store.get("k2", 2_000_000), null);
  const reopened = new SqlContentStore(sql, bounds);
  assert.equal(reopened.bytes(), store.bytes());
  assert.notEqual(reopened.get("k3", 2_000_000), null);
});
