// Can bytes of one message be taken for another's, by this edge or by the server behind it? Raw sockets
// on both sides. Much of it is the runtime's to refuse: the tests see that it does. The ids are those of
// docs/threat-model.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AttackSite, FRESH, isHit, type Answer } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);
const clean = { headers: FRESH, body: "clean" };
const HEAD = "cache-control: max-age=60\r\n";

/** The victim's requests, one after the other, over whatever connections there are to the server. */
async function assertClean(target: string): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    const victim = await send(`${target}?${i}`);
    assert.deepEqual([victim.status, victim.text], [200, "clean"], target);
  }
}

test("attack S1: a request with two lengths, or a length and chunks, is one request or none", async () => {
  site.serve("/s1", () => clean);
  site.serve("/s1-smuggled", () => ({ headers: FRESH, body: "smuggled" }));
  const smuggled = "GET /s1-smuggled HTTP/1.1\r\nhost: one.test\r\nx: ";
  const heads = [
    `content-length: ${smuggled.length + 5}\r\ntransfer-encoding: chunked`,
    "content-length: 5\r\ncontent-length: 0",
    "content-length: +5",
    "content-length: 5, 5",
    "transfer-encoding : chunked",
    "transfer-encoding: xchunked",
    "transfer-encoding: chunked, identity",
    "transfer-encoding:\u000bchunked",
    "transfer-encoding: chunked\r\ntransfer-encoding: x",
  ];
  for (const head of heads) {
    const asked = `POST /s1 HTTP/1.1\r\nhost: one.test\r\n${head}\r\n\r\n0\r\n\r\n${smuggled}`;
    const answers = await site.raw(asked, false, 500);
    assert.ok(answers.length <= 1 || answers.every(({ text }) => text !== "smuggled"), head);
  }
  assert.equal(site.asked("/s1-smuggled"), 0);
  for (const { target, headers, body } of site.seen.filter(({ target: url }) => url === "/s1")) {
    assert.ok(!(headers.has("content-length") && headers.has("transfer-encoding")), target);
    assert.ok(!body.includes("smuggled"));
  }
  await assertClean("/s1");
});

test("attack S2: bytes behind the end of an answer are nobody's answer", async () => {
  const extra = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 6\r\n\r\npoison";
  site.serve("/s2", () => ({
    raw: `HTTP/1.1 200 OK\r\n${HEAD}content-length: 5\r\n\r\nclean${extra}`,
  }));
  site.serve("/s2-next", () => clean);
  for (let i = 0; i < 5; i += 1) {
    assert.equal((await send(`/s2?${i}`)).text, "clean");
    await assertClean("/s2-next");
  }
});

test("attack S3: an interim response is not the final one", async () => {
  for (const interim of ["100 Continue", "103 Early Hints\r\nlink: </x>; rel=preload"]) {
    const target = `/s3-${interim.slice(0, 3)}`;
    const final = `HTTP/1.1 200 OK\r\n${HEAD}content-length: 5\r\n\r\nclean`;
    site.serve(target, () => ({ raw: `HTTP/1.1 ${interim}\r\n\r\n${final}` }));
    await assertClean(target);
    assert.ok(isHit(await send(`${target}?0`)));
  }
});

test("attack S4: a body where there is none is nobody's answer", async () => {
  const poison = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 6\r\n\r\npoison";
  site.serve("/s4-204", () => ({ raw: `HTTP/1.1 204 No Content\r\n${HEAD}\r\n${poison}` }));
  site.serve("/s4-head", () => ({
    raw: `HTTP/1.1 200 OK\r\n${HEAD}content-length: ${poison.length}\r\n\r\n${poison}`,
  }));
  site.serve("/s4-304", ({ headers }) =>
    headers.has("if-none-match")
      ? { raw: `HTTP/1.1 304 Not Modified\r\n${HEAD}etag: "a"\r\n\r\n${poison}` }
      : { headers: { "cache-control": "max-age=0", etag: '"a"' }, body: "clean" },
  );
  site.serve("/s4-next", () => clean);
  assert.equal((await send("/s4-204")).status, 204);
  await assertClean("/s4-next");
  assert.equal((await send("/s4-head", {}, "HEAD")).status, 200);
  await assertClean("/s4-next");
  for (let i = 0; i < 2; i += 1) assert.equal((await send("/s4-304")).text, "clean");
  await assertClean("/s4-next");
  const none = await send("/s4-204");
  assert.deepEqual([none.status, none.text], [204, ""]);
});

test("attack S5: two requests of one connection are two requests", async () => {
  site.serve("/s5", ({ headers }) => ({
    headers: { "cache-control": "private" },
    body: headers.get("x-who") ?? "nobody",
  }));
  const asked = (who: string, last: string) =>
    `GET /s5 HTTP/1.1\r\nhost: one.test\r\n${who}${last}\r\n\r\n`;
  const pipelined =
    asked("x-who: first\r\ncookie: a=1\r\n", "x: y") + asked("", "connection: close");
  const [first, second] = await site.raw(pipelined);
  assert.deepEqual([first?.text, second?.text], ["first", "nobody"]);
  assert.equal(site.seen.at(-1)?.headers.has("cookie"), false);
});

test("attack S6: a client's Transfer-Encoding and Content-Length are not the next hop's", async () => {
  site.serve("/s6", ({ body }) => ({ headers: { "cache-control": "no-store" }, body }));
  const chunks = "5\r\nhello\r\n0\r\n\r\n";
  const [answer] = await site.raw(
    `POST /s6 HTTP/1.1\r\nhost: one.test\r\ntransfer-encoding: chunked\r\ntrailer: x-evil\r\nte: trailers, chunked\r\nconnection: close\r\n\r\n${chunks}`,
  );
  assert.equal(answer?.status, 200);
  const seen = site.seen.at(-1);
  assert.ok(seen !== undefined);
  assert.deepEqual([seen.headers.has("te"), seen.headers.has("trailer")], [false, false]);
  assert.ok(seen.headers.has("content-length") !== seen.headers.has("transfer-encoding"));
});

test("attack S7: bare line feeds make no field that the cache and the server read differently", async () => {
  site.serve("/s7", ({ headers }) => ({
    headers: FRESH,
    body: headers.has("x-forwarded-host") || headers.has("x-smuggled") ? "poison" : "clean",
  }));
  await site.raw(
    "GET /s7?0 HTTP/1.1\nhost: one.test\nx-a: b\nx-forwarded-host: evil\nconnection: close\n\n",
    false,
    500,
  );
  await site.raw(
    "GET /s7?1 HTTP/1.1\r\nhost: one.test\r\nx-a: b\nx-forwarded-host: evil\r\nconnection: close\r\n\r\n",
    false,
    500,
  );
  await assertClean("/s7");
  for (const { head } of site.seen.filter(({ target }) => target.startsWith("/s7")))
    assert.ok(!/[^\r]\n/.test(head), "the server gets whole line ends");
  // The other way round: what a server ends with a bare line feed is a field, or nothing at all.
  site.serve("/s7-server", () => ({
    raw: `HTTP/1.1 200 OK\r\n${HEAD}x-a: b\ncontent-length: 5\r\n\r\nclean`,
  }));
  const answer = await send("/s7-server");
  assert.ok(answer.status >= 500 || answer.text === "clean", answer.text);
  assert.ok(!(answer.headers.get("x-a") ?? "").includes("content-length"));
});

test("attack S8: an Upgrade to anything but a WebSocket is dropped", async () => {
  site.serve("/s8", ({ headers }) => ({
    headers: FRESH,
    body: ["upgrade", "http2-settings"].some((name) => headers.has(name)) ? "poison" : "clean",
  }));
  const h2c = { upgrade: "h2c", "http2-settings": "AAMAAABkAARAAAAAAAIAAAAA" };
  const attacker = await send("/s8?0", h2c);
  assert.deepEqual([attacker.status, attacker.text], [200, "clean"]);
  await assertClean("/s8");
});

test("attack H1: Connection takes nothing away that an answer depends on", async () => {
  const named = ["cookie", "authorization", "cache-control", "range", "host", "accept-encoding"];
  site.serve("/h1", ({ headers }) => ({
    headers: { "cache-control": "private" },
    body: [...named, "x-forwarded-for", "x-hop"].filter((name) => headers.has(name)).join(),
  }));
  await site.raw(
    `GET /h1 HTTP/1.1\r\nhost: one.test\r\nconnection: ${named.join(", ")}, x-forwarded-for, x-hop, if-none-match, close\r\ncookie: id=1\r\nauthorization: Basic x\r\nrange: bytes=0-0\r\nx-hop: 1\r\n\r\n`,
  );
  const seen = site.seen.at(-1);
  for (const name of ["cookie", "authorization", "range", "host", "accept-encoding"])
    assert.ok(seen?.headers.has(name), name);
  assert.equal(seen?.headers.get("host")?.startsWith("127.0.0.1"), true);
  // With its cookie on the way, the answer is not stored; were it dropped, it would be.
  site.serve("/h1-cookie", ({ headers }) => ({
    headers: FRESH,
    body: headers.get("cookie") ?? "clean",
  }));
  await site.raw(
    "GET /h1-cookie HTTP/1.1\r\nhost: one.test\r\nconnection: cookie, close\r\ncookie: id=1\r\n\r\n",
  );
  await assertClean("/h1-cookie");
});

test("attack H1: what Connection takes from the server selects nothing here either", async () => {
  const allow = (origin: string | undefined): Record<string, string> =>
    origin === undefined ? {} : { "access-control-allow-origin": origin };
  site.serve("/h1-language", ({ headers }) => ({
    headers: { ...FRESH, vary: "accept-language" },
    body: headers.get("accept-language") ?? "none",
  }));
  site.serve("/h1-origin", ({ headers }) => ({
    headers: { ...FRESH, vary: "origin", ...allow(headers.get("origin")) },
    body: headers.get("origin") ?? "none",
  }));
  const cases = [
    ["/h1-language", "accept-language", "de"],
    ["/h1-origin", "origin", "https://app.example"],
  ] as const;
  for (const host of ["one.test", "lax.test"]) {
    for (const [target, name, value] of cases) {
      const head = `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n${name}: ${value}`;
      const [attacker] = await site.raw(`${head}\r\nconnection: ${name}, close\r\n\r\n`);
      assert.equal(attacker?.text, "none", target);
      const victim = await send(target, { host, [name]: value });
      assert.equal(victim.text, value, target);
    }
  }
});

test("attack H2: what a server's Connection names is neither stored nor passed on, but counts", async () => {
  site.serve("/h2", () => ({
    headers: { ...FRESH, connection: "x-hop, keep-alive", "x-hop": "1", "x-end": "1" },
    body: "clean",
  }));
  for (let i = 0; i < 2; i += 1) {
    const { headers } = await send("/h2");
    assert.deepEqual([headers.get("x-hop"), headers.get("x-end")], [undefined, "1"]);
  }
  for (const [i, hidden] of ["set-cookie", "cache-control", "vary"].entries()) {
    const target = `/h2-${hidden}`;
    site.serve(target, (_seen, count) => ({
      headers: {
        "cache-control": i === 1 ? "private" : "max-age=60",
        ...(i === 0 ? { "set-cookie": "id=1" } : {}),
        ...(i === 2 ? { vary: "*" } : {}),
        connection: hidden,
      },
      body: `${count}`,
    }));
    await send(target);
    assert.equal((await send(target)).text, "2", hidden);
  }
});

test("attack H3: TE, Trailer and Keep-Alive end here", async () => {
  const hops = {
    te: "trailers",
    trailer: "x-evil",
    "keep-alive": "timeout=5",
    "proxy-connection": "x",
  };
  site.serve("/h3", ({ headers }) => ({
    headers: {
      ...FRESH,
      trailer: "x-evil",
      "keep-alive": "timeout=9",
      "proxy-authenticate": "Basic",
    },
    body:
      Object.keys(hops)
        .filter((name) => headers.has(name))
        .join() || "clean",
  }));
  const answer = await send("/h3?0", hops);
  assert.equal(answer.text, "clean");
  for (const name of ["trailer", "keep-alive", "proxy-authenticate"])
    assert.equal(answer.headers.get(name), undefined, name);
});
