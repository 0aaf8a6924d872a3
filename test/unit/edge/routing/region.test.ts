// Which region serves which place, and why? The decision table, first match wins.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decideRegion, type Place, type RegionSpec } from "../../../../edge/routing/region.ts";

function aRegion(
  id: string,
  latitude: number,
  longitude: number,
  serves: Partial<RegionSpec> = {},
): RegionSpec {
  return { id, latitude, longitude, countries: [], continents: [], locationHint: null, ...serves };
}

const REGIONS = [
  aRegion("hel", 60.2, 24.9, { countries: ["FI"], continents: ["EU"] }),
  aRegion("syd", -33.9, 151.2, { continents: ["OC"] }),
  aRegion("lax", 34, -118.2, { countries: ["US"], continents: ["NA"] }),
];

function at(place: Partial<Place>): Place {
  return { country: null, continent: null, colo: null, latitude: null, longitude: null, ...place };
}
const sydney = { latitude: -33, longitude: 151 };

const CASES: readonly (readonly [string, Place | null, string | null, string, string])[] = [
  ["a pin, wherever it came from", at({ country: "FI" }), "box", "box", "pinned"],
  ["a pin, nothing known", null, "hel", "hel", "pinned"],
  ["a listed country", at({ country: "US" }), null, "lax", "country"],
  ["a listed country that is far away", at({ country: "FI", ...sydney }), null, "hel", "country"],
  ["coordinates", at({ country: "NZ", continent: "EU", ...sydney }), null, "syd", "nearest"],
  ["the north pole", at({ latitude: 90, longitude: 0 }), null, "hel", "nearest"],
  ["the other side of the date line", at({ latitude: 0, longitude: -179 }), null, "syd", "nearest"],
  ["coordinates at 0, 0", at({ latitude: 0, longitude: 0 }), null, "hel", "nearest"],
  [
    "half of a coordinate and a continent",
    at({ latitude: -33, continent: "NA" }),
    null,
    "lax",
    "continent",
  ],
  ["a continent", at({ continent: "OC" }), null, "syd", "continent"],
  ["a continent that nobody serves", at({ continent: "AN" }), null, "hel", "default"],
  ["a country alone that nobody lists", at({ country: "T1" }), null, "hel", "default"],
  ["an empty place", at({}), null, "hel", "default"],
  ["nothing", null, null, "hel", "default"],
];

for (const [what, place, pinned, region, reason] of CASES)
  test(`decideRegion() by ${what}: ${region}, ${reason}`, () =>
    assert.deepEqual(decideRegion(place, REGIONS, pinned), { region, reason }));

test("decideRegion() without a table is the default region", () => {
  const place = at({ country: "FI", ...sydney });
  assert.deepEqual(decideRegion(place, [], null), { region: "default", reason: "default" });
});

test("decideRegion() of equally near regions is the first of the table", () => {
  const twins = [aRegion("b", 0, 10), aRegion("a", 0, -10)];
  assert.equal(decideRegion(at({ latitude: 0, longitude: 0 }), twins, null).region, "b");
});
