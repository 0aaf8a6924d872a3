// What can a site's hooks do, and what can they not, whatever they say?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PUBLISHED, RFC, SAFE } from "../../../edge/cache/cache-policy.ts";
import type { SiteHooks } from "../../../edge/site/hooks.ts";
import { shopHooks } from "../../../examples/hooks/shop.ts";
import { ContentWorld, fieldOf, statusOf, type OriginAct } from "../../support/content-world.ts";

const page = (fields: readonly (readonly [string, string])[] = [], body = "page"): OriginAct => ({
  status: 200,
  fields: [["cache-control", "max-age=60"], ...fields],
  body,
});
const fail = (): never => {
  throw new Error("a hook's own fault");
};
const statusField = (answer: Parameters<typeof fieldOf>[0]) =>
  fieldOf(answer, "cache-status") ?? "";

test("the example refuses, rewrites, keys, fetches, tags and delivers", async () => {
  const world = new ContentWorld(SAFE, undefined, shopHooks);
  world.answer = ({ fields }) => {
    const list = fields.find(([name]) => name === "x-price-list")?.[1] ?? "";
    return { status: 200, fields: [["x-powered-by", "php"]], body: `prices for ${list}` };
  };
  const bodyOf = async (list: string) => {
    const answer = await world.send("/shop?a=1", [["x-price-list", list]]);
    return answer.kind === "content" ? answer.body : null;
  };
  assert.equal(await bodyOf("trade"), "prices for trade");
  assert.equal(await bodyOf("retail"), "prices for retail");
  assert.equal(await bodyOf("made up"), "prices for retail");
  assert.equal(await bodyOf("trade"), "prices for trade");
  assert.deepEqual(
    world.asked.map(({ target }) => target),
    ["/catalogue/?a=1", "/catalogue/?a=1"],
  );
  assert.ok(world.asked.every(({ fields }) => fields.some(([name]) => name === "authorization")));
  const hit = await world.send("/catalogue/?a=1");
  assert.match(statusField(hit), /^skerry-memory; hit; ttl=300$/);
  assert.equal(fieldOf(hit, "cache-tag"), "section-catalogue");
  assert.equal(fieldOf(hit, "x-powered-by"), null);
  assert.equal(fieldOf(hit, "x-served-for"), "site.example");
  assert.equal(statusOf(await world.send("/internal/x")), 404);
  await world.send("/catalogue/?a=1", [], "POST");
  assert.ok(world.marked.includes("url main/catalogue/index.html"), "a write ends all its keys");
});

test("P9: a hook that throws, or says nonsense, changes nothing and is told of", async () => {
  const nonsense: Record<keyof SiteHooks, unknown>[] = [
    { onRequest: fail, onKey: () => [], onFetch: fail, onResponse: fail, onDeliver: fail },
    {
      onRequest: () => ({ kind: "rewrite", path: "no path", query: "" }),
      onKey: () => ["a"],
      onFetch: () => ({ host: "evil", "bad name": "x", "x-a": "a\r\nb" }),
      onResponse: () => ({ fields: { "set-cookie": "a=b" }, lifetime: { store: true, ttl: -1 } }),
      onDeliver: () => ({ "content-length": "0" }),
    },
    {
      onRequest: () => ({ kind: "redirect", status: 200, location: "/" }),
      onKey: () => [],
      onFetch: () => ({ "accept-encoding": "br" }),
      onResponse: () => ({ fields: { "cache-control": "public" } }),
      onDeliver: () => ({ vary: null }),
    },
  ];
  for (const hooks of nonsense) {
    const world = new ContentWorld(SAFE, undefined, hooks as SiteHooks);
    world.answer = () => page();
    const answer = await world.send("/a");
    assert.equal(answer.kind === "content" && answer.body, "page");
    assert.equal(world.asked[0]?.target, "/a");
    for (const phase of ["onrequest", "onfetch", "onresponse", "ondeliver"])
      assert.ok(statusField(answer).includes(`skerry-hooks; detail=${phase}-failed`), phase);
    assert.match(statusField(await world.send("/a")), /^skerry-memory; hit/);
    for (const { fields } of world.asked)
      assert.ok(!fields.some(([name]) => name === "host" || name === "bad name"));
  }
});

test("P4: where it is not known what a key depends on nothing is stored, and nothing stored is served", async () => {
  for (const onKey of [fail, () => ["a".repeat(65)], () => ["1", "2", "3", "4", "5"], () => 7]) {
    const world = new ContentWorld(SAFE, undefined, { onKey } as SiteHooks);
    world.answer = () => page();
    for (let time = 0; time < 2; time += 1) {
      const answer = await world.send("/a");
      assert.match(statusField(answer), /fwd=bypass; fwd-status=200; detail=hook-failed/);
      assert.match(statusField(answer), /skerry-hooks; detail=onkey-failed$/);
    }
    assert.equal(world.asked.length, 2);
    assert.equal(world.memory.bytes(), 0);
  }
});

test("P4: no hook makes anything shared that is private", async () => {
  const names = fc.constantFrom(
    "cache-control",
    "set-cookie",
    "vary",
    "expires",
    "skerry-cache-control",
    "cdn-cache-control",
    "pragma",
    "x-a",
  );
  const changes = fc.dictionary(
    names,
    fc.option(fc.constantFrom("public", "max-age=60", "*", "x")),
  );
  const lifetime = fc.option(fc.record({ store: fc.boolean(), override: fc.nat(60) }), {
    nil: undefined,
  });
  const secret = fc.constantFrom(
    ["cache-control", "private, max-age=60"],
    ["cache-control", "no-store"],
    ["set-cookie", "id=1"],
    ["vary", "*"],
    ["skerry-cache-control", "private"],
  );
  await fc.assert(
    fc.asyncProperty(changes, lifetime, secret, async (fields, ruled, [name = "", value = ""]) => {
      const hooks: SiteHooks = {
        onResponse: () => ({ fields, ...(ruled === undefined ? {} : { lifetime: ruled }) }),
        onDeliver: () => fields,
      };
      const world = new ContentWorld(SAFE, undefined, hooks);
      const own = name === "cache-control" ? [] : [["cache-control", "max-age=60"] as const];
      world.answer = () => ({ status: 200, fields: [...own, [name, value]], body: "secret" });
      await world.send("/a");
      await world.send("/a");
      assert.equal(world.asked.length, 2, "it was not shared");
      assert.equal(world.memory.bytes(), 0);
    }),
    { numRuns: 500 },
  );
});

test("P4: equal keys mean byte-identical requests to the upstream, whatever the hooks make of them", async () => {
  const part = fc.constantFrom("", "a", "b", "a&b", "#", "?", "é");
  const asks = fc.array(
    fc.tuple(fc.constantFrom("/p", "/p?", "/p?a", "/q"), fc.array(part, { maxLength: 4 })),
    {
      maxLength: 8,
    },
  );
  await fc.assert(
    fc.asyncProperty(asks, async (all) => {
      const hooks: SiteHooks = {
        onKey: ({ fields }) => JSON.parse(fields.get("x-parts") ?? "[]") as string[],
        onFetch: ({ parts }) => ({ "x-sent": encodeURIComponent(parts.join("|")) }),
      };
      const world = new ContentWorld(RFC, undefined, hooks);
      world.answer = ({ target, fields }) =>
        page([], `${target} ${fields.find(([name]) => name === "x-sent")?.[1]}`);
      for (const [target, parts] of all) {
        const answer = await world.send(target, [["x-parts", JSON.stringify(parts)]]);
        const expected = `${target} ${encodeURIComponent(parts.join("|"))}`;
        assert.equal(answer.kind === "content" && answer.body, expected);
      }
    }),
    { numRuns: 500 },
  );
});

test("what is published knows no fetch hook, and the others work there too", async () => {
  const world = new ContentWorld(PUBLISHED, undefined, shopHooks);
  world.answer = () => page();
  const answer = await world.send("/shop");
  assert.equal(fieldOf(answer, "x-served-for"), "site.example");
  assert.deepEqual(world.asked[0]?.fields, []);
});
