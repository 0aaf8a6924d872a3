// Can an attacker make a victim's own page be stored, or somebody see what is not theirs? The ids are
// those of docs/threat-model.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AttackSite, FRESH, isHit, type Answer } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);
/** Long enough ago that a tenth of its age is a lifetime. */
const OLD = { "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT" };
const HTML = { "content-type": "text/html; charset=utf-8" };

test("attack D1: an account's page is never taken for what its path looks like", async () => {
  const disguises = [
    "/account/x.css",
    "/account/x.js",
    "/account;x.css",
    "/account%2Fx.css",
    "/account%23x.css",
    "/account%3Fx.css",
    "/account/..%2fstatic/x.js",
    "/account,x.css",
    "/account$x.css",
    "/account!x.css",
    "/account~x.css",
    "/account:x.css",
    "/account.%20/x.png",
    "//account/x.png",
  ];
  for (const disguise of disguises) {
    let stored = "";
    const own = (seen: { readonly target: string }, count: number) => {
      stored = seen.target;
      return { headers: { ...OLD, ...HTML }, body: `account ${count}` };
    };
    for (const at of [disguise, disguise.replaceAll("%2f", "%2F")]) site.serve(at, own);
    // Lured without a cookie that could be seen: an address, a client certificate, a header of its own.
    const victim = await send(disguise, { "x-user": "victim" });
    assert.equal(victim.text, "account 1", disguise);
    assert.match(victim.cache, /detail=(?:other-type|hidden-dots)/, disguise);
    const attacker = await send(disguise);
    assert.equal(attacker.text, "account 2", disguise);
    assert.equal(stored, disguise.replaceAll("%2f", "%2F"), "the server sees the path of the key");
  }
  for (const refused of ["/account%00x.css", "/account%0ax.css", "/account%0d%0ax.css"])
    assert.equal((await send(refused)).status, 400, refused);
});

test("attack D1: what another reader takes for another path is not stored, however fresh", async () => {
  for (const target of ["/static/..%2faccount", "/static%2f..%2faccount", "/static/..%5caccount"]) {
    site.serve(target.replaceAll("%2f", "%2F").replace("%5c", "%5C"), (_seen, count) => ({
      headers: FRESH,
      body: `account ${count}`,
    }));
    assert.match((await send(target)).cache, /detail=hidden-dots/, target);
    assert.equal((await send(target)).text, "account 2", target);
  }
});

test("attack D1: private, Set-Cookie, Cookie and Authorization win over everything else", async () => {
  const cases: [string, Record<string, string>, Record<string, string>][] = [
    ["/d1-private.css", { ...FRESH, "cache-control": "private, max-age=60" }, {}],
    ["/d1-set-cookie.css", { ...FRESH, "set-cookie": "id=1" }, {}],
    ["/d1-cookie.css", FRESH, { cookie: "id=1" }],
    ["/d1-authorization.css", FRESH, { authorization: "Basic x" }],
  ];
  for (const [target, headers, asked] of cases) {
    site.serve(target, (_seen, count) => ({
      headers: { ...headers, "content-type": "text/css" },
      body: `secret ${count}`,
    }));
    assert.equal((await send(target, asked)).text, "secret 1", target);
    assert.equal((await send(target)).text, "secret 2", target);
  }
});

test("attack D1: what has the type of its path may be kept without a lifetime", async () => {
  site.serve("/d1/fine.css", (_seen, count) => ({
    headers: { ...OLD, "content-type": "text/css" },
    body: `${count}`,
  }));
  await send("/d1/fine.css");
  assert.ok(isHit(await send("/d1/fine.css")));
});

test("attack D2: dot segments are gone before key and server, escaped or not", async () => {
  site.serve("/d2/account", () => ({ headers: { "cache-control": "private" }, body: "account" }));
  for (const spelling of ["/d2/static/../account", "/d2/static/%2e%2e/account", "/d2/./account"]) {
    assert.equal((await send(spelling)).text, "account");
    assert.equal(site.seen.at(-1)?.target, "/d2/account", spelling);
  }
  assert.equal((await send("/../../d2/account")).text, "account");
  assert.equal(site.seen.at(-1)?.target, "/d2/account");
});

test("attack D3: an escaped slash or backslash stays one; control characters are refused", async () => {
  for (const target of ["/d3/a%2Fb", "/d3/a%5Cb", "/d3/a%2F..%2Fb"]) {
    site.serve(target, (seen) => ({ headers: FRESH, body: seen.target }));
    assert.equal((await send(target)).text, target);
    assert.equal((await send(target.toLowerCase().replace("/d3/a%2f..%2fb", target))).status, 200);
  }
  site.serve("/d3/a/b", () => ({ headers: FRESH, body: "two segments" }));
  assert.equal((await send("/d3/a/b")).text, "two segments");
  for (const refused of ["/d3/%00", "/d3/%1f", "/d3/%7F", "/d3/%0d%0a", "/d3/%zz", "/d3/%"])
    assert.equal((await send(refused)).status, 400, refused);
  // A backslash is a slash to the runtime, before anything else: key and server agree.
  site.serve("/d3/back/slash", () => ({ headers: FRESH, body: "slash" }));
  const before = site.seen.length;
  const answer = await send("/d3/back\\slash");
  assert.ok(answer.status === 400 || site.seen[before]?.target === "/d3/back/slash");
});

test("attack D4: the case of a path is kept", async () => {
  for (const target of ["/d4/Account", "/d4/account", "/D4/account"]) {
    site.serve(target, (seen) => ({ headers: FRESH, body: seen.target }));
    assert.equal((await send(target)).text, target);
    assert.equal((await send(target)).text, target);
    assert.equal(site.asked(target), 1);
  }
});

test("attack D5: nothing is decided by a prefix that dot segments lead out of", async () => {
  const own = (seen: { readonly target: string }, count: number) => ({
    headers: { ...OLD, ...HTML },
    body: `${seen.target} ${count}`,
  });
  // Without a lifetime the type has to be that of the path, of the canonical one: this is no stylesheet.
  site.serve("/d5/x.css", own);
  for (const [i, way] of ["/d5/page/../x.css", "/d5/a/%2e%2e/x.css", "/x/../d5/x.css"].entries())
    assert.equal((await send(way)).text, `/d5/x.css ${i + 1}`);
  // And this may be one, though it is asked for as if it were behind one; it has one key.
  site.serve("/d5/page", own);
  for (const way of ["/d5/x.css/../page", "/d5/x.css/%2E%2e/page", "/.well-known/../d5/page"])
    assert.equal((await send(way)).text, "/d5/page 1");
  // What only some readers take for a way out is nobody's but its own, and not kept.
  const escaped = "/d5/x.css/..%2Fpage";
  site.serve(escaped, own);
  for (const count of [1, 2]) assert.equal((await send(escaped)).text, `${escaped} ${count}`);
});

test("attack D6: no-store always wins", async () => {
  const fields = [
    { "cache-control": "no-store, public, max-age=60, s-maxage=60, immutable" },
    { "cache-control": "max-age=60", "skerry-cache-control": "no-store" },
    { "cache-control": "max-age=60, no-store", expires: "Thu, 01 Jan 2099 00:00:00 GMT" },
  ];
  for (const [i, headers] of fields.entries()) {
    site.serve(`/d6-${i}.css`, (_seen, count) => ({ headers, body: `${count}` }));
    for (const host of ["one.test", "lax.test"]) await send(`/d6-${i}.css`, { host });
    assert.equal((await send(`/d6-${i}.css`)).text, "3");
  }
});

test("attack V1: one site never sees another's bytes, whatever its target or Host", async () => {
  site.serve("/v1-page", (_seen, count) => ({ headers: FRESH, body: `${count}` }));
  assert.equal((await send("/v1-page", { host: "one.test" })).text, "1");
  assert.equal((await send("/v1-page", { host: "two.test" })).text, "2");
  for (const target of ["/v1-page", "/|/v1-page", "/one|/v1-page", "/../one|/v1-page"]) {
    const answer = await send(target, { host: "two.test" });
    assert.notEqual(answer.text, "1", target);
  }
  assert.equal((await send("/v1-page", { host: "one.test" })).text, "1");
});

test("attack V2: a response that sets a cookie is nobody else's, under `safe`", async () => {
  site.serve("/v2", (_seen, count) => ({
    headers: { ...FRESH, "set-cookie": `session=${count}` },
    body: "page",
  }));
  assert.equal((await send("/v2")).headers.get("set-cookie"), "session=1");
  assert.equal((await send("/v2")).headers.get("set-cookie"), "session=2");
});

test("attack V3: what is private leaves no trace that another could time or read", async () => {
  site.serve("/v3", () => ({ headers: { "cache-control": "private" }, body: "mine" }));
  const shown = ({ headers, cache }: Answer) => [[...headers.keys()].toSorted(), cache];
  const cold = await send("/v3?never");
  await send("/v3", { cookie: "id=victim" });
  const probe = await send("/v3");
  assert.deepEqual(shown(probe), shown(cold));
  assert.equal(probe.headers.get("age"), undefined);
});

test("attack V4: how many variants there are is not told", async () => {
  site.serve("/v4", ({ headers }) => ({
    headers: { ...FRESH, vary: "x-plan", etag: `"${headers.get("x-plan") ?? ""}"` },
    body: headers.get("x-plan") ?? "none",
  }));
  await send("/v4", { "x-plan": "a" });
  const among1 = await send("/v4", { "x-plan": "z1" });
  for (let i = 0; i < 10; i += 1) await send("/v4", { "x-plan": `b${i}` });
  const among11 = await send("/v4", { "x-plan": "z2" });
  assert.deepEqual([...among11.headers.keys()], [...among1.headers.keys()]);
  assert.equal(among11.cache, among1.cache);
});

test("attack V5: values that cannot be told apart select nothing", async () => {
  site.serve("/v5", (_seen, count) => ({ headers: { ...FRESH, vary: "x-id" }, body: `${count}` }));
  const answers: string[] = [];
  for (const id of ["\xfc", "\xfd", "\xfc"]) answers.push((await send("/v5", { "x-id": id })).text);
  assert.deepEqual(answers, ["1", "2", "3"]);
});
