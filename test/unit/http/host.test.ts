// Which Host fields are hosts?

import assert from "node:assert/strict";
import { test } from "node:test";
import { isHostField } from "../../../http/host.ts";

test("isHostField() takes names and addresses, with or without a port", () => {
  for (const host of ["a", "A.example.", "a.example:8787", "127.0.0.1:1", "[::1]", "[::1]:80"]) {
    assert.ok(isHostField(host), host);
  }
});

test("isHostField() refuses what would change the meaning of a URL", () => {
  for (const host of ["", "a/b?c", "u@evil", "a#b", "a\\b", "[::1", "a b", "%", "x:99999", "a:b"]) {
    assert.ok(!isHostField(host), host);
  }
});
