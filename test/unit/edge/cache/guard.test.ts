// What is kept from an upstream, and what of its answers from everybody else?

import assert from "node:assert/strict";
import { test } from "node:test";
import { SAFE } from "../../../../edge/cache/cache-policy.ts";
import { hasHiddenDots } from "../../../../edge/cache/cache-key.ts";
import { decideCausedError, hasKnownFields } from "../../../../edge/cache/caused-error.ts";
import { isNamedOtherwise } from "../../../../edge/cache/named-type.ts";
import { guardRequest } from "../../../../edge/cache/request-guard.ts";
import { decideVariant, isSelected, selectingLines } from "../../../../edge/cache/variant.ts";
import { onlyHostOf } from "../../../../edge/routing/path.ts";
import { linesOf } from "../../../../http/fields.ts";

const BOUNDS = { fieldsBytesMax: 100, fieldBytesMax: 40 };

test("guardRequest() refuses what is too large or holds a control character, and says which", () => {
  assert.deepEqual(guardRequest([["a", "b\tc é"]], BOUNDS), { kind: "sound" });
  assert.deepEqual(guardRequest([["a", "x".repeat(39)]], BOUNDS), { kind: "sound" });
  assert.deepEqual(guardRequest([["a", "x".repeat(40)]], BOUNDS), {
    kind: "refused",
    reason: "fields-too-large",
    field: "a",
  });
  const many = Array.from({ length: 4 }, (_, i) => [`a${i}`, "x".repeat(20)] as const);
  assert.deepEqual(guardRequest(many, BOUNDS), {
    kind: "refused",
    reason: "fields-too-large",
    field: null,
  });
  for (const char of ["\u0000", "\u0001", "\n", "\r", "\u001f", "\u007f"])
    assert.deepEqual(guardRequest([["a", `x${char}`]], BOUNDS), {
      kind: "refused",
      reason: "control-character",
      field: "a",
    });
});

test("decideCausedError() tells what a request may have caused from what is of the target", () => {
  for (const isPlain of [true, false])
    assert.equal(decideCausedError(200, isPlain), null, String(isPlain));
  for (const status of [301, 302, 308, 404, 410]) {
    assert.equal(decideCausedError(status, true), null, String(status));
    assert.equal(decideCausedError(status, false), "for-a-while", String(status));
  }
  for (const status of [402, 409, 451, 499, 500, 502, 503, 504, 599]) {
    assert.equal(decideCausedError(status, true), null, String(status));
    assert.equal(decideCausedError(status, false), "of-this-request", String(status));
  }
  for (const status of [400, 405, 414, 501]) {
    assert.equal(decideCausedError(status, true), "for-a-while", String(status));
    assert.equal(decideCausedError(status, false), "of-this-request", String(status));
  }
  for (const status of [406, 413, 416, 429, 431, 511])
    assert.equal(decideCausedError(status, true), "of-this-request", String(status));
});

test("hasKnownFields() tells a field that may have caused an error, unless the site or Vary names it", () => {
  const known = ["user-agent", "accept", "sec-ch-ua", "via", "forwarded", "rsc", "if-none-match"];
  const list = (names: readonly string[]) => names.map((name) => [name, "x"] as const);
  assert.equal(hasKnownFields(list(known), []), true);
  for (const odd of ["x-odd", "cookie", "origin", "range", "sec-odd"]) {
    assert.equal(hasKnownFields(list([...known, odd]), ["accept"]), false, odd);
    assert.equal(hasKnownFields(list([...known, odd]), ["accept", odd]), true, odd);
    assert.equal(hasKnownFields(list([...known, odd]), [], ["accept", odd]), true, odd);
  }
});

test("isNamedOtherwise() compares a type with the extension of the path", () => {
  assert.equal(isNamedOtherwise("/a/x.css", "text/html"), true);
  assert.equal(isNamedOtherwise("/a/x.CSS", " Text/CSS; charset=utf-8"), false);
  assert.equal(isNamedOtherwise("/a;x.png", "application/json"), true);
  for (const path of ["/a", "/a.html", "/a.constructor", "/a.", ""])
    assert.equal(isNamedOtherwise(path, "text/html"), false, path);
  assert.equal(isNamedOtherwise("/a.css", null), false);
});

test("decideVariant() keeps what a framework's field brought for who sends it", () => {
  const asked = (value: string | null) =>
    selectingLines(linesOf(value === null ? [] : [["rsc", value]]), SAFE);
  const decided = decideVariant([], asked("1"), false, SAFE, 3);
  assert.ok(decided.kind === "variant");
  assert.equal(isSelected(decided.variant, asked("1")), true);
  assert.equal(isSelected(decided.variant, asked("2")), false);
  assert.equal(isSelected(decided.variant, asked(null)), false);
  for (const [type, isForAll] of [
    ["text/html; charset=utf-8", false],
    ["Application/XHTML+xml", false],
    [null, false],
    ["text/htmlx", true],
    ["image/png", true],
  ] as const) {
    const fields = type === null ? [] : [["content-type", type] as const];
    const plain = decideVariant(fields, asked(null), false, SAFE, 0);
    assert.ok(plain.kind === "variant");
    assert.equal(isSelected(plain.variant, asked(null)), true);
    assert.equal(isSelected(plain.variant, asked("1")), isForAll, String(type));
  }
});

test("hasHiddenDots() finds dot segments that an escaped separator bounds", () => {
  for (const path of ["/a/..%2Fb", "/a%2F..%2Fb", "/a%2F..", "/..%5Cb", "/a/.%2Fb", "/a%5C../b"])
    assert.equal(hasHiddenDots(path), true, path);
  for (const path of [
    "/",
    "/a%2Fb",
    "/a..%2Fb",
    "/a%2F..b",
    "/...%2Fb",
    "/a.b/c%5Cd",
    "/.well-known/x",
  ])
    assert.equal(hasHiddenDots(path), false, path);
});

test("onlyHostOf() names the host of a site that has one", () => {
  const sites = { "a.test": "one", "b.test": "two", "c.test": "two", "*": "rest" };
  assert.equal(onlyHostOf("one", sites), "a.test");
  for (const site of ["two", "rest", "none"]) assert.equal(onlyHostOf(site, sites), null, site);
});
