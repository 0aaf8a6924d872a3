// Does every scope fit a key, and does each path have one of its own?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  markingOf,
  PREFIX,
  sharedMark,
  sharedPrefixMarks,
  urlScope,
} from "../../../state/purge-scope.ts";
import { purgeKey } from "../../../state/region.ts";
import { KEY_BYTES_MAX } from "../../../sync/limits.ts";

test("urlScope() names the object, and a long or foreign path by a hash", () => {
  assert.equal(urlScope("main", "docs/index.html"), "url main/docs/index.html");
  assert.match(urlScope("main", "ä".repeat(450)), /^url main\/~[0-9a-f]+$/);
  assert.notEqual(urlScope("main", "a".repeat(900)), urlScope("main", "a".repeat(899)));
  assert.notEqual(urlScope("main", "ä"), urlScope("main", "ö"));
  assert.notEqual(urlScope("main", "ä"), urlScope("shop", "ä"));
});

test("a scope and the longest writer fit a key", () => {
  for (const path of ["a".repeat(900), "ä".repeat(450), "a".repeat(163), "a".repeat(164)]) {
    const key = purgeKey("r".repeat(32), urlScope("s".repeat(32), path));
    assert.ok(new TextEncoder().encode(key).length <= KEY_BYTES_MAX, path);
  }
});

test("sharedPrefixMarks() has the shared mark of every prefix of a text", () => {
  const text = "main/news/today";
  const marks = sharedPrefixMarks(text);
  for (let i = 1; i <= text.length; i += 1)
    assert.ok(marks.has(sharedMark(PREFIX + text.slice(0, i))), text.slice(0, i));
});

test("markingOf() names scopes while there is room, and never gives a name of its own a shared mark", () => {
  const scopes = ["tag a", "tag b", "*", "tag c"];
  assert.deepEqual(markingOf(scopes, new Set(["tag c"]), 2), {
    scopes: ["tag a", sharedMark("tag b"), "*", "tag c"],
    isWidened: true,
  });
  assert.deepEqual(markingOf(scopes, new Set(["~ 1", "~p 2"]), 3), { scopes, isWidened: false });
});
