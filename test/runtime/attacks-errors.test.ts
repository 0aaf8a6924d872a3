// Can one odd request take a page away from everybody? What it makes the server say is not stored, or
// not under the page's key. The ids are those of docs/threat-model.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AttackSite, FRESH, isHit, type Answer, type Seen } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);

/** Serves a page, and an error that may be stored to whoever sends what the server does not like. */
function errorFor(target: string, status: number, isOdd: (seen: Seen) => boolean): void {
  site.serve(target, (seen) =>
    isOdd(seen) ? { status, headers: FRESH, body: "error" } : { headers: FRESH, body: "clean" },
  );
}

/** The victim has the page, and the server was asked `most` times. */
async function assertClean(target: string, most: number): Promise<void> {
  for (const host of ["one.test", "lax.test"]) {
    const victim = await send(target, { host });
    assert.deepEqual([victim.status, victim.text], [200, "clean"], host);
  }
  assert.ok(site.asked(target) <= most, `${site.asked(target)} requests`);
}

test("attack C1: fields that are too large for a server are refused here", async () => {
  errorFor("/c1", 400, ({ head }) => head.length > 8_000);
  const one = await send("/c1", { "x-oversized": "x".repeat(8_300) });
  const many = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`x-oversized-${i}`, "x".repeat(450)]),
  );
  const all = await send("/c1", many);
  assert.deepEqual([one.status, all.status], [431, 431]);
  assert.match(one.text, /"urn:skerry:problem:fields-too-large"/);
  assert.match(one.text, /x-oversized/);
  assert.equal(site.asked("/c1"), 0);
  assert.equal((await send("/c1", many, "POST", "x")).status, 431);
  await assertClean("/c1", 2);
});

test("attack C1: what is small enough to pass and too large for the server is not stored", async () => {
  errorFor("/c1-server", 400, ({ head }) => head.length > 4_000);
  const large = { "x-oversized": "x".repeat(6_000) };
  for (const host of ["one.test", "lax.test"]) {
    const attacker = await send("/c1-server", { ...large, host });
    assert.deepEqual([attacker.status, attacker.text], [400, "error"]);
    assert.match(attacker.cache, /detail=caused-by-request/);
  }
  await assertClean("/c1-server", 4);
});

test("attack C2: control characters in a field's value are refused", async () => {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  errorFor("/c2", 400, ({ head }) => /[\u0001-\u0008\u000b\u007f]/.test(head));
  for (const char of ["\u0001", "\u0007", "\u000b", "\u001f", "\u007f"]) {
    const attacker = await send("/c2", { "x-meta": `a${char}b` });
    assert.equal(attacker.status, 400, JSON.stringify(char));
    assert.match(attacker.text, /"urn:skerry:problem:field-control-character"/);
  }
  for (const char of ["\u0000", "\r", "\n"])
    await send("/c2", { "x-meta": `a${char}b` }).catch(() => undefined);
  await assertClean("/c2", 5);
});

test("attacks C1, C2: what asks for a WebSocket passes the same guard", async () => {
  const asked = { upgrade: "websocket", connection: "upgrade", "sec-websocket-version": "13" };
  const key = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const large = await send("/c2-socket", { ...asked, ...key, "x-oversized": "x".repeat(8_300) });
  const odd = await send("/c2-socket", { ...asked, ...key, "x-meta": "a\u0001b" });
  assert.deepEqual([large.status, odd.status], [431, 400]);
  assert.equal(site.asked("/c2-socket"), 0);
});

test("attack C3: a method in a field makes no error", async () => {
  errorFor("/c3", 405, ({ headers }) =>
    ["x-http-method", "x-http-method-override", "x-method-override"].some((name) =>
      headers.has(name),
    ),
  );
  await send("/c3", { "x-http-method-override": "POST" });
  await send("/c3", { "x-method-override": "DELETE", "x-http-method": "PUT" });
  await assertClean("/c3", 2);
});

test("attack C4: errors that a request may have caused are not stored, or for 10 s", async () => {
  for (const status of [
    406, 411, 412, 413, 415, 416, 417, 421, 422, 426, 428, 429, 431, 505, 511,
  ]) {
    const target = `/c4-${status}`;
    errorFor(target, status, ({ headers }) => headers.has("x-odd"));
    for (const host of ["one.test", "lax.test"]) {
      const attacker = await send(target, { "x-odd": "1", host });
      assert.equal(attacker.status, status);
      assert.match(attacker.cache, /detail=caused-by-request/, target);
    }
    await assertClean(target, 4);
  }
  for (const status of [400, 405, 414, 501]) {
    const target = `/c4-${status}`;
    site.serve(target, () => ({ status, headers: { "cache-control": "max-age=3600" } }));
    await send(target);
    const again = await send(target);
    assert.equal(again.status, status);
    const ttl = Number(/hit; ttl=([0-9]+)/.exec(again.cache)?.[1]);
    assert.ok(ttl <= 10, again.cache);
  }
});

test("attack C4: what one odd field brings about takes a page from nobody, however often it is sent", async () => {
  for (const status of [400, 401, 402, 403, 405, 409, 451, 500, 501, 502, 503, 504]) {
    const target = `/c4-odd-${status}`;
    errorFor(target, status, ({ headers }) => headers.has("x-odd"));
    for (let i = 0; i < 3; i += 1) {
      const attacker = await send(target, { "x-odd": "1" });
      assert.equal(attacker.status, status);
      assert.match(attacker.cache, /detail=caused-by-request/, target);
    }
    const victim = await send(target);
    assert.deepEqual([victim.status, victim.text, site.asked(target)], [200, "clean", 4], target);
    assert.ok(isHit(await send(target, { "x-odd": "1" })), "the page is everybody's");
  }
});

test("attack C4: what is plain, or named by Vary, caused nothing: its error is kept as it says", async () => {
  const browser = { "user-agent": "Mozilla/5.0", accept: "*/*", "sec-fetch-mode": "navigate" };
  for (const [status, vary, asked] of [
    [500, "", browser],
    [404, "", browser],
    [503, "x-plan", { ...browser, "x-plan": "gold" }],
  ] as const) {
    const target = `/c4-plain-${status}`;
    const headers = { ...FRESH, ...(vary === "" ? {} : { vary }) };
    site.serve(target, () => ({ status, headers, body: "error" }));
    await send(target, asked);
    const again = await send(target, asked);
    assert.ok(Number(/hit; ttl=([0-9]+)/.exec(again.cache)?.[1]) > 10, again.cache);
  }
});

test("attack C4: a redirect or a 404 that an odd field may have brought about is kept for 10 s", async () => {
  for (const status of [301, 302, 307, 308, 404, 410]) {
    const target = `/c4-while-${status}`;
    site.serve(target, () => ({ status, headers: { ...FRESH, location: "/x" }, body: "" }));
    await send(target, { "x-odd": "1" });
    const again = await send(target);
    const ttl = Number(/hit; ttl=([0-9]+)/.exec(again.cache)?.[1]);
    assert.ok(ttl <= 10, `${status} ${again.cache}`);
  }
});

test("attack C4: a 403 is about who asks, and kept only with `public`", async () => {
  for (const said of ["max-age=60", "public, max-age=60"]) {
    const target = `/c4-403-${said.length}`;
    site.serve(target, ({ headers }) =>
      headers.get("user-agent") === "scanner"
        ? { status: 403, headers: { "cache-control": said }, body: "refused" }
        : { headers: FRESH, body: "clean" },
    );
    await send(target, { "user-agent": "scanner" });
    const text = said.startsWith("public") ? "refused" : "clean";
    assert.equal((await send(target, { "user-agent": "Mozilla/5.0" })).text, text, said);
  }
});

test("attack C5: an upstream that leads back here ends, and no redirect depends on the scheme", async () => {
  const back = await send("/c5", { "cdn-loop": "skerry, skerry, skerry, skerry" });
  assert.equal(back.status, 508);
  site.serve("/c5", ({ headers }) =>
    /proto=http\b/.test(headers.get("forwarded") ?? "") || headers.has("x-forwarded-proto")
      ? { status: 301, headers: { ...FRESH, location: "https://one.test/c5" } }
      : { headers: FRESH, body: "clean" },
  );
  await send("/c5", { "x-forwarded-proto": "http", forwarded: "proto=http" });
  await assertClean("/c5", 2);
});

test("attack C6: an answer about a part is not the answer to all", async () => {
  site.serve("/c6", ({ headers }) => {
    const range = headers.get("range");
    if (range === "bytes=99-")
      return { status: 416, headers: { ...FRESH, "content-range": "bytes */5" } };
    if (range === undefined) return { headers: FRESH, body: "clean" };
    return { status: 206, headers: { ...FRESH, "content-range": "bytes 0-0/5" }, body: "c" };
  });
  for (const host of ["one.test", "lax.test"]) {
    assert.equal((await send("/c6", { range: "bytes=99-", host })).status, 416);
    assert.equal((await send("/c6", { range: "bytes=0-0", host })).text, "c");
  }
  await assertClean("/c6", 6);
  assert.ok(isHit(await send("/c6")));
});

test("attack C7: a 406 for an Accept that nothing satisfies is nobody else's", async () => {
  errorFor("/c7", 406, ({ headers }) => headers.get("accept") === "x/evil");
  assert.equal((await send("/c7", { accept: "x/evil" })).status, 406);
  await assertClean("/c7", 3);
});

test("attack C8: no redirect to a port that nobody listens on", async () => {
  site.serve("/c8", ({ headers }) => {
    const port = headers.get("x-forwarded-port") ?? "";
    const isOdd = port !== "" || /:1337/.test(headers.get("forwarded") ?? "");
    return isOdd
      ? { status: 301, headers: { ...FRESH, location: `https://one.test:${port}/c8` } }
      : { headers: FRESH, body: "clean" };
  });
  await send("/c8", { "x-forwarded-port": "1337" });
  await send("/c8", { host: "one.test:1337" });
  await assertClean("/c8", 2);
});

test("attack C9: that credentials are refused is told to who has sent them", async () => {
  for (const [status, said] of [
    [401, "max-age=60"],
    [403, "s-maxage=60"],
    [403, "max-age=60, must-revalidate"],
  ] as const) {
    const target = `/c9-${status}-${said.length}`;
    site.serve(target, ({ headers }) =>
      headers.has("authorization")
        ? { status, headers: { "cache-control": said }, body: "error" }
        : { headers: FRESH, body: "clean" },
    );
    for (const host of ["one.test", "lax.test"])
      assert.equal((await send(target, { authorization: "Basic x", host })).status, status);
    await assertClean(target, 4);
  }
});

test("attack C10: a body of another length than announced is not stored", async () => {
  const long = (length: number) =>
    `HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: ${length}\r\n\r\n`;
  for (const [i, raw] of [`${long(3)}clean and more`, `${long(50)}clean`].entries()) {
    const target = `/c10-${i}`;
    site.serve(target, (_seen, count) =>
      count <= 2 ? { raw, isClosed: true } : { headers: FRESH, body: "clean" },
    );
    await site.attempt(target);
    await site.attempt(target, { host: "lax.test" });
    const victim = await send(target);
    assert.ok(["clean", "cle"].includes(victim.text), victim.text);
    if (i === 1) assert.equal(victim.text, "clean");
  }
});

test("attack C11: a body that breaks off is cut off for who asked, and stored for nobody", async () => {
  site.serve("/c11", (_seen, count) =>
    count <= 2
      ? {
          raw: "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n5\r\nclean\r\n",
          isClosed: true,
        }
      : { headers: FRESH, body: "clean" },
  );
  for (const host of ["one.test", "lax.test"]) {
    const attacker = await site.attempt("/c11", { host });
    const isCut = attacker === null || attacker.status === 502 || attacker.text === "clean(cut)";
    assert.ok(isCut, attacker?.text);
  }
  await assertClean("/c11", 4);
});
