// Is what was saved together with a page that cannot be saved there all the same? In the store of a
// region's cell, over node:sqlite.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredResponse } from "../../../edge/cache/stored-response.ts";
import { SqlContentStore } from "../../../edge/platform/sql-content-store.ts";
import { savePages } from "../../../edge/save-pages.ts";
import { openNodeSql } from "../../support/node-sql.ts";
import { PLAIN_POLICY } from "../../support/stored-policy.ts";

function aResponse(responseMs: number): StoredResponse<Uint8Array> {
  const times = { requestMs: 1_000, responseMs, freshnessLifetimeS: 60 };
  const meta = { ...PLAIN_POLICY, status: 200, fields: [], bodyBytes: 2, ...times };
  return { meta, body: new Uint8Array([1, 2]) };
}

test("a page that cannot be saved keeps none of the others of its call from being saved", () => {
  const bounds = { bytesMax: 1e6, variantsMax: 64, staleMsMax: 1e9 };
  const store = new SqlContentStore(openNodeSql(), bounds);
  store.put("main|/newer", aResponse(5_000), 5_000);
  const pages = [
    { key: "main|/first", stored: aResponse(2_000) },
    // No number that a row can hold.
    { key: "main|/odd", stored: aResponse(Number.NaN) },
    { key: "main|/newer", stored: aResponse(2_000) },
    { key: "main|/last", stored: aResponse(2_000) },
  ];
  const told: string[] = [];
  savePages(
    pages,
    ({ key, stored }) => store.put(key, stored, 2_000),
    ({ key }, { kind }) => told.push(`${key} ${kind}`),
  );
  assert.deepEqual(told, [
    "main|/first stored",
    "main|/odd failed",
    "main|/newer outdated",
    "main|/last stored",
  ]);
  const held = pages.map(({ key }) => store.get(key, 2_000)?.meta.responseMs ?? null);
  assert.deepEqual(held, [2_000, null, 5_000, 2_000]);
});
