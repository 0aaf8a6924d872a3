// Which fields end at a hop, and how are lists of them read and written?

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCacheStatus } from "../../../http/cache-status.ts";
import { endToEndFields, isFieldValue, linesOf } from "../../../http/fields.ts";

test("RFC 9110 §7.6.1 endToEndFields() drops hop-by-hop and nominated fields", () => {
  const list = [
    ["connection", "close, X-Hop"],
    ["x-hop", "1"],
    ["keep-alive", "1"],
    ["etag", '"a"'],
  ] as const;
  assert.deepEqual(endToEndFields(list), [["etag", '"a"']]);
});

test("linesOf() joins lines of a name and finds them in any case", () => {
  const lines = linesOf([
    ["vary", "a"],
    ["vary", "b"],
  ]);
  assert.equal(lines.get("Vary"), "a, b");
  assert.equal(lines.get("x"), null);
});

test("isFieldValue() refuses control characters and undecodable bytes, not tabs", () => {
  assert.ok(isFieldValue("a\tb é"));
  for (const bad of ["a\u0000", "a\r\nb", "\u007f", "\ufffd"]) assert.ok(!isFieldValue(bad));
});

test("RFC 9211 formatCacheStatus() lists members in order with their parameters", () => {
  assert.equal(
    formatCacheStatus([
      { cache: "far", outcome: "miss", fwdStatus: 200, isStored: true },
      { cache: "near", outcome: "hit", ttl: -3, detail: "origin-slow" },
    ]),
    "far; fwd=miss; fwd-status=200; stored, near; hit; ttl=-3; detail=origin-slow",
  );
});
