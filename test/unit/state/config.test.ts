// Does an edge read what the origin lets pass, and is everything else named with its place?

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig, readConfig } from "../../../state/config.ts";

const HEL = { id: "hel", latitude: 60.2, longitude: 24.9 };
const FILLED = { ...HEL, countries: [], continents: [], locationHint: null };

test("checkConfig() fills in what a region leaves out, and readConfig() reads it back", () => {
  const document = {
    sites: { "shop.example": "shop", "*": "main", "[::1]": "main" },
    regions: [HEL],
  };
  const checked = checkConfig(document);
  assert.ok(checked.ok);
  assert.deepEqual(checked.value, { sites: document.sites, regions: [FILLED] });
  assert.deepEqual(readConfig(JSON.stringify(checked.value)), checked.value);
  assert.deepEqual(checkConfig({}), { ok: true, value: {} });
});

test("readConfig() leaves alone what a newer origin says, and is null for what is no document", () => {
  const newer = { sites: { "*": "main" }, weights: { hel: 2 }, regions: [{ ...HEL, zone: 3 }] };
  assert.deepEqual(readConfig(JSON.stringify(newer)), { sites: newer.sites, regions: [FILLED] });
  for (const text of ["", "{", "[]", "7", '{"sites":7}', '{"regions":[]}'])
    assert.equal(readConfig(text), null, text);
});

test("checkConfig() names each fault, where it is and how to mend it", () => {
  const faults: [unknown, string, RegExp][] = [
    [[], "", /sites/],
    [undefined, "", /nothing else/],
    [{ site: {} }, "", /nothing else/],
    [{ sites: { "Shop.example": "shop" } }, "/sites/Shop.example", /lower case/],
    [{ sites: { "a/b~c": "shop" } }, "/sites/a~1b~0c", /lower case/],
    [{ sites: { "*": "The Shop" } }, "/sites/*", /1 to 32/],
    [{ sites: { "*": 7 } }, "/sites/*", /is a text/],
    [{ sites: [] }, "/sites", /from host to site/],
    [{ regions: [] }, "/regions", /1 to 64/],
    [{ regions: [HEL, HEL] }, "/regions", /different ids/],
    [{ regions: [{ ...HEL, id: "origin" }] }, "/regions/0/id", /as the origin/],
    [{ regions: [{ ...HEL, latitude: 91 }] }, "/regions/0/latitude", /-90 to 90/],
    [{ regions: [{ ...HEL, longitude: "east" }] }, "/regions/0/longitude", /-180 to 180/],
    [{ regions: [{ ...HEL, countries: ["Finland"] }] }, "/regions/0/countries/0", /ISO 3166/],
    [{ regions: [{ ...HEL, continents: ["XX"] }] }, "/regions/0/continents/0", /AF, AN/],
    [{ regions: [{ ...HEL, locationHint: 7 }] }, "/regions/0/locationHint", /weur/],
    [{ regions: [{ ...HEL, zone: 7 }] }, "/regions/0", /nothing else/],
    [{ regions: [{ id: "hel" }] }, "/regions/0/latitude", /-90 to 90/],
  ];
  for (const [document, pointer, message] of faults) {
    const checked = checkConfig(document);
    const [first] = checked.ok ? [] : checked.error;
    assert.equal(first?.pointer, pointer, JSON.stringify(document));
    assert.match(first?.message ?? "", message);
  }
});
