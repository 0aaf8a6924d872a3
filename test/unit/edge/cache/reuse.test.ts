// Do lookup, reuse, validation and freshening decide as RFC 9111 says?

import assert from "node:assert/strict";
import { test } from "node:test";
import { PUBLISHED } from "../../../../edge/cache/cache-policy.ts";
import { freshenFields } from "../../../../edge/cache/freshening.ts";
import { decideLookup } from "../../../../edge/cache/lookup.ts";
import { decideReuse } from "../../../../edge/cache/reuse.ts";
import { conditionalFieldsOf, decideValidation } from "../../../../edge/cache/validation.ts";
import { linesOf } from "../../../../http/fields.ts";
import { PLAIN_POLICY } from "../../../support/stored-policy.ts";

const stored = { ...PLAIN_POLICY, responseMs: 0 };
const DAY_MS = 86_400_000;

test("decideReuse() is fresh below the lifetime and stale at it", () => {
  assert.deepEqual(decideReuse(stored, 59_999, DAY_MS, PUBLISHED), {
    kind: "serve-fresh",
    reason: "fresh",
    ageS: 59,
    ttlS: 0,
  });
  assert.deepEqual(decideReuse(stored, 60_000, DAY_MS, PUBLISHED), {
    kind: "validate-or-serve-stale",
    reason: "stale",
    isForErrors: true,
    ageS: 60,
    ttlS: -1,
  });
});

test("decideReuse() refuses to serve stale what forbids it, or what is too old", () => {
  const strict = decideReuse(
    { ...stored, staleForbiddenBy: "must-revalidate" },
    60_000,
    DAY_MS,
    PUBLISHED,
  );
  assert.equal(strict.reason, "must-not-serve-stale");
  assert.equal(decideReuse(stored, 60_000 + DAY_MS, DAY_MS, PUBLISHED).reason, "stale");
  assert.equal(decideReuse(stored, 60_001 + DAY_MS, DAY_MS, PUBLISHED).reason, "stale-too-long");
});

test("RFC 9111 §5.2.2.2 must-revalidate: a fresh response is served without validation", () => {
  assert.equal(
    decideReuse({ ...stored, staleForbiddenBy: "must-revalidate" }, 0, DAY_MS, PUBLISHED).kind,
    "serve-fresh",
  );
});

test("decideLookup() lets persons pass by, but no part and no reload", () => {
  const reasonOf = (name: string, value: string) =>
    decideLookup(linesOf([[name, value]]), PUBLISHED, 10, 20).reason;
  assert.equal(reasonOf("authorization", "x"), "request-authorization");
  assert.equal(reasonOf("cookie", "x"), "request-cookie");
  assert.equal(reasonOf("range", "bytes=0-"), "shared");
  assert.equal(reasonOf("cache-control", "no-cache, no-store, max-age=0"), "shared");
  assert.equal(decideLookup(linesOf([]), PUBLISHED, 21, 20).reason, "target-too-long");
});

test("decideValidation() drops what is gone, keeps what an error says nothing about", () => {
  const cases: [number, string][] = [
    [304, "freshen"],
    [200, "replace"],
    [404, "drop"],
    [410, "drop"],
    [302, "drop"],
    [500, "failed"],
    [503, "failed"],
    [429, "keep"],
    [206, "keep"],
  ];
  for (const [status, kind] of cases)
    assert.equal(decideValidation(status, PUBLISHED).kind, kind, String(status));
});

test("conditionalFieldsOf() sends both stored validators", () => {
  const meta = {
    ...stored,
    requestMs: 0,
    status: 200 as const,
    bodyBytes: 0,
    fields: [
      ["etag", 'W/"a"'],
      ["last-modified", "x"],
    ] as const,
  };
  assert.deepEqual(conditionalFieldsOf(meta), [
    ["if-none-match", 'W/"a"'],
    ["if-modified-since", "x"],
  ]);
  assert.deepEqual(conditionalFieldsOf(null), []);
});

test("RFC 9111 §3.2 freshenFields() takes all but what describes the body", () => {
  const before = [
    ["etag", '"a"'],
    ["content-encoding", "gzip"],
    ["x-a", "1"],
    ["x-b", "1"],
    ["age", "5"],
  ] as const;
  const freshening = freshenFields(before, [
    ["etag", '"a"'],
    ["content-encoding", "br"],
    ["content-length", "0"],
    ["x-a", "2"],
    ["connection", "x-b"],
    ["x-b", "2"],
  ]);
  assert.ok(freshening.kind === "freshened");
  assert.deepEqual(Object.fromEntries(freshening.fields), {
    etag: '"a"',
    "content-encoding": "gzip",
    "x-a": "2",
    "x-b": "1",
  });
});

test("RFC 9111 §4.3.4 freshenFields() refuses a 304 about another response", () => {
  assert.equal(freshenFields([["etag", '"a"']], [["etag", '"b"']]).kind, "mismatch");
  assert.equal(freshenFields([["etag", 'W/"a"']], [["etag", '"a"']]).kind, "mismatch");
  assert.equal(freshenFields([["etag", 'W/"a"']], [["etag", 'W/"a"']]).kind, "freshened");
  assert.equal(freshenFields([], []).kind, "freshened");
});
