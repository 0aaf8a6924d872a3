// Does the Cache API serve as a tier? Under wrangler dev, where there is one: alone, and between memory and
// the region's cell; ended by purges and writes. And on bare workerd, where there is none.

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { limits } from "../../edge/limits.ts";
import { startWranglerEdge, type WranglerEdge } from "../../tools/conformance/wrangler-edge.ts";
import { drawKeys, mintOperatorToken, type Keys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { pause, SlowUpstream } from "../support/slow-upstream.ts";

/** What the server sends for a path: its text, and which fields. */
const FRESH: Readonly<Record<string, string>> = { "cache-control": "max-age=600" };
const pages = new Map<string, Readonly<Record<string, string>>>();
const counts = new Map<string, number>();
let server: http.Server;
let stateDir: string;
let keys: Keys;
const edges: Record<string, WranglerEdge> = {};

before(async () => {
  server = http.createServer((request, response) => {
    const target = (request.url ?? "").split("?")[0] ?? "";
    const count = (counts.get(target) ?? 0) + 1;
    counts.set(target, count);
    const { "if-none-match": asked, "x-kind": given } = request.headers;
    const kind = typeof given === "string" ? given : "plain";
    const fields = pages.get(target) ?? FRESH;
    if (asked !== undefined && asked === fields["etag"]) response.writeHead(304, fields).end();
    else
      response
        .writeHead(200, { ...fields, "content-length": `${kind} ${count}`.length })
        .end(`${kind} ${count}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-colo-"));
  keys = await drawKeys();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [region] = DEFAULT_REGIONS;
  for (const tiers of ['["colo"]', '["memory","colo","region"]']) {
    const dir = path.join(stateDir, tiers.length.toString());
    edges[tiers] = await startWranglerEdge(dir, {
      REGION: region?.id ?? "",
      ORIGIN_URL: "http://127.0.0.1:9",
      SITES: '{ "*": "one" }',
      UPSTREAMS: JSON.stringify({ one: { url } }),
      TIERS: tiers,
      ISSUER_KEYS: keys.issuerKeys,
      LINK_KEY: keys.linkKey,
    });
  }
});

after(async () => {
  for (const edge of Object.values(edges)) await edge.kill();
  server.closeAllConnections();
  server.close();
  await fs.rm(stateDir, { recursive: true, force: true });
});

interface Got {
  readonly status: number;
  readonly text: string;
  readonly cache: string;
}

async function get(
  tiers: string,
  target: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Got> {
  const response = await fetch(`${edges[tiers]?.url}${target}`, { headers, method });
  const text = await response.text();
  return { status: response.status, text, cache: response.headers.get("cache-status") ?? "" };
}

/** Asks until an answer says what it is to say: what is stored is stored behind an answer. */
async function until(ask: () => Promise<Got>, said: RegExp): Promise<Got> {
  let got = await ask();
  for (let left = 20; left > 0 && !said.test(got.cache); left -= 1) {
    await pause(50);
    got = await ask();
  }
  assert.match(got.cache, said);
  return got;
}

const purge = async (tiers: string, body: unknown): Promise<void> => {
  const token = await mintOperatorToken(keys, "purger", ["purge"]);
  const response = await fetch(`${edges[tiers]?.url}/v1/purge`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
};

const ALONE = '["colo"]';
const AMONG = '["memory","colo","region"]';

test("alone it answers: whole, a part, unchanged, and HEAD", async () => {
  pages.set("/a", { ...FRESH, etag: '"a"' });
  const first = await get(ALONE, "/a");
  assert.match(first.cache, /skerry-colo; fwd=miss; stored, skerry-memory; fwd=miss/);
  const hit = await until(
    () => get(ALONE, "/a"),
    /^skerry-colo; hit; ttl=\d+, skerry-memory; fwd=miss$/,
  );
  assert.equal(hit.text, first.text);
  const part = await get(ALONE, "/a", { range: "bytes=0-4" });
  assert.deepEqual([part.status, part.text], [206, "plain"]);
  assert.equal((await get(ALONE, "/a", { "if-none-match": '"a"' })).status, 304);
  assert.equal((await get(ALONE, "/a", {}, "HEAD")).status, 200);
  assert.equal(counts.get("/a"), 1);
});

test("each variant is found by what selects it", async () => {
  pages.set("/vary", { ...FRESH, vary: "x-kind", "content-type": "text/html" });
  for (const kind of ["red", "green", "blue"]) {
    const ask = () => get(ALONE, "/vary", { "x-kind": kind });
    await ask();
    assert.match((await until(ask, /^skerry-colo; hit/)).text, new RegExp(`^${kind} `));
  }
  for (const kind of ["red", "green", "blue"]) {
    const hit = await get(ALONE, "/vary", { "x-kind": kind });
    assert.match(hit.cache, /^skerry-colo; hit/, kind);
    assert.match(hit.text, new RegExp(`^${kind} `));
  }
});

test("what is stale there is validated, and may be again", async () => {
  pages.set("/short", { "cache-control": "max-age=1", etag: '"short"' });
  const first = await get(ALONE, "/short");
  await until(() => get(ALONE, "/short"), /skerry-colo; (hit|fwd=stale)/);
  await pause(1_100);
  const validated = await until(() => get(ALONE, "/short"), /fwd-status=304/);
  assert.match(validated.cache, /skerry-colo; fwd=stale; stored/);
  assert.equal(validated.text, first.text);
});

test("between memory and the cell each tier fills the ones before it", async () => {
  const first = await get(AMONG, "/among");
  assert.match(
    first.cache,
    /^skerry-region; fwd=miss; fwd-status=200; stored, skerry-colo; fwd=miss; stored, skerry-memory; fwd=miss; stored$/,
  );
  await until(() => get(AMONG, "/among"), /^skerry-memory; hit/);
});

for (const tiers of [ALONE, AMONG]) {
  for (const mode of ["hard", "soft"] as const) {
    test(`P5: after a ${mode} purge no tier of ${tiers} serves the old body`, async () => {
      const target = `/purged-${mode}`;
      pages.set(target, { ...FRESH, "cache-tag": `t-${mode}` });
      const old = (await get(tiers, target)).text;
      await until(() => get(tiers, target), /^skerry-(memory|colo); hit/);
      await purge(tiers, { tags: [`t-${mode}`], mode });
      await pause(limits.leaseMs);
      for (let i = 0; i < 10; i += 1) assert.notEqual((await get(tiers, target)).text, old);
      await until(() => get(tiers, target), /^skerry-(memory|colo); hit/);
      assert.notEqual((await get(tiers, target)).text, old);
    });
  }

  test(`a write ends what ${tiers} have, before it is answered`, async () => {
    const old = (await get(tiers, "/written")).text;
    await until(() => get(tiers, "/written"), /^skerry-(memory|colo); hit/);
    assert.equal((await get(tiers, "/written", {}, "POST")).status, 200);
    assert.notEqual((await get(tiers, "/written")).text, old);
  });
}

test("on bare workerd there is no such tier: that is told once, and fails nothing", async () => {
  const bare = await SlowUpstream.open({ TIERS: '["memory","colo","region"]' });
  try {
    bare.replies.set("/a", (_request, response) => {
      response.writeHead(200, { ...FRESH, "content-length": "1" }).end("a");
    });
    for (let i = 0; i < 3; i += 1) {
      const got = await bare.get(`/a?${i}`).got;
      assert.equal(got.status, 200);
      assert.match(
        got.cache,
        /^skerry-region; fwd=miss; fwd-status=200; stored, skerry-memory; fwd=miss; stored$/,
      );
    }
    const said = (await fs.readFile(bare.edge.logFile, "utf8")).match(/no-colo-cache/g) ?? [];
    assert.equal(said.length, 1);
  } finally {
    await bare.close();
  }
});
