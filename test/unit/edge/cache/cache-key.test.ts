// Does one resource have one key, and is everything ambiguous refused?

import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheKeyOf, decideTarget, upstreamTargetOf } from "../../../../edge/cache/cache-key.ts";

function canonical(rawTarget: string): string {
  const target = decideTarget(rawTarget);
  return target.kind === "target" ? target.path + target.query : `refused: ${target.reason}`;
}

test("decideTarget() gives one spelling to one resource", () => {
  const cases: [string, string][] = [
    ["/", "/"],
    ["/a/%2e%2E/b", "/b"],
    ["/../../a", "/a"],
    ["/a/.", "/a/"],
    ["/a/..", "/"],
    ["/%7ea%41", "/~aA"],
    ["/a%2fb", "/a%2Fb"],
    ["/a%2f..%2fb", "/a%2F..%2Fb"],
    ["//a//b/", "//a//b/"],
    ["/A", "/A"],
    ["/é", "/%C3%A9"],
    ["/a|b^c", "/a%7Cb%5Ec"],
    ["/a?", "/a?"],
    ["/a?b=%2e&C=../x?'", "/a?b=%2e&C=../x?%27"],
  ];
  for (const [raw, expected] of cases) assert.equal(canonical(raw), expected, raw);
});

test("decideTarget() refuses what two parties could read differently", () => {
  const cases: [string, string][] = [
    ["a", "not-a-path"],
    ["*", "not-a-path"],
    ["/a b", "control-character"],
    ["/a\tb", "control-character"],
    ["/a%00", "control-character"],
    ["/a%0d%0a", "control-character"],
    ["/a%7f", "control-character"],
    ["/a\\b", "backslash"],
    ["/a#b", "fragment"],
    ["/\ufffd", "not-decodable"],
    ["/\ud800", "not-decodable"],
    ["/%", "bad-escape"],
    ["/%g1", "bad-escape"],
    ["/a?%1", "bad-escape"],
  ];
  for (const [raw, reason] of cases) assert.equal(canonical(raw), `refused: ${reason}`, raw);
});

test("cacheKeyOf() and upstreamTargetOf() are made of the same parts", () => {
  const target = decideTarget("/a?b");
  assert.ok(target.kind === "target");
  assert.equal(cacheKeyOf("main", target), "main|/a?b");
  assert.equal(upstreamTargetOf("main", target), "/v1/sites/main/content/a?b");
});
