// Which requests may share one answer, and for how long do those that may not wait for nobody?

import assert from "node:assert/strict";
import { test } from "node:test";
import { PUBLISHED, RFC, SAFE, type CachePolicy } from "../../../../edge/cache/cache-policy.ts";
import { TargetBook, type Sharing } from "../../../../edge/cache/target-book.ts";
import { linesOf, type FieldList } from "../../../../http/fields.ts";

function asked(fields: FieldList = [], policy: CachePolicy = SAFE, key = "one|/a"): Sharing {
  return { key, method: "GET", fields: linesOf(fields), policy };
}

function idOf(book: TargetBook, sharing: Sharing, nowMs = 0): string {
  const decision = book.decideFlight(sharing, nowMs);
  return decision.kind === "together" ? decision.id : decision.reason;
}

test("decideFlight() puts requests for one target together", () => {
  const book = new TargetBook(9);
  assert.equal(idOf(book, asked()), idOf(book, asked([["accept-language", "fi"]])));
  assert.notEqual(idOf(book, asked()), idOf(book, asked([], SAFE, "one|/b")));
});

test("P4 decideFlight() keeps what names a person apart", () => {
  const book = new TargetBook(9);
  for (const name of ["cookie", "authorization"])
    assert.notEqual(idOf(book, asked([[name, "x"]])), idOf(book, asked()));
});

test("decideFlight() lets alone what has its own answer", () => {
  const book = new TargetBook(9);
  assert.equal(idOf(book, { ...asked(), method: "HEAD" }), "method");
  assert.equal(idOf(book, asked([["range", "bytes=0-1"]])), "range");
  assert.notEqual(idOf(book, asked([["range", "bytes=0-1"]], PUBLISHED)), "range");
  assert.equal(idOf(book, asked([["accept", "text/event-stream"]])), "request");
  for (const demand of ["no-store", "no-cache", "max-age=0"]) {
    assert.equal(idOf(book, asked([["cache-control", demand]], RFC)), "request");
    assert.notEqual(idOf(book, asked([["cache-control", demand]], SAFE)), "request");
  }
});

test("noteShared() tells variants apart by the fields that were learnt", () => {
  const book = new TargetBook(9);
  book.noteShared(asked(), ["accept-language"]);
  const fi = idOf(book, asked([["accept-language", "fi"]]));
  assert.notEqual(fi, idOf(book, asked([["accept-language", "en"]])));
  assert.equal(
    fi,
    idOf(
      book,
      asked([
        ["accept-language", "fi"],
        ["user-agent", "x"],
      ]),
    ),
  );
});

test("noteUnshared() lets nobody wait until its time is over, or something is shared again", () => {
  const book = new TargetBook(9);
  book.noteUnshared(asked(), 1_000, false);
  assert.equal(idOf(book, asked(), 999), "hit-for-miss");
  assert.notEqual(idOf(book, asked([["cookie", "x"]]), 999), "hit-for-miss");
  assert.notEqual(idOf(book, asked(), 1_000), "hit-for-miss");
  book.noteUnshared(asked(), 5_000, true);
  assert.equal(idOf(book, asked(), 999), "stored-unshared");
  book.noteShared(asked(), []);
  assert.notEqual(idOf(book, asked(), 999), "hit-for-miss");
});

test("P8 a book forgets what it learnt longest ago", () => {
  const book = new TargetBook(2);
  for (const key of ["one|/a", "one|/b", "one|/c"])
    book.noteUnshared(asked([], SAFE, key), 1_000, false);
  assert.equal(idOf(book, asked([], SAFE, "one|/a")), "one|/a");
  assert.equal(idOf(book, asked([], SAFE, "one|/b")), "hit-for-miss");
});
