// Does a client read what it wrote, in whatever region it asks next? Two regions on bare workerd and
// an origin under Miniflare: with the token of a write the first answer shows it, or says that it is
// not there yet. The regions poll every second or so, so an answer without a token may not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { importLinkKey, macText, sessionContext } from "../../doors/seal.ts";
import { openRegions } from "../support/open-world.ts";

const { world } = await openRegions("sessions", 2);
const admin = await world.operatorToken("admin");
const [hel, tll] = [world.region("hel"), world.region("tll")];

interface Call {
  readonly method?: string;
  readonly session?: string;
  readonly body?: string;
  readonly type?: string;
}

/** Asks as an administrator. */
function call(
  url: string,
  { method = "GET", session, body, type = "application/json" }: Call = {},
): Promise<Response> {
  return fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${admin}`,
      "content-type": type,
      "cache-control": "public, max-age=3600",
      ...(session === undefined ? {} : { "skerry-session": session }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(15_000),
  });
}

/** Writes, and gives the token of it. */
async function written(url: string, asked: Call): Promise<string> {
  const response = await call(url, asked);
  assert.ok(response.ok, `${response.status} ${await response.text()}`);
  return response.headers.get("skerry-session") ?? "";
}

async function codeOf(response: Response): Promise<string> {
  const { type } = (await response.json()) as { type: string };
  return `${response.status} ${type.split(":").at(-1) ?? ""}`;
}

/** Asks for a page without a field that would go past the caches. */
async function page(url: string, session?: string): Promise<string> {
  const headers = session === undefined ? {} : { "skerry-session": session };
  const response = await fetch(`${url}/tide.txt`, { headers });
  return response.ok ? response.text() : codeOf(response);
}

test("what was published at the origin is what a region shows to its publisher, each time", async () => {
  const target = `${world.origin.url}/v1/sites/main/content/tide.txt`;
  for (let version = 1; version <= 5; version += 1) {
    const body = `tide ${version}`;
    const session = await written(target, { method: "PUT", body, type: "text/plain" });
    assert.match(session, /^origin:\d+:[0-9a-f]{32}$/);
    for (const { url } of [hel, tll]) {
      assert.equal(await page(url, session), body);
      assert.equal(await page(url), body, "and then to everybody who asks the same isolate");
    }
  }
});

test("a device that was disabled at the origin is refused in a region by the next request", async () => {
  const devices = `${world.origin.url}/v1/devices`;
  await written(devices, { method: "POST", body: JSON.stringify({ device: "boat-1" }) });
  const made = await call(`${devices}/boat-1/credentials`, { method: "POST", body: "{}" });
  const { token } = (await made.json()) as { token: string };
  const post = (session: string): Promise<Response> =>
    fetch(`${tll.url}/v1/devices/boat-1/readings`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "skerry-session": session,
      },
      body: JSON.stringify({ t: [1_790_000_000_000], series: { depth_m: [1] } }),
    });
  const disabled = { method: "PATCH", body: JSON.stringify({ disabled: true }) };
  assert.equal(
    await codeOf(await post(await written(`${devices}/boat-1`, disabled))),
    "403 device-disabled",
  );
  const enabled = { method: "PATCH", body: JSON.stringify({ disabled: false }) };
  assert.equal((await post(await written(`${devices}/boat-1`, enabled))).status, 200);
});

test("a purge in one region is known in the other, and at the origin, to who carries its token", async () => {
  const body = JSON.stringify({ tags: ["news"] });
  const session = await written(`${hel.url}/v1/purge`, { method: "POST", body });
  assert.match(session, /^hel:\d+:[0-9a-f]{32}$/);
  assert.equal((await call(`${world.origin.url}/v1/config`, { session })).status, 200);
  assert.equal(await page(tll.url, session), "tide 5");
  const { cell } = (await (await call(`${tll.url}/readyz`)).json()) as {
    cell: { purges: Record<string, number> };
  };
  assert.ok((cell.purges["hel"] ?? 0) >= Number(session.split(":")[1]));
});

/** A token as a write would be answered with, which this deployment's origin never made. */
async function tokenOf(write: string): Promise<string> {
  const key = await importLinkKey(world.keys.linkKey);
  assert.ok(key !== null);
  return `${write}:${await macText(key, sessionContext(write))}`;
}

test("P9 a session that is none is told so at once, by whoever is asked and whoever asks", async () => {
  const startedMs = performance.now();
  const seal = "0".repeat(32);
  for (const url of [hel.url, tll.url])
    for (const path of ["/tide.txt", "/v1/place", "/v1/devices/boat-1/readings"])
      for (const session of ["origin", "hel:9007199254740000", `hel:9007199254740000:${seal}`]) {
        const answer = await fetch(`${url}${path}`, { headers: { "skerry-session": session } });
        assert.equal(await codeOf(answer), "400 malformed-session");
      }
  const answer = await call(`${world.origin.url}/v1/config`, { session: `origin:1:${seal}` });
  assert.equal(await codeOf(answer), "400 malformed-session");
  assert.ok(performance.now() - startedMs < 2_000, "nobody waits");
});

test("a session that nobody has heard of is told so in time", async () => {
  for (const url of [
    `${hel.url}/tide.txt`,
    `${hel.url}/v1/place`,
    `${world.origin.url}/v1/config`,
  ]) {
    const behind = await call(url, { session: await tokenOf("origin:999999999999") });
    assert.equal(behind.headers.get("retry-after"), "1");
    assert.equal(await codeOf(behind), "503 session-behind");
  }
  assert.equal((await call(`${hel.url}/livez`, { session: "origin" })).status, 200);
});

test("a ready origin says how much it keeps for a newer release", async () => {
  const { kept } = (await (await call(`${world.origin.url}/readyz`)).json()) as { kept: unknown };
  assert.deepEqual(kept, { bytes: 0, bytesMax: 262_144 });
});

test("P6 without the origin a region answers who carries no token, or one of its own", async () => {
  await world.origin.kill();
  const session = await written(`${hel.url}/v1/purge`, {
    method: "POST",
    body: JSON.stringify({ tags: ["later"] }),
  });
  assert.equal(await page(hel.url, session), "tide 5");
  assert.equal(await page(tll.url, session), "503 session-behind");
  assert.equal(await page(tll.url), "tide 5");
});
