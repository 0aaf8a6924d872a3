// Is a site whose upstream is any HTTP server cached as docs/caching.md says? On bare workerd, with a
// server of our own behind it. First what must not happen (P4).

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { drawKeys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}
type Reply = (seen: Seen, response: http.ServerResponse) => void;

const seen: Seen[] = [];
const replies = new Map<string, Reply>();
let stateDir: string;
let edge: EdgeProcess;

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { method = "", url = "", headers } = request;
    const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
    seen.push(one);
    const reply = replies.get(url.split("?")[0] ?? "");
    if (reply === undefined) response.writeHead(404).end("nothing here");
    else reply(one, response);
  });
});

before(async () => {
  stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-site-"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const regions = DEFAULT_REGIONS.slice(0, 1);
  const [region] = regions;
  assert.ok(region !== undefined);
  const url = `http://127.0.0.1:${port}`;
  edge = await EdgeProcess.start({
    stateDir,
    bundle: await buildWorker("edge", path.join(stateDir, "bundles")),
    region,
    regions,
    originUrl: "http://127.0.0.1:9",
    keys: await drawKeys(),
    port: 0,
    sites: { "one.test": "one", "two.test": "two", "lax.test": "lax" },
    vars: {
      UPSTREAMS: JSON.stringify({ one: { url }, two: { url }, lax: { url, profile: "rfc" } }),
    },
  });
});

after(async () => {
  await edge?.kill();
  server.closeAllConnections();
  server.close();
  await fs.rm(stateDir, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly cache: string;
}

/** Sends a request as it is, to a site's host. */
function send(
  target: string,
  headers: http.OutgoingHttpHeaders = {},
  method = "GET",
  body = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { host: "one.test", ...headers } };
    const request = http.request(`${edge.url}${target}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
          cache: String(response.headers["cache-status"]),
        }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Answers a path with fields and a body that tells how often it was asked. */
function serve(target: string, fields: http.OutgoingHttpHeaders): void {
  let count = 0;
  replies.set(target, (_one, response) => {
    count += 1;
    response.writeHead(200, fields).end(`answer ${count}`);
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const isHit = ({ cache }: Answer): boolean => /^skerry-(memory|region); hit/.test(cache);
const last = (): Seen => seen.at(-1) ?? assert.fail("nobody asked the server");

test("P4: nothing that may be about a person reaches anyone else", async () => {
  const cases: [string, http.OutgoingHttpHeaders, http.OutgoingHttpHeaders][] = [
    ["/no-store", { "cache-control": "no-store, max-age=60" }, {}],
    ["/private", { "cache-control": "private, max-age=60" }, {}],
    ["/set-cookie", { "cache-control": "max-age=60", "set-cookie": "id=1" }, {}],
    ["/cookie", { "cache-control": "max-age=60" }, { cookie: "id=1" }],
    ["/authorization", { "cache-control": "max-age=60" }, { authorization: "Basic x" }],
    ["/vary-star", { "cache-control": "max-age=60", vary: "*" }, {}],
    ["/targeted", { "cache-control": "max-age=60", "cdn-cache-control": "private" }, {}],
  ];
  for (const [target, fields, asked] of cases) {
    serve(target, fields);
    assert.equal((await send(target, asked)).text, "answer 1", target);
    const other = await send(target);
    assert.equal(other.text, "answer 2", target);
    assert.match(other.cache, /fwd=(miss|bypass); fwd-status=200/, target);
  }
});

test("P4: two sites with one upstream share nothing", async () => {
  serve("/shared", { "cache-control": "max-age=60" });
  assert.equal((await send("/shared")).text, "answer 1");
  assert.equal((await send("/shared", { host: "two.test" })).text, "answer 2");
  assert.equal((await send("/shared")).text, "answer 1");
  assert.equal((await send("/shared", { host: "none.test" })).status, 421);
});

test("P4: what only a proxy may say never comes from a client; the proxy's own words do", async () => {
  serve("/fields", { "cache-control": "no-store" });
  const answer = await send("/fields?a=1&a=%32", {
    "x-forwarded-host": "evil",
    "x-original-url": "/admin",
    forwarded: "host=evil",
    "x-http-method-override": "DELETE",
    "skerry-link": "x",
    "cache-control": "no-cache",
    pragma: "no-cache",
    "accept-encoding": "junk, br;q=0.5, gzip",
    "x-own": "kept",
  });
  const { url, headers } = last();
  assert.equal(url, "/fields?a=1&a=%32");
  for (const name of [
    "x-forwarded-host",
    "x-original-url",
    "x-http-method-override",
    "skerry-link",
  ])
    assert.equal(headers[name], undefined, name);
  // The runtime's own, against caches between here and the server; a client's makes no difference.
  await send("/fields", { "cache-control": "max-age=0, no-store", pragma: "x" });
  assert.equal(last().headers["cache-control"], headers["cache-control"]);
  assert.equal(last().headers.pragma, headers.pragma);
  await send("/fields");
  assert.equal(last().headers["cache-control"], headers["cache-control"]);
  assert.equal(headers.forwarded, 'for=unknown;host="one.test"');
  assert.equal(headers.via, "1.1 skerry");
  assert.equal(headers["cdn-loop"], "skerry");
  assert.equal(headers["accept-encoding"], "br, gzip");
  assert.equal(headers["x-own"], "kept");
  assert.equal(answer.headers.via, "1.1 skerry");
});

test("RFC 8586 a request that goes round is refused, and TRACE is not passed on", async () => {
  serve("/loop", {});
  const looped = await send("/loop", { "cdn-loop": "skerry, skerry; a=1, skerry, skerry" });
  assert.equal(looped.status, 508);
  assert.equal((await send("/loop", {}, "TRACE")).status, 405);
});

test("variants are kept apart, and a 304 to all their tags spares the body", async () => {
  replies.set("/page", ({ headers }, response) => {
    const language = headers["accept-language"] === "fi" ? "fi" : "en";
    const fields = {
      "cache-control": "max-age=60",
      vary: "Accept-Language",
      etag: `"${language}"`,
    };
    const isKnown = headers["if-none-match"]?.includes(`"${language}"`) ?? false;
    response.writeHead(isKnown ? 304 : 200, fields).end(isKnown ? "" : `in ${language}`);
  });
  assert.equal((await send("/page", { "accept-language": "fi" })).text, "in fi");
  assert.equal((await send("/page", { "accept-language": "en" })).text, "in en");
  const hit = await send("/page", { "accept-language": "FI" });
  assert.ok(isHit(hit), hit.cache);
  assert.equal(hit.text, "in fi");
  const third = await send("/page", { "accept-language": "sv" });
  assert.equal(third.text, "in en");
  assert.match(third.cache, /^skerry-region; fwd=vary-miss; fwd-status=304; stored/);
  assert.ok(isHit(await send("/page", { "accept-language": "sv" })));
});

test("encoded bytes never reach a client that cannot read them, whatever Vary says", async () => {
  replies.set("/zip", ({ headers }, response) => {
    const isZipped = headers["accept-encoding"]?.includes("gzip") ?? false;
    const fields = { "cache-control": "max-age=60" };
    if (isZipped) response.writeHead(200, { ...fields, "content-encoding": "gzip" });
    else response.writeHead(200, fields);
    response.end(isZipped ? gzipSync("text") : "text");
  });
  assert.equal(
    (await send("/zip", { "accept-encoding": "gzip" })).headers["content-encoding"],
    "gzip",
  );
  assert.equal((await send("/zip")).text, "text");
});

test("a write reaches the upstream whole, and ends what it changes", async () => {
  serve("/thing", { "cache-control": "max-age=60" });
  serve("/list", { "cache-control": "max-age=60" });
  replies.set("/post", (_one, response) =>
    response.writeHead(201, { location: "/thing", "content-location": "list" }).end("made"),
  );
  for (const target of ["/thing", "/list"]) {
    await send(target);
    assert.ok(isHit(await send(target)));
  }
  const body = "x".repeat(100_000);
  const posted = await send("/post", { "content-type": "text/plain" }, "POST", body);
  assert.equal(posted.text, "made");
  assert.equal(posted.cache, "skerry-memory; fwd=method; fwd-status=201");
  assert.equal(last().body, body);
  for (const target of ["/thing", "/list"]) assert.equal((await send(target)).text, "answer 2");
  replies.set("/post", (_one, response) => response.writeHead(500).end());
  await send("/thing", {}, "POST");
  await send("/post", {}, "DELETE");
  assert.ok(isHit(await send("/list")), "a write that fails, or of another target, ends nothing");
});

test("what was fetched while a write was answered is given to who asked, and not stored", async () => {
  let content = "before";
  let answerNow: () => void = () => undefined;
  const isAsked = new Promise<void>((asked) => {
    replies.set("/slow", ({ method }, response) => {
      if (method === "PUT") {
        content = "after";
        response.writeHead(204).end();
        return;
      }
      const text = content;
      const give = () => response.writeHead(200, { "cache-control": "max-age=60" }).end(text);
      if (content === "after") return void give();
      answerNow = give;
      asked();
    });
  });
  const reading = send("/slow");
  await isAsked;
  assert.equal((await send("/slow", {}, "PUT", "after")).status, 204);
  answerNow();
  const early = await reading;
  assert.equal(early.text, "before");
  assert.match(early.cache, /detail=written-meanwhile/);
  assert.equal((await send("/slow")).text, "after");
  assert.ok(isHit(await send("/slow")));
});

test("a HEAD that was answered before a write makes nothing fresh that the write has ended", async () => {
  let version = 1;
  replies.set("/head-write", ({ method }, response) => {
    const etag = `"v${version}"`;
    if (method === "POST") version += 1;
    const lifetime = method === "HEAD" ? 60 : 1;
    const answer = (): unknown =>
      response.writeHead(200, { etag, "cache-control": `max-age=${lifetime}` }).end(etag);
    setTimeout(answer, method === "HEAD" ? 500 : 0);
  });
  await send("/head-write");
  await pause(2_000);
  const head = send("/head-write", {}, "HEAD");
  await pause(150);
  await send("/head-write", {}, "POST");
  assert.equal((await head).status, 200);
  assert.equal((await send("/head-write")).text, '"v2"');
});

test("a 304 carries a cookie, and who may read it", async () => {
  serve("/own", {
    etag: '"own"',
    "cache-control": "private",
    "set-cookie": ["a=1", "b=2"],
    "access-control-allow-origin": "https://app.example",
  });
  const { status, headers } = await send("/own", { "if-none-match": '"own"' });
  assert.equal(status, 304);
  assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(headers["access-control-allow-origin"], "https://app.example");
});

test("ranges and HEAD are answered from what is stored", async () => {
  replies.set("/bytes", (_one, response) =>
    response.writeHead(200, { "cache-control": "max-age=60", etag: '"v1"' }).end("0123456789"),
  );
  await send("/bytes");
  const asked = seen.length;
  const part = await send("/bytes", { range: "bytes=2-4" });
  assert.deepEqual([part.status, part.text], [206, "234"]);
  assert.equal(part.headers["content-range"], "bytes 2-4/10");
  assert.equal((await send("/bytes", { range: "bytes=-1" })).text, "9");
  const none = await send("/bytes", { range: "bytes=10-" });
  assert.deepEqual([none.status, none.headers["content-range"]], [416, "bytes */10"]);
  assert.equal((await send("/bytes", { range: "bytes=0-0, 2-2" })).text, "0123456789");
  const other = await send("/bytes", { range: "bytes=0-0", "if-range": '"v0"' });
  assert.deepEqual([other.status, other.text], [200, "0123456789"]);
  assert.equal((await send("/bytes", { range: "bytes=0-0", "if-range": '"v1"' })).status, 206);
  const head = await send("/bytes", {}, "HEAD");
  assert.deepEqual([head.headers["content-length"], head.text], ["10", ""]);
  assert.equal((await send("/bytes", { "if-none-match": 'W/"v1"' })).status, 304);
  assert.equal(seen.length, asked, "the server was not asked again");
});

test("a part answers for its own bytes only", async () => {
  replies.set("/large", ({ headers }, response) => {
    const isPart = headers.range === "bytes=4-7";
    const fields = { "cache-control": "max-age=60", etag: '"v1"' };
    if (isPart) response.writeHead(206, { ...fields, "content-range": "bytes 4-7/10" }).end("4567");
    else response.writeHead(200, fields).end("0123456789");
  });
  assert.equal((await send("/large", { range: "bytes=4-7" })).text, "4567");
  const inside = await send("/large", { range: "bytes=5-6" });
  assert.deepEqual([inside.status, inside.text, isHit(inside)], [206, "56", true]);
  const whole = await send("/large");
  assert.deepEqual([whole.status, whole.text], [200, "0123456789"]);
  assert.equal((await send("/large", { range: "bytes=0-1" })).text, "01");
});

test("RFC 5861 stale is served at once while one request refreshes it", async () => {
  serve("/swr", { "cache-control": "max-age=1, stale-while-revalidate=60" });
  await send("/swr");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const stale = await send("/swr");
  assert.equal(stale.text, "answer 1");
  assert.match(stale.cache, /^skerry-memory; hit; ttl=-\d; detail=stale-while-revalidate$/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal((await send("/swr")).text, "answer 2");
});

test("after a restart the region still has each variant, and no-cache fields stay hidden", async () => {
  serve("/hidden", { "cache-control": 'max-age=60, no-cache="x-once"', "x-once": "1" });
  assert.equal((await send("/hidden")).headers["x-once"], "1");
  // The cell is told a moment later.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await edge.restart();
  const hit = await send("/hidden");
  assert.match(hit.cache, /^skerry-region; hit/);
  assert.equal(hit.headers["x-once"], undefined);
  assert.match((await send("/page", { "accept-language": "fi" })).cache, /^skerry-region; hit/);
});

test("a server that is gone: stale-if-error is served, under rfc anything that may be stale", async () => {
  serve("/sie", { "cache-control": "max-age=1, stale-if-error=60" });
  serve("/none", { "cache-control": "max-age=1" });
  for (const host of ["one.test", "lax.test"]) {
    for (const target of ["/sie", "/none"]) await send(target, { host });
  }
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const stale = await send("/sie");
  assert.match(stale.cache, /hit; ttl=-\d; detail=origin-unreachable/);
  assert.equal((await send("/none")).status, 504);
  assert.equal((await send("/none", { host: "lax.test" })).status, 200);
});
