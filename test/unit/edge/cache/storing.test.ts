// Is exactly what may be shared stored, with the reason said?

import assert from "node:assert/strict";
import { test } from "node:test";
import { PUBLISHED } from "../../../../edge/cache/cache-policy.ts";
import { decideStoring, type Exchange } from "../../../../edge/cache/storing.ts";
import { linesOf, type FieldList } from "../../../../http/fields.ts";

const BOUNDS = { freshnessLifetimeSMax: 31_536_000, varyNamesMax: 16 };

function reasonOf(fields: FieldList, change: Partial<Exchange> = {}): string {
  const exchange = {
    method: "GET",
    request: linesOf([]),
    status: 200,
    fields,
    requestMs: 0,
    responseMs: 0,
  };
  return decideStoring({ ...exchange, ...change }, PUBLISHED, BOUNDS).reason;
}

const cc = (value: string): FieldList => [["cache-control", value]];

test("decideStoring() stores a GET 200 with explicit freshness, and says which rule gave it", () => {
  assert.equal(reasonOf(cc("max-age=60")), "max-age");
  assert.equal(reasonOf(cc("max-age=0, s-maxage=60")), "s-maxage");
  assert.equal(reasonOf([["expires", "Thu, 01 Jan 1970 00:01:00 GMT"]]), "expires");
});

test("decideStoring() refuses with the reason, whatever else the response allows (P4)", () => {
  const cases: [FieldList, string][] = [
    [cc("public, max-age=60, no-store"), "no-store"],
    [cc("max-age=60, private"), "private"],
    [cc('max-age=60, private="x-a"'), "private"],
    [cc("max-age=60, no-cache"), "no-cache"],
    [cc('max-age=60, x="'), "malformed-cache-control"],
    [[...cc("max-age=60"), ["set-cookie", "a=b"]], "set-cookie"],
    [[...cc("max-age=60"), ["vary", "accept"]], "vary"],
    [[...cc("max-age=60"), ["x", "a\u0001"]], "bad-field"],
    [[...cc("max-age=60"), ["connection", "vary"], ["vary", "accept"]], "vary"],
    [cc("max-age=0"), "no-freshness"],
    [cc("s-maxage=0, max-age=60"), "no-freshness"],
    [cc("max-age=60, max-age=60"), "invalid-freshness"],
    [[["expires", "0"]], "invalid-freshness"],
    [[["last-modified", "Thu, 01 Jan 1970 00:00:00 GMT"]], "no-explicit-freshness"],
  ];
  for (const [fields, reason] of cases) assert.equal(reasonOf(fields), reason);
});

test("decideStoring() refuses by what the request was", () => {
  const fresh = cc("public, max-age=60");
  for (const name of ["authorization", "cookie"]) {
    assert.equal(reasonOf(fresh, { request: linesOf([[name, "x"]]) }), `request-${name}`);
  }
  for (const status of [206, 301, 404, 500]) assert.equal(reasonOf(fresh, { status }), "status");
  assert.equal(reasonOf(fresh, { method: "HEAD" }), "method");
});

test("RFC 9111 §4.2.4 decideStoring() keeps what forbids serving stale", () => {
  for (const name of ["must-revalidate", "proxy-revalidate", "s-maxage=60"]) {
    const exchange = {
      method: "GET",
      request: linesOf([]),
      status: 200,
      requestMs: 0,
      responseMs: 0,
    };
    const decision = decideStoring(
      { ...exchange, fields: cc(`max-age=60, ${name}`) },
      PUBLISHED,
      BOUNDS,
    );
    assert.ok(decision.kind === "store");
    assert.equal(decision.staleForbiddenBy, name.split("=")[0]);
  }
});
