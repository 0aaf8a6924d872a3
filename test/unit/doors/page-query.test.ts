// Does a list's query ask for a page that there is, or get told what is wrong with it?

import assert from "node:assert/strict";
import { test } from "node:test";
import { readPageQuery } from "../../../doors/page-query.ts";

const SHAPE = /^[a-z]+-\d+$/;

/** The code of the problem with a query; null: it has none. */
function faultOf(query: { limit?: string; cursor?: string }): string | null {
  const read = readPageQuery(query, SHAPE);
  return read.ok ? null : read.problem.code;
}

test("readPageQuery() takes a limit of 1 to 1,000, and none", () => {
  assert.deepEqual(readPageQuery({}, SHAPE), { ok: true, page: { most: 100, cursor: null } });
  const read = readPageQuery({ limit: "1000", cursor: "hel-1" }, SHAPE);
  assert.deepEqual(read, { ok: true, page: { most: 1_000, cursor: "hel-1" } });
  for (const limit of ["0", "1001", "-1", "x", "", "1e2"])
    assert.equal(faultOf({ limit }), "bad-limit", limit);
});

test("readPageQuery() refuses a cursor that no page gave", () => {
  for (const cursor of ["", "hel", "hel-x", "hel-1 "])
    assert.equal(faultOf({ cursor }), "bad-cursor", cursor);
});
