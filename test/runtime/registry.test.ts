// Is the registry what its doors say, on the real runtime? Devices, their credentials and the
// configuration over HTTP; and a region in Node that exchanges sealed frames with it until both hold
// the same, over restarts, an old registry's table and a copy put back.

import assert from "node:assert/strict";
import { cpSync, globSync, rmSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { importLinkKey, seal, upContext } from "../../doors/seal.ts";
import { openOriginLink, REGION_RANGE } from "../../edge/platform/origin-link.ts";
import { urlScope } from "../../state/purge-scope.ts";
import {
  attributeKey,
  attributes,
  config,
  CONFIG,
  devices,
  ISSUERS,
  keys as issuerKeys,
  purgeKey,
  purges,
  revoked,
} from "../../state/region.ts";
import { mintDeviceToken, mintOperatorToken } from "../../tools/launcher/keys.ts";
import { regionOver } from "../support/region-replicas.ts";
import { openOrigin } from "../support/open-world.ts";

const { stateDir, keys, origin } = await openOrigin("registry");
const admin = await mintOperatorToken(keys, "admin", ["admin"]);
const reader = await mintOperatorToken(keys, "reader", ["read"]);
const publisher = await mintOperatorToken(keys, "publisher", ["publish"]);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

async function ask(
  method: string,
  target: string,
  body?: unknown,
  token: string = admin,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(origin.url + target, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status: response.status, headers: response.headers, json };
}

/** The generation that a credential was signed for. */
function generationOf(token: unknown): unknown {
  const payload = Buffer.from(String(token).split(".")[1] ?? "", "base64url").toString();
  return (JSON.parse(payload) as { gen: unknown }).gen;
}

const link = openOriginLink(origin.url, keys.linkKey, REGION_RANGE);
const openRegion = (name: string) => regionOver(name, (frame) => link.exchange(frame));
const hel = openRegion("hel");

test("a device is registered once, and the answer says what is known of it", async () => {
  const first = await ask("POST", "/v1/devices", { device: "boat-1" });
  assert.equal(first.status, 201);
  const { registered, ...rest } = first.json;
  assert.match(String(registered), /^20.*Z$/);
  assert.deepEqual(rest, {
    device: "boat-1",
    generation: 1,
    disabled: false,
    name: null,
    group: null,
  });
  assert.equal((await ask("POST", "/v1/devices", { device: "boat-1" })).status, 200);
});

test("the list pages by name", async () => {
  for (const device of ["boat-3", "boat-2", "buoy"]) await ask("POST", "/v1/devices", { device });
  const names: unknown[] = [];
  let cursor: string | null = "";
  for (let pages = 0; cursor !== null; pages += 1) {
    assert.ok(pages < 2);
    const page: Answer = await ask(
      "GET",
      `/v1/devices?limit=2&cursor=${cursor}`,
      undefined,
      reader,
    );
    names.push(...(page.json["devices"] as { device: string }[]).map(({ device }) => device));
    cursor = page.json["cursor"] as string | null;
  }
  assert.deepEqual(names, ["boat-1", "boat-2", "boat-3", "buoy"]);
  for (const limit of ["0", "1001", "-1", "two"])
    assert.equal((await ask("GET", `/v1/devices?limit=${limit}`)).status, 400, limit);
});

test("rotating refuses the generations so far; credentials are for the one after", async () => {
  const before = await ask("POST", "/v1/devices/boat-1/credentials", { days: 1 });
  assert.deepEqual([before.status, generationOf(before.json["token"])], [201, 1]);
  const rotated = await ask("POST", "/v1/devices/boat-1/rotate", { days: 1 });
  assert.deepEqual([rotated.status, rotated.json["generation"]], [201, 2]);
  assert.equal(generationOf(rotated.json["token"]), 2);
  const next = await ask("POST", "/v1/devices/boat-1/credentials");
  assert.equal(generationOf(next.json["token"]), 2);
  const own = (token: unknown) => ask("GET", "/v1/devices/boat-1", undefined, token as string);
  assert.equal((await own(next.json["token"])).status, 200);
  const refused = await own(before.json["token"]);
  assert.deepEqual(
    [refused.status, refused.json["type"]],
    [401, "urn:skerry:problem:token-revoked"],
  );
});

test("a device is disabled, named and enabled again", async () => {
  const said = { disabled: true, name: "Aava", group: "harbour" };
  const disabled = await ask("PATCH", "/v1/devices/boat-2", said);
  assert.equal(disabled.status, 200);
  assert.deepEqual({ ...disabled.json, ...said }, disabled.json);
  const own = await mintDeviceToken(keys, "boat-2");
  assert.equal((await ask("GET", "/v1/devices/boat-2", undefined, own)).status, 403);
  await hel.untilAtRest();
  const isDisabled = () => hel.replica.read(attributes, attributeKey("boat-2", "disabled"))?.value;
  assert.equal(isDisabled(), true);
  const enabled = await ask("PATCH", "/v1/devices/boat-2", { disabled: false, group: null });
  assert.deepEqual([enabled.json["disabled"], enabled.json["group"]], [false, null]);
  await hel.untilAtRest();
  assert.equal(isDisabled(), undefined);
});

test("a decommissioned device is gone, and refused by every region", async () => {
  assert.equal((await ask("DELETE", "/v1/devices/buoy")).status, 204);
  const again = await ask("DELETE", "/v1/devices/buoy");
  assert.deepEqual(
    [again.status, again.json["type"]],
    [404, "urn:skerry:problem:device-not-registered"],
  );
  await hel.untilAtRest();
  assert.equal(hel.replica.read(devices, "buoy"), null);
  assert.equal(hel.replica.read(revoked, "buoy"), 1);
});

test("what is wrong with a request is named, with the fix", async () => {
  const wrong: [number, RegExp, Promise<Answer>][] = [
    [400, /\/device device is/, ask("POST", "/v1/devices", { device: 7 })],
    [400, /not JSON/, ask("POST", "/v1/devices", "{")],
    [413, /65536 bytes/, ask("POST", "/v1/devices", { device: "x".repeat(70_000) })],
    [400, /1 to 64 characters/, ask("POST", "/v1/devices", { device: "a b" })],
    [400, /at least one/, ask("PATCH", "/v1/devices/boat-1", {})],
    [400, /true or false/, ask("PATCH", "/v1/devices/boat-1", { disabled: "yes" })],
    [400, /1 to 128 characters/, ask("PATCH", "/v1/devices/boat-1", { name: "" })],
    [404, /POST \/v1\/devices/, ask("PATCH", "/v1/devices/nobody", { name: "x" })],
    [404, /not registered/, ask("POST", "/v1/devices/nobody/rotate")],
    [403, /"admin"/, ask("POST", "/v1/devices/boat-1/rotate", undefined, reader)],
    [403, /"admin"/, ask("DELETE", "/v1/devices/boat-1", undefined, reader)],
    [403, /"admin"/, ask("PUT", "/v1/config", {}, reader)],
    [403, /"read"/, ask("GET", "/v1/config", undefined, publisher)],
    [403, /"admin"/, ask("POST", "/v1/devices", { device: "x" }, await mintDeviceToken(keys, "x"))],
  ];
  for (const [status, detail, asking] of wrong) {
    const { status: answered, json } = await asking;
    assert.equal(answered, status, JSON.stringify(json));
    assert.match(String(json["detail"]), detail);
  }
  const methods: [string, string, string][] = [
    ["PUT", "/v1/devices", "GET, POST"],
    ["POST", "/v1/devices/boat-1", "GET, PATCH, DELETE"],
    ["GET", "/v1/devices/boat-1/rotate", "POST"],
    ["DELETE", "/v1/config", "GET, PUT"],
    ["GET", "/v1/sync/region", "POST"],
  ];
  for (const [method, target, allow] of methods) {
    const { status, headers } = await ask(method, target);
    assert.deepEqual([status, headers.get("allow")], [405, allow], `${method} ${target}`);
  }
});

test("the configuration has a version, and If-Match compares with it", async () => {
  const empty = await ask("GET", "/v1/config", undefined, reader);
  assert.deepEqual([empty.json, empty.headers.get("etag")], [{}, '"0"']);
  const first = await ask("PUT", "/v1/config", { sites: { "*": "main" } }, admin, {
    "if-match": '"0"',
  });
  assert.deepEqual(
    [first.status, first.json["version"], first.headers.get("etag")],
    [200, 1, '"1"'],
  );
  assert.match(String(first.json["hash"]), /^[0-9a-f]{64}$/);
  assert.equal(first.json["warnings"], undefined);
  const document = { sites: { "shop.example": "shop" }, content: { shpo: { maxOffline: 60 } } };
  const late = await ask("PUT", "/v1/config", document, admin, { "if-match": '"0"' });
  assert.deepEqual([late.status, late.headers.get("etag")], [412, '"1"']);
  assert.match(String(late.json["detail"]), /at version 1/);
  const next = await ask("PUT", "/v1/config", document, admin, { "if-match": '"1"' });
  assert.equal(next.json["version"], 2);
  const [warning, ...others] = next.json["warnings"] as { pointer: string; code: string }[];
  assert.deepEqual([warning?.pointer, warning?.code], ["/content/shpo", "site-without-host"]);
  assert.deepEqual(others, []);
  const read = await ask("GET", "/v1/config", undefined, reader);
  assert.deepEqual([read.json, read.headers.get("etag")], [document, '"2"']);
  const bad = await ask("PUT", "/v1/config", { sites: { Shop: "shop" } });
  assert.equal(bad.status, 400);
  assert.equal((bad.json["errors"] as { pointer: string }[])[0]?.pointer, "/sites/Shop");
  const uncoded = { content: { shop: { compression: { codings: [] } } } };
  const none = await ask("PUT", "/v1/config", uncoded);
  const [fault] = none.json["errors"] as { pointer: string; message: string }[];
  assert.deepEqual([none.status, fault?.pointer], [400, "/content/shop/compression/codings"]);
  assert.match(fault?.message ?? "", /leave compression out/);
  const large = await ask("PUT", "/v1/config", { sites: { a: "x".repeat(300_000) } });
  assert.equal(large.status, 413);
});

test("publishing, publishing again and deleting each mark the page as purged", async () => {
  const key = purgeKey("origin", urlScope("main", "docs/index.html"));
  let last = 0;
  for (const [method, status] of [
    ["PUT", 201],
    ["PUT", 200],
    ["DELETE", 204],
    ["DELETE", 404],
  ] as const) {
    const body = method === "PUT" ? "hello" : undefined;
    const { status: answered } = await ask(method, "/v1/sites/main/content/docs/", body, publisher);
    assert.equal(answered, status);
    await hel.untilAtRest();
    const seq = hel.replica.read(purges, key) ?? 0;
    assert.ok(seq > last);
    last = seq;
  }
});

test("a frame that is none, or not sealed for this door, is a problem", async () => {
  const key = await importLinkKey(keys.linkKey);
  assert.ok(key !== null);
  const post = async (body: Uint8Array) => {
    const response = await fetch(`${origin.url}/v1/sync/region`, {
      method: "POST",
      body: Uint8Array.from(body),
    });
    return [response.status, ((await response.json()) as { type: string }).type];
  };
  const frame = new TextEncoder().encode("not a frame");
  assert.deepEqual(await post(frame), [401, "urn:skerry:problem:wrong-seal"]);
  const other = await seal(key, upContext("00-ff"), frame);
  assert.deepEqual(await post(other), [401, "urn:skerry:problem:wrong-seal"]);
  const [status, type] = await post(await seal(key, upContext("region"), frame));
  assert.equal(status, 400);
  assert.match(String(type), /^urn:skerry:problem:[a-z-]+$/);
});

/** What a region knows, in order. */
function known({ replica }: ReturnType<typeof openRegion>): unknown {
  return [devices, attributes, revoked, issuerKeys, config, purges].map((collection) =>
    [...replica.readAll<unknown>(collection)].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test("a region that comes later sees all of it, also after a restart in between", async () => {
  const tll = openRegion("tll");
  await tll.untilAtRest();
  await hel.untilAtRest();
  assert.deepEqual(known(tll), known(hel));
  const { version, content } = tll.replica.read(issuerKeys, ISSUERS) ?? {};
  assert.deepEqual([version, content], [1, keys.issuerKeys]);
  await origin.kill();
  await assert.rejects(hel.untilAtRest(), /exchange failed/);
  hel.replica.write(Date.now(), (draft) => draft.write(revoked, "boat-3", 1));
  await origin.resume();
  await ask("POST", "/v1/devices", { device: "boat-4" });
  await hel.untilAtRest();
  await tll.untilAtRest();
  assert.equal(tll.replica.read(revoked, "boat-3"), 1);
  assert.equal(tll.replica.read(devices, "boat-4"), true);
  assert.equal(tll.replica.read(issuerKeys, ISSUERS)?.version, 1);
  assert.deepEqual(known(tll), known(hel));
  const { json } = await ask("POST", "/v1/devices/boat-3/credentials");
  assert.equal(generationOf(json["token"]), 2);
});

/** The folder with the registry's database, while the origin is stopped. */
function registryDir(): string {
  const [dir] = globSync("**/*Registry*", { cwd: stateDir });
  assert.ok(dir !== undefined);
  return path.join(stateDir, dir);
}

test("a registry that was put back from a copy agrees again, and forgets no revocation", async () => {
  await origin.stop();
  const dir = registryDir();
  const copy = path.join(stateDir, "copy");
  cpSync(dir, copy, { recursive: true });
  await origin.resume();
  await ask("POST", "/v1/devices", { device: "boat-5" });
  await ask("POST", "/v1/devices/boat-1/rotate");
  await ask("PUT", "/v1/config", { sites: { "*": "later" } });
  await ask("PUT", "/v1/sites/main/content/late.txt", "late", publisher);
  await hel.untilAtRest();
  assert.equal(hel.replica.read(config, CONFIG)?.version, 3);
  const purged = hel.replica.read(purges, purgeKey("origin", urlScope("main", "late.txt")));
  await origin.stop();
  rmSync(dir, { recursive: true });
  cpSync(copy, dir, { recursive: true });
  await origin.resume();
  await hel.untilAtRest();
  const tll = openRegion("tll");
  await tll.untilAtRest();
  await hel.untilAtRest();
  assert.deepEqual(known(tll), known(hel));
  assert.deepEqual(
    [hel.replica.read(devices, "boat-5"), hel.replica.read(revoked, "boat-1")],
    [null, 2],
  );
  assert.equal(hel.replica.read(config, CONFIG)?.version, 2);
  assert.equal(tll.replica.read(purges, purgeKey("origin", urlScope("main", "late.txt"))), purged);
  const { json } = await ask("POST", "/v1/devices/boat-1/credentials");
  assert.equal(generationOf(json["token"]), 3);
});

test("a registry of before is taken over once, and its table is gone", async () => {
  await origin.stop();
  const dir = registryDir();
  const [file] = globSync("*.sqlite", { cwd: dir }).filter((name) => name !== "metadata.sqlite");
  const open = () => new DatabaseSync(path.join(dir, file ?? ""));
  const old = open();
  old.exec(`
    drop table replica_page; drop table replica_row; delete from schema_version where version > 1;
    create table device (id text primary key, generation integer not null, registered_ms integer not null) without rowid;
    insert into device values ('buoy-1', 1, 1700000000000), ('buoy-2', 3, 1700000000001)`);
  old.close();
  await origin.resume();
  for (let starts = 0; starts < 2; starts += 1) {
    const { json } = await ask("GET", "/v1/devices");
    const held = (json["devices"] as Record<string, unknown>[]).map(
      ({ device, generation, registered }) => [device, generation, registered],
    );
    assert.deepEqual(held, [
      ["buoy-1", 1, "2023-11-14T22:13:20.000Z"],
      ["buoy-2", 3, "2023-11-14T22:13:20.001Z"],
    ]);
    await origin.restart();
  }
  await origin.stop();
  const taken = open();
  const tables = taken.prepare("select name from sqlite_schema where name = 'device'").all();
  taken.close();
  assert.deepEqual(tables, []);
  await origin.resume();
});
