// Which marks does a purge become? Two spellings of one object are one scope, and each thing that is
// wrong is named with its field.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../edge/limits.ts";
import { scopesOf, type PurgeRequest } from "../../../edge/purge-scopes.ts";

const SITES = { "www.example.com": "main", "example.com": "main", "docs.example.com": "docs" };
const LONG = `/${"p".repeat(limits.purgeScopeCharsMax)}`;

const GOOD: readonly (readonly [string, PurgeRequest, readonly string[]])[] = [
  ["a URL", { urls: ["https://www.example.com/news/today"] }, ["url main/news/today"]],
  ["its folder", { urls: ["http://www.example.com/news/"] }, ["url main/news/index.html"]],
  ["a bare host", { urls: ["https://docs.example.com"] }, ["url docs/index.html"]],
  ["a port, and a host in capitals", { urls: ["https://WWW.example.com:8443/a"] }, ["url main/a"]],
  ["escapes", { urls: ["https://example.com/%61%20b"] }, ["url main/a b"]],
  ["a query, which is not looked at", { urls: ["https://example.com/a?x=1"] }, ["url main/a"]],
  [
    "two spellings of one object",
    { urls: ["https://example.com/a/../b", "https://www.example.com/b"] },
    ["url main/b"],
  ],
  ["a prefix", { prefixes: ["https://example.com/img/a%20b"] }, ["prefix main/img/a%20b"]],
  ["a host", { hosts: ["Docs.example.com:443"] }, ["site docs"]],
  ["two hosts of one site", { hosts: ["example.com", "www.example.com"] }, ["site main"]],
  ["a tag", { tags: ["News-2"] }, ["tag news-2"]],
  ["everything", { all: true }, ["*"]],
  ["a group", { groups: [{ host: "Docs.example.com", group: "a B" }] }, ["group docs a B"]],
  [
    "softly",
    { all: true, tags: ["a"], urls: ["https://example.com/a"], mode: "soft" },
    ["soft *", "soft url main/a", "soft tag a"],
  ],
  ["several", { all: true, tags: ["a"], hosts: ["example.com"] }, ["*", "site main", "tag a"]],
];
for (const [what, asked, scopes] of GOOD) {
  test(`scopesOf() ${what}`, () => {
    const found = scopesOf(asked, SITES);
    assert.deepEqual(found, { ok: true, value: scopes });
  });
}

const BAD: readonly (readonly [string, PurgeRequest, string, string])[] = [
  ["nothing", {}, "", "no-scope"],
  ["lists without entries", { urls: [], tags: [] }, "", "no-scope"],
  ["too many", { tags: Array.from({ length: 101 }, (_, i) => `t${i}`) }, "", "too-many-scopes"],
  ["a path", { urls: ["/news"] }, "/urls/0", "url"],
  ["another scheme", { urls: ["ftp://example.com/a"] }, "/urls/0", "url"],
  ["a user", { urls: ["https://me@example.com/a"] }, "/urls/0", "url"],
  ["a host that is not served", { urls: ["https://else.example/"] }, "/urls/0", "unknown-host"],
  ["a broken escape", { urls: ["https://example.com/%zz"] }, "/urls/0", "bad-escape"],
  ["a fragment", { urls: ["https://example.com/a#b"] }, "/urls/0", "fragment"],
  ["a prefix with a query", { prefixes: ["https://example.com/a?b"] }, "/prefixes/0", "query"],
  ["a long prefix", { prefixes: [`https://example.com${LONG}`] }, "/prefixes/0", "too-long"],
  ["a host of nobody", { hosts: ["example.com", "else.example"] }, "/hosts/1", "unknown-host"],
  ["two tags in one", { tags: ["a", "b,c"] }, "/tags/1", "tag"],
];
for (const [what, asked, pointer, code] of BAD) {
  test(`scopesOf() refuses ${what}`, () => {
    const found = scopesOf(asked, SITES);
    assert.ok(!found.ok);
    assert.deepEqual([found.error[0]?.pointer, found.error[0]?.code], [pointer, code]);
  });
}

test("scopesOf() names a long URL by a hash that fits a key", () => {
  const found = scopesOf({ urls: [`https://example.com${LONG}`] }, SITES);
  assert.ok(found.ok);
  assert.match(found.value[0] ?? "", /^url main\/~[0-9a-f]{1,8}$/);
});

test("scopesOf() takes what is no host for no other host's either, where every host has a site", () => {
  const sites = { ...SITES, "*": "else" };
  for (const host of ["https://example.com", "example.com/", "exa mple.com", "a@example.com"]) {
    for (const asked of [{ hosts: [host] }, { groups: [{ host, group: "g" }] }]) {
      const found = scopesOf(asked, sites);
      assert.ok(!found.ok, host);
      assert.equal(found.error[0]?.code, "host");
    }
  }
  assert.deepEqual(scopesOf({ hosts: ["other.example:80"] }, sites), {
    ok: true,
    value: ["site else"],
  });
});
