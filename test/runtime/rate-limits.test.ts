// Is nobody let send more than they may, and does nobody pay for another? One region on bare workerd
// whose origin is away, with rates and a proxy's header configured.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { drawKeys, mintDeviceToken, mintOperatorToken } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-rates-"));
const keys = await drawKeys();
let edge: EdgeProcess;
let proxied: EdgeProcess;

before(async () => {
  const [region, other] = DEFAULT_REGIONS;
  assert.ok(region !== undefined && other !== undefined);
  const bundle = await buildWorker("edge", path.join(stateDir, "bundles"));
  const plan = {
    stateDir,
    bundle,
    region,
    regions: DEFAULT_REGIONS,
    originUrl: "http://127.0.0.1:9",
    keys,
    port: 0,
  };
  edge = await EdgeProcess.start({
    ...plan,
    vars: { DEVICE_RATE: '{"readings":10,"requests":2}' },
  });
  proxied = await EdgeProcess.start({
    ...plan,
    region: other,
    vars: { TRUSTED_ADDRESS_HEADER: "x-real-ip", ADDRESS_RATE: "1" },
  });
});
after(async () => {
  await edge.stop();
  await proxied.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

let clock = 1_790_000_000_000;
interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly json: Record<string, unknown>;
}

async function post(
  device: string,
  token: string,
  count = 1,
  fields: Record<string, string> = {},
): Promise<Answer> {
  const t = Array.from({ length: count }, () => (clock += 1));
  const response = await fetch(`${edge.url}/v1/devices/${device}/readings`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      ...fields,
    },
    body: JSON.stringify({ t, series: { depth_m: t.map(() => 1) } }),
  });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, retryAfter: response.headers.get("retry-after"), json };
}

/** Posts until it is refused; how many were not. */
async function untilLimited(device: string, token: string, count: number): Promise<number> {
  for (let taken = 0; taken < 100; taken += 1) {
    const { status, retryAfter, json } = await post(device, token, count);
    if (status === 200) continue;
    assert.equal(status, 429, JSON.stringify(json));
    assert.equal(json["type"], "urn:skerry:problem:rate-limited");
    assert.ok(Number(retryAfter) >= 1);
    return taken;
  }
  assert.fail("It is never refused");
}

test("P8 a device gets its rate and a burst, in requests and in readings, and others pay nothing", async () => {
  const token = await mintDeviceToken(keys, "boat-1");
  const requests = await untilLimited("boat-1", token, 1);
  assert.ok(requests >= 20 && requests <= 30, `${requests} requests at 2 a second`);
  const large = await mintDeviceToken(keys, "boat-2");
  const batches = await untilLimited("boat-2", large, 50);
  assert.ok(batches >= 2 && batches <= 4, `${batches} batches of 50 at 10 a second`);
  assert.equal((await post("boat-3", await mintDeviceToken(keys, "boat-3"))).status, 200);
});

test("the rate of a credential goes before the deployment's", async () => {
  const fast = await mintDeviceToken(keys, "boat-4", 1, { rate: 100_000 });
  for (let i = 0; i < 5; i += 1) assert.equal((await post("boat-4", fast, 500)).status, 200);
  const slow = await mintDeviceToken(keys, "boat-5", 1, { rate: 0.1 });
  assert.equal((await post("boat-5", slow, 2)).status, 200);
  assert.equal((await post("boat-5", slow, 1)).status, 429);
});

test("P8 what is not let in takes nothing from the device that it names", async () => {
  const token = await mintDeviceToken(keys, "boat-6");
  const foreign = await mintDeviceToken(await drawKeys(), "boat-6");
  const other = await mintDeviceToken(keys, "boat-7");
  for (let i = 0; i < 60; i += 1) {
    const bad = ["garbage", foreign, other][i % 3] ?? "";
    const { status } = await post("boat-6", bad, 10);
    assert.ok(status === 401 || status === 403, String(status));
  }
  const requests = await untilLimited("boat-6", token, 1);
  assert.ok(requests >= 20, `${requests} requests were left`);
});

test("a gateway's batch and a line for a device that has sent too much are 429 too", async () => {
  const token = await mintDeviceToken(keys, "boat-8");
  await untilLimited("boat-8", token, 200);
  const headers = { authorization: `Bearer ${await mintOperatorToken(keys, "gate", ["ingest"])}` };
  const batch = { device: "boat-8", boot: "b", seq: 1, t: [clock], series: { a: [1] } };
  const batches = await fetch(`${edge.url}/v1/batches`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ batches: [batch] }),
  });
  assert.equal(batches.status, 429);
  const lines = await fetch(`${edge.url}/write`, {
    method: "POST",
    headers,
    body: `gps,device=boat-8 lat=60 ${clock}000000`,
  });
  assert.equal(lines.status, 429);
  assert.ok(Number(lines.headers.get("retry-after")) >= 1);
});

test("P8 an address is counted by the header of the proxy alone; without one, by nothing", async () => {
  const ask = async (url: string, fields: Record<string, string>): Promise<number> =>
    (await fetch(`${url}/v1/time`, { headers: fields })).status;
  const statuses = async (url: string, fields: (i: number) => Record<string, string>) => {
    const found: number[] = [];
    for (let i = 0; i < 30; i += 1) found.push(await ask(url, fields(i)));
    return found.filter((status) => status === 429).length;
  };
  // Headers that a client may set as it likes do not make it another one.
  const forged = (i: number) => ({ "x-real-ip": "192.0.2.1", "x-forwarded-for": `192.0.2.${i}` });
  assert.ok((await statuses(proxied.url, forged)) > 10);
  assert.equal(await ask(proxied.url, { "x-real-ip": "192.0.2.2" }), 200);
  assert.equal(await statuses(edge.url, () => ({ "x-real-ip": "192.0.2.1" })), 0);
  assert.equal((await fetch(`${proxied.url}/livez`, { headers: forged(1) })).status, 200);
});
