// Which stored responses does a mark kill, and which does it leave? By scope, by what was known when
// the response was asked for, and in both tiers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PurgeBook, type KnownPurges } from "../../../../edge/cache/purge-book.ts";
import type { PurgeView, StoredMeta } from "../../../../edge/cache/stored-response.ts";
import { SAFE } from "../../../../edge/cache/cache-policy.ts";
import { decideReuse } from "../../../../edge/cache/reuse.ts";
import { softScope } from "../../../../state/purge-scope.ts";
import type { PurgeWatch, RegionContent } from "../../../../edge/content-ports.ts";
import { MemoryStore } from "../../../../edge/platform/memory-store.ts";
import { purgedMemory, purgedRegion } from "../../../../edge/purged-content.ts";
import { scopesOf, type PurgeRequest } from "../../../../edge/purge-scopes.ts";
import { purgeKey } from "../../../../state/region.ts";
import { PLAIN_POLICY } from "../../../support/stored-policy.ts";

const SITES = { "example.com": "main", "docs.example.com": "docs" };

function metaOf(purgeView?: PurgeView, tags?: string): StoredMeta {
  return {
    ...PLAIN_POLICY,
    status: 200,
    fields:
      tags === undefined
        ? []
        : [
            ["cache-tag", tags],
            ["cache-groups", '"tides", "all pages";x'],
          ],
    bodyBytes: 1,
    requestMs: 1_000,
    responseMs: 1_000,
    ...(purgeView === undefined ? {} : { purgeView }),
  };
}

/** A book with one purge by hel, its fifth. */
function bookOf(asked: PurgeRequest): PurgeBook {
  const scopes = scopesOf(asked, SITES);
  assert.ok(scopes.ok);
  const purges = scopes.value.map((scope) => [purgeKey("hel", scope), 5] as const);
  return new PurgeBook({ purgeView: [["hel", 5]], purges, purgeFloor: [] });
}

const URL = "https://example.com";
const LONG = `/${"long/".repeat(60)}`;
const CASES: readonly (readonly [string, PurgeRequest, string, boolean])[] = [
  ["all", { all: true }, "docs|/x", true],
  ["its host", { hosts: ["example.com"] }, "main|/a/b?c", true],
  ["another host", { hosts: ["docs.example.com"] }, "main|/a/b?c", false],
  ["its URL", { urls: [`${URL}/a/b`] }, "main|/a/b", true],
  ["its URL with another query", { urls: [`${URL}/a/b?x=1`] }, "main|/a/b?y=2", true],
  ["its folder's URL", { urls: [`${URL}/a/`] }, "main|/a/index.html", true],
  ["its index.html", { urls: [`${URL}/index.html`] }, "main|/", true],
  ["its URL escaped otherwise", { urls: [`${URL}/%c3%a4`] }, "main|/%C3%A4", true],
  ["the same path of another site", { urls: [`${URL}/a`] }, "docs|/a", false],
  ["a URL below it", { urls: [`${URL}/a/b`] }, "main|/a", false],
  ["a long URL", { urls: [URL + LONG] }, `main|${LONG}`, true],
  ["another long URL", { urls: [URL + LONG] }, `main|${LONG}x`, false],
  ["its prefix", { prefixes: [`${URL}/a/`] }, "main|/a/b/c?d", true],
  ["a prefix that ends within a name", { prefixes: [`${URL}/a/b`] }, "main|/a/bc", true],
  ["a prefix beside it", { prefixes: [`${URL}/a/`] }, "main|/ab", false],
  ["a prefix of another site", { prefixes: ["https://docs.example.com/"] }, "main|/a", false],
  ["a tag that it has", { tags: ["NEWS"] }, "main|/a", true],
  ["a tag that it lacks", { tags: ["new"] }, "main|/a", false],
  ["its group", { groups: [{ host: "example.com", group: "all pages" }] }, "main|/a", true],
  ["a group in capitals", { groups: [{ host: "example.com", group: "Tides" }] }, "main|/a", false],
  [
    "another site's group",
    { groups: [{ host: "docs.example.com", group: "tides" }] },
    "main|/a",
    false,
  ],
];
for (const [what, asked, key, isPurged] of CASES) {
  test(`isPurged() a purge of ${what}: ${isPurged ? "dead" : "alive"}`, () => {
    const book = bookOf(asked);
    assert.equal(book.isPurged(key, metaOf([["hel", 4]], "sport, news")), isPurged);
    assert.equal(book.isPurged(key, metaOf(undefined, "sport, news")), isPurged);
    assert.equal(book.isPurged(key, metaOf([["hel", 5]], "news")), false, "asked for after it");
    assert.equal(book.isPurged(key, metaOf([["tll", 9]], "news")), isPurged, "another's numbers");
  });
}

for (const [what, asked, key, isMeant] of CASES) {
  test(`verdictOn() a soft purge of ${what}: ${isMeant ? "stale" : "alive"}`, () => {
    const soft = bookOf({ ...asked, mode: "soft" });
    const old = metaOf([["hel", 4]], "sport, news");
    assert.equal(soft.verdictOn(key, old), isMeant ? "stale" : "alive");
    assert.equal(soft.verdictOn(key, metaOf([["hel", 5]], "news")), "alive");
    const hard = scopesOf(asked, SITES);
    assert.ok(hard.ok);
    const both = [...hard.value, ...hard.value.map(softScope)];
    const purges = both.map((scope) => [purgeKey("hel", scope), 5] as const);
    const book = new PurgeBook({ purgeView: [["hel", 5]], purges, purgeFloor: [] });
    assert.equal(book.verdictOn(key, old), isMeant ? "dead" : "alive");
  });
}

test("what a soft purge meant is stale, whatever its age, and then for what stale may be", async () => {
  const memory = new MemoryStore<string>({
    eviction: "probation",
    bytesMax: 10_000,
    entriesMax: 9,
    variantsMax: 4,
    staleMsMax: 0,
  });
  const meta = { ...metaOf([["hel", 4]]), staleWhileRevalidateS: 60 };
  memory.put("main|/a", { meta, body: "old" }, 1_000);
  const soft = watching(bookOf({ all: true, mode: "soft" }));
  const found = purgedMemory(memory, soft).get("main|/a", 1_000);
  assert.ok(found !== null);
  const reuse = decideReuse(found.meta, 1_000, 60_000, SAFE);
  assert.deepEqual(
    [reuse.kind, reuse.reason, reuse.ttlS],
    ["serve-stale", "stale-while-revalidate", -1],
  );
});

test("P5 what may have been purged, because nobody tells, is validated before it is used", async () => {
  const memory = new MemoryStore<string>({
    eviction: "probation",
    bytesMax: 10_000,
    entriesMax: 9,
    variantsMax: 4,
    staleMsMax: 0,
  });
  const meta = { ...metaOf([["hel", 5]]), staleWhileRevalidateS: 60 };
  memory.put("main|/a", { meta, body: "old" }, 1_000);
  const silent = { ...watching(bookOf({ all: true })), isCurrent: false };
  const found = purgedMemory(memory, silent).get("main|/a", 1_000);
  assert.ok(found !== null);
  const reuse = decideReuse(found.meta, 1_000, 60_000, SAFE);
  assert.equal(reuse.kind === "validate-or-refuse" && reuse.detail, "purges-unknown");
});

test("P8 what is older than marks that a book leaves out is dead, whatever it is", () => {
  const known: KnownPurges = {
    purgeView: [
      ["hel", 9],
      ["tll", 3],
    ],
    purges: [[purgeKey("hel", "tag a"), 9]],
    purgeFloor: [["hel", 7]],
  };
  const book = new PurgeBook(known);
  assert.equal(book.isPurged("main|/", metaOf([["hel", 6]])), true);
  assert.equal(book.isPurged("main|/", metaOf([["hel", 7]])), false);
  assert.equal(book.isPurged("main|/", metaOf([["hel", 8]], "a")), true);
});

function watching(book: PurgeBook): PurgeWatch {
  return { book, isCurrent: true, renew: async () => undefined, mark: async () => undefined };
}

test("a tier forgets what was purged, and stores with what the asking request knew", async () => {
  const memory = new MemoryStore<string>({
    eviction: "probation",
    bytesMax: 10_000,
    entriesMax: 9,
    variantsMax: 4,
    staleMsMax: 0,
  });
  const before = new PurgeBook({ purgeView: [["hel", 4]], purges: [], purgeFloor: [] });
  const after = bookOf({ urls: [`${URL}/a`] });
  purgedMemory(memory, watching(before)).put("main|/a", { meta: metaOf(), body: "old" }, 1_000);
  assert.equal(purgedMemory(memory, watching(before)).get("main|/a", 1_000)?.body, "old");
  assert.equal(purgedMemory(memory, watching(after)).get("main|/a", 1_000), null);
  assert.equal(memory.bytes(), 0);
  // A request that asked before the purge, and whose answer came after it.
  purgedMemory(memory, watching(before)).put("main|/a", { meta: metaOf(), body: "late" }, 1_000);
  assert.equal(purgedMemory(memory, watching(after)).get("main|/a", 1_000), null);
  purgedMemory(memory, watching(after)).put("main|/a", { meta: metaOf(), body: "new" }, 1_000);
  assert.equal(purgedMemory(memory, watching(after)).get("main|/a", 1_000)?.body, "new");
});

test("what a region gives is looked up too, and keeps its own view when memory takes it over", async () => {
  const stored = { meta: metaOf([["hel", 4]]), body: "old" };
  const region: RegionContent<string> = {
    get: async () => ({ kind: "found", stored }),
    getTagged: async () => stored,
    put: async () => undefined,
    delete: async () => undefined,
    claimFill: async () => "alone",
    endFill: async () => undefined,
  };
  const after = bookOf({ urls: [`${URL}/a`] });
  assert.deepEqual(await purgedRegion(region, watching(after)).get("main|/a", [], null), {
    kind: "none",
    tags: [],
    isClaimed: false,
  });
  assert.equal(await purgedRegion(region, watching(after)).getTagged("main|/a", '"a"'), null);
  assert.equal(
    (await purgedRegion(region, watching(after)).get("main|/b", [], null)).kind,
    "found",
  );
  const memory = new MemoryStore<string>({
    eviction: "probation",
    bytesMax: 10_000,
    entriesMax: 9,
    variantsMax: 4,
    staleMsMax: 0,
  });
  purgedMemory(memory, watching(after)).put("main|/a", stored, 1_000);
  assert.equal(purgedMemory(memory, watching(after)).get("main|/a", 1_000), null);
});
