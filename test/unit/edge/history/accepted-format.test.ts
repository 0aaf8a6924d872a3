// Does a client get what it wants most, of the two that there are?

import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedFormat } from "../../../../edge/history/accepted-format.ts";

const CASES: readonly (readonly [string | null, "json" | "csv" | null])[] = [
  [null, "json"],
  ["", "json"],
  ["*/*", "json"],
  ["text/csv", "csv"],
  ["Text/CSV; header=present", "csv"],
  ["text/*", "csv"],
  ["application/json, text/csv;q=0.9", "json"],
  ["application/json;q=0.5, text/csv;q=0.9", "csv"],
  ["text/csv, */*;q=0.1", "csv"],
  ["application/json;q=0, */*", "csv"],
  ["text/html, image/*", null],
  ["application/json;q=0", null],
  ["application/json;q=2", null],
  [",;,q", null],
];

for (const [accept, format] of CASES)
  test(`Accept: ${accept ?? "(none)"} is answered with ${format ?? "406"}`, () => {
    assert.equal(acceptedFormat(accept), format);
  });
