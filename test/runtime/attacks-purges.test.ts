// Who can end what is stored, and how often? Anyone by a write that the server accepts; by a purge only
// who has a token for it. The ids are those of docs/threat-model.md; purges under way, in a partition
// and with clocks apart are in purges.test.ts and the simulation.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { limits } from "../../edge/limits.ts";
import { mintOperatorToken } from "../../tools/launcher/keys.ts";
import { AttackSite, FRESH, isHit, type Answer } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);

/** Stores a page, and sees that it is. */
async function store(target: string): Promise<void> {
  site.serve(target, ({ method }, count) =>
    method === "GET" ? { headers: FRESH, body: `${count}` } : { status: 200, body: "done" },
  );
  await send(target);
  assert.ok(isHit(await send(target)));
}

const post = async (body: unknown, token: string | null): Promise<Response> =>
  fetch(`${site.edge.url}/v1/purge`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });

test("attack U1: the method PURGE ends nothing, and is not passed on", async () => {
  await store("/u1");
  const asked = site.seen.length;
  const answer = await send("/u1", {}, "PURGE");
  assert.equal(answer.status, 405);
  assert.match(answer.text, /\/v1\/purge/);
  assert.equal(site.seen.length, asked);
  assert.ok(isHit(await send("/u1")));
});

test("attack U2: only a token for purging purges, and to repeat a purge is to purge again", async () => {
  await store("/u2");
  const reader = await mintOperatorToken(site.keys, "reader", ["read", "ingest", "publish"]);
  const purger = await mintOperatorToken(site.keys, "purger", ["purge"]);
  const all = { urls: ["http://one.test/u2"] };
  assert.equal((await post(all, null)).status, 401);
  assert.equal((await post(all, `${purger}x`)).status, 401);
  assert.equal((await post(all, reader)).status, 403);
  assert.ok(isHit(await send("/u2")));
  const ids = new Set<string>();
  for (let i = 0; i < 2; i += 1) {
    const answer = await post(all, purger);
    assert.equal(answer.status, 200);
    ids.add(((await answer.json()) as { id: string }).id);
  }
  assert.equal(ids.size, 2);
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.equal(isHit(await send("/u2")), false);
  // What is stored after a purge is not ended by the same purge again somewhere on its way.
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.ok(isHit(await send("/u2")));
});

test("attack U2: a token for some sites purges nothing of another, and nothing that is of all", async () => {
  await store("/u2-sites");
  const days = 1;
  const own = await mintOperatorToken(site.keys, "of one", ["purge"], days, ["one"]);
  const others = await mintOperatorToken(site.keys, "of two", ["purge"], days, ["two", "lax"]);
  const nobodys = await mintOperatorToken(site.keys, "of none", ["purge"], days, []);
  const admins = await mintOperatorToken(site.keys, "admin of two", ["admin"], days, ["two"]);
  const page = "http://one.test/u2-sites";
  const bodies = [
    { urls: [page] },
    { urls: ["http://two.test/a", page] },
    { prefixes: ["http://one.test/"] },
    { hosts: ["one.test"] },
    { groups: [{ host: "one.test", group: "g" }] },
    { tags: ["t"] },
    { all: true },
    { all: true, hosts: ["two.test"] },
    { urls: [page], mode: "soft", wait: "none" },
  ];
  for (const body of bodies) {
    for (const token of [others, nobodys, admins]) {
      const answer = await post(body, token);
      assert.equal(answer.status, 403, JSON.stringify(body));
      assert.match(await answer.text(), /"not-allowed"/);
    }
  }
  for (const body of [{ tags: ["t"] }, { all: true }, { hosts: ["one.test", "two.test"] }])
    assert.equal((await post(body, own)).status, 403, JSON.stringify(body));
  // Who purged what is told of all sites, and to those alone who may purge all.
  const history = { headers: { authorization: `Bearer ${own}` } };
  assert.equal((await fetch(`${site.edge.url}/v1/purges`, history)).status, 403);
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.ok(isHit(await send("/u2-sites")), "nothing was purged");
  assert.equal((await post({ hosts: ["two.test"] }, others)).status, 200);
  assert.equal((await post({ urls: [page] }, own)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.equal(isHit(await send("/u2-sites")), false);
});

test("attack U3: groups are ended by what a write is answered with, and by nothing else", async () => {
  site.serve("/u3", (_seen, count) => ({
    headers: { ...FRESH, "cache-groups": '"g"' },
    body: `${count}`,
  }));
  await send("/u3");
  const ending = { "cache-group-invalidation": '"g"' };
  site.serve("/u3-get", () => ({ headers: ending, body: "x" }));
  site.serve("/u3-fails", () => ({ status: 500, headers: ending }));
  await send("/u3-get", ending);
  await send("/u3-get", {}, "HEAD");
  await send("/u3-fails", ending, "POST", "x");
  await send("/u3-get", { host: "two.test" }, "POST", "x");
  await send("/u3", ending);
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  const kept = await send("/u3");
  assert.deepEqual([kept.text, isHit(kept)], ["1", true]);
  await send("/u3-get", {}, "POST", "x");
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.notEqual((await send("/u3")).text, "1");
});

test("attack U4: a Location elsewhere ends nothing", async () => {
  await store("/u4");
  const places = [
    "http://two.test/u4",
    "https://one.test/u4",
    "//two.test/u4",
    "http://one.test:81/u4",
    "http://one.test@two.test/u4",
    "javascript:/u4",
  ];
  for (const location of places) {
    site.serve("/u4-write", () => ({
      status: 201,
      headers: { location, "content-location": location },
    }));
    await send("/u4-write", {}, "POST", "x");
    assert.ok(isHit(await send("/u4")), location);
  }
  // The same answer at another site ends nothing of this one.
  site.serve("/u4-write", () => ({ status: 201, headers: { location: "/u4" } }));
  await send("/u4-write", { host: "two.test" }, "POST", "x");
  assert.ok(isHit(await send("/u4")));
  await send("/u4-write", {}, "POST", "x");
  assert.equal(isHit(await send("/u4")), false);
});

test("attack U5: one purge has a bound, and many of them do not grow what is kept of them", async () => {
  const purger = await mintOperatorToken(site.keys, "purger", ["purge"]);
  const tags = Array.from({ length: limits.purgeScopesMax + 1 }, (_, i) => `t${i}`);
  const tooMany = await post({ tags }, purger);
  assert.equal(tooMany.status, 400);
  assert.match(await tooMany.text(), /too-many-scopes/);
  for (let i = 0; i * limits.purgeScopesMax <= limits.purgesPerLeaseMax; i += 1) {
    const others = tags.slice(1).map((tag) => `${tag}-${i}`);
    assert.equal((await post({ tags: others }, purger)).status, 200);
  }
  await store("/u5");
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.ok(isHit(await send("/u5")));
});

test("attack U5: who purges too often is told to wait, and others are not kept from it", async () => {
  const eager = await mintOperatorToken(site.keys, "eager", ["purge"]);
  const other = await mintOperatorToken(site.keys, "other", ["purge"]);
  await store("/u5-rate");
  const names = (i: number): string[] =>
    Array.from({ length: limits.purgeScopesMax }, (_, n) => `rate-${(i * 7 + n) % 100}`);
  const burst = (limits.purgedScopesPerS * limits.rateBurstMs) / 1_000;
  let refused: Response | null = null;
  for (let i = 0; refused === null && i * limits.purgeScopesMax < 3 * burst; i += 1) {
    const answer = await post({ tags: names(i), wait: "none" }, eager);
    if (answer.status === 429) refused = answer;
    else assert.equal(answer.status, 202);
  }
  assert.ok(refused !== null, "there is no end to it");
  assert.match(refused.headers.get("retry-after") ?? "", /^[1-9][0-9]?$/);
  assert.match(await refused.text(), /purge-rate-limited/);
  const last = await post({ urls: ["http://one.test/u5-rate"] }, eager);
  assert.equal(last.status, 429, "the rate is that of the token, whatever it purges");
  await new Promise((resolve) => setTimeout(resolve, limits.leaseMs));
  assert.ok(isHit(await send("/u5-rate")), "what is refused is not purged");
  assert.equal((await post({ urls: ["http://one.test/u5-rate"] }, other)).status, 200);
});
