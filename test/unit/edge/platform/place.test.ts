// What is believed of request.cf? Fields of the right form; whatever else stands there is no place.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { placeOf } from "../../../../edge/platform/place.ts";
import type { Place } from "../../../../edge/routing/region.ts";

const OWN: Place = { country: "FI", continent: "EU", colo: null, latitude: 60, longitude: 25 };
const NOWHERE = { country: null, continent: null, colo: null, latitude: null, longitude: null };

test("placeOf() reads what Cloudflare says", () => {
  const cf = {
    country: "fi",
    continent: "EU",
    colo: "HEL",
    latitude: "60.17",
    longitude: "-24.9",
    asn: 5,
  };
  assert.deepEqual(placeOf(cf, null), {
    country: "FI",
    continent: "EU",
    colo: "HEL",
    latitude: 60.17,
    longitude: -24.9,
  });
});

for (const cf of [null, undefined, "FI", 5, true, {}, [], { country: null, latitude: "" }])
  test(`placeOf() of ${JSON.stringify(cf)} is the box's own place, or none`, () => {
    assert.equal(placeOf(cf, OWN), OWN);
    assert.equal(placeOf(cf, null), null);
  });

test("placeOf() does not mix the request's place with the box's own", () => {
  assert.deepEqual(placeOf({ country: "SE" }, OWN), { ...NOWHERE, country: "SE" });
});

const LATITUDES: readonly (readonly [unknown, number | null])[] = [
  ["60.17", 60.17],
  ["-90", -90],
  ["0", 0],
  [12.5, 12.5],
  ["90.0001", null],
  ["-91", null],
  [" ", null],
  ["\t\n", null],
  ["0x10", null],
  ["1e1", null],
  ["Infinity", null],
  ["60,17", null],
  ["north", null],
  [NaN, null],
  [Infinity, null],
  [true, null],
  [[60], null],
  [{ valueOf: () => 60 }, null],
];

for (const [latitude, degrees] of LATITUDES)
  test(`placeOf() takes latitude ${JSON.stringify(latitude)} for ${degrees}`, () =>
    assert.equal(placeOf({ country: "FI", latitude }, null)?.latitude, degrees));

for (const country of ["", "F", "FINLAND-X", "F I", "ÄÖ", 358, {}, ["FI"], "FI\n"])
  test(`placeOf() takes country ${JSON.stringify(country)} for none`, () =>
    assert.equal(placeOf({ colo: "HEL", country }, null)?.country, null));

test("P9 placeOf() never throws, and never gives a degree out of bounds", () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), (country, latitude, longitude) => {
      const place = placeOf({ country, latitude, longitude }, null);
      assert.ok(Math.abs(place?.latitude ?? 0) <= 90 && Math.abs(place?.longitude ?? 0) <= 180);
    }),
  );
});
