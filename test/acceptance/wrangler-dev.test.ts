// wrangler dev and bare workerd are one program (P10): the same end-to-end test, with two base URLs,
// passes on both and has the same answers. Two processes of wrangler dev, joined by ORIGIN_URL.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { drawKeys, formatVars, mintOperatorToken, type Keys } from "../../tools/launcher/keys.ts";
import { openWorld } from "../../tools/launcher/world.ts";
import { enroll, runEndToEnd, type Answer, type Deployment } from "../support/end-to-end.ts";
import { askPlace, checkPlaces } from "../support/places.ts";
import { WranglerDev } from "../support/wrangler-dev.ts";

const dir = mkdtempSync(path.join(tmpdir(), "skerry-wrangler-"));
const started: WranglerDev[] = [];
let wrangler: Deployment;
let keys: Keys;

before(async () => {
  keys = await drawKeys();
  writeFileSync(path.join(dir, "origin.vars"), formatVars(keys, "origin"), { mode: 0o600 });
  writeFileSync(path.join(dir, "edge.vars"), formatVars(keys, "edge"), { mode: 0o600 });
  const origin = await start("origin/wrangler.toml", "origin", []);
  const edge = await start("wrangler.toml", "edge", [
    "--var",
    "REGION:hel",
    "--var",
    `ORIGIN_URL:${origin.url}`,
  ]);
  const operator = await mintOperatorToken(keys, "test", ["admin"]);
  wrangler = {
    edgeUrl: edge.url,
    originUrl: origin.url,
    operator,
    ...(await enroll(origin.url, operator)),
  };
});
after(async () => {
  await Promise.all(started.map((process) => process.stop()));
  rmSync(dir, { recursive: true, force: true });
});

test("the end-to-end test has the same answers on wrangler dev and on bare workerd", async () => {
  const [onWrangler, onWorkerd] = [await runEndToEnd(wrangler), await runOnWorkerd()];
  assert.ok(onWrangler.length > 50);
  assert.deepEqual(onWrangler, onWorkerd);
});

test("the place of a request decides its region on wrangler dev, by the table of wrangler.toml", async () => {
  const { url } = await start("wrangler.toml", "edge-of-many-regions", [
    "--var",
    `ORIGIN_URL:${wrangler.originUrl}`,
  ]);
  await checkPlaces(url);
  const byContinent = await askPlace(url, { continent: "OC" });
  assert.deepEqual([byContinent.region, byContinent.reason], ["ap", "continent"]);
  const unknown = await askPlace(url, {});
  assert.deepEqual([unknown.region, unknown.reason], ["eu", "default"]);
});

test("a page that was published is served and cached by wrangler dev", async () => {
  const put = await fetch(`${wrangler.originUrl}/v1/sites/main/content/hello.html`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${wrangler.operator}`,
      "content-type": "text/html; charset=utf-8",
    },
    body: "<h1>Hello</h1>",
  });
  assert.ok(put.status === 201, `${put.status}`);
  const first = await fetch(`${wrangler.edgeUrl}/hello.html`);
  assert.equal(await first.text(), "<h1>Hello</h1>");
  assert.match(first.headers.get("cache-status") ?? "", /fwd=miss/);
  const second = await fetch(`${wrangler.edgeUrl}/hello.html`);
  assert.equal(await second.text(), "<h1>Hello</h1>");
  assert.match(second.headers.get("cache-status") ?? "", /; hit/);
});

async function runOnWorkerd(): Promise<Answer[]> {
  await using world = await openWorld({ stateDir: path.join(dir, "world"), basePort: 0 });
  const operator = await world.operatorToken("admin");
  const originUrl = world.origin.url;
  // Awaited here: the world ends when this function returns.
  return await runEndToEnd({
    edgeUrl: world.region("hel").url,
    originUrl,
    operator,
    ...(await enroll(originUrl, operator)),
  });
}

async function start(
  config: string,
  name: string,
  options: readonly string[],
): Promise<WranglerDev> {
  const process = await WranglerDev.start(config, [
    "--persist-to",
    path.join(dir, name),
    "--env-file",
    path.join(dir, name === "origin" ? "origin.vars" : "edge.vars"),
    ...options,
  ]);
  started.push(process);
  return process;
}
