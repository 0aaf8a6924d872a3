// Does what is published of a site change how each region serves it, without a deployment, and go on
// doing so while the origin is away? Two regions and an origin, and any HTTP server behind a site.

import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { ask, becomes } from "../support/ask.ts";
import { openRegions } from "../support/open-world.ts";

const { world } = await openRegions("sites", 2);
const admin = await world.operatorToken("admin");
const urls = [world.region("hel").url, world.region("tll").url];

const asked: string[] = [];
const server = http.createServer((request, response) => {
  asked.push(request.url ?? "");
  response.writeHead(200, { "content-type": "text/plain" }).end(`upstream ${request.url}`);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => {
  server.closeAllConnections();
  server.close();
});
const upstream = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/` };

const publish = (document: unknown) =>
  ask("PUT", `${world.origin.url}/v1/config`, { token: admin, body: document });
const get = (url: string, target: string, headers: Record<string, string> = {}) =>
  fetch(url + target, { headers, redirect: "manual" });
const textAt = async (url: string, target: string): Promise<string> =>
  (await get(url, target)).text();

/** Gets a target as it is written: fetch would resolve its dots. The cache-status. */
const rawGet = (url: string, target: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, path: target, agent: false as const };
    const request = http.get(options, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.headers["cache-status"])));
    });
    request.on("error", reject);
  });

test("a site gets an upstream, rules, a redirect and fields by publishing them", async () => {
  const settings = {
    upstream,
    rules: [{ path: "/kept/*", ttl: 300 }],
    query: { drop: ["utm_*"] },
    redirects: [{ from: "/old/*", to: "/kept/*", status: 301 }],
    security: { preset: "strict" },
    cors: { origins: ["https://app.example"] },
  };
  const { status } = await publish({ sites: { "*": "shop" }, content: { shop: settings } });
  assert.equal(status, 200);
  for (const url of urls) {
    await becomes("upstream /base/kept/a?b=1", () => textAt(url, "/kept/a?b=1&utm_source=x"));
    const hit = await get(url, "/kept/a?utm_source=y&b=1", { origin: "https://app.example" });
    assert.match(hit.headers.get("cache-status") ?? "", /^skerry-memory; hit; ttl=(?:300|29\d)/);
    assert.equal(hit.headers.get("access-control-allow-origin"), "https://app.example");
    assert.match(hit.headers.get("vary") ?? "", /Origin/);
    assert.equal(hit.headers.get("x-frame-options"), "DENY");
    for (let again = 0; again < 3; again += 1) {
      const plain = await get(url, "/kept/a?utm_source=z&b=1");
      assert.match(plain.headers.get("cache-status") ?? "", /^skerry-memory; hit/);
      assert.equal(plain.headers.get("x-frame-options"), "DENY");
      assert.match(plain.headers.get("vary") ?? "", /Origin/);
      assert.equal(plain.headers.get("access-control-allow-origin"), null);
    }
    const moved = await get(url, "/old/a");
    assert.deepEqual([moved.status, moved.headers.get("location")], [301, "/kept/a"]);
    const unkept = await get(url, "/b");
    assert.match(unkept.headers.get("cache-status") ?? "", /detail=no-explicit-freshness/);
  }
  assert.ok(asked.every((target) => !target.includes("utm_")));
});

test("attack P8: what a query rule reads is what the key has and the upstream gets", async () => {
  const [url = ""] = urls;
  const spellings = [
    ["?b=1;utm_source=evil", "?b=1;utm_source=evil"],
    ["?utm_source=x;b=evil", ""],
    ["?b=1&utm_source=x;b=evil", "?b=1"],
    ["?%75tm_source=evil&b=1", "?%75tm_source=evil&b=1"],
    ["?UTM_source=evil&b=1", "?UTM_source=evil&b=1"],
    ["?b=evil&b=1&utm_source=x", "?b=evil&b=1"],
  ];
  for (const [sent = "", kept = ""] of spellings) {
    for (let again = 0; again < 2; again += 1)
      assert.equal(await textAt(url, `/kept/p8${sent}`), `upstream /base/kept/p8${kept}`);
  }
});

test("attack P9: a parameter that is in no key reaches no upstream", async () => {
  const [url = ""] = urls;
  const before = asked.length;
  await textAt(url, "/kept/p9?utm_source=evil&utm_x");
  assert.equal(await textAt(url, "/kept/p9"), "upstream /base/kept/p9");
  assert.deepEqual(asked.slice(before), ["/base/kept/p9"]);
});

test("attack D5: a rule for a prefix is not reached by a path that leads out of it", async () => {
  const [url = ""] = urls;
  for (const target of ["/kept/../d5", "/kept/%2e%2e/d5", "/kept/..%2fd5", "/kept%2f..%2fd5"]) {
    const answer = await rawGet(url, target);
    assert.match(answer, /detail=(?:no-explicit-freshness|hidden-dots)/, target);
  }
});

test("what is stored is coded by the runtime in each coding, and decodes to the same bytes", async () => {
  const settings = { upstream, rules: [{ path: "/*", ttl: 300 }], compression: {} };
  await publish({ sites: { "*": "shop" }, content: { shop: settings } });
  const [url = ""] = urls;
  const whole = `upstream /base/long/${"a".repeat(1_500)}`;
  const target = whole.slice("upstream /base".length);
  const raw = async (accepted: string) => {
    const { hostname, port } = new URL(url);
    const headers = { "accept-encoding": accepted };
    return new Promise<{ coding: string; body: Buffer; vary: string }>((resolve, reject) => {
      const request = http.get({ hostname, port, path: target, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            coding: response.headers["content-encoding"] ?? "identity",
            body: Buffer.concat(chunks),
            vary: response.headers.vary ?? "",
          }),
        );
      });
      request.on("error", reject);
    });
  };
  await becomes("br", async () => (await raw("br")).coding);
  const before = asked.length;
  for (const [coding, decode] of [
    ["br", brotliDecompressSync],
    ["zstd", zstdDecompressSync],
    ["gzip", gunzipSync],
    ["identity", (body: Buffer) => body],
  ] as const) {
    const answer = await raw(coding);
    assert.equal(answer.coding, coding);
    assert.match(answer.vary, /Accept-Encoding/);
    assert.equal(decode(answer.body).toString(), whole);
    if (coding !== "identity") assert.ok(answer.body.length < whole.length / 4);
  }
  assert.equal(asked.length, before, "one body is good for all of them");
});

test("a fault is a problem that names its place, and changes nothing", async () => {
  const redirects = [{ from: "/a", to: "//evil.example" }];
  const { status, json } = await publish({ content: { shop: { redirects } } });
  assert.equal(status, 400);
  const [error] = json["errors"] as { pointer: string; message: string }[];
  assert.equal(error?.pointer, "/content/shop/redirects/0/to");
  assert.notEqual((await get(urls[0] ?? "", "/a")).status, 308);
});

test("P6 settings stay in force while the origin is away, and what is taken back is the deployment's again", async () => {
  const [url = ""] = urls;
  await publish({
    sites: { "*": "shop" },
    content: { shop: { redirects: [{ from: "/x", to: "/y" }] } },
  });
  await becomes(308, async () => (await get(url, "/x")).status);
  assert.notEqual((await get(url, "/old/a")).status, 301);
  await world.origin.kill();
  await world.region("hel").edge.kill();
  await world.region("hel").edge.resume();
  await becomes(308, async () => (await get(url, "/x")).status);
});
