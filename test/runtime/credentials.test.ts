// Does an edge know by itself whom to let in? Two regions on bare workerd and an origin, over HTTP: a
// key is rotated without a deployment, small devices sign, prefixes bind, and what expires while the
// origin is away is honoured until it is back.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { importJWK, SignJWT, type JWK } from "jose";
import { DEVICE_TOKEN_TYPE, OPERATOR_TOKEN_TYPE, TOKEN_ISSUER } from "../../doors/claims.ts";
import { openOriginLink, REGION_RANGE } from "../../edge/platform/origin-link.ts";
import { revoked } from "../../state/region.ts";
import { buildWorker } from "../../tools/launcher/build.ts";
import { drawKeys, type Keys } from "../../tools/launcher/keys.ts";
import { OriginProcess } from "../../tools/launcher/origin-process.ts";
import { regionOver } from "../support/region-replicas.ts";
import { runTool } from "../support/run-tool.ts";
import { ask, becomes, outcomeOf, type Told } from "../support/ask.ts";
import { openRegions } from "../support/open-world.ts";

const REPOSITORY = path.join(import.meta.dirname, "../..");
const SCRIPT = path.join(REPOSITORY, "examples/device/post-signed.sh");
const { stateDir, world } = await openRegions("credentials", 2);
const admin = await world.operatorToken("admin");
const hel = world.region("hel");

/** Asks with a token. */
const call = (url: string, method: string, token: string, body?: unknown): Promise<Told> =>
  ask(method, url, { token, body });
const atOrigin = (method: string, target: string, body?: unknown): Promise<Told> =>
  call(world.origin.url + target, method, admin, body);

async function enroll(device: string, grant: object = {}): Promise<string> {
  await atOrigin("POST", "/v1/devices", { device });
  const { status, json } = await atOrigin("POST", `/v1/devices/${device}/credentials`, grant);
  assert.equal(status, 201, JSON.stringify(json));
  return String(json["token"]);
}

let clock = 1_790_000_000_000;
function post(device: string, token: string, series: object = { depth_m: [1] }): Promise<Told> {
  const body = { t: [(clock += 1)], series };
  return call(`${hel.url}/v1/devices/${device}/readings`, "POST", token, body);
}
async function mint(
  keys: Keys,
  device: string,
  expiresS: number,
  typ: string = DEVICE_TOKEN_TYPE,
): Promise<string> {
  const jwk = JSON.parse(keys.issuerPrivateKey) as JWK;
  return new SignJWT({ gen: 1, scope: typ === DEVICE_TOKEN_TYPE ? "ingest read" : "admin" })
    .setProtectedHeader({ alg: "EdDSA", typ, kid: jwk.kid ?? "" })
    .setIssuer(TOKEN_ISSUER)
    .setSubject(device)
    .setExpirationTime(expiresS)
    .sign(await importJWK(jwk, "EdDSA"));
}
const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3_600;

test("a credential is for the streams, the doors and the device that it names", async () => {
  const token = await enroll("boat-1", { prefixes: ["gps_"], scope: "ingest", rate: 1_000 });
  const mixed = await post("boat-1", token, { gps_lat: [60.1], depth_m: [4] });
  assert.deepEqual([mixed.json["accepted"], mixed.json["rejected"]], [1, 1]);
  const [error] = mixed.json["errors"] as { stream: string; code: string; message: string }[];
  assert.deepEqual([error?.stream, error?.code], ["depth_m", "stream-not-allowed"]);
  assert.match(error?.message ?? "", /gps_/);
  assert.equal(outcomeOf(await post("boat-1", token, { depth_m: [4] })), "422 unprocessable");
  const line = await fetch(`${hel.url}/write`, {
    method: "POST",
    headers: { authorization: `Token ${token}` },
    body: `gps,device=boat-1 lat=60,lon=25 ${clock}000000\ndepth,device=boat-1 m=4 ${clock}000000`,
  });
  assert.equal(line.status, 400);
  assert.match(await line.text(), /partial write.*gps_/);
  assert.equal((await call(`${hel.url}/v1/devices/boat-1`, "GET", token)).status, 403);
  assert.equal(outcomeOf(await post("boat-2", token)), "403 forbidden");
  for (const grant of [{ prefixes: [""] }, { prefixes: [] }, { scope: "admin" }, { rate: 0 }]) {
    const { status } = await atOrigin("POST", "/v1/devices/boat-1/credentials", grant);
    assert.equal(status, 400, JSON.stringify(grant));
  }
});

test("P8 an issuer's key is rotated without deploying an edge: next, both, and the old one retired", async () => {
  const file = path.join(stateDir, "next-key.json");
  assert.equal((await runTool("tools/keys.ts", ["--next", file], 20_000)).exitCode, 0);
  const drawn = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, unknown>>;
  const { public: jwk = {}, private: secret = {} } = drawn;
  const next = { ...world.keys, issuerPrivateKey: JSON.stringify(secret) };
  const token = await mint(next, "boat-3", inAnHour());
  const old = await enroll("boat-3");
  assert.equal(outcomeOf(await post("boat-3", token)), "401 token-wrong-key");
  const added = await atOrigin("POST", "/v1/keys", jwk);
  assert.equal(added.status, 201, JSON.stringify(added.json));
  assert.equal((await atOrigin("POST", "/v1/keys", jwk)).status, 200);
  await becomes("200", async () => outcomeOf(await post("boat-3", token)));
  assert.equal(outcomeOf(await post("boat-3", old)), "200");
  const { keys } = added.json as { keys: { kid: string }[] };
  const kid = keys.map((key) => key.kid).find((each) => each !== jwk["kid"]) ?? "";
  assert.equal(outcomeOf(await atOrigin("DELETE", `/v1/keys/${kid}`)), "409 key-in-use");
  assert.equal(outcomeOf(await atOrigin("DELETE", "/v1/keys/nobody")), "404 key-unknown");
  // A restart of the origin forgets none of it.
  await world.origin.restart();
  assert.equal((await atOrigin("DELETE", `/v1/keys/${String(jwk["kid"])}`)).status, 200);
  await becomes("401 token-wrong-key", async () => outcomeOf(await post("boat-3", token)));
  assert.equal(outcomeOf(await post("boat-3", old)), "200");
  assert.equal(outcomeOf(await atOrigin("POST", "/v1/keys", jwk)), "409 key-retired");
  const leaked = await atOrigin("POST", "/v1/keys", { ...secret, kid: "k9" });
  assert.equal(leaked.status, 400);
  assert.match(String(leaked.json["detail"]), /without d/);
});

test("an origin signs nothing with a key that its regions do not know", async () => {
  const next = await drawKeys();
  const { issuerPrivateKey } = next;
  const dir = path.join(stateDir, "alone");
  const bundle = await buildWorker("origin", dir);
  const plan = { stateDir: dir, bundle, keys: { ...world.keys, issuerPrivateKey }, port: 0 };
  const origin = await OriginProcess.start(plan);
  try {
    const ask = (target: string, body: unknown): Promise<Told> =>
      call(origin.url + target, "POST", admin, body);
    await ask("/v1/devices", { device: "boat-9" });
    const early = await ask("/v1/devices/boat-9/credentials", {});
    assert.equal(outcomeOf(early), "503 key-unknown");
    const [jwk] = (JSON.parse(next.issuerKeys) as { keys: [object] }).keys;
    assert.equal((await ask("/v1/keys", jwk)).status, 201);
    assert.equal((await ask("/v1/devices/boat-9/credentials", {})).status, 201);
  } finally {
    await origin.stop();
  }
});

interface DeviceKey {
  readonly version: number;
  readonly key: string;
}
async function keyOf(device: string): Promise<DeviceKey> {
  await atOrigin("POST", "/v1/devices", { device });
  const { status, json } = await atOrigin("POST", `/v1/devices/${device}/key`);
  assert.equal(status, 201);
  return json as unknown as DeviceKey;
}

/** Runs the shell example as the document says. */
function postSigned(
  device: string,
  { version, key }: DeviceKey,
  seq: number,
  body: object,
): Record<string, unknown> {
  const output = execFileSync(SCRIPT, [hel.url, device, String(version), "b7f3", String(seq)], {
    env: { ...process.env, KEY: key },
    input: JSON.stringify(body),
    encoding: "utf8",
    timeout: 20_000,
  });
  return JSON.parse(output) as Record<string, unknown>;
}

test("a small device signs with openssl and curl, and a request that is replayed stores nothing", async () => {
  const key = await keyOf("buoy-1");
  assert.deepEqual(await keyOf("buoy-1"), key);
  const reading = { stream: "depth_m", value: 10.4 };
  const first = postSigned("buoy-1", key, 1, reading);
  assert.deepEqual([first["accepted"], first["ackSeq"]], [1, 1]);
  const replayed = postSigned("buoy-1", key, 1, reading);
  assert.deepEqual([replayed["accepted"], replayed["duplicates"]], [0, 1]);
  const reused = postSigned("buoy-1", key, 1, { ...reading, value: 11 });
  assert.equal(reused["type"], "urn:skerry:problem:sequence-reused");
  const named = postSigned("buoy-1", key, 2, { ...reading, boot: "b7f3", seq: 3 });
  assert.equal(named["type"], "urn:skerry:problem:malformed");
  const future = postSigned("buoy-1", { ...key, version: key.version + 1 }, 2, reading);
  assert.equal(future["type"], "urn:skerry:problem:signature-wrong-mac");
  const foreign = postSigned("buoy-2", key, 2, reading);
  assert.equal(foreign["type"], "urn:skerry:problem:signature-wrong-mac");
  const seen = await call(`${hel.url}/v1/devices/buoy-1`, "GET", admin);
  const { streams } = seen.json as { streams: { depth_m: { count: number } } };
  assert.equal(streams.depth_m.count, 1);
});

test("a key is outdated by rotation, and the next version is another one", async () => {
  const old = await keyOf("buoy-3");
  const reading = { stream: "depth_m", value: 1 };
  assert.equal(postSigned("buoy-3", old, 1, reading)["accepted"], 1);
  assert.equal((await atOrigin("POST", "/v1/devices/buoy-3/rotate")).status, 201);
  const fresh = await keyOf("buoy-3");
  assert.equal(fresh.version, old.version + 1);
  assert.notEqual(fresh.key, old.key);
  let seq = 1;
  await becomes("urn:skerry:problem:token-revoked", async () => {
    const answer = postSigned("buoy-3", old, (seq += 1), reading);
    return answer["type"];
  });
  assert.equal(postSigned("buoy-3", fresh, (seq += 1), reading)["accepted"], 1);
});

test("the device of the examples signs with the origin's answer as its key file", async () => {
  const file = path.join(stateDir, "key.json");
  writeFileSync(file, JSON.stringify(await keyOf("boat-4")));
  const args = ["examples/device/main.ts", "--device", "boat-4", "--edge", hel.url];
  const more = ["--key-file", file, "--buffer", path.join(stateDir, "boat-4"), "--json"];
  const run = spawnSync(
    process.execPath,
    [...args, ...more, "--samples", "3", "--period", "10", "--batch", "3"],
    { cwd: REPOSITORY, encoding: "utf8", timeout: 30_000 },
  );
  assert.equal(run.status, 0, run.stderr);
  const events = run.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const sent = events.filter(({ event }) => event === "sent");
  assert.equal(
    sent.reduce((sum, { accepted }) => sum + Number(accepted), 0),
    9,
  );
});

test("P8 20,000 devices that are denied are all refused, and another one is let in", async () => {
  const link = openOriginLink(world.origin.url, world.keys.linkKey, REGION_RANGE);
  const far = regionOver("far", (frame) => link.exchange(frame));
  await far.untilAtRest();
  for (let at = 0; at < 20_000; at += 5_000)
    far.replica.write(Date.now(), (draft) => {
      for (let i = at; i < at + 5_000; i += 1) draft.write(revoked, `stolen-${i}`, 1);
    });
  await far.untilAtRest();
  const last = await mint(world.keys, "stolen-19999", inAnHour());
  await becomes("401 token-revoked", async () => outcomeOf(await post("stolen-19999", last)));
  for (const i of [0, 7, 16_384, 19_998]) {
    const token = await mint(world.keys, `stolen-${i}`, inAnHour());
    assert.equal(outcomeOf(await post(`stolen-${i}`, token)), "401 token-revoked");
  }
  const honest = await enroll("honest");
  assert.equal(outcomeOf(await post("honest", honest)), "200");
  assert.equal((await atOrigin("POST", "/v1/devices/honest/rotate")).status, 201);
  await becomes("401 token-revoked", async () => outcomeOf(await post("honest", honest)));
  // An isolate that has just begun is told all of them before it lets anyone in.
  await hel.edge.restart();
  assert.equal(outcomeOf(await post("stolen-19999", last)), "401 token-revoked");
});

test("P6 what expires while the origin is away is honoured and marked; what is revoked never is", async () => {
  await enroll("boat-5");
  await enroll("boat-6");
  const long = await mint(world.keys, "boat-5", inAnHour());
  await becomes("200", async () => outcomeOf(await post("boat-5", long)));
  assert.equal((await atOrigin("POST", "/v1/devices/boat-6/rotate")).status, 201);
  const old = await mint(world.keys, "boat-6", inAnHour());
  await becomes("401 token-revoked", async () => outcomeOf(await post("boat-6", old)));
  const before = await mint(world.keys, "boat-5", Math.floor(Date.now() / 1000) - 60);
  const expiresS = Math.floor(Date.now() / 1000) + 3;
  const token = await mint(world.keys, "boat-5", expiresS);
  const revokedOne = await mint(world.keys, "boat-6", expiresS);
  const operator = await mint(world.keys, "eve", expiresS, OPERATOR_TOKEN_TYPE);
  hel.link.cut();
  const isAway = async (): Promise<boolean> => {
    const { json } = await call(`${hel.url}/readyz`, "GET", admin);
    return (json["cell"] as { originAway: boolean }).originAway;
  };
  await becomes(true, isAway);
  await sleep(Math.max(0, expiresS * 1000 - Date.now()) + 1_100);
  const honoured = await post("boat-5", token);
  assert.equal(outcomeOf(honoured), "200");
  const until = expiresS + 604_800;
  assert.equal(honoured.headers.get("skerry-credential"), `expired; until=@${until}`);
  assert.match(
    readFileSync(hel.edge.logFile, "utf8"),
    new RegExp(`"graceUntil":"${new Date(until * 1000).toISOString()}"`),
  );
  const good = await post("boat-5", long);
  assert.equal(good.headers.get("skerry-credential"), null);
  assert.equal(outcomeOf(await post("boat-5", before)), "401 token-expired");
  assert.equal(outcomeOf(await post("boat-6", revokedOne)), "401 token-revoked");
  assert.equal(outcomeOf(await post("boat-5", operator)), "401 token-expired");
  // What the region knew of the origin outlives its process.
  await hel.edge.kill();
  await hel.edge.resume();
  await becomes("200", async () => outcomeOf(await post("boat-5", token)));
  hel.link.heal();
  await becomes("401 token-expired", async () => outcomeOf(await post("boat-5", token)));
});
