// Is Vary read, and are selecting values compared, as RFC 9111 §4.1 lets a cache?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  acceptedCodings,
  normaliseSelecting,
  parseVary,
  preferredLanguages,
} from "../../../http/vary.ts";

test("parseVary() gives names once and sorted; a star anywhere selects nothing", () => {
  assert.deepEqual(parseVary("B, a,, b"), { kind: "names", names: ["a", "b"] });
  assert.deepEqual(parseVary(null), { kind: "names", names: [] });
  for (const field of ["*", "a, *", "*, a", ", *"]) {
    assert.deepEqual(parseVary(field), { kind: "any", reason: "star" }, field);
  }
  assert.deepEqual(parseVary("a b"), { kind: "any", reason: "malformed" });
});

test("acceptedCodings() keeps the codings that matter, whatever their order or junk", () => {
  assert.equal(acceptedCodings("gzip, deflate, br"), "br, gzip");
  assert.equal(acceptedCodings("br;q=0.1,GZIP; q=1.0 , x"), "br, gzip");
  assert.equal(acceptedCodings("*;q=0.5, br;q=0"), "gzip, zstd");
  for (const field of [null, "", "identity", "gzip;q=0", "gzip;q=x"]) {
    assert.equal(acceptedCodings(field), "identity", String(field));
  }
});

test("normaliseSelecting() tells absent from empty, and only space around commas goes", () => {
  assert.equal(normaliseSelecting("foo", null, false), null);
  assert.equal(normaliseSelecting("foo", "", false), "");
  assert.equal(normaliseSelecting("foo", " a ,b", false), "a, b");
  assert.equal(normaliseSelecting("foo", "A", false), "A");
  assert.equal(normaliseSelecting("accept-language", "eN ,De;q=0.5", false), "en, de;q=0.5");
  assert.equal(normaliseSelecting("accept-language", "de;q=0.5, en", true), "en, de;q=0.5");
});

test("preferredLanguages() gives those with the highest weight", () => {
  assert.deepEqual(preferredLanguages("fr;q=0.5, de;q=1.0"), ["de"]);
  assert.deepEqual(preferredLanguages("en, de"), ["en", "de"]);
  assert.deepEqual(preferredLanguages("en;q=0"), []);
  assert.deepEqual(preferredLanguages(null), []);
});
