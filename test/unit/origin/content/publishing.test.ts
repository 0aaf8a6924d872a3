// What may be published, under which path, as which type and for how long?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decideCachePolicy,
  DEFAULT_CACHE_POLICY,
} from "../../../../origin/content/cache-policy.ts";
import { decideContentType } from "../../../../origin/content/content-type.ts";
import { decideObjectPath, isSiteName } from "../../../../origin/content/object-path.ts";

const pathOf = (raw: string) => {
  const decision = decideObjectPath(raw, 900);
  return decision.kind === "object" ? decision.path : `refused: ${decision.reason}`;
};

test("decideObjectPath() names one object a path, and a folder's index", () => {
  assert.equal(pathOf(""), "index.html");
  assert.equal(pathOf("docs/"), "docs/index.html");
  assert.equal(pathOf("a%20b/%C3%A9.txt"), "a b/é.txt");
});

test("decideObjectPath() refuses what could be read as another object (P4)", () => {
  for (const raw of ["..", "a/../b", "./a", "a//b", "/a"])
    assert.equal(pathOf(raw), "refused: bad-segment", raw);
  for (const raw of ["a%2Fb", "a%5cb", "a%00"])
    assert.equal(pathOf(raw), "refused: bad-character", raw);
  for (const raw of ["%zz", "%ff", "%C3"]) assert.equal(pathOf(raw), "refused: bad-escape", raw);
  assert.equal(pathOf("a".repeat(901)), "refused: too-long");
  assert.equal(pathOf("%C3%A9".repeat(451)), "refused: too-long");
  assert.ok(isSiteName("main") && !isSiteName("a/b") && !isSiteName("A") && !isSiteName(""));
});

test("decideContentType() takes the publisher's word, then the extension", () => {
  const typeOf = (given: string | null, path: string) => {
    const decision = decideContentType(given, path);
    return decision.kind === "type" ? decision.type : decision.reason;
  };
  assert.equal(typeOf(null, "a/INDEX.HTML"), "text/html; charset=utf-8");
  assert.equal(typeOf(null, "a.b/c"), "application/octet-stream");
  assert.equal(typeOf("application/x-www-form-urlencoded", "a.css"), "text/css; charset=utf-8");
  assert.equal(typeOf('text/plain; charset="utf-8"', "a.css"), 'text/plain; charset="utf-8"');
  assert.equal(typeOf("html", "a.css"), "not-a-media-type");
});

test("decideCachePolicy() keeps a policy that makes sense and refuses nonsense", () => {
  const policyOf = (given: string | null) => {
    const decision = decideCachePolicy(given);
    return decision.kind === "policy" ? decision.policy : decision.reason;
  };
  assert.equal(policyOf(null), DEFAULT_CACHE_POLICY);
  assert.equal(policyOf("no-store"), "no-store");
  assert.equal(
    policyOf("public, max-age=60, stale-if-error=600"),
    "public, max-age=60, stale-if-error=600",
  );
  assert.equal(policyOf("max-age=soon"), "bad-lifetime");
  assert.equal(policyOf("max-age=1, max-age=2"), "bad-lifetime");
  assert.equal(policyOf('x="'), "malformed");
  assert.equal(policyOf("a b"), "malformed");
  assert.equal(policyOf(`max-age=${"0".repeat(300)}1`), "too-long");
});
