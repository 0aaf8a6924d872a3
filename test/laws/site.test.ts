// Do a site's settings keep the cache's promises, whatever they say and whatever is asked? (P4, P9)

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RFC, SAFE } from "../../edge/cache/cache-policy.ts";
import { decideTarget } from "../../edge/cache/cache-key.ts";
import { decideStoring } from "../../edge/cache/storing.ts";
import { withSiteFields } from "../../edge/site/added-fields.ts";
import { keptQuery } from "../../edge/site/query-rule.ts";
import { decideRedirect } from "../../edge/site/redirects.ts";
import { linesOf, type FieldList } from "../../http/fields.ts";
import { checkConfig } from "../../state/config.ts";
import type { QueryRule } from "../../state/site.ts";
import { ContentWorld } from "../support/content-world.ts";

const names = fc.constantFrom("a", "b", "utm_x", "utm_*", "*", "a;b", "%61", "a%5B%5D");
const queryRule: fc.Arbitrary<QueryRule> = fc.oneof(
  fc.record({ drop: fc.array(names, { maxLength: 3 }) }),
  fc.record({ keep: fc.array(names, { maxLength: 3 }) }),
);
const piece = fc.constantFrom("a", "b", "utm_x", "=", "&", ";", "%61", "%26", "1", "?", "+", "a[]");
const query = fc.array(piece, { maxLength: 8 }).map((pieces) => `?${pieces.join("")}`);

test("P4: equal keys mean byte-identical requests to the upstream, under any rule for the query", async () => {
  await fc.assert(
    fc.asyncProperty(queryRule, fc.array(query, { maxLength: 6 }), async (rule, queries) => {
      const world = new ContentWorld(SAFE, { query: rule });
      /** By what was stored under: the target at the upstream that filled it. */
      const filledBy = new Map<string, string>();
      world.answer = () => ({ status: 200, fields: [["cache-control", "max-age=60"]], body: "x" });
      for (const one of queries) {
        const before = world.asked.length;
        await world.send(`/p${one}`);
        const target = decideTarget(`/p${one}`);
        assert.ok(target.kind === "target");
        const kept = `/p${keptQuery(target.query, rule)}`;
        const asked = world.asked[before]?.target;
        if (asked !== undefined) filledBy.set(kept, asked);
        assert.equal(filledBy.get(kept), kept, "what makes the key is what is sent");
      }
    }),
    { numRuns: 500 },
  );
});

test("P4: a rule for the query only takes whole parameters away, and splits at & alone", () => {
  fc.assert(
    fc.property(query, queryRule, (given, rule) => {
      const kept = keptQuery(given, rule);
      const all = given.slice(1).split("&");
      const left = kept === "" ? [] : kept.slice(1).split("&");
      let at = 0;
      for (const one of left) {
        at = all.indexOf(one, at) + 1;
        assert.ok(at > 0, "in their order, as they came");
      }
      assert.equal(keptQuery(kept, rule), kept, "twice is as once");
      const names = rule as Partial<Record<"keep" | "drop", readonly string[]>>;
      for (const one of all) {
        const [name = ""] = one.split("=", 1);
        if (names.drop?.includes(name)) assert.ok(!left.includes(one));
        if (names.keep?.includes(name) && one !== "") assert.ok(left.includes(one));
      }
    }),
    { numRuns: 2_000 },
  );
});

const rawPath = fc
  .array(fc.constantFrom("/", "//", "old", "evil.example", "..", "%2F", "%5C", "a", ":", "@"), {
    maxLength: 8,
  })
  .map((parts) => `/${parts.join("")}`);

test("P9: a redirect never leads to a host that it does not name", () => {
  const redirects = [
    { from: "/old*", to: "/*", status: 301 },
    { from: "/a*", to: "https://there.example/*", status: 302 },
    { from: "/*", to: "/old/*", status: 308 },
  ];
  fc.assert(
    fc.property(rawPath, query, (path, asked) => {
      const target = decideTarget(path + asked);
      if (target.kind === "refused") return;
      const redirected = decideRedirect(redirects, target);
      if (redirected === null) return;
      const { host } = new URL(redirected.location, "https://here.example/");
      assert.ok(["here.example", "there.example"].includes(host), redirected.location);
      if (!target.path.startsWith("/a") || target.path.startsWith("/old"))
        assert.equal(host, "here.example");
      assert.ok(/^[\x21-\x7e]+$/.test(redirected.location));
    }),
    { numRuns: 2_000 },
  );
});

const responses: fc.Arbitrary<FieldList> = fc
  .record(
    {
      "cache-control": fc.constantFrom(
        "private",
        "no-store",
        "max-age=60",
        "public",
        "no-cache",
        "s-maxage=1",
        "max-age=60, must-revalidate",
      ),
      "set-cookie": fc.constant("id=1"),
      vary: fc.constantFrom("*", "cookie"),
      etag: fc.constant('"a"'),
    },
    { requiredKeys: [] },
  )
  .map((fields) => Object.entries(fields) as unknown as FieldList);
const requests: fc.Arbitrary<FieldList> = fc
  .record({ cookie: fc.constant("id=1"), authorization: fc.constant("x") }, { requiredKeys: [] })
  .map((fields) => Object.entries(fields) as unknown as FieldList);

test("P4: no rule for lifetimes has anything stored that its fields forbid to store", () => {
  const rule = fc.record({
    store: fc.boolean(),
    ttl: fc.option(fc.nat(1_000), { nil: undefined }),
    override: fc.option(fc.nat(1_000), { nil: undefined }),
  });
  const bounds = { freshnessLifetimeSMax: 1_000, varyNamesMax: 16 };
  fc.assert(
    fc.property(
      requests,
      responses,
      rule,
      fc.constantFrom(SAFE, RFC),
      (asked, fields, said, policy) => {
        const exchange = {
          method: "GET",
          request: linesOf(asked),
          status: 200,
          fields,
          requestMs: 0,
          responseMs: 0,
        };
        // Anything that may be stored for whatever lifetime may be stored for an explicit one.
        const control = linesOf(fields).get("cache-control");
        const explicit = control === null ? "max-age=9" : `${control}, max-age=9`;
        const others = fields.filter(([name]) => name !== "cache-control");
        const fresh: FieldList = [...others, ["cache-control", explicit]];
        const without = decideStoring({ ...exchange, fields: fresh }, policy, bounds);
        const ruled = decideStoring({ ...exchange, rule: said }, policy, bounds);
        if (ruled.kind === "pass") return;
        assert.equal(without.kind, "store");
        assert.ok(said.store);
        if (said.override !== undefined) assert.equal(ruled.freshnessLifetimeS, said.override);
        if (without.kind !== "store") return;
        assert.equal(ruled.isValidatedAlways, without.isValidatedAlways);
        assert.equal(ruled.staleForbiddenBy, without.staleForbiddenBy);
        assert.deepEqual(ruled.variant, without.variant);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("an answer names the origin that asked, only if it is one of the site's, and always varies by it", () => {
  const origin = fc.constantFrom("https://a.example", "https://evil.example", "null", "");
  const fields: fc.Arbitrary<FieldList> = fc
    .record(
      {
        vary: fc.constantFrom("Accept", "accept, ORIGIN", "*"),
        "access-control-allow-origin": fc.constantFrom("https://evil.example", "*"),
        "access-control-allow-credentials": fc.constant("true"),
      },
      { requiredKeys: [] },
    )
    .map((all) => Object.entries(all) as unknown as FieldList);
  fc.assert(
    fc.property(origin, fields, fc.boolean(), (from, given, credentials) => {
      const settings = {
        cors: { origins: ["https://a.example", "https://b.example"], credentials },
      };
      const checked = checkConfig({ content: { a: settings } });
      const site = checked.ok ? checked.value.content?.["a"] : undefined;
      assert.ok(site !== undefined);
      const asked: FieldList = from === "" ? [] : [["origin", from]];
      const asking = { method: "GET", fields: linesOf(asked), scheme: "https" } as const;
      const answer = withSiteFields(given, asking, site);
      const allowed = answer.filter(([name]) => name === "access-control-allow-origin");
      const expected = from === "https://a.example" ? [from] : [];
      assert.deepEqual(
        allowed.map(([, value]) => value),
        expected,
      );
      const vary = linesOf(answer).get("vary") ?? "";
      assert.ok(/(?:^|,\s*)(?:origin|\*)(?:\s*,|$)/i.test(vary), vary);
    }),
    { numRuns: 1_000 },
  );
});
