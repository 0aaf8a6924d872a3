// Goal: the cache's promises hold for any request and any response, not only for tidy ones. Method:
// fields are drawn from values that matter and from noise, and decisions are compared with the law.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { correctedInitialAgeMs, currentAgeMs } from "../../edge/cache/age.ts";
import { cacheKeyOf, decideTarget, upstreamTargetOf } from "../../edge/cache/cache-key.ts";
import { PUBLISHED, RFC, SAFE, type CachePolicy } from "../../edge/cache/cache-policy.ts";
import { decideReuse } from "../../edge/cache/reuse.ts";
import { decideStoring } from "../../edge/cache/storing.ts";
import { linesOf, type FieldList } from "../../http/fields.ts";
import { formatHttpDate } from "../../http/http-date.ts";
import { ContentWorld, fieldOf, statusOf } from "../support/content-world.ts";

const YEAR_S = 31_536_000;
const now = Date.UTC(2026, 10, 21);

const directive = fc.oneof(
  fc.constantFrom(
    "public",
    "private",
    "no-store",
    "no-cache",
    "must-revalidate",
    "proxy-revalidate",
    'private="x"',
    'x="a, no-store"',
    'x="',
    "",
  ),
  fc
    .tuple(
      fc.constantFrom("max-age", "s-maxage", "MAX-AGE"),
      fc.constantFrom("=0", "=1", "=60", '="60"', "=-1", "=x", "", " =60"),
    )
    .map((parts) => parts.join("")),
  fc.string({ maxLength: 12 }),
);
const cacheControl = fc.array(directive, { maxLength: 4 }).map((list) => list.join(", "));
const dateText = fc.oneof(
  fc
    .integer({ min: -100_000, max: 100_000 })
    .map((seconds) => formatHttpDate(now + seconds * 1000)),
  fc.constantFrom("0", "", "Sun, 06 Nov 1994"),
);
const responseFields: fc.Arbitrary<FieldList> = fc
  .record(
    {
      "cache-control": cacheControl,
      expires: dateText,
      date: dateText,
      age: fc.oneof(fc.nat(100_000).map(String), fc.constantFrom("-1", "1, 2", "x")),
      "set-cookie": fc.constant("a=b"),
      vary: fc.constantFrom("accept", "*"),
      etag: fc.constantFrom('"a"', 'W/"a"', "a"),
      "x-noise": fc.string({ maxLength: 8 }),
    },
    { requiredKeys: ["cache-control"] },
  )
  .map((fields) => Object.entries(fields) as unknown as FieldList);
const requestFields: fc.Arbitrary<FieldList> = fc
  .record(
    {
      authorization: fc.constant("x"),
      cookie: fc.constant("x"),
      range: fc.constant("bytes=0-1"),
      accept: fc.constant("x"),
    },
    { requiredKeys: [] },
  )
  .map((fields) => Object.entries(fields) as unknown as FieldList);

const storingOf = (
  request: FieldList,
  fields: FieldList,
  status = 200,
  policy: CachePolicy = PUBLISHED,
) =>
  decideStoring(
    { method: "GET", request: linesOf(request), status, fields, requestMs: now, responseMs: now },
    policy,
    { freshnessLifetimeSMax: YEAR_S, varyNamesMax: 16 },
  );

const policies = fc.constantFrom(PUBLISHED, SAFE, RFC);

test("P4: nothing is ever served that storing refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      requestFields,
      requestFields,
      responseFields,
      policies,
      async (first, second, fields, policy) => {
        const world = new ContentWorld(policy);
        let serial = 0;
        world.answer = () => ({ status: 200, fields, body: `body ${(serial += 1)}` });
        await world.send("/a", first);
        world.forgetMemory();
        const later = await world.send("/a", second);
        const isReused = later.kind === "content" && later.body === "body 1";
        if (isReused) assert.equal(storingOf(first, fields, 200, policy).kind, "store");
      },
    ),
    { numRuns: 1_500 },
  );
});

const originAct = fc.oneof(
  fc.constant({ failure: "origin-unreachable" } as const),
  fc.record({
    status: fc.constantFrom(200, 200, 304, 404, 500, 503),
    fields: responseFields,
    body: fc.constant("later"),
    isSlow: fc.boolean(),
  }),
);
const namingFields = requestFields.filter((fields) =>
  fields.some(([name]) => name === "authorization" || name === "cookie"),
);

test("P4: what goes past the cache changes nothing in it, whatever the origin does", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(namingFields, originAct, fc.nat(90_000)), { maxLength: 6 }),
      fc.constantFrom("max-age=60", "max-age=60, must-revalidate", "no-store"),
      fc.constantFrom("GET", "HEAD"),
      fc.boolean(),
      async (sends, policy, method, isOtherIsolate) => {
        const world = new ContentWorld();
        world.answer = () => ({ status: 200, fields: [["cache-control", policy]], body: "first" });
        await world.send("/a");
        if (isOtherIsolate) world.forgetMemory();
        const [bytes, regional] = [world.memory.bytes(), [...world.region]];
        for (const [fields, act, laterMs] of sends) {
          world.nowMs += laterMs;
          world.answer = () => act;
          await world.send("/a", fields, method);
          await world.send("/b", fields, method);
        }
        assert.equal(world.memory.bytes(), bytes);
        assert.deepEqual([...world.region], regional);
        const sent = world.asked.flatMap(({ fields }) => fields.map(([name]) => name));
        assert.ok(!sent.includes("cookie") && !sent.includes("authorization"));
      },
    ),
    { numRuns: 500 },
  );
});

test("P4: what may be shared names nobody", () => {
  fc.assert(
    fc.property(requestFields, responseFields, (request, fields) => {
      if (storingOf(request, fields).kind === "pass") return;
      const [asked, given] = [linesOf(request), linesOf(fields)];
      for (const name of ["authorization", "cookie"]) assert.ok(!asked.has(name));
      for (const name of ["set-cookie", "vary"]) assert.ok(!given.has(name));
    }),
    { numRuns: 1_000 },
  );
});

test("P4: no-store and private forbid storing under every policy, whatever else is said", () => {
  fc.assert(
    fc.property(
      requestFields,
      responseFields,
      cacheControl,
      fc.constantFrom("no-store", "private", 'private="x"', "NO-STORE"),
      fc.integer({ min: 200, max: 599 }),
      policies,
      (request, fields, tail, word, status, policy) => {
        const others = fields.filter(([name]) => name !== "cache-control");
        for (const control of [`${word}, ${tail}`, word]) {
          const said: FieldList = [...others, ["cache-control", control]];
          assert.equal(storingOf(request, said, status, policy).kind, "pass");
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test("P4: what credentials or cookies had a part in is stored by any server's word only", () => {
  const says = (fields: FieldList, words: readonly string[]): boolean => {
    const control = (linesOf(fields).get("cache-control") ?? "").toLowerCase();
    return words.some((word) => control.includes(word));
  };
  fc.assert(
    fc.property(
      requestFields,
      responseFields,
      fc.constantFrom(SAFE, RFC),
      (request, fields, policy) => {
        if (storingOf(request, fields, 200, policy).kind === "pass") return;
        const [asked, given] = [linesOf(request), linesOf(fields)];
        if (asked.has("authorization")) {
          assert.ok(says(fields, ["public", "must-revalidate", "s-maxage"]));
        }
        const isAboutCookies = asked.has("cookie") || given.has("set-cookie");
        if (isAboutCookies && policy === SAFE) assert.ok(says(fields, ["public"]));
        assert.notEqual(given.get("vary"), "*");
      },
    ),
    { numRuns: 2_000 },
  );
});

test("P4: a response is reused only for the values that it was asked for with", async () => {
  const value = fc.constantFrom("a", "b", "a,b", " a , b ", "", "\ufffd");
  await fc.assert(
    fc.asyncProperty(
      fc.option(value, { nil: null }),
      fc.option(value, { nil: null }),
      fc.constantFrom(SAFE, RFC),
      fc.boolean(),
      async (first, second, policy, isOtherIsolate) => {
        const world = new ContentWorld(policy);
        let serial = 0;
        world.answer = () => ({
          status: 200,
          fields: [
            ["cache-control", "max-age=60"],
            ["vary", "X-Choice"],
          ],
          body: `body ${(serial += 1)}`,
        });
        const choice = (text: string | null): FieldList =>
          text === null ? [] : [["x-choice", text]];
        await world.send("/a", choice(first));
        if (isOtherIsolate) world.forgetMemory();
        const later = await world.send("/a", choice(second));
        const isReused = later.kind === "content" && later.body === "body 1";
        const plain = (text: string | null) => text?.replaceAll(" ", "") ?? null;
        assert.equal(isReused, plain(first) === plain(second) && first !== "\ufffd");
      },
    ),
    { numRuns: 300 },
  );
});

test("age is never negative, and never falls while the clock goes on", () => {
  fc.assert(
    fc.property(
      responseFields,
      fc.nat(10_000),
      fc.integer({ min: -100_000, max: 1e9 }),
      fc.nat(1e6),
      (fields, delay, later, more) => {
        const initialAgeMs = correctedInitialAgeMs(linesOf(fields), now - delay, now);
        assert.ok(initialAgeMs >= 0);
        const aged = (at: number) => currentAgeMs({ initialAgeMs, responseMs: now }, at);
        assert.ok(aged(now + later) >= initialAgeMs);
        assert.ok(aged(now + later + more) >= aged(now + later));
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a later moment never turns stale into fresh", () => {
  fc.assert(
    fc.property(
      responseFields,
      fc.integer({ min: -10_000, max: 1e9 }),
      fc.nat(1e9),
      (fields, later, more) => {
        const storing = storingOf([], fields);
        if (storing.kind === "pass") return;
        const at = (nowMs: number) =>
          decideReuse({ ...storing, responseMs: now }, nowMs, 1e8, PUBLISHED);
        const [before, after] = [at(now + later), at(now + later + more)];
        if (before.kind !== "serve-fresh") assert.notEqual(after.kind, "serve-fresh");
        assert.ok(after.ttlS <= before.ttlS);
        assert.equal(after.ttlS < 0, after.kind !== "serve-fresh");
      },
    ),
    { numRuns: 1_000 },
  );
});

const piece = fc.oneof(
  fc.constantFrom(
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5c",
    "%41",
    "%00",
    "%",
    "a",
    "A",
    "é",
    "?",
    "&",
    "=",
    "'",
    "|",
    "^",
    "{",
    ";",
    " ",
    "\\",
    "#",
    "\ufffd",
    "%C3%A9",
  ),
  fc.string({ maxLength: 3 }),
);
const rawTarget = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join("")}`);
const site = fc.constantFrom("main", "other", "main-2");

test("P4: equal keys imply byte-identical upstream requests, in one site", () => {
  fc.assert(
    fc.property(site, rawTarget, site, rawTarget, (siteA, rawA, siteB, rawB) => {
      const [a, b] = [decideTarget(rawA), decideTarget(rawB)];
      if (a.kind === "refused" || b.kind === "refused") return;
      const isSameKey = cacheKeyOf(siteA, a) === cacheKeyOf(siteB, b);
      const isSameUpstream = upstreamTargetOf(siteA, a) === upstreamTargetOf(siteB, b);
      assert.equal(isSameKey, isSameUpstream);
      if (isSameKey) assert.equal(siteA, siteB);
    }),
    { numRuns: 2_000 },
  );
});

test("P4: what goes on the wire is the canonical target, and it never leaves its site", () => {
  fc.assert(
    fc.property(rawTarget, (raw) => {
      const target = decideTarget(raw);
      if (target.kind === "refused") return;
      const upstream = `http://origin${upstreamTargetOf("main", target)}`;
      assert.equal(new URL(upstream).href, upstream);
      assert.ok(new URL(upstream).pathname.startsWith("/v1/sites/main/content/"));
      const again = decideTarget(target.path + target.query);
      assert.deepEqual(again, target, "canonical is canonical");
    }),
    { numRuns: 2_000 },
  );
});

test("P9: any target and any fields get an answer, and Cache-Status says which tier it was", async () => {
  await fc.assert(
    fc.asyncProperty(
      rawTarget,
      requestFields,
      responseFields,
      fc.integer({ min: 200, max: 599 }),
      async (raw, request, fields, status) => {
        const world = new ContentWorld();
        world.answer = () => ({ status, fields, body: "x" });
        const answer = await world.send(raw, request);
        const isRefused = statusOf(answer) === 400;
        assert.ok(isRefused || (fieldOf(answer, "cache-status") ?? "").startsWith("skerry-"));
      },
    ),
    { numRuns: 300 },
  );
});
