// Does a purge hold what its answer says? Three regions on bare workerd, an origin, and a site with an
// upstream of its own, whose page changes: once a region has confirmed, nobody there sees the page as it
// was for longer than a lease (P5), with the origin and without it (P6).

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../edge/limits.ts";
import { openWorld } from "../../tools/launcher/world.ts";

const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), "skerry-purges-"));
let version = 1;
let holdMs = 0;
const site = http.createServer((request, response) => {
  const body = `version ${version}`;
  const respond = (): void => {
    if (request.method === "POST")
      return void response.writeHead(204, { "cache-group-invalidation": '"tides"' }).end();
    const fields = {
      "cache-control": "max-age=3600, stale-while-revalidate=3600",
      "cache-tag": "harbour, news",
      "cache-groups": '"tides", "all pages"',
      etag: `"${body}"`,
    };
    response.writeHead(200, fields).end(body);
  };
  setTimeout(respond, holdMs);
});
await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
const world = await openWorld({
  stateDir,
  basePort: 0,
  vars: { SITES: '{"*":"shop"}', UPSTREAMS: JSON.stringify({ shop: { url } }) },
});
after(async () => {
  await world.close();
  site.closeAllConnections();
  site.close();
  fs.rmSync(stateDir, { recursive: true, force: true });
});
const admin = await world.operatorToken("purge");
const { regions } = world;
const ids = regions.map(({ id }) => id);
const [first] = regions;
assert.ok(first !== undefined && regions.length >= 3);

interface Purged {
  readonly id: string;
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

async function purge(at: string, body: unknown, status = 200): Promise<Purged> {
  const answer = await fetch(`${at}/v1/purge`, {
    method: "POST",
    headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, status);
  return (await answer.json()) as Purged;
}

async function page(at: string, target = "/page"): Promise<{ text: string; cache: string }> {
  const answer = await fetch(at + target);
  return { text: await answer.text(), cache: answer.headers.get("cache-status") ?? "" };
}

/** Has every region store the page as it is now, and changes it behind their backs. */
async function fillAndChange(target = "/page"): Promise<string> {
  for (const { url: at } of regions) {
    await page(at, target);
    assert.match((await page(at, target)).cache, /; hit/);
  }
  version += 1;
  return `version ${version}`;
}

test("P5 three regions confirm, and none serves what was before a lease later", async () => {
  const scopes = [
    { urls: [`${first.url}/page`] },
    { prefixes: [`${first.url}/pa`] },
    { hosts: [new URL(first.url).hostname] },
    { tags: ["harbour"] },
    { groups: [{ host: new URL(first.url).hostname, group: "all pages" }] },
    { all: true },
  ];
  for (const scope of scopes) {
    const next = await fillAndChange();
    const startedMs = performance.now();
    const { applied, pending } = await purge(first.url, { ...scope, wait: "all" });
    assert.deepEqual([applied.toSorted(), pending], [ids.toSorted(), []], JSON.stringify(scope));
    assert.ok(performance.now() - startedMs < limits.purgeWaitMs);
    await sleep(limits.leaseMs);
    for (const { url: at } of regions) assert.equal((await page(at)).text, next, at);
  }
});

test("P5 until it is purged in a region, and no longer than a lease after, the old page is served", async () => {
  const next = await fillAndChange();
  assert.notEqual((await page(first.url)).text, next, "nothing but the purge ends it");
  const { applied, pending } = await purge(first.url, { tags: ["news"] });
  assert.deepEqual([applied, pending.toSorted()], [[first.id], ids.slice(1).toSorted()]);
  const purgedMs = performance.now();
  let lastOldMs = 0;
  while (performance.now() - purgedMs < 2 * limits.leaseMs) {
    const askedMs = performance.now() - purgedMs;
    if ((await page(first.url)).text !== next) lastOldMs = askedMs;
    await sleep(20);
  }
  assert.ok(lastOldMs <= limits.leaseMs, `${lastOldMs} ms after it`);
});

test("attack U6: P5 what is on its way when it is purged is not served after it", async () => {
  await purge(first.url, { all: true });
  await sleep(limits.leaseMs);
  holdMs = 1_500;
  const asked = page(first.url, "/slow");
  await sleep(300);
  version += 1;
  holdMs = 0;
  await purge(first.url, { urls: [`${first.url}/slow`] });
  assert.equal((await asked).text, `version ${version}`);
  assert.equal((await page(first.url, "/slow")).text, `version ${version}`);
});

test("a soft purge leaves the page to be served while it is validated", async () => {
  const next = await fillAndChange();
  await purge(first.url, { tags: ["harbour"], mode: "soft" });
  await sleep(limits.leaseMs);
  const stale = await page(first.url);
  assert.notEqual(stale.text, next);
  assert.match(stale.cache, /hit; ttl=-1; detail=stale-while-revalidate/);
  await sleep(300);
  assert.equal((await page(first.url)).text, next);
});

test("RFC 9875 a write whose answer names a group ends what is in it, in its region", async () => {
  const next = await fillAndChange();
  await fetch(`${first.url}/other`, { method: "POST", body: "x" });
  await sleep(limits.leaseMs);
  assert.equal((await page(first.url)).text, next);
});

test("attack U7: P6 without the origin the purging region confirms alone, and the rest follow", async () => {
  const next = await fillAndChange();
  for (const { link } of regions) link.cut();
  const { applied, pending } = await purge(first.url, { all: true, wait: "all" });
  assert.deepEqual([applied, pending.toSorted()], [[first.id], ids.slice(1).toSorted()]);
  await sleep(limits.leaseMs);
  assert.equal((await page(first.url)).text, next);
  for (const { link } of regions) link.heal();
  const again = await purge(first.url, { tags: ["none"], wait: "all" });
  assert.deepEqual(again.pending, []);
  await sleep(limits.leaseMs);
  for (const { url: at } of regions) assert.equal((await page(at)).text, next);
});

test("a purge that waits for nobody is answered at once, and done all the same", async () => {
  const next = await fillAndChange();
  const { applied, pending } = await purge(first.url, { all: true, wait: "none" }, 202);
  assert.deepEqual([applied, pending.toSorted()], [[], ids.toSorted()]);
  await sleep(2 * limits.leaseMs);
  assert.equal((await page(first.url)).text, next);
});

test("who purged what, and when, is told in every region and at the origin", async () => {
  const { id } = await purge(first.url, { tags: ["told"], wait: "all" });
  for (const at of [world.origin.url, ...regions.map((region) => region.url)]) {
    const asked = { headers: { authorization: `Bearer ${admin}` } };
    const answer = await fetch(`${at}/v1/purges?limit=2`, asked);
    assert.equal(answer.status, 200);
    const { purges, cursor } = (await answer.json()) as {
      purges: readonly { id: string; by: string; scopes: readonly string[]; at: string }[];
      cursor: string | null;
    };
    const [newest] = purges;
    assert.deepEqual([newest?.id, newest?.scopes], [id, ["tag told"]], at);
    assert.equal(newest?.by, "launcher");
    assert.ok(Math.abs(Date.parse(newest.at) - Date.now()) < 60_000);
    const next = await fetch(`${at}/v1/purges?limit=2&cursor=${cursor}`, asked);
    assert.equal(((await next.json()) as { purges: unknown[] }).purges.length, 2);
    assert.equal((await fetch(`${at}/v1/purges`)).status, 401);
    assert.equal((await fetch(`${at}/v1/purges?limit=0`, asked)).status, 400);
    assert.equal((await fetch(`${at}/v1/purges?cursor=x`, asked)).status, 400);
    assert.equal((await fetch(`${at}/v1/purges`, { ...asked, method: "POST" })).status, 405);
  }
});
