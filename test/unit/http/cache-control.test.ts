// Is Cache-Control read as RFC 9111 §5.2 says, and on the safe side where it cannot be read?

import assert from "node:assert/strict";
import { test } from "node:test";
import { deltaSecondsOf, hasDirective, parseCacheControl } from "../../../http/cache-control.ts";

const maxAge = (field: string) => deltaSecondsOf(parseCacheControl(field), "max-age");

test("parseCacheControl() reads names in any case and skips empty members", () => {
  const control = parseCacheControl(" Public ,, No-Store,max-AGE=5");
  assert.ok(hasDirective(control, "public"));
  assert.ok(hasDirective(control, "no-store"));
  assert.deepEqual(deltaSecondsOf(control, "max-age"), { kind: "seconds", seconds: 5 });
  assert.equal(parseCacheControl(null).directives.size, 0);
});

test("parseCacheControl() finds no directive inside a quoted string, and those behind it", () => {
  const control = parseCacheControl('ext="a, no-store, \\" max-age=1", private');
  assert.ok(!hasDirective(control, "no-store"));
  assert.ok(!hasDirective(control, "max-age"));
  assert.ok(hasDirective(control, "private"));
  assert.ok(!control.isMalformed);
});

test("parseCacheControl() says that a quoted string does not end", () => {
  assert.ok(parseCacheControl('ext="abc, no-store').isMalformed);
  assert.ok(parseCacheControl('ext="abc\\", no-store').isMalformed);
});

test("RFC 9111 §4.2.1 deltaSecondsOf(): repeated and unparsable values are invalid", () => {
  assert.deepEqual(maxAge("max-age=60, max-age=60"), { kind: "invalid", reason: "repeated" });
  for (const field of [
    "max-age",
    "max-age=",
    "max-age=-1",
    "max-age=1.5",
    "max-age=1s",
    "max-age =60",
    "max-age= 60",
    "max-age=+1",
  ]) {
    assert.deepEqual(maxAge(field), { kind: "invalid", reason: "unparsable" }, field);
  }
  assert.deepEqual(maxAge("s-maxage=60"), { kind: "absent" });
});

test("RFC 9111 §1.2.2 deltaSecondsOf(): quoted values count, and too large ones are 2^31", () => {
  assert.deepEqual(maxAge('max-age="60"'), { kind: "seconds", seconds: 60 });
  assert.deepEqual(maxAge("max-age=99999999999999999999"), { kind: "seconds", seconds: 2 ** 31 });
});
