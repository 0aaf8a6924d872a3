// Which conditions are answered with 304? And how do entity tags compare?

import assert from "node:assert/strict";
import { test } from "node:test";
import { decidePrecondition } from "../../../http/conditional.ts";
import { isSameStrongTag, matchesNone, parseEntityTag } from "../../../http/etag.ts";
import { linesOf, type FieldList } from "../../../http/fields.ts";

const now = Date.UTC(2026, 10, 21);
const response: FieldList = [
  ["etag", '"a"'],
  ["last-modified", "Sun, 01 Nov 2026 00:00:00 GMT"],
  ["date", "Fri, 20 Nov 2026 00:00:00 GMT"],
];
const decide = (request: FieldList, of: FieldList = response) =>
  decidePrecondition(linesOf(request), linesOf(of), now).reason;

test("RFC 9110 §13.2.2 decidePrecondition(): If-None-Match wins over If-Modified-Since", () => {
  const since = ["if-modified-since", "Fri, 20 Nov 2026 00:00:00 GMT"] as const;
  assert.equal(decide([["if-none-match", '"b"'], since]), "etag-differs");
  assert.equal(decide([["if-none-match", 'W/"a"'], since]), "if-none-match");
  assert.equal(decide([since]), "if-modified-since");
});

test("decidePrecondition() takes the very date of the response as not modified since", () => {
  const modified = "Sun, 01 Nov 2026 00:00:00 GMT";
  assert.equal(decide([["if-modified-since", modified]]), "if-modified-since");
});

test("decidePrecondition() ignores a date that is none, and compares Date without Last-Modified", () => {
  assert.equal(decide([["if-modified-since", "yesterday"]]), "unconditional");
  assert.equal(decide([["if-modified-since", "Sat, 31 Oct 2026 00:00:00 GMT"]]), "modified-since");
  const dateOnly = response.slice(2);
  assert.equal(
    decide([["if-modified-since", "Thu, 19 Nov 2026 00:00:00 GMT"]], dateOnly),
    "modified-since",
  );
  assert.equal(
    decide([["if-modified-since", "Fri, 20 Nov 2026 00:00:00 GMT"]], []),
    "no-date-to-compare",
  );
});

test("matchesNone() reads lists with commas in tags and stops at what is no tag", () => {
  const tag = parseEntityTag('"a,b"');
  assert.ok(matchesNone('"x", W/"a,b"', tag));
  assert.ok(matchesNone(" * ", tag));
  assert.ok(!matchesNone('a,b, "a,b"', tag), "an unquoted tag is no tag");
  assert.ok(!matchesNone("", tag));
  assert.ok(!matchesNone('"x"', null));
});

test("isSameStrongTag() never takes a weak tag", () => {
  assert.ok(isSameStrongTag(parseEntityTag('"a"'), parseEntityTag('"a"')));
  assert.ok(!isSameStrongTag(parseEntityTag('W/"a"'), parseEntityTag('"a"')));
  assert.equal(parseEntityTag("a"), null);
});
