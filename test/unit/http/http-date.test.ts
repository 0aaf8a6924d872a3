// Does the calendar agree with the platform, and the grammar with RFC 9110 §5.6.7?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatHttpDate, parseHttpDate, parseLooseDate } from "../../../http/http-date.ts";

const now = Date.UTC(2026, 10, 21);

test("RFC 9110 §5.6.7 parseHttpDate() reads all three forms", () => {
  const expected = Date.UTC(1994, 10, 6, 8, 49, 37);
  assert.equal(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT", now), expected);
  assert.equal(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT", now), expected);
  assert.equal(parseHttpDate("Sun Nov  6 08:49:37 1994", now), expected);
});

test("parseHttpDate() puts a two-digit year at most 50 years ahead", () => {
  const yearOf = (digits: string) =>
    new Date(
      parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, now) ?? Number.NaN,
    ).getUTCFullYear();
  assert.equal(yearOf("26"), 2026);
  assert.equal(yearOf("70"), 2070);
  assert.equal(yearOf("77"), 1977);
});

test("parseHttpDate() refuses what is not an HTTP-date", () => {
  for (const text of [
    "",
    "0",
    "-1",
    "Thu, 18 Aug 2050 02:01:18 CET",
    "Thu, 18 Aug 2050 2:01:18 GMT",
    "Thu, 31 Feb 2050 02:01:18 GMT",
    "Thu, 18 Aug 2050 24:01:18 GMT",
    "2026-11-21T00:00:00Z",
    "Thu, 18 Aug 2050 02:01:18 GMT, x",
  ]) {
    assert.equal(parseHttpDate(text, now), null, text);
  }
  assert.equal(parseHttpDate(null, now), null);
});

test("RFC 9111 §4.2 parseHttpDate() does not mind the case of letters", () => {
  const expected = Date.UTC(2050, 7, 18, 2, 1, 18);
  assert.equal(parseHttpDate("THU, 18 Aug 2050 02:01:18 GMT", now), expected);
  assert.equal(parseHttpDate("Thu, 18 aUG 2050 02:01:18 gmt", now), expected);
  assert.equal(parseHttpDate("thursday, 18-AUG-50 02:01:18 Gmt", now), expected);
});

test("RFC 6265 §5.1.1 parseLooseDate() reads what is nearly an HTTP-date", () => {
  const expected = Date.UTC(2050, 7, 18, 2, 1, 18);
  for (const text of [
    "Thu, 18 Aug 2050 02:01:18 GMT",
    "Thu 18 Aug 2050 02:01:18 GMT",
    "Thu, 18-Aug-2050 02:01:18 GMT",
    "Thu, 18  Aug  2050 2:01:18 GMT",
    "Thu, 18 Aug 50 02:01:18 GMT",
    "18 August 2050 02:01:18 GMT",
    "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2051 02:01:19 GMT",
  ]) {
    assert.equal(parseLooseDate(text, now), expected, text);
  }
});

test("parseLooseDate() does not guess", () => {
  for (const text of [
    "",
    "0",
    "-1",
    "GMT",
    "Thu, 18 Aug 2050 02:01:18",
    "Thu, 18 Aug 2050 02:01:18 UTC",
    "Thu, 18 Aug 2050 02:01:18 AEST",
    "Thu, 18 Aug 2050 02:01:18 PM GMT",
    "Thu, 18 Aug 2050 02:01:18 GMT+1000",
    "Thu, 18 Aug 2050 02.01.18 GMT",
    "Thu, 31 Feb 2050 02:01:18 GMT",
    "Thu, 18 Aug 2050 25:01:18 GMT",
    "Thu, 180 Aug 2050 02:01:18 GMT",
    "Aug 2050 02:01:18 GMT",
    `Thu, 18 Aug 2050 02:01:18 GMT${" ".repeat(200)}`,
  ]) {
    assert.equal(parseLooseDate(text, now), null, text);
  }
  assert.equal(parseLooseDate(null, now), null);
});

test("formatHttpDate() writes what the platform writes, and parseHttpDate() reads it back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      const text = formatHttpDate(seconds * 1000);
      assert.equal(text, new Date(seconds * 1000).toUTCString());
      assert.equal(parseHttpDate(text, now), seconds * 1000);
    }),
  );
});
