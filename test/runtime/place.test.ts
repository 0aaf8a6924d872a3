// One edge process that serves several regions, as on Cloudflare: the place of a request decides its
// region, and each region has a hub of its own.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { openWorld, type World } from "../../tools/launcher/world.ts";
import { askPlace, checkPlaces, COORDINATES, postFrom } from "../support/places.ts";

const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-place-"));
const at = (id: string, latitude: number, longitude: number) => ({
  id,
  city: id,
  country: "XX",
  continent: "XX",
  latitude,
  longitude,
});
let world: World;
let edgeUrl: string;

before(async () => {
  const regions = [at("eu", 50.1, 8.7), at("us", 39, -77.5), at("ap", 1.4, 103.8)];
  world = await openWorld({ stateDir, basePort: 0, cfHeader: true, regions });
  edgeUrl = world.region("eu").url;
});
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});

test("GET /v1/place names the nearest region, and it is the hub's", async () => {
  await checkPlaces(edgeUrl);
});

test("GET /v1/place without anything known says so", async () => {
  const { region, reason } = await askPlace(edgeUrl, { country: 7, latitude: "north" });
  // This process has a place of its own to fall back to: that of the region it stands in.
  assert.deepEqual([region, reason], ["eu", "nearest"]);
});

test("a reading is taken in by the region of its place, and counts once for all of them", async () => {
  const token = await world.deviceToken("roamer");
  for (const [region, cf] of Object.entries(COORDINATES)) {
    assert.equal(await postFrom(edgeUrl, cf, "roamer", token), region);
  }
  const view = async (): Promise<{ readings: number; lag: unknown[] }> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${world.origin.url}/v1/devices/roamer`, { headers });
    return response.ok
      ? ((await response.json()) as { readings: number; lag: unknown[] })
      : { readings: 0, lag: [] };
  };
  for (let tries = 0; tries < 100 && (await view()).lag.length < 3; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const { readings, lag } = await view();
  assert.deepEqual([readings, lag.length], [1, 3]);
});
