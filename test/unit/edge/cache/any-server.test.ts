// What do the profiles store and reuse of a server that is not Skerry's? First what they must not (P4).

import assert from "node:assert/strict";
import { test } from "node:test";
import { PUBLISHED, RFC, SAFE, type CachePolicy } from "../../../../edge/cache/cache-policy.ts";
import { demandsOf } from "../../../../edge/cache/demands.ts";
import { invalidatedBy } from "../../../../edge/cache/invalidation.ts";
import { decideReuse } from "../../../../edge/cache/reuse.ts";
import { decideStoring, type Exchange } from "../../../../edge/cache/storing.ts";
import { linesOf, type FieldList } from "../../../../http/fields.ts";
import { PLAIN_POLICY } from "../../../support/stored-policy.ts";

const BOUNDS = { freshnessLifetimeSMax: 31_536_000, varyNamesMax: 3 };
const NOW = Date.UTC(2026, 10, 21);

function decided(fields: FieldList, policy: CachePolicy, change: Partial<Exchange> = {}) {
  const exchange = {
    method: "GET",
    request: linesOf([]),
    status: 200,
    fields,
    requestMs: NOW,
    responseMs: NOW,
    ...change,
  };
  return decideStoring(exchange, policy, BOUNDS);
}

const cc = (value: string): FieldList => [["cache-control", value]];
const from = (list: FieldList) => ({ request: linesOf(list) });

test("P4: both profiles refuse what no shared cache may store", () => {
  const cases: [string, FieldList, Partial<Exchange>][] = [
    ["no-store", cc("public, max-age=60, no-store"), {}],
    ["private", cc("max-age=60, private"), {}],
    ["private", cc('max-age=60, private="x"'), {}],
    ["private", [...cc("max-age=60"), ["cdn-cache-control", "max-age=60, private"]], {}],
    ["no-store", [...cc("max-age=60"), ["skerry-cache-control", "no-store"]], {}],
    ["must-understand", cc("max-age=60, must-understand"), { status: 599 }],
    ["malformed-cache-control", cc('max-age=60, x="'), {}],
    ["vary-star", [...cc("max-age=60"), ["vary", "a, *"]], {}],
    ["vary", [...cc("max-age=60"), ["vary", "a, b, c, d"]], {}],
    ["vary-undecodable", [...cc("max-age=60"), ["vary", "foo"]], from([["foo", "a\ufffd"]])],
    ["bad-field", [...cc("max-age=60"), ["x", "a\ufffd"]], {}],
    ["request-authorization", cc("max-age=60"), from([["authorization", "x"]])],
    ["method", cc("max-age=60"), { method: "HEAD" }],
    ["method", cc("max-age=60"), { method: "PUT" }],
    ["content-range", cc("max-age=60"), { status: 206 }],
    ["status", cc("max-age=60"), { status: 304 }],
    ["no-explicit-freshness", [], { status: 201 }],
    ["no-explicit-freshness", [["etag", '"a"']], { status: 500 }],
  ];
  for (const [reason, fields, change] of cases) {
    for (const policy of [SAFE, RFC]) {
      const decision = decided(fields, policy, change);
      assert.deepEqual(decision, { kind: "pass", reason }, `${policy.name} ${reason}`);
    }
  }
});

test("P4: safe refuses besides what may be about a person, or is not what it says", () => {
  const part: FieldList = [
    ...cc("max-age=60"),
    ["content-range", "bytes 4-9/10"],
    ["content-length", "5"],
  ];
  const cases: [string, FieldList, Partial<Exchange>][] = [
    ["set-cookie", [...cc("max-age=60"), ["set-cookie", "a=b"]], {}],
    ["request-cookie", cc("max-age=60"), from([["cookie", "a=b"]])],
    ["content-range", part, { status: 206 }],
    ["method", cc("max-age=60"), { method: "POST" }],
  ];
  for (const [reason, fields, change] of cases) {
    assert.deepEqual(decided(fields, SAFE, change), { kind: "pass", reason });
    assert.equal(decided(fields, RFC, change).kind, "store", reason);
  }
  const isPublic = cc("public, max-age=60");
  assert.equal(decided(isPublic, SAFE, from([["cookie", "a=b"]])).kind, "store");
});

test("RFC 9111 §3 stores by status, lifetime, validator and heuristic, and says which rule it was", () => {
  const modified = ["last-modified", new Date(NOW - 1_000_000).toUTCString()] as const;
  const cases: [string, number, FieldList, Partial<Exchange>][] = [
    ["max-age", 60, cc("max-age=60"), { status: 500 }],
    ["s-maxage", 5, cc("s-maxage=5, max-age=60"), {}],
    ["heuristic", 100, [modified], {}],
    ["heuristic", 10, [modified], { status: 404 }],
    ["no-explicit-freshness", 0, [["etag", '"a"']], {}],
    ["max-age", 0, [...cc("max-age=0"), ["etag", '"a"']], {}],
    ["max-age", 9, [...cc("max-age=60"), ["cdn-cache-control", "max-age=9"]], {}],
    [
      "max-age",
      7,
      [
        ["skerry-cache-control", "max-age=7"],
        ["cdn-cache-control", "no-store"],
      ],
      {},
    ],
    ["max-age", 60, cc("max-age=60, no-store, must-understand"), {}],
    ["s-maxage", 60, cc("s-maxage=60"), from([["authorization", "x"]])],
  ];
  for (const [reason, seconds, fields, change] of cases) {
    const decision = decided(fields, SAFE, change);
    assert.ok(decision.kind === "store", reason);
    assert.equal(decision.reason, reason);
    assert.equal(decision.freshnessLifetimeS, seconds);
  }
});

test("RFC 9213 a targeted field that is no Dictionary is ignored; one without a lifetime is not", () => {
  const ignored = decided([...cc("max-age=60"), ["cdn-cache-control", "max-age="]], SAFE);
  assert.ok(ignored.kind === "store" && ignored.freshnessLifetimeS === 60);
  const unread = decided([...cc("max-age=60"), ["cdn-cache-control", "max-age"]], SAFE);
  assert.deepEqual(unread, { kind: "pass", reason: "invalid-freshness" });
});

test("RFC 9111 §5.1 an Age that is none makes a response stale", () => {
  for (const age of ["x", "-1", "1.0", "1, 1"]) {
    const decision = decided([...cc("max-age=60"), ["age", age], ["etag", '"a"']], RFC);
    assert.ok(decision.kind === "store");
    assert.equal(decision.freshnessLifetimeS, 0, age);
  }
});

test("RFC 9111 §5.1 of a list in one line the first Age counts", () => {
  const decision = decided([...cc("max-age=60"), ["age", "5,70"]], SAFE);
  assert.ok(decision.kind === "store");
  assert.equal(decision.freshnessLifetimeS, 60);
  assert.equal(decision.initialAgeMs, 5_000);
});

test("RFC 9110 §5.6.7 an Expires that is nearly a date counts, unless the response is published", () => {
  const fields: FieldList = [["expires", "Thu 18 Aug 2050 2:01:18 GMT"]];
  assert.equal(decided(fields, SAFE).reason, "expires");
  assert.equal(decided(fields, PUBLISHED).reason, "invalid-freshness");
  // RFC 9111 §4.2: a zone other than GMT makes it invalid, and §5.3 then expired.
  const inUtc = decided([["expires", "Thu, 18 Aug 2050 02:01:18 UTC"]], RFC);
  assert.equal(inUtc.reason, "invalid-freshness");
});

const stored = { ...PLAIN_POLICY, responseMs: 0, staleWhileRevalidateS: 10, staleIfErrorS: 100 };

test("RFC 5861 stale-while-revalidate serves at once, then stale-if-error serves for errors", () => {
  const at = (nowMs: number) => decideReuse(stored, nowMs, 1e9, SAFE);
  assert.equal(at(59_999).kind, "serve-fresh");
  assert.equal(at(69_999).kind, "serve-stale");
  const later = [at(70_000), at(159_999), at(160_000)].map(
    (reuse) => reuse.kind === "validate-or-serve-stale" && reuse.isForErrors,
  );
  assert.deepEqual(later, [true, true, false]);
  assert.equal(
    decideReuse({ ...stored, staleForbiddenBy: "must-revalidate" }, 65_000, 1e9, RFC).reason,
    "must-not-serve-stale",
  );
});

test("RFC 9111 §5.2.1 a client's demands count under rfc alone", () => {
  const reasonOf = (field: string, policy: CachePolicy, nowMs = 30_000) =>
    decideReuse(stored, nowMs, 1e9, policy, demandsOf(linesOf(cc(field)), policy)).reason;
  for (const [field, reason] of [
    ["no-cache", "request-no-cache"],
    ["no-store", "request-no-cache"],
    ["max-age=0", "request-max-age"],
    ["max-age=10", "request-max-age"],
    ["min-fresh=40", "request-min-fresh"],
    ["max-age=40", "fresh"],
  ] as const) {
    assert.equal(reasonOf(field, RFC), reason, field);
    assert.equal(reasonOf(field, SAFE), "fresh", field);
  }
  assert.equal(reasonOf("max-stale", RFC, 99_000), "max-stale");
  assert.equal(reasonOf("max-stale=5", RFC, 99_000), "stale");
  const immutable = { ...stored, isImmutable: true };
  const reload = demandsOf(linesOf(cc("no-cache")), RFC);
  assert.equal(decideReuse(immutable, 30_000, 1e9, RFC, reload).reason, "fresh");
});

test("RFC 9111 §4.4 a write ends its target and what it names on the same host, and no more", () => {
  const target = { kind: "target", path: "/a/b", query: "?x=1" } as const;
  const arrival = { host: "shop.example", scheme: "https" } as const;
  const ended = (method: string, status: number, location: string) =>
    invalidatedBy(method, target, status, [["location", location]], arrival).map(
      ({ path, query }) => path + query,
    );
  assert.deepEqual(ended("POST", 201, "c"), ["/a/b?x=1", "/a/c"]);
  assert.deepEqual(ended("POST", 303, "../d?y"), ["/a/b?x=1", "/d?y"]);
  assert.deepEqual(ended("POST", 201, "?y"), ["/a/b?x=1", "/a/b?y"]);
  assert.deepEqual(ended("POST", 201, "https://SHOP.example/e#f"), ["/a/b?x=1", "/e"]);
  for (const elsewhere of [
    "https://other.example/e",
    "http://shop.example/e",
    "//other.example/e",
    "https://shop.example:8443/e",
    "https://shop.example@evil/e",
    "mailto:a@b",
    "/bad%zz",
  ]) {
    assert.deepEqual(ended("POST", 201, elsewhere), ["/a/b?x=1"], elsewhere);
  }
  assert.deepEqual(ended("POST", 500, "c"), []);
  assert.deepEqual(ended("POST", 404, "c"), []);
  for (const safe of ["GET", "HEAD", "OPTIONS", "QUERY"])
    assert.deepEqual(ended(safe, 200, "c"), []);
});
