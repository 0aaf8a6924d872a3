// Is a request for the API or for content, and of which site?

import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiRequest, siteOf } from "../../../../edge/routing/path.ts";

const PATHS: readonly (readonly [string, boolean])[] = [
  ["/v1", true],
  ["/v1/", true],
  ["/v1/devices/a/readings", true],
  ["/write", true],
  ["/api/v2/write", true],
  ["/ping", true],
  ["/health", true],
  ["/health.html", false],
  ["/livez", true],
  ["/readyz", true],
  ["/metrics", true],
  ["/v10", false],
  ["/v1.html", false],
  ["/V1/devices", false],
  ["/api", false],
  ["/api/v1", false],
  ["/x/v1", false],
  ["/livezz", false],
  ["/", false],
  ["", false],
];

for (const [path, isApi] of PATHS)
  test(`isApiRequest() of ${path || "no path"} on any host is ${isApi}`, () =>
    assert.equal(isApiRequest("example.com", path, []), isApi));

for (const [host, path, isApi] of [
  ["api.example.com", "/v1/place", true],
  ["api.example.com", "/index.html", true],
  ["www.example.com", "/v1/place", false],
  ["api.example.com.evil.test", "/v1/place", false],
] as const)
  test(`isApiRequest() of ${host}${path} with an API host is ${isApi}`, () =>
    assert.equal(isApiRequest(host, path, ["api.example.com"]), isApi));

const SITES: readonly (readonly [string, Record<string, string>, string | null])[] = [
  ["a.test", { "a.test": "one" }, "one"],
  ["b.test", { "a.test": "one" }, null],
  ["b.test", { "a.test": "one", "*": "rest" }, "rest"],
  ["a.test", { "a.test": "one", "*": "rest" }, "one"],
  ["constructor", { "a.test": "one" }, null],
  ["__proto__", {}, null],
  ["*", { "*": "rest" }, "rest"],
  ["", {}, null],
];

for (const [host, sites, site] of SITES)
  test(`siteOf() "${host}" of ${JSON.stringify(sites)} is ${site}`, () =>
    assert.equal(siteOf(host, sites), site));
