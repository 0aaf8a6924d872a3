// Goal: P4 equal cache keys imply byte-identical upstream requests, two sites never share one, and to
// make a target canonical twice is to do it once. Method: random URLs and spellings of them through the
// decisions that serve a request; and mistakes planted in those, which the same method has to find.
//
// npm run fuzz:keys runs more of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzKeys, resolveServed, type Resolve, type Way } from "../support/fuzz-keys.ts";

const URLS = 20_000;

test(`P4 ${URLS} URLs: no key has two upstream requests, or two sites`, () => {
  for (const seed of [1, Math.floor(Math.random() * 2 ** 32)]) {
    const tally = fuzzKeys(URLS, seed);
    assert.deepEqual(tally.violations, [], `npm run fuzz:keys -- --urls ${URLS} --seed ${seed}`);
    assert.equal(tally.crossSite, 0);
    // What shares no key, or is refused, shows nothing.
    assert.ok(tally.sharedKeys > URLS / 50 && tally.pairs > URLS / 10, JSON.stringify(tally));
    assert.ok(tally.refused > URLS / 50 && tally.refused < URLS / 2, JSON.stringify(tally));
  }
});

test("a seed comes to the same each time", () => {
  assert.deepEqual(fuzzKeys(2_000, 7), fuzzKeys(2_000, 7));
});

const changed =
  (change: (way: Way, target: string, host: string) => Partial<Way>): Resolve =>
  (asked) => {
    const way = resolveServed(asked);
    return way === null ? null : { ...way, ...change(way, asked.target, asked.host) };
  };

const PLANTS: Readonly<Record<string, Resolve>> = {
  "the case of a path does not count": changed(({ key }) => ({ key: key.toLowerCase() })),
  "a parameter is left out of the key": changed(({ key }) => ({
    key: key.replace(/[?&]utm_source=x/, ""),
  })),
  "an escaped slash counts as a slash": changed(({ key }) => ({
    key: key.replaceAll("%2F", "/"),
  })),
  "the target goes on as it came": changed((_way, target) => ({ upstream: target })),
  "sites are told apart by their first letter": changed(({ key, site }) => ({
    key: `${site.slice(0, 1)}${key.slice(site.length)}`,
  })),
  "the upstream hears which host was asked": changed(({ fields }, _target, host) => ({
    fields: [...fields.filter(([name]) => name !== "forwarded"), ["forwarded", `host=${host}`]],
  })),
  "a client names the host": (asked) => {
    const way = resolveServed(asked);
    const lies = asked.fields.filter(([name]) => name === "x-forwarded-host");
    return way === null ? null : { ...way, fields: [...way.fields, ...lies] };
  },
  "a target that is odd makes it throw": (asked) => {
    decodeURIComponent(asked.target);
    return resolveServed(asked);
  },
};

test("P4 sites that are told apart by their first letter are found to share keys", () => {
  const resolve = PLANTS["sites are told apart by their first letter"];
  assert.ok(resolve !== undefined && fuzzKeys(URLS, 1, resolve).crossSite > 0);
});

for (const [name, resolve] of Object.entries(PLANTS))
  test(`P4 the plant "${name}" is found`, () => {
    assert.ok(fuzzKeys(URLS, 1, resolve).violationCount > 0);
  });
