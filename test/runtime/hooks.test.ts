// Do hooks work as examples/hooks/shop.ts and docs/sites.md say, compiled into the Worker as a deployment
// would? On bare workerd, before a real server.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { drawKeys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

const REGISTRY = "edge/sites/registry.ts";
const TYPE = 'import type { SiteHooks } from "../site/hooks.ts";';
const EMPTY = "Record<string, SiteHooks>> = {};";
const IMPORT = 'import { shopHooks } from "../../examples/hooks/shop.ts";';

const seen: http.IncomingMessage[] = [];
const server = http.createServer((request, response) => {
  seen.push(request);
  const list = String(request.headers["x-price-list"]);
  response.writeHead(200, { "x-powered-by": "php" }).end(`prices for ${list}`);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-hooks-"));
const regions = DEFAULT_REGIONS.slice(0, 1);
const [region] = regions;
assert.ok(region !== undefined);
const upstream = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
const edge = await EdgeProcess.start({
  stateDir,
  bundle: await buildWorker("edge", path.join(stateDir, "bundles"), [
    { file: REGISTRY, find: TYPE, replace: `${TYPE}\n${IMPORT}` },
    { file: REGISTRY, find: EMPTY, replace: EMPTY.replace("{}", "{ shop: shopHooks }") },
  ]),
  region,
  regions,
  originUrl: "http://127.0.0.1:9",
  keys: await drawKeys(),
  port: 0,
  sites: { "*": "shop" },
  vars: { UPSTREAMS: JSON.stringify({ shop: upstream }) },
});
after(async () => {
  await edge.kill();
  server.closeAllConnections();
  server.close();
  await fs.rm(stateDir, { recursive: true, force: true });
});

const get = (target: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(edge.url + target, { headers, redirect: "manual" });

test("a site's hooks refuse, rewrite, key, fetch, tag and deliver", async () => {
  for (const [list, expected] of [
    ["trade", "trade"],
    ["retail", "retail"],
    ["made up", "retail"],
    ["trade", "trade"],
  ] as const) {
    const answer = await get("/shop", { "x-price-list": list });
    assert.equal(await answer.text(), `prices for ${expected}`);
    assert.equal(answer.headers.get("x-powered-by"), null);
    assert.equal(answer.headers.get("cache-tag"), "section-catalogue");
    assert.equal(answer.headers.get("x-served-for"), "127.0.0.1");
  }
  assert.deepEqual(
    seen.map(({ url, headers }) => [url, headers["x-price-list"], headers.authorization]),
    [
      ["/catalogue/", "trade", "Basic c2hvcDpleGFtcGxl"],
      ["/catalogue/", "retail", "Basic c2hvcDpleGFtcGxl"],
    ],
  );
  const hit = await get("/catalogue/");
  assert.match(hit.headers.get("cache-status") ?? "", /^skerry-memory; hit; ttl=(?:300|29\d)$/);
  const refused = await get("/internal/x");
  assert.equal(refused.status, 404);
  assert.match(await refused.text(), /refused-by-site/);
});

test("a WebSocket passes the same hooks", async () => {
  const before = seen.length;
  const { hostname, port } = new URL(edge.url);
  const status = await new Promise<number>((resolve, reject) => {
    const headers = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    };
    const request = http.get({ hostname, port, path: "/internal/socket", headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
  });
  assert.equal(status, 404);
  assert.equal(seen.length, before);
});
