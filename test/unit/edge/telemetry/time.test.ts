// Which texts and numbers are a time? Compared with Date where Date knows, and by hand where not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRfc3339, parseTime } from "../../../../edge/telemetry/time.ts";

const DAY_MS = 86_400_000;

const GOOD: readonly (readonly [string, number])[] = [
  ["1970-01-01T00:00:00Z", 0],
  ["1970-01-01t00:00:00z", 0],
  ["1970-01-01 00:00:00Z", 0],
  ["2000-02-29T12:34:56Z", 951_827_696_000],
  ["2024-02-29T00:00:00Z", 1_709_164_800_000],
  ["2024-03-01T00:00:00Z", 1_709_251_200_000],
  ["9999-12-31T23:59:59.999Z", 253_402_300_799_999],
  ["1970-01-01T00:00:00.5Z", 500],
  ["1970-01-01T00:00:00.123999999Z", 123],
  ["1970-01-01T02:30:00+02:30", 0],
  ["1970-01-01T00:00:00-01:00", 3_600_000],
  ["1970-01-01T00:00:00-00:00", 0],
  ["1969-12-31T23:00:00-01:00", 0],
  // The leap seconds of RFC 3339 §5.8, and others.
  ["1990-12-31T23:59:60Z", 662_687_999_999],
  ["1990-12-31T15:59:60-08:00", 662_687_999_999],
  ["2017-01-01T00:59:60.25+01:00", 1_483_228_799_999],
  ["2015-06-30T23:59:60.999Z", 1_435_708_799_999],
  ["9999-12-31T23:59:60Z", 253_402_300_799_999],
];

for (const [text, ms] of GOOD)
  test(`parseRfc3339() reads ${text}`, () => assert.equal(parseRfc3339(text), ms));

const BAD: readonly (readonly [string, string])[] = [
  ["2023-02-29T00:00:00Z", "a leap day of a common year"],
  ["1900-02-29T00:00:00Z", "a year before the epoch"],
  ["2100-02-29T00:00:00Z", "a leap day of a century that has none"],
  ["2024-04-31T00:00:00Z", "the 31st of a month of 30 days"],
  ["2024-00-10T00:00:00Z", "month 0"],
  ["2024-13-10T00:00:00Z", "month 13"],
  ["2024-01-00T00:00:00Z", "day 0"],
  ["2024-01-01T24:00:00Z", "hour 24"],
  ["2024-01-01T00:60:00Z", "minute 60"],
  ["2024-01-01T00:00:60Z", "a leap second in the middle of a day"],
  ["2024-01-30T23:59:60Z", "a leap second in the middle of a month"],
  ["2015-06-30T23:59:60+01:00", "a leap second an hour before a month ends"],
  ["2015-06-30T23:59:61Z", "second 61"],
  ["1969-12-31T23:59:60Z", "a leap second before the epoch"],
  ["2024-01-01T00:00:00+24:00", "a zone of a day"],
  ["2024-01-01T00:00:00+00:60", "a zone of 60 minutes"],
  ["2024-01-01T00:00:00", "no zone"],
  ["2024-01-01T00:00:00.Z", "a point without digits"],
  ["2024-01-01T00:00:00.0123456789Z", "ten digits behind the point"],
  ["2024-01-01", "a date alone"],
  ["2024-1-1T0:0:0Z", "single digits"],
  ["1969-12-31T23:59:59.999Z", "a time before the epoch"],
  ["1970-01-01T00:00:00+00:01", "a zone that leads before the epoch"],
  ["9999-12-31T23:59:59-00:01", "a zone that leads past the year 9999"],
  [" 2024-01-01T00:00:00Z", "a leading blank"],
  ["2024-01-01T00:00:00Z\n", "a line break behind it"],
  ["٢٠٢٤-01-01T00:00:00Z", "digits of another script"],
  ["", "nothing"],
];

for (const [text, what] of BAD)
  test(`parseRfc3339() refuses ${what}`, () => assert.equal(parseRfc3339(text), null));

test("parseRfc3339() agrees with Date on every day of 400 years and more", () => {
  for (let ms = 0; ms < 253_402_300_800_000; ms += 97 * DAY_MS + 12_345_678)
    assert.equal(parseRfc3339(new Date(ms).toISOString()), ms);
});

test("parseRfc3339() gives one instant for all its zones", () => {
  const zone = fc.tuple(fc.constantFrom("+", "-"), fc.nat(23), fc.nat(59));
  fc.assert(
    fc.property(fc.integer({ min: DAY_MS, max: 4e12 }), zone, (ms, [sign, hours, minutes]) => {
      const offsetMs = (sign === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
      const local = new Date(ms + offsetMs).toISOString().slice(0, -1);
      const two = (value: number): string => String(value).padStart(2, "0");
      assert.equal(parseRfc3339(`${local}${sign}${two(hours)}:${two(minutes)}`), ms);
    }),
  );
});

const NUMBERS: readonly (readonly [unknown, number | null])[] = [
  [0, 0],
  [-0, 0],
  [253_402_300_799_999, 253_402_300_799_999],
  [253_402_300_800_000, null],
  [-1, null],
  [1.5, null],
  [NaN, null],
  [Infinity, null],
  ["1000", null],
  [true, null],
  [null, null],
  [undefined, null],
  [[1], null],
  [{}, null],
  [10n, null],
];

for (const [value, ms] of NUMBERS)
  test(`parseTime() takes ${typeof value} ${String(value)} for ${ms}`, () =>
    assert.ok(Object.is(parseTime(value), ms)));
