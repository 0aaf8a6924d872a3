// Content's path on the real runtime: published at the origin, served by the edge out of each tier,
// and served on, stale and marked, while the line to the origin is cut or silent.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { limits } from "../../edge/limits.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld, type World, type WorldRegion } from "../../tools/launcher/world.ts";
import { publishFolder } from "../../tools/publish-folder.ts";

let stateDir: string;
let world: World;
let region: WorldRegion;
let token: string;

before(async () => {
  stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-content-"));
  world = await openWorld({ stateDir, basePort: 0, regions: DEFAULT_REGIONS.slice(0, 1) });
  const [first] = world.regions;
  assert.ok(first !== undefined);
  region = first;
  token = await world.operatorToken("publish");
});

after(async () => {
  await world.close();
  await fs.rm(stateDir, { recursive: true, force: true });
});

const cacheStatus = (response: Response) => response.headers.get("cache-status") ?? "";

async function get(target: string, init: RequestInit = {}): Promise<Response & { body: unknown }> {
  return fetch(`${region.url}${target}`, { redirect: "manual", ...init });
}

function atOrigin(target: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) };
  return fetch(`${world.origin.url}/v1/sites/main/content/${target}`, { ...init, headers });
}

async function publish(target: string, body: string, policy?: string): Promise<Response> {
  const headers = policy === undefined ? {} : { "cache-control": policy };
  const response = await atOrigin(target, { method: "PUT", body: Buffer.from(body), headers });
  assert.ok(response.ok, `${response.status} ${await response.clone().text()}`);
  return response;
}

/** The highest seq of the origin's purges that the region knows. */
async function purgesKnown(): Promise<number> {
  const { cell } = (await (await get("/readyz")).json()) as {
    cell: { purges: Record<string, number> };
  };
  return cell.purges["origin"] ?? 0;
}

/**
 * Publishes pages and waits until the region, and each isolate, knows that the origin has purged
 * what they replace: what is fetched before counts as older, and would be fetched again.
 */
async function publishAndSettle(pages: Readonly<Record<string, string>>): Promise<void> {
  let lastMs = 0;
  for (const [name, policy] of Object.entries(pages)) {
    lastMs = Date.now();
    await publish(`${name}.txt`, name, policy);
  }
  // The origin numbers its purges above the clock.
  await until(async () => ((await purgesKnown()) >= lastMs ? true : null));
  await sleep(limits.leaseMs);
}

test("publishing answers 201, then 200, with what it stored; anyone else gets 401", async () => {
  const first = await publish("hello.txt", "one", "public, max-age=300");
  assert.equal(first.status, 201);
  const stored = (await first.json()) as Record<string, unknown>;
  assert.deepEqual(
    { ...stored, etag: typeof stored["etag"] },
    {
      site: "main",
      path: "hello.txt",
      etag: "string",
      bytes: 3,
      contentType: "text/plain; charset=utf-8",
      cacheControl: "public, max-age=300",
    },
  );
  assert.equal((await publish("hello.txt", "two", "public, max-age=300")).status, 200);
  const unknown = await fetch(`${world.origin.url}/v1/sites/main/content/hello.txt`);
  assert.equal(unknown.status, 401);
  const forged = { headers: { "skerry-link": "00".repeat(16) } };
  const mac = await fetch(`${world.origin.url}/v1/sites/main/content/hello.txt`, forged);
  assert.equal(mac.status, 401);
});

test("a page is a miss, then a hit with an Age, byte for byte the same", async () => {
  const miss = await get("/hello.txt");
  assert.equal(await miss.text(), "two");
  assert.equal(
    cacheStatus(miss),
    "skerry-region; fwd=miss; fwd-status=200; stored, skerry-memory; fwd=miss; stored",
  );
  assert.equal(miss.headers.get("age"), null);
  const hit = await get("/hello.txt");
  assert.match(cacheStatus(hit), /^skerry-memory; hit; ttl=\d+$/);
  assert.match(hit.headers.get("age") ?? "", /^\d+$/);
  assert.equal(hit.headers.get("etag"), miss.headers.get("etag"));
  assert.equal(hit.headers.get("content-length"), "3");
  assert.equal(await hit.text(), "two");
});

test("304, HEAD, a cookie and a range are answered as the safe profile says", async () => {
  await publishAndSettle({ parts: "public, max-age=300" });
  const etag = (await get("/parts.txt")).headers.get("etag") ?? "";
  const notModified = await get("/parts.txt", { headers: { "if-none-match": etag } });
  assert.equal(notModified.status, 304);
  assert.match(cacheStatus(notModified), /hit/);
  const head = await get("/parts.txt", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), "5");
  assert.equal(await head.text(), "");
  const withCookie = await get("/parts.txt", { headers: { cookie: "a=b" } });
  assert.equal(
    cacheStatus(withCookie),
    "skerry-memory; fwd=bypass; fwd-status=200; detail=request-cookie",
  );
  assert.equal(await withCookie.text(), "parts");
  const withRange = await get("/parts.txt", { headers: { range: "bytes=0-0" } });
  assert.equal(withRange.status, 206);
  assert.match(cacheStatus(withRange), /^skerry-memory; hit/);
  assert.equal(await withRange.text(), "p");
  const posted = await get("/parts.txt", { method: "POST", body: "x" });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get("allow"), "GET, HEAD");
});

test("a HEAD with nothing stored stores nothing", async () => {
  await publish("head.txt", "four", "max-age=300");
  const head = await get("/head.txt", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), "4");
  assert.match(cacheStatus(await get("/head.txt")), /fwd=miss.*fwd-status=200; stored/);
});

test("the example site has an index, its own 404 and the right types", async () => {
  const files = await publishFolder({
    folder: "examples/site",
    site: "main",
    originUrl: world.origin.url,
    token,
  });
  assert.deepEqual([...new Set(files.map((file) => file.outcome))], ["new"]);
  const index = await get("/");
  assert.equal(index.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(index.headers.get("cache-control"), "public, max-age=60");
  assert.match(await index.text(), /<h1>Skerry<\/h1>/);
  const missing = await get("/no-such-page");
  assert.equal(missing.status, 404);
  assert.equal(missing.headers.get("cache-control"), "no-store");
  assert.match(missing.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(await missing.text(), /Only water here/);
  for (const [target, type] of [
    ["/style.css", "text/css; charset=utf-8"],
    ["/img/skerry.svg", "image/svg+xml; charset=utf-8"],
  ] as const) {
    assert.equal((await get(target)).headers.get("content-type"), type);
  }
});

test("a large file passes through whole, unstored, and says why", async () => {
  const big = "0123456789abcdef".repeat(160 * 1024);
  await publish("big.bin", big, "max-age=300");
  const answer = await get("/big.bin");
  assert.match(cacheStatus(answer), /fwd-status=200; detail=body-too-large/);
  assert.equal(await answer.text(), big);
  const etag = answer.headers.get("etag") ?? "";
  const again = await get("/big.bin", { headers: { "if-none-match": etag } });
  assert.equal(again.status, 304);
});

test("P9: targets that cannot be made canonical are answered with a 4xx", async () => {
  for (const target of ["/%zz", "/a%00b", "/a%0ab", "/%", "/?q=%x", "/a%2fb", "/..%2f..%2fx"]) {
    const status = await rawStatus(target);
    assert.ok(status >= 400 && status < 500, `${target} gives ${status}`);
  }
});

function rawStatus(target: string): Promise<number> {
  const { hostname, port } = new URL(region.url);
  return new Promise((resolve, reject) => {
    const request = http.get({ hostname, port, path: target }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
  });
}

test("P6: with the line cut, stored content is served at once, stale and marked, and heals", async () => {
  await publishAndSettle({
    lamp: "public, max-age=1",
    strict: "public, max-age=1, must-revalidate",
    fresh: "public, max-age=300",
  });
  for (const name of ["lamp", "strict", "fresh"]) await (await get(`/${name}.txt`)).text();
  await sleep(1_500);
  region.link.cut();
  try {
    await expectStale("/lamp.txt", "lamp", 250, "origin-unreachable");
    await expectStale("/lamp.txt", "lamp", 100, "origin-unreachable");
    assert.match(cacheStatus(await get("/fresh.txt")), /^skerry-memory; hit; ttl=\d/);
    const strict = await get("/strict.txt");
    assert.equal(strict.status, 504);
    assert.match(cacheStatus(strict), /detail=must-revalidate/);
    await expectPastCache();
    const unknown = await timed(() => get("/never-seen.txt"));
    assert.equal(unknown.value.status, 504);
    assert.match(unknown.value.headers.get("retry-after") ?? "", /^\d+$/);
    assert.ok(unknown.ms < 1_000, `refused after ${unknown.ms} ms`);
  } finally {
    region.link.heal();
  }
  const healed = await until(async () => {
    const answer = await get("/lamp.txt");
    return /fwd-status=304|hit; ttl=0|hit; ttl=\d/.test(cacheStatus(answer)) ? answer : null;
  });
  assert.equal(await healed.text(), "lamp");
  const strict = await get("/strict.txt");
  assert.equal(strict.status, 200);
  assert.match(cacheStatus(strict), /fwd=stale; fwd-status=304; stored/);
});

/** What goes past the cache is served from it while the origin is away, and at once. */
async function expectPastCache(): Promise<void> {
  const part = await get("/lamp.txt", { headers: { range: "bytes=1-2" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), "bytes 1-2/4");
  assert.equal(await part.text(), "am");
  const naming: Record<string, string>[] = [{ cookie: "_ga=1" }, { authorization: "Bearer x" }];
  for (const headers of naming) {
    await expectStale("/lamp.txt", "lamp", 100, "origin-unreachable", headers);
    const fresh = await get("/fresh.txt", { headers });
    assert.match(cacheStatus(fresh), /^skerry-memory; hit; ttl=\d+; detail=origin-unreachable$/);
    assert.equal(await fresh.text(), "fresh");
    assert.equal((await get("/strict.txt", { headers })).status, 504);
    assert.equal((await get("/never-seen.txt", { headers })).status, 504);
  }
}

test("P6: with the line silent, one request waits 250 ms and the next ones don't", async () => {
  await publishAndSettle({ calm: "public, max-age=1" });
  await (await get("/calm.txt")).text();
  await sleep(1_500);
  region.link.stall();
  try {
    await expectStale("/calm.txt", "calm", 600, "origin-slow");
    await expectStale("/calm.txt", "calm", 100, "origin-slow");
  } finally {
    region.link.heal();
  }
  await until(async () => {
    const answer = await get("/calm.txt");
    return /fwd-status=304|hit; ttl=\d/.test(cacheStatus(answer)) ? answer : null;
  });
});

test("what was stored is there after the edge restarts: the region's tier is on disk", async () => {
  await (await get("/fresh.txt")).text();
  await region.edge.kill();
  await region.edge.restart();
  const answer = await get("/fresh.txt");
  assert.match(
    cacheStatus(answer),
    /^skerry-region; hit; ttl=\d+, skerry-memory; fwd=miss; stored$/,
  );
  assert.equal(await answer.text(), "fresh");
});

test("P9: what cannot be published is refused with a 4xx that says why", async () => {
  const put = (target: string, init: RequestInit) => atOrigin(target, { method: "PUT", ...init });
  const cases: [string, RequestInit, number, RegExp][] = [
    ["a.txt", { body: "x", headers: { "cache-control": "max-age=soon" } }, 400, /cache-policy/],
    ["a.txt", { body: "x", headers: { "content-type": "text" } }, 400, /content-type/],
    ["a.txt", { body: "x", headers: { "content-encoding": "br" } }, 415, /content-encoding/],
    ["a.txt", { body: "x", headers: { "content-encoding": "gzip" } }, 400, /broken-gzip/],
    ["a//b.txt", { body: "x" }, 400, /bad-segment/],
    ["a%2fb.txt", { body: "x" }, 400, /bad-character/],
    ["%ff", { body: "x" }, 400, /bad-escape/],
    [`${"a".repeat(901)}`, { body: "x" }, 400, /too-long/],
    ["big.bin", { body: Buffer.alloc(25 * 1024 * 1024 + 1) }, 413, /too-large/],
  ];
  for (const [target, init, status, code] of cases) {
    const answer = await put(target, init);
    assert.equal(answer.status, status, target.slice(0, 20));
    assert.match(await answer.text(), code);
  }
  const reader = await world.operatorToken("read");
  const headers = { authorization: `Bearer ${reader}` };
  assert.equal((await put("a.txt", { body: "x", headers })).status, 403);
});

test("P9: a client that is still sending gets its answer", async () => {
  const bytes = Buffer.alloc(27 * 1024 * 1024, 7);
  const streamed = () => ({ body: new Blob([bytes]).stream(), duplex: "half" }) as RequestInit;
  const to = (url: string, init: RequestInit) => fetch(url, { method: "PUT", ...init });
  const { origin } = world;
  const content = `${origin.url}/v1/sites/main/content/a.txt`;
  const reader = { authorization: `Bearer ${await world.operatorToken("read")}` };
  const writer = { authorization: `Bearer ${token}` };
  const cases: [number, () => Promise<Response>][] = [
    [413, () => atOrigin("a.txt", { method: "PUT", ...streamed() })],
    [415, () => to(content, { ...streamed(), headers: { ...writer, "content-encoding": "br" } })],
    [401, () => to(content, { body: bytes })],
    [401, () => to(content, streamed())],
    [403, () => to(content, { body: bytes, headers: reader })],
    [404, () => to(`${origin.url}/no/such/door`, { body: bytes })],
    [405, () => to(`${region.url}/page`, { body: bytes })],
    [405, () => to(`${region.url}/v1/devices/boat-1/readings`, { body: bytes })],
    [401, () => to(`${region.url}/v1/devices/boat-1/readings`, { method: "POST", body: bytes })],
  ];
  for (const [status, send] of cases) assert.equal((await send()).status, status, send.toString());
});

test("a body without a length, an empty one and a gzipped one are published whole", async () => {
  const streamed = new Blob(["in ", "pieces"]).stream();
  const init = { method: "PUT", body: streamed, duplex: "half" } as RequestInit;
  assert.equal((await atOrigin("pieces.txt", init)).status, 201);
  assert.equal(await (await get("/pieces.txt")).text(), "in pieces");
  await publish("empty.txt", "");
  assert.equal(await (await get("/empty.txt")).text(), "");
  const zipped = {
    method: "PUT",
    body: gzipSync("unzipped"),
    headers: { "content-encoding": "gzip" },
  };
  assert.equal((await atOrigin("zipped.txt", zipped)).status, 201);
  const answer = await get("/zipped.txt");
  assert.equal(answer.headers.get("content-encoding"), null);
  assert.equal(await answer.text(), "unzipped");
});

test("the origin answers a condition with 304 and HEAD with the length", async () => {
  await publish("cond.txt", "cond");
  const whole = await atOrigin("cond.txt");
  const etag = whole.headers.get("etag") ?? "";
  assert.match(etag, /^".+"$/);
  assert.ok(whole.headers.has("date") && whole.headers.has("last-modified"));
  const same = await atOrigin("cond.txt", { headers: { "if-none-match": `"x", W/${etag}` } });
  assert.equal(same.status, 304);
  assert.equal(same.headers.get("etag"), etag);
  const since = { "if-modified-since": whole.headers.get("last-modified") ?? "" };
  assert.equal((await atOrigin("cond.txt", { headers: since })).status, 304);
  const head = await atOrigin("cond.txt", { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "4");
});

test("a withdrawn page is gone at the origin, and DELETE says so once", async () => {
  assert.equal((await atOrigin("head.txt", { method: "DELETE" })).status, 204);
  assert.equal((await atOrigin("head.txt", { method: "DELETE" })).status, 404);
  assert.equal((await atOrigin("head.txt", { method: "PATCH" })).status, 405);
});

async function expectStale(
  target: string,
  body: string,
  msMax: number,
  detail: string,
  headers: Record<string, string> = {},
) {
  const { value, ms } = await timed(() => get(target, { headers }));
  assert.equal(value.status, 200);
  assert.match(cacheStatus(value), new RegExp(`^skerry-memory; hit; ttl=-\\d+; detail=${detail}$`));
  assert.equal(await value.text(), body);
  assert.ok(ms < msMax, `answered after ${ms} ms`);
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedMs = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startedMs };
}

/** Asks again until there is an answer, for at most ten seconds. */
async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  for (let left = 40; left > 0; left -= 1) {
    const answer = await ask();
    if (answer !== null) return answer;
    await sleep(250);
  }
  throw new Error("Waited ten seconds in vain");
}
