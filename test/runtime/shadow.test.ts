// Does a device's shadow reach whoever needs it? Two regions on bare workerd and an origin under
// Miniflare: desired is written at the origin and read at an edge without it, reported is written at
// an edge and arrives at the origin, also after an outage.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runShown, shownCommands } from "../support/documents.ts";
import { ask, becomes, outcomeOf, type Asked, type Told } from "../support/ask.ts";
import { openRegions } from "../support/open-world.ts";

const { stateDir, world } = await openRegions("shadow", 2);
const admin = await world.operatorToken("admin");
const reader = await world.operatorToken("read");
const [hel, tll] = [world.region("hel"), world.region("tll")];
const origin = world.origin.url;
const boat = await world.deviceToken("boat-1");
assert.equal(
  (await ask("POST", `${origin}/v1/devices`, { token: admin, body: { device: "boat-1" } })).status,
  201,
);

function shadow(url: string, method = "GET", asked: Asked = {}, device = "boat-1"): Promise<Told> {
  return ask(method, `${url}/v1/devices/${device}/shadow`, { token: admin, ...asked });
}

const report = (url: string, reported: unknown): Promise<Told> =>
  shadow(url, "PATCH", { token: boat, body: { reported } });

const desire = (url: string, desired: unknown, ifMatch = "*"): Promise<Told> =>
  shadow(url, "PATCH", { body: { desired }, headers: { "if-match": ifMatch } });

/** One part of a shadow, as an end shows it. */
const part = async (url: string, name: string): Promise<unknown> =>
  (await shadow(url)).json[name] ?? null;

await ask("POST", `${origin}/v1/devices`, { token: admin, body: { device: "pump-1" } });
const variables = {
  ADMIN: admin,
  DEVICE: await world.deviceToken("pump-2"),
};
for (const { command, answer } of shownCommands("docs/shadow.md")) {
  test(`shadow.md: $ ${command.slice(0, 80)}`, () => {
    const hosts = { "localhost:8787": hel.url, "localhost:8790": origin };
    assert.deepEqual(...runShown({ command, answer }, variables, hosts, stateDir));
  });
}

test("what is desired at the origin arrives at every edge, under the version that its writer saw", async () => {
  const before = await shadow(origin);
  assert.deepEqual([before.status, before.headers.get("etag")], [200, '"0"']);
  const first = await desire(origin, { lamp: { on: true, level: 3 } }, '"0"');
  assert.deepEqual([first.status, first.headers.get("etag")], [200, '"1"']);
  const late = await desire(origin, { lamp: { level: 4 } }, '"0"');
  assert.deepEqual([outcomeOf(late), late.headers.get("etag")], ["412 shadow-outdated", '"1"']);
  for (const { url } of [hel, tll])
    await becomes({ lamp: { level: 3, on: true } }, () => part(url, "desired"));
  const own = await shadow(hel.url, "GET", { token: boat });
  assert.deepEqual(
    [own.status, own.json["view"], own.json["region"], own.json["version"], own.json["delta"]],
    [200, "regional", "hel", 1, { lamp: { level: 3, on: true } }],
  );
});

test("what a device reports at one edge arrives at the origin and at the other edge", async () => {
  const written = await report(hel.url, { lamp: { on: true }, fw: "1.2" });
  assert.equal(written.status, 200);
  assert.deepEqual(written.json["delta"], { lamp: { level: 3 } });
  for (const url of [origin, tll.url])
    await becomes({ fw: "1.2", lamp: { on: true } }, () => part(url, "reported"));
  assert.deepEqual(await part(origin, "delta"), { lamp: { level: 3 } });
  assert.equal((await report(tll.url, { fw: null, lamp: { level: 3 } })).status, 200);
  for (const url of [origin, hel.url])
    await becomes({ lamp: { level: 3, on: true } }, () => part(url, "reported"));
  assert.deepEqual(await part(hel.url, "delta"), {});
});

test("an edge hands a wish on to the origin, and sees it in its own session", async () => {
  const { headers } = await shadow(hel.url);
  const etag = headers.get("etag") ?? "";
  const wished = await desire(hel.url, { lamp: { level: 5 } }, etag);
  assert.equal(wished.status, 200);
  assert.equal(wished.json["view"], "merged");
  const session = wished.headers.get("skerry-session") ?? "";
  for (const { url } of [hel, tll]) {
    const seen = await shadow(url, "GET", { headers: { "skerry-session": session } });
    assert.deepEqual(seen.json["desired"], { lamp: { level: 5, on: true } });
  }
  assert.equal(
    outcomeOf(await desire(hel.url, { lamp: { level: 6 } }, etag)),
    "412 shadow-outdated",
  );
  const open = await shadow(hel.url, "PATCH", { body: { desired: { a: 1 } } });
  assert.equal(outcomeOf(open), "428 if-match-required");
});

test("P6 while the origin is away both sides are read, reported is written, desired is refused", async () => {
  for (const { link } of [hel, tll]) link.cut();
  // Two regions that do not see each other: each field has one last write.
  assert.equal((await report(hel.url, { lamp: { level: 1 }, north: true })).status, 200);
  assert.equal((await report(tll.url, { lamp: { level: 2 }, south: true })).status, 200);
  await hel.edge.kill();
  await hel.edge.resume();
  assert.deepEqual(await part(hel.url, "desired"), { lamp: { level: 5, on: true } });
  const wished = await desire(hel.url, { lamp: { level: 6 } });
  assert.equal(outcomeOf(wished), "503 origin-away");
  assert.match(wished.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  assert.deepEqual(await part(hel.url, "reported"), { lamp: { level: 1, on: true }, north: true });
  for (const { link } of [hel, tll]) link.heal();
  const merged = { lamp: { level: 2, on: true }, north: true, south: true };
  for (const url of [origin, hel.url, tll.url]) await becomes(merged, () => part(url, "reported"));
});

test("P9 what is wrong with a request is named, and nothing is written", async () => {
  const before = await shadow(hel.url);
  const other = await world.deviceToken("boat-2");
  const at = (url: string, asked: Asked, device?: string) => shadow(url, "PATCH", asked, device);
  const body = { reported: { a: 1 } };
  const wrong: readonly (readonly [string, Promise<Told>])[] = [
    ["400 malformed", at(hel.url, { token: boat, body: "{" })],
    ["400 malformed", at(hel.url, { token: boat, body: {} })],
    ["400 malformed", at(hel.url, { token: boat, body: [] })],
    ["400 malformed", at(hel.url, { token: boat, body: { ...body, desired: {} } })],
    ["400 malformed", at(hel.url, { token: boat, body: { reported: { a: [1] } } })],
    ["400 malformed", at(hel.url, { token: boat, body: { reported: 7 } })],
    ["400 device-name", at(hel.url, { token: boat, body }, "a%20b")],
    ["400 reported-at-edge", at(origin, { body })],
    ["400 malformed", at(origin, { body: { desired: { "a b": 1 } } })],
    ["401 token-no-token", ask("PATCH", `${hel.url}/v1/devices/boat-1/shadow`, { body })],
    ["401 token-no-token", ask("GET", `${origin}/v1/devices/boat-1/shadow`)],
    ["403 forbidden", at(hel.url, { token: other, body })],
    ["403 forbidden", at(hel.url, { token: reader, body })],
    ["403 forbidden", at(hel.url, { token: boat, body: { desired: { a: 1 } } })],
    ["403 forbidden", at(origin, { token: boat, body: { desired: { a: 1 } } })],
    ["404 no-shadow", shadow(hel.url, "GET", {}, "boat-9")],
    ["404 device-not-registered", shadow(origin, "GET", {}, "boat-9")],
    [
      "404 device-not-registered",
      at(origin, { body: { desired: { a: 1 } }, headers: { "if-match": "*" } }, "boat-9"),
    ],
    ["405 method-not-allowed", shadow(hel.url, "PUT", { body })],
    ["413 too-large", at(hel.url, { token: boat, body: { reported: { a: "x".repeat(70_000) } } })],
    ["413 shadow-too-large", at(hel.url, { token: boat, body: { reported: large(40, 250) } })],
    ["413 shadow-too-large", at(hel.url, { token: boat, body: { reported: large(130, 1) } })],
    ["413 shadow-too-large", desire(origin, large(40, 250))],
    ["415 unsupported-media-type", at(hel.url, { token: boat, body: "a=1", type: "text/plain" })],
    ["415 unsupported-media-type", at(hel.url, { token: boat, body: "{}", type: "" })],
    ["428 if-match-required", at(origin, { body: { desired: { a: 1 } } })],
  ];
  for (const [expected, asking] of wrong) {
    const told = await asking;
    assert.equal(outcomeOf(told), expected, JSON.stringify(told.json));
    assert.ok(String(told.json["detail"]).length > 10);
  }
  const merge = { token: boat, body: { reported: { b: 1 } }, type: "application/merge-patch+json" };
  assert.equal((await at(hel.url, merge)).status, 200);
  assert.deepEqual((await shadow(hel.url)).json["reported"], {
    ...(before.json["reported"] as object),
    b: 1,
  });
});

test("a device that is decommissioned loses its shadow everywhere", async () => {
  const last = await part(hel.url, "reported");
  for (const url of [origin, tll.url]) await becomes(last, () => part(url, "reported"));
  assert.equal((await ask("DELETE", `${origin}/v1/devices/boat-1`, { token: admin })).status, 204);
  for (const { url } of [hel, tll])
    await becomes("404 no-shadow", async () => outcomeOf(await shadow(url)));
  assert.equal(outcomeOf(await shadow(origin)), "404 device-not-registered");
});

function large(fields: number, chars: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: fields }, (_, i) => [`f${i}`, "x".repeat(chars)]));
}
