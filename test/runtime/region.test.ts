// Does a region do as the registry says, with the origin there and without it? Two regions on bare
// workerd and an origin under Miniflare: revocations, the configuration and purges travel, and stay.

import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, becomes, outcomeOf, type Told } from "../support/ask.ts";
import { openRegions } from "../support/open-world.ts";

const { stateDir, world } = await openRegions("region", 2);
const admin = await world.operatorToken("admin");
const [hel, tll] = [world.region("hel"), world.region("tll")];

/** Asks with a token. */
const call = (url: string, method: string, token: string, body?: unknown): Promise<Told> =>
  ask(method, url, { token, body });

const atOrigin = (method: string, target: string, body?: unknown): Promise<Told> =>
  call(world.origin.url + target, method, admin, body);

/** Registers a device, and gives its token. */
async function enroll(device: string): Promise<string> {
  assert.equal((await atOrigin("POST", "/v1/devices", { device })).status, 201);
  return tokenIn(await atOrigin("POST", `/v1/devices/${device}/credentials`));
}

function tokenIn({ status, json }: Told): string {
  assert.equal(status, 201);
  return String(json["token"]);
}

let seq = 0;
/** Posts a reading; the answer's status, and its problem if it is one. */
async function post(url: string, device: string, token: string): Promise<string> {
  const body = { t: [1_790_000_000_000 + (seq += 1)], series: { depth_m: [1] } };
  return outcomeOf(await call(`${url}/v1/devices/${device}/readings`, "POST", token, body));
}

/** The highest seq of a region's purges that the cell behind `url` knows. */
async function purgesOf(url: string, writer: string): Promise<number> {
  const { cell } = (await call(`${url}/readyz`, "GET", admin)).json as {
    cell: { purges: Record<string, number> };
  };
  return cell.purges[writer] ?? 0;
}

async function purge(url: string, body: unknown): Promise<number> {
  const { status, json } = await call(`${url}/v1/purge`, "POST", admin, body);
  assert.equal(status, 200);
  const { id, region, applied, pending } = json as { id: string } & Record<string, unknown>;
  const others = world.regions.map(({ id: one }) => one).filter((one) => one !== region);
  assert.deepEqual([applied, pending], [[region], others]);
  assert.ok(id.startsWith(`${String(region)}-`));
  return Number(id.split("-").at(-1));
}

const token = await enroll("boat-1");
/** Not in the registry: its token alone lets it in. */
const stranger = await world.deviceToken("boat-unknown");

test("a token that was replaced at the origin is refused in every region, and the new one is not", async () => {
  for (const { url } of [hel, tll]) assert.equal(await post(url, "boat-1", token), "200");
  const rotated = tokenIn(await atOrigin("POST", "/v1/devices/boat-1/rotate"));
  for (const { url } of [hel, tll]) {
    await becomes("401 token-revoked", () => post(url, "boat-1", token));
    assert.equal((await call(`${url}/v1/devices/boat-1`, "GET", token)).status, 401);
    assert.equal((await call(`${url}/v1/devices/boat-1`, "GET", rotated)).status, 200);
    assert.equal(await post(url, "boat-1", rotated), "200");
    assert.equal(await post(url, "boat-1", admin), "200");
    assert.equal(await post(url, "boat-unknown", stranger), "200");
  }
});

test("a device that is disabled is refused until it is enabled", async () => {
  const boat = await enroll("boat-2");
  assert.equal(await post(hel.url, "boat-2", boat), "200");
  await atOrigin("PATCH", "/v1/devices/boat-2", { disabled: true });
  await becomes("403 device-disabled", () => post(hel.url, "boat-2", boat));
  assert.equal(await post(hel.url, "boat-2", admin), "200");
  await atOrigin("PATCH", "/v1/devices/boat-2", { disabled: false });
  await becomes("200", () => post(hel.url, "boat-2", boat));
});

test("a purge in one region arrives in the other's cell, and the answer does not wait for it", async () => {
  const { url } = hel;
  const first = await purge(url, { tags: ["news"], hosts: [new URL(url).hostname] });
  assert.ok((await purgesOf(url, "hel")) >= first);
  await becomes(true, async () => (await purgesOf(tll.url, "hel")) >= first);
});

test("P9 a purge that is wrong says which field, and nothing is marked", async () => {
  const before = await purgesOf(hel.url, "hel");
  const cases: readonly (readonly [unknown, string])[] = [
    [{}, ""],
    [{ url: ["https://a.example/"] }, ""],
    [{ all: false }, "/all"],
    [{ urls: ["https://a.example/", 7] }, "/urls/1"],
    [{ urls: ["/news"] }, "/urls/0"],
    [{ tags: ["a".repeat(129)] }, "/tags/0"],
    [{ tags: Array.from({ length: 101 }, () => "a") }, ""],
    [[], ""],
    ["no JSON object", ""],
  ];
  for (const [body, pointer] of cases) {
    const { status, json } = await call(`${hel.url}/v1/purge`, "POST", admin, body);
    const [first] = json["errors"] as { pointer: string; message: string }[];
    assert.deepEqual([status, first?.pointer], [400, pointer], JSON.stringify(body));
    assert.ok((first?.message.length ?? 0) > 10);
    const field = pointer.split("/")[1] ?? "-";
    assert.ok(String(json["detail"]).split(field).length <= 2, "the field is named once");
  }
  const reader = await world.operatorToken("read");
  assert.equal((await call(`${hel.url}/v1/purge`, "POST", reader, { all: true })).status, 403);
  assert.equal((await call(`${hel.url}/v1/purge`, "POST", token, { all: true })).status, 403);
  assert.equal((await call(`${hel.url}/v1/purge`, "GET", admin)).status, 405);
  assert.equal(await purgesOf(hel.url, "hel"), before);
});

test("a configuration that is published moves a site without a deployment", async () => {
  for (const site of ["main", "other"]) {
    const published = await fetch(`${world.origin.url}/v1/sites/${site}/content/index.html`, {
      method: "PUT",
      headers: { authorization: `Bearer ${admin}`, "content-type": "text/html" },
      body: `site ${site}`,
    });
    assert.equal(published.status, 201);
  }
  const page = async (): Promise<string> => (await fetch(`${tll.url}/`)).text();
  assert.equal(await page(), "site main");
  assert.equal((await atOrigin("PUT", "/v1/config", { sites: { "*": "other" } })).status, 200);
  await becomes("site other", page);
});

test("requests that find the lease over wait for one call together, and none of them for long", async () => {
  for (let round = 0; round < 3; round += 1) {
    await sleep(1_200);
    const startedMs = performance.now();
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => (await fetch(`${hel.url}/v1/place`)).status),
    );
    assert.deepEqual([...new Set(statuses)], [200]);
    assert.ok(performance.now() - startedMs < 2_000);
  }
  const log = readFileSync(hel.edge.logFile, "utf8");
  assert.ok(!log.includes('"lease-failed"'), "no call of one request is lost to another");
});

test("P5 a purge takes a page out of every tier within a second here, and soon in the other region", async () => {
  let version = 0;
  const publish = async (): Promise<string> => {
    version += 1;
    const target = `${world.origin.url}/v1/sites/other/content/tide.txt`;
    const headers = {
      authorization: `Bearer ${admin}`,
      "content-type": "text/plain",
      "cache-control": "public, max-age=3600",
    };
    const body = `tide ${version}`;
    assert.ok((await fetch(target, { method: "PUT", headers, body })).ok);
    return body;
  };
  const page = async (url: string): Promise<string> => (await fetch(`${url}/tide.txt`)).text();
  const body = await publish();
  for (const { url } of [hel, tll]) {
    await becomes(body, () => page(url));
    assert.match((await fetch(`${url}/tide.txt`)).headers.get("cache-status") ?? "", /hit/);
  }
  // What is behind the origin's back: a page that is published is purged by the origin itself.
  const next = await publish();
  for (const { url } of [hel, tll]) await becomes(next, () => page(url));
  await purge(hel.url, { urls: [`${hel.url}/tide.txt`] });
  await sleep(1_000);
  const first = (await fetch(`${hel.url}/tide.txt`)).headers.get("cache-status") ?? "";
  assert.match(first, /fwd=miss; fwd-status=200; stored/);
  const cacheStatus = async (): Promise<boolean> =>
    /fwd-status=200/.test((await fetch(`${tll.url}/tide.txt`)).headers.get("cache-status") ?? "");
  await becomes(true, cacheStatus);
  assert.match((await fetch(`${hel.url}/tide.txt`)).headers.get("cache-status") ?? "", /hit/);
});

test("P6 without the origin a region goes on refusing and letting in, also after a restart", async () => {
  const boat = await enroll("boat-3");
  await atOrigin("POST", "/v1/devices/boat-3/rotate");
  await becomes("401 token-revoked", () => post(tll.url, "boat-3", boat));
  await world.origin.kill();
  await tll.edge.kill();
  await tll.edge.resume();
  await becomes("401 token-revoked", () => post(tll.url, "boat-3", boat));
  for (let i = 0; i < 5; i += 1) {
    assert.equal(await post(tll.url, "boat-3", boat), "401 token-revoked");
    assert.equal(await post(tll.url, "boat-unknown", stranger), "200");
    await sleep(300);
  }
  const seqAway = await purge(tll.url, { all: true });
  assert.ok((await purgesOf(tll.url, "tll")) >= seqAway);
  await world.origin.resume();
  await becomes(true, async () => (await purgesOf(hel.url, "tll")) >= seqAway);
});

/** How the link of a region's cell is spoken. */
async function speechOf(url: string): Promise<string> {
  const { cell } = (await call(`${url}/readyz`, "GET", admin)).json as { cell: { speech: string } };
  return cell.speech;
}

test("links are coded, also after a region, and then the origin, has lost what it remembered of them", async () => {
  const boat = await enroll("boat-5");
  const arrive = async (): Promise<void> => {
    const seq = await purge(tll.url, { tags: ["coded"] });
    await becomes(true, async () => (await purgesOf(hel.url, "tll")) >= seq);
    for (const { url } of [hel, tll]) {
      assert.equal(await post(url, "boat-5", boat), "200");
      await becomes("coded", () => speechOf(url));
    }
  };
  await arrive();
  await tll.edge.kill();
  await tll.edge.resume();
  await arrive();
  await world.origin.kill();
  await world.origin.resume();
  for (let i = 0; i < 3; i += 1) await arrive();
});

test("a cell that was restored from a copy comes to know again what it forgot", async () => {
  const boat = await enroll("boat-4");
  const [files, copy] = [
    path.join(stateDir, "hel/do/skerry-RegionCell"),
    path.join(stateDir, "copy"),
  ];
  await hel.edge.stop();
  cpSync(files, copy, { recursive: true });
  await hel.edge.resume();
  await atOrigin("POST", "/v1/devices/boat-4/rotate");
  await becomes("401 token-revoked", () => post(hel.url, "boat-4", boat));
  const last = await purge(hel.url, { tags: ["later"] });
  await becomes(true, async () => (await purgesOf(tll.url, "hel")) >= last);
  await hel.edge.stop();
  rmSync(files, { recursive: true });
  cpSync(copy, files, { recursive: true });
  await hel.edge.resume();
  assert.ok((await purge(hel.url, { tags: ["after"] })) > last, "numbers go on above");
  await becomes("401 token-revoked", () => post(hel.url, "boat-4", boat));
  await becomes(true, async () => (await purgesOf(hel.url, "hel")) > last);
  const final = await purge(hel.url, { all: true });
  await becomes(true, async () => (await purgesOf(tll.url, "hel")) >= final);
});
