// Is each fault in what is said of a site named with its place and how to mend it, and what is left out
// filled in?

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFile } from "../../support/repository.ts";
import { checkConfig, readConfig } from "../../../state/config.ts";

const check = (settings: unknown) => checkConfig({ content: { shop: settings } });

test("checkConfig() fills in what a site leaves out, and readConfig() reads it back", () => {
  const checked = check({
    upstream: { url: "https://shop.internal:8443/v2" },
    maxOffline: 3_600,
    rules: [{ path: "/img/*", types: ["image/*"], override: 86_400 }],
    query: { drop: ["utm_*"] },
    redirects: [{ from: "/old/*", to: "/new/*" }],
    security: {},
    cors: { origins: ["https://app.example"] },
    compression: {},
  });
  assert.ok(checked.ok);
  const shop = checked.value.content?.["shop"];
  const { upstream, rules, redirects, security, cors, compression } = shop ?? {};
  assert.partialDeepStrictEqual(
    { upstream, rules, redirects, security, cors, compression },
    {
      upstream: { profile: "safe", fields: [] },
      rules: [{ status: [200], store: true }],
      redirects: [{ status: 308 }],
      security: { preset: "basic" },
      cors: { methods: ["GET", "HEAD"] },
      compression: { codings: ["br", "zstd", "gzip"], minBytes: 1_024 },
    },
  );
  assert.deepEqual(readConfig(JSON.stringify(checked.value)), checked.value);
});

test("checkConfig() takes the document that docs/sites.md shows", () => {
  const page = readFile("docs/sites.md");
  const [, document = ""] = /```json\n([^]*?)```/.exec(page) ?? [];
  assert.deepEqual(checkConfig(JSON.parse(document)).ok, true);
});

test("readConfig() leaves alone what a newer origin says of a site", () => {
  const newer = { content: { shop: { maxOffline: 60, weights: [1] } } };
  assert.deepEqual(readConfig(JSON.stringify(newer)), { content: { shop: { maxOffline: 60 } } });
});

test("checkConfig() names each fault of a site", () => {
  const rule = { path: "/a", ttl: 1 };
  const faults: [unknown, string, RegExp][] = [
    [7, "", /what is said of a site is an object/],
    [{ upstreams: {} }, "", /with upstream, maxOffline/],
    [{ upstream: { url: "shop.internal" } }, "/upstream/url", /begins with http/],
    [{ upstream: { url: "http://user@shop" } }, "/upstream/url", /begins with http/],
    [{ upstream: { url: "http://shop?x" } }, "/upstream/url", /without a query/],
    [{ upstream: { url: "http://shop", fields: ["X-Plan"] } }, "/upstream/fields/0", /lower case/],
    [{ upstream: { url: "http://shop", profile: "lax" } }, "/upstream/profile", /"safe" or "rfc"/],
    [{ maxOffline: 2_592_001 }, "/maxOffline", /0 to 2592000/],
    [{ rules: [{ ...rule, path: "a" }] }, "/rules/0/path", /begins with "\/"/],
    [{ rules: [{ ...rule, path: "/a/../b" }] }, "/rules/0/path", /canonical/],
    [{ rules: [{ ...rule, path: "/%41" }] }, "/rules/0/path", /canonical/],
    [{ rules: [{ ...rule, path: "*.css" }] }, "/rules/0/path", /begins with "\/"/],
    [{ rules: [{ ...rule, path: "/*.css" }] }, "/rules/0/path", /may end in "\*"/],
    [{ rules: [{ ...rule, status: [400] }] }, "/rules/0/status/0", /is one of 200/],
    [{ rules: [{ ...rule, status: [404], ttl: 3_601 }] }, "/rules/0", /at most 3600 s/],
    [{ rules: [{ ...rule, status: [200, 503], override: 11 }] }, "/rules/0", /or 10 s/],
    [{ rules: [{ ...rule, types: ["Image/*"] }] }, "/rules/0/types/0", /lower case/],
    [{ rules: [{ ...rule, ttl: -1 }] }, "/rules/0/ttl", /from 0 to/],
    [{ rules: Array(65).fill(rule) }, "/rules", /at most 64/],
    [{ query: { keep: ["a"], drop: ["b"] } }, "/query", /keep.*or.*drop/],
    [{ query: { drop: ["a=b"] } }, "/query/drop/0", /a parameter is named/],
    [{ redirects: [{ from: "/a", to: "//evil" }] }, "/redirects/0/to", /path or to a URL/],
    [{ redirects: [{ from: "/a", to: "https://evil*" }] }, "/redirects/0/to", /with a host/],
    [{ redirects: [{ from: "/a", to: "javascript:x" }] }, "/redirects/0/to", /path or to a URL/],
    [{ redirects: [{ from: "/a", to: "/b/*" }] }, "/redirects/0", /needs one in "from"/],
    [{ redirects: [{ from: "/a", to: "/a?x=1" }] }, "/redirects/0", /go round/],
    [{ redirects: [{ from: "/a/*", to: "/a/b/*" }] }, "/redirects/0", /go round/],
    [{ redirects: [{ from: "/a", to: "/b", status: 303 }] }, "/redirects/0/status", /301, 302/],
    [{ security: { preset: "lax" } }, "/security/preset", /"strict"/],
    [{ security: { fields: { "x-a": "b\r\nc: d" } } }, "/security/fields/x-a", /printable/],
    [{ security: { fields: { "Set-Cookie": "a" } } }, "/security/fields/Set-Cookie", /lower case/],
    [{ security: { fields: { vary: "*" } } }, "/security/fields/vary", /decided by the cache/],
    [{ cors: { origins: ["https://a", "*"] } }, "/cors/origins", /alone for all/],
    [{ cors: { origins: ["https://A"] } }, "/cors/origins/0", /such as/],
    [{ cors: { origins: ["*"], credentials: true } }, "/cors", /name the origins/],
    [{ compression: { codings: [] } }, "/compression/codings", /at least one/],
    [{ compression: { codings: ["deflate"] } }, "/compression/codings/0", /br, zstd and gzip/],
    [{ compression: { minBytes: 10 } }, "/compression/minBytes", /256 to/],
  ];
  for (const [settings, pointer, message] of faults) {
    const checked = check(settings);
    const [first] = checked.ok ? [] : checked.error;
    assert.equal(first?.pointer, `/content/shop${pointer}`, JSON.stringify(settings));
    assert.match(first?.message ?? "", message, JSON.stringify(settings));
  }
});

test("what is refused by now is read on where it is in force", () => {
  const content = { shop: { compression: { codings: [], minBytes: 256, types: [] } } };
  assert.deepEqual(readConfig(JSON.stringify({ content }))?.content, content);
});
