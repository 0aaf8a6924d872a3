// Can an attacker change what others get by what is not in the cache's key? One request of the
// attacker, then the victim's: that must have the clean page, and the server be asked no more than
// stated. The ids are those of docs/threat-model.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AttackSite, FRESH, isHit, type Answer } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

/** Serves a page that repeats whatever it hears of these fields; without them it is clean. */
function reflect(target: string, names: readonly string[], fields = {}): void {
  site.serve(target, ({ headers }) => ({
    headers: { ...FRESH, ...fields },
    body: names.flatMap((name) => headers.get(name) ?? []).join(";") || "clean",
  }));
}

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);

test("attack P1: what only a proxy may say of host, scheme and path is never believed", async () => {
  const lies = {
    "x-forwarded-host": "evil",
    "x-forwarded-scheme": "evil",
    "x-forwarded-proto": "evil",
    "x-forwarded-port": "evil",
    "x-forwarded-prefix": "/evil",
    "x-forwarded-server": "evil",
    "x-host": "evil",
    "x-original-host": "evil",
    "x-original-url": "/evil",
    "x-rewrite-url": "/evil",
    "x-forwarded": "host=evil",
    "x-http-host-override": "evil",
    "x-original-uri": "/evil",
    "x-scheme": "evil",
    "x-url-scheme": "evil",
    "x-ms-original-url": "/evil",
    "x-envoy-original-path": "/evil",
    "x-script-name": "/evil",
    "x-real-host": "evil",
    "x-url": "/evil",
    "base-url": "/evil",
    "x-ssl": "on",
    "x-azure-clientip": "evil",
    "x-appengine-user-ip": "evil",
    "fastly-client-ip": "evil",
    "client-cert": ":evil:",
    proxy: "http://evil",
  };
  reflect("/p1", Object.keys(lies));
  for (const [name, value] of Object.entries(lies)) {
    assert.equal((await send(`/p1?${name}`, { [name]: value })).text, "clean", name);
    const victim = await send(`/p1?${name}`);
    assert.deepEqual([victim.text, isHit(victim)], ["clean", true], name);
  }
  assert.equal(site.asked("/p1"), Object.keys(lies).length);
});

test("attack P1: a name that a server may read as another does not reach it", async () => {
  const lies = {
    x_forwarded_host: "evil",
    x_forwarded_proto: "evil",
    x_original_url: "/evil",
    x_http_method_override: "POST",
    cf_connecting_ip: "evil",
    "x.forwarded.host": "evil",
    accept_language: "evil",
    if_none_match: "*",
  };
  // As CGI, WSGI, Rack and PHP read fields: whatever is no letter and no digit is an underscore.
  site.serve("/p1-variables", ({ headers }) => {
    const evil = [...headers].filter(([, value]) => /evil|POST|^\*$/.test(value));
    const names = evil.map(([name]) => `HTTP_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`);
    return { headers: { ...FRESH, vary: "accept-language" }, body: names.join() || "clean" };
  });
  for (const [name, value] of Object.entries(lies)) {
    const target = `/p1-variables?${name}`;
    assert.equal((await send(target, { [name]: value })).text, "clean", name);
    const victim = await send(target);
    assert.deepEqual([victim.text, isHit(victim)], ["clean", true], name);
    assert.equal((await send(`${target}&post`, { [name]: value }, "POST", "x")).text, "clean");
  }
});

test("attack P1: Forwarded says nothing that one key does not fix", async () => {
  reflect("/p1-told", ["forwarded", "host"]);
  const attacker = await send("/p1-told", { host: "other.test:1337", forwarded: "host=evil" });
  const victim = await send("/p1-told", { host: "any.test" });
  assert.deepEqual([victim.text, isHit(victim)], [attacker.text, true]);
  assert.match(attacker.text, /^for=unknown;127\.0\.0\.1:\d+$/);
  reflect("/p1-only", ["forwarded"]);
  await send("/p1-only", { host: "ONE.test:1337", forwarded: "host=evil" });
  assert.equal((await send("/p1-only")).text, 'for=unknown;host="one.test"');
  assert.equal(site.asked("/p1-only"), 1);
});

test("attack P2: a method in a field is none", async () => {
  for (const name of [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x_http_method_override",
  ]) {
    const target = `/p2-${name}`;
    site.serve(target, ({ headers }) =>
      headers.has(name)
        ? { status: 200, headers: FRESH, body: "" }
        : { headers: FRESH, body: "ok" },
    );
    await send(target, { [name]: "HEAD" });
    assert.equal((await send(target)).text, "ok", name);
    assert.equal(site.asked(target), 1);
  }
});

test("attack P3: what a framework's field asks for is for who sends that field", async () => {
  for (const name of ["rsc", "next-router-prefetch", "x-inertia", "hx-request", "turbo-frame"]) {
    const target = `/p3-${name}`;
    site.serve(target, ({ headers }) =>
      headers.has(name)
        ? { headers: { ...FRESH, "content-type": "text/x-component" }, body: "fragment" }
        : { headers: { ...FRESH, "content-type": "text/html" }, body: "page" },
    );
    assert.equal((await send(target, { [name]: "1" })).text, "fragment", name);
    assert.equal((await send(target)).text, "page", name);
    assert.ok(isHit(await send(target)), name);
    assert.equal(site.asked(target), 2, name);
  }
  // The other way round: a page is not what a framework's field asks for.
  for (const name of ["rsc", "x-inertia", "hx-request", "turbo-frame", "x-requested-with"]) {
    for (const type of [{ "content-type": "text/html; charset=utf-8" }, {}]) {
      const target = `/p3-page-${name}-${Object.keys(type).length}`;
      site.serve(target, ({ headers }) => ({
        headers: { ...FRESH, ...type },
        body: headers.has(name) ? "fragment" : "page",
      }));
      assert.equal((await send(target)).text, "page", name);
      for (const text of ["fragment", "page"]) {
        const asked = text === "page" ? {} : { [name]: "1" };
        for (let i = 0; i < 2; i += 1) assert.equal((await send(target, asked)).text, text, name);
      }
      assert.equal(site.asked(target), 2, name);
    }
  }
  site.serve("/p3-image", () => ({ headers: { ...FRESH, "content-type": "image/png" } }));
  await send("/p3-image");
  assert.ok(isHit(await send("/p3-image", { "x-requested-with": "XMLHttpRequest" })));
  reflect("/p3-stripped", ["x-nextjs-data", "x-middleware-prefetch", "x-middleware-subrequest"]);
  await send("/p3-stripped", { "x-nextjs-data": "1", "x-middleware-prefetch": "1" });
  assert.equal((await send("/p3-stripped")).text, "clean");
  assert.equal(site.asked("/p3-stripped"), 1);
});

test("attack P4: a page made for a cookie is not shared without `public`", async () => {
  reflect("/p4", ["cookie"]);
  assert.equal((await send("/p4", { cookie: "id=1" })).text, "id=1");
  assert.equal((await send("/p4")).text, "clean");
  assert.equal((await send("/p4", { cookie: "id=2" })).text, "clean");
  assert.equal(site.asked("/p4"), 2);
});

test("attack P5: junk in Accept-Encoding makes no variants, and in Accept only where Vary says so", async () => {
  site.serve("/p5", () => ({ headers: { ...FRESH, vary: "accept-encoding" }, body: "clean" }));
  for (const junk of ["x", "gzip;q=0, evil", "identity;q=0", "BR;q=nan"])
    assert.equal((await send("/p5", { "accept-encoding": junk, accept: junk })).text, "clean");
  assert.equal(site.asked("/p5"), 1);
  const [seen] = site.seen.filter(({ target }) => target === "/p5");
  assert.equal(seen?.headers.get("accept-encoding"), "identity");
});

test("attack P6: an answer that allows an Origin is for that one, whatever Vary says", async () => {
  const origins = ["https://evil.test", "https://shop.test", "null"];
  for (const [i, vary] of [{}, { vary: "Origin" }, { vary: "accept" }].entries()) {
    const target = `/p6-${i}`;
    site.serve(target, ({ headers }) => ({
      headers: {
        ...FRESH,
        ...vary,
        "access-control-allow-origin": headers.get("origin") ?? "https://own.test",
      },
      body: "data",
    }));
    for (const isAgain of [false, true]) {
      for (const origin of origins) {
        const { headers, ...answer } = await send(target, { origin });
        assert.equal(headers.get("access-control-allow-origin"), origin);
        assert.equal(isHit({ headers, ...answer }), isAgain, answer.cache);
      }
      const none = await send(target);
      assert.equal(none.headers.get("access-control-allow-origin"), "https://own.test");
      assert.equal(isHit(none), isAgain);
    }
    assert.equal(site.asked(target), origins.length + 1);
  }
});

test("attack P6: what allows one Origin always, or all, is kept for who sends an Origin", async () => {
  for (const allowed of ["https://app.test", "*"]) {
    const target = `/p6-fixed-${allowed.length}`;
    site.serve(target, () => ({
      headers: { ...FRESH, "access-control-allow-origin": allowed, "content-type": "font/woff2" },
      body: "font",
    }));
    await send(target, { origin: "https://app.test" });
    assert.ok(isHit(await send(target, { origin: "https://app.test" })), allowed);
    assert.equal(isHit(await send(target, { origin: "https://other.test" })), allowed === "*");
  }
});

test("attack P7: the body of a GET does not reach the server", async () => {
  site.serve("/p7", ({ body, headers }) => ({
    headers: FRESH,
    body: body === "" && !headers.has("content-length") ? "clean" : "poisoned",
  }));
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await send("/p7", form, "GET", "page=evil")).text, "clean");
  assert.equal((await send("/p7")).text, "clean");
  assert.equal(site.asked("/p7"), 1);
});

test("attack P8: no two spellings of a query share an answer", async () => {
  site.serve("/p8", ({ target }) => ({ headers: FRESH, body: target }));
  const queries = [
    "?a=1",
    "?a=1;utm_content=x",
    "?utm_content=x;a=evil",
    "?a=evil&a=1",
    "?a=1&a=evil",
    "?%61=1",
    "?A=1",
    "?a=1&",
    "?a=%31",
    "?",
    "",
  ];
  for (const query of queries) assert.equal((await send(`/p8${query}`)).text, `/p8${query}`);
  assert.equal(site.asked("/p8"), queries.length);
  for (const query of queries) assert.equal((await send(`/p8${query}`)).text, `/p8${query}`);
  assert.equal(site.asked("/p8"), queries.length);
});

test("attack P9: nothing of a query is left out of the key, so nothing of it goes on unkeyed", async () => {
  site.serve("/p9", ({ target }) => ({ headers: FRESH, body: target }));
  await send("/p9?utm_source=evil&fbclid=evil");
  assert.equal((await send("/p9")).text, "/p9");
  assert.equal((await send("/p9?utm_source=fine")).text, "/p9?utm_source=fine");
  assert.equal(site.asked("/p9"), 3);
});

test("attack P10: a Host that is none is refused, and one in other letters is the same site", async () => {
  reflect("/p10", ["host", "forwarded"]);
  for (const host of ["a/b?c", "h#", "u@one.test", "one.test/x", "one test", "one.test:99999"])
    assert.equal((await send("/p10", { host })).status, 400, host);
  for (const host of ["evil.test", "one.test.", "xone.test"])
    assert.equal((await send("/p10", { host })).status, 421, host);
  assert.equal(site.asked("/p10"), 0);
  const clean = (await send("/p10", { host: "ONE.Test:80" })).text;
  assert.equal((await send("/p10", { host: "one.test:1337" })).text, clean);
  assert.equal((await send("/p10")).text, clean);
  assert.equal(site.asked("/p10"), 1);
});

test("attack P11: an absolute target and a Host are one site's, never two", async () => {
  reflect("/p11", ["host"]);
  const asked = "GET http://two.test/p11 HTTP/1.1\r\nhost: one.test\r\nconnection: close\r\n\r\n";
  const [attacker] = await site.raw(asked);
  const before = site.asked("/p11");
  assert.ok(attacker !== undefined && before <= 1);
  for (const host of ["one.test", "two.test"]) {
    const victim = await send("/p11", { host });
    assert.deepEqual([victim.status, /evil/.test(victim.text)], [200, false]);
  }
  // Whichever of the two it was taken for has its page already; the other is asked for anew.
  assert.equal(site.asked("/p11"), 2);
});

test("attack P12: a request with two Hosts reaches no site", async () => {
  reflect("/p12", ["host"]);
  const asked =
    "GET /p12 HTTP/1.1\r\nhost: one.test\r\nhost: two.test\r\nconnection: close\r\n\r\n";
  const [attacker] = await site.raw(asked);
  assert.equal(attacker?.status, 400);
  assert.equal(site.asked("/p12"), 0);
});

test("attack P13: the answer to a HEAD is not the answer to a GET", async () => {
  site.serve("/p13", ({ method }) => ({
    headers: { ...FRESH, "x-method": method },
    body: method === "HEAD" ? "" : "clean",
  }));
  assert.equal((await send("/p13", {}, "HEAD")).headers.get("x-method"), "HEAD");
  const victim = await send("/p13");
  assert.deepEqual([victim.text, victim.headers.get("x-method")], ["clean", "GET"]);
  assert.equal(site.asked("/p13"), 2);
});

test("attack P14: targets that share a key are one target at the server", async () => {
  const target = ({ target: url }: { readonly target: string }) => ({ headers: FRESH, body: url });
  site.serve("/p14/~a", target);
  for (const spelling of ["/p14/~a", "/p14/%7Ea", "/p14/%7e%61", "/p14/x/../~a", "/p14/./~a"])
    assert.equal((await send(spelling)).text, "/p14/~a", spelling);
  assert.equal(site.asked("/p14/~a"), 1);
});

test("attack P15: a field that could split an answer is neither stored nor sent on", async () => {
  for (const [i, value] of ["a\rSet-Cookie: evil=1", "a\u0000b", "a\u0001b"].entries()) {
    const target = `/p15-${i}`;
    site.serve(target, (_seen, count) =>
      count === 1
        ? {
            raw: `HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\nx-bad: ${value}\r\ncontent-length: 3\r\n\r\nbad`,
          }
        : { headers: FRESH, body: "clean" },
    );
    const attacker = await send(target);
    assert.ok([200, 502, 504].includes(attacker.status), `${attacker.status}`);
    assert.equal(attacker.headers.get("set-cookie"), undefined);
    assert.equal((await send(target)).text, "clean", JSON.stringify(value));
    assert.ok(isHit(await send(target)));
  }
  site.serve("/p15-latin", (_seen, count) => ({
    raw: `HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\nx-bad: \xfc\r\ncontent-length: 1\r\n\r\n${count}`,
  }));
  assert.deepEqual([(await send("/p15-latin")).text, (await send("/p15-latin")).text], ["1", "2"]);
});

test("attack P16: nobody is told a key", async () => {
  reflect("/p16", []);
  for (const asked of [
    {},
    { pragma: "akamai-x-get-cache-key", "fastly-debug": "1", "x-debug": "1" },
  ]) {
    const answer = await send("/p16?secret=1", asked);
    for (const [name, value] of answer.headers)
      assert.ok(!value.includes("secret") && !/\bone\|/.test(value), `${name}: ${value}`);
  }
});

test("attack P17: a redirect to what an attacker names is not stored for others", async () => {
  site.serve("/p17", ({ headers }) => ({
    status: 301,
    headers: { location: `https://${headers.get("x-forwarded-host") ?? "one.test"}/login` },
  }));
  await send("/p17", { "x-forwarded-host": "evil.test", "x-forwarded-proto": "http" });
  const victim = await send("/p17");
  assert.equal(victim.headers.get("location"), "https://one.test/login");
  assert.ok(site.asked("/p17") <= 2);
});

test("attack P18: fields of ours and of the platform's are taken from no client", async () => {
  const names = ["skerry-link", "skerry-cache-control", "cf-connecting-ip", "cf-ray", "cf-worker"];
  site.serve("/p18", ({ headers }) => ({
    headers: FRESH,
    body: names.filter((name) => /evil/.test(headers.get(name) ?? "")).join() || "clean",
  }));
  await send("/p18", Object.fromEntries(names.map((name) => [name, "evil"])));
  assert.equal((await send("/p18")).text, "clean");
  assert.equal(site.asked("/p18"), 1);
});
