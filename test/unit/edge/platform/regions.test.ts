// What does an isolate make of what its region's cell tells? What can be read goes before the
// deployment's, what cannot changes nothing, and a cell that is silent puts nothing out.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { DEVICE_TOKEN_TYPE, TOKEN_ISSUER } from "../../../../doors/claims.ts";
import { parseEdgeEnv, type EdgeEnv } from "../../../../edge/platform/env.ts";
import { Regions, type Here } from "../../../../edge/platform/regions.ts";
import type { Denied, DeviceDenial, ToldDenials } from "../../../../edge/denials.ts";
import type { RegionLease } from "../../../../edge/region-replica.ts";

const HEL = { id: "hel", latitude: 60.2, longitude: 24.9 };
const SYD = { id: "syd", latitude: -33.9, longitude: 151.2 };
const IN_FINLAND = { country: "FI", latitude: "60.2", longitude: "24.9" };

/** What the cells tell, by their names, and what they were asked. */
const cells = new Map<string, RegionLease>();
let asked: string[] = [];
let denials: Record<string, DeviceDenial> = {};
let isSilent = false;

async function answer<T>(what: string, value: T): Promise<T> {
  asked.push(what);
  if (isSilent) throw new Error("gone");
  return value;
}
const cellOf = (name: string): object => ({
  lease: (known: string) =>
    answer(`${name} lease ${known}`, cells.get(name)?.version === known ? null : cells.get(name)),
  denialOf: (device: string) => answer(`${name} denial ${device}`, denials[device]),
});
const env = {
  REGION_CELL: { idFromName: (name: string) => name, get: cellOf },
} as unknown as EdgeEnv;

function leaseOf(version: string, told: Partial<RegionLease> = {}): RegionLease {
  const nothing = { config: null, keys: null, purgeView: [], purges: [], purgeFloor: [] };
  const here = { clock: { offsetMs: 0, heardMs: 0 }, outage: null };
  return { version, replicaEpoch: 1, denials: all(), ...here, ...nothing, ...told };
}
const all = (...denied: readonly Denied[]): ToldDenials => ({ kind: "all", denied });
const changed = (...denied: readonly Denied[]): ToldDenials => ({ kind: "changed", denied });

async function signer(
  kid: string,
): Promise<{ jwk: object; request: (device: string, expiresS?: number) => Promise<Request> }> {
  const pair = await generateKeyPair("EdDSA", { extractable: true });
  const request = async (device: string, expiresS = 2_000_000_000): Promise<Request> => {
    const token = await new SignJWT({ gen: 1 })
      .setProtectedHeader({ alg: "EdDSA", kid, typ: DEVICE_TOKEN_TYPE })
      .setIssuer(TOKEN_ISSUER)
      .setSubject(device)
      .setExpirationTime(expiresS)
      .sign(pair.privateKey);
    return new Request("http://edge.test/", { headers: { authorization: `Bearer ${token}` } });
  };
  return { jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: "EdDSA" }, request };
}
const deployed = await signer("k1");
const published = await signer("k2");
const keysOf = (...keys: readonly object[]): string => JSON.stringify({ keys });

function open(): Regions {
  const config = parseEdgeEnv({
    ORIGIN_URL: "http://origin.test",
    REGIONS: JSON.stringify([HEL]),
    ISSUER_KEYS: keysOf(deployed.jwk),
    LINK_KEY: "A".repeat(43),
  });
  assert.deepEqual(config.missing, []);
  return new Regions(config, env);
}

/** Asks where a request is served, once the cells have been asked anew. */
async function ask(regions: Regions, cf: object = IN_FINLAND): Promise<Here> {
  const background: Promise<unknown>[] = [];
  await regions.at(cf, (work) => void background.push(work));
  await Promise.all(background);
  return regions.at(cf, () => undefined);
}

async function statusOf({ guard }: Here, request: Request, device = "boat-1"): Promise<number> {
  const admission = await guard.requireDevice(request, device, "ingest");
  return admission.ok ? 200 : admission.problem.status;
}

beforeEach((context) => {
  if ("mock" in context) context.mock.timers.enable({ apis: ["Date"], now: 1_790_000_000_000 });
  cells.clear();
  cells.set("hel/cell", leaseOf("1"));
  [asked, denials, isSilent] = [[], {}, false];
});

test("at() asks a region's cell once for all requests of a lease, and tells it what it knows", async (t) => {
  const regions = open();
  for (let i = 0; i < 5; i += 1) await ask(regions);
  assert.deepEqual(asked, ["hel/cell lease "]);
  t.mock.timers.tick(1_000);
  await ask(regions);
  assert.deepEqual(asked, ["hel/cell lease ", "hel/cell lease 1"]);
});

test("at() follows published regions to another region's cell", async () => {
  const config = JSON.stringify({
    regions: [SYD, HEL].map((spec) => ({ ...spec, countries: spec === SYD ? ["FI"] : [] })),
  });
  cells.set("hel/cell", leaseOf("1", { config }));
  cells.set("syd/cell", leaseOf("7", { config, denials: all(["boat-1", 1, false]) }));
  const here = await ask(open());
  assert.deepEqual([here.region, here.reason, here.config.regions.length], ["syd", "country", 2]);
  assert.equal(await statusOf(here, await deployed.request("boat-1")), 401);
  assert.deepEqual(asked, ["hel/cell lease ", "syd/cell lease "]);
});

test("a configuration that cannot be read changes nothing, and one that is gone gives way", async (t) => {
  const regions = open();
  const sites = async (version: string, config: string | null): Promise<unknown> => {
    cells.set("hel/cell", leaseOf(version, { config }));
    t.mock.timers.tick(1_000);
    return (await ask(regions)).config.sites;
  };
  assert.deepEqual(await sites("1", null), { "*": "main" });
  assert.deepEqual(await sites("2", '{"sites":{"*":"shop"}}'), { "*": "shop" });
  assert.deepEqual(await sites("3", "{"), { "*": "shop" });
  assert.deepEqual(await sites("4", '{"sites":{"*":7}}'), { "*": "shop" });
  assert.deepEqual(await sites("5", '{"future":1}'), { "*": "main" });
  assert.deepEqual(await sites("6", null), { "*": "main" });
});

test("tokens of published keys are accepted until the key is gone; keys that cannot be read change nothing", async (t) => {
  const regions = open();
  const request = await published.request("boat-1");
  const status = async (version: string, keys: string | null): Promise<number> => {
    cells.set("hel/cell", leaseOf(version, { keys }));
    t.mock.timers.tick(1_000);
    const here = await ask(regions);
    assert.equal(await statusOf(here, await deployed.request("boat-1")), 200);
    return statusOf(here, request);
  };
  assert.equal(await status("1", null), 401);
  assert.equal(await status("2", keysOf(published.jwk)), 200);
  assert.equal(await status("3", "no keys"), 200);
  assert.equal(await status("4", keysOf(deployed.jwk, published.jwk)), 200);
  assert.equal(await status("5", keysOf(deployed.jwk)), 401);
});

test("P6 a cell that fails leaves what was told before", async (t) => {
  const regions = open();
  cells.set(
    "hel/cell",
    leaseOf("1", {
      denials: all(["boat-1", 1, false], ["boat-2", 0, true]),
    }),
  );
  await ask(regions);
  isSilent = true;
  t.mock.timers.tick(60_000);
  const here = await ask(regions);
  assert.equal(await statusOf(here, await deployed.request("boat-1")), 401);
  assert.equal(await statusOf(here, await deployed.request("boat-2"), "boat-2"), 403);
  assert.equal(await statusOf(here, await deployed.request("boat-3"), "boat-3"), 200);
});

test("what changes is learned on top of what was told, and what was told before stays", async (t) => {
  const regions = open();
  const boats = ["boat-1", "boat-2", "boat-3"];
  const told = async (version: string, denials: ToldDenials): Promise<number[]> => {
    cells.set("hel/cell", leaseOf(version, { denials }));
    t.mock.timers.tick(1_000);
    const here = await ask(regions);
    return Promise.all(
      boats.map(async (boat) => statusOf(here, await deployed.request(boat), boat)),
    );
  };
  assert.deepEqual(await told("1", all(["boat-1", 1, false])), [401, 200, 200]);
  assert.deepEqual(await told("2", changed(["boat-2", 0, true])), [401, 403, 200]);
  assert.deepEqual(await told("3", changed(["boat-2", 0, false])), [401, 200, 200]);
  assert.deepEqual(await told("4", changed()), [401, 200, 200]);
  assert.deepEqual(await told("5", all(["boat-3", 1, false])), [200, 200, 401]);
});

test("P8 when there are too many denials to tell, the cell is asked, and its silence lets nobody in", async (t) => {
  cells.set("hel/cell", leaseOf("1", { denials: { kind: "ask" } }));
  denials = {
    "boat-1": { revokedGeneration: 1, isDisabled: false },
    "boat-2": { revokedGeneration: 0, isDisabled: true },
    "boat-3": { revokedGeneration: 0, isDisabled: false },
  };
  const here = await ask(open());
  const statuses = async (): Promise<number[]> =>
    Promise.all(
      ["boat-1", "boat-2", "boat-3"].map(async (device) =>
        statusOf(here, await deployed.request(device), device),
      ),
    );
  assert.deepEqual(await statuses(), [401, 403, 200]);
  const count = asked.length;
  assert.deepEqual(await statuses(), [401, 403, 200]);
  assert.equal(asked.length, count, "an answer goes for half a lease");
  isSilent = true;
  t.mock.timers.tick(500);
  assert.deepEqual(await statuses(), [503, 503, 503]);
  isSilent = false;
  assert.deepEqual(await statuses(), [401, 403, 200]);
});

test("P8 an isolate that was never told anything lets no device in", async () => {
  isSilent = true;
  const here = await ask(open());
  assert.equal(await statusOf(here, await deployed.request("boat-1")), 503);
});

test("a key that is retired counts no more, also where it was deployed", async (t) => {
  const regions = open();
  const status = async (version: string, keys: object): Promise<number[]> => {
    cells.set("hel/cell", leaseOf(version, { keys: JSON.stringify(keys) }));
    t.mock.timers.tick(1_000);
    const here = await ask(regions);
    return Promise.all(
      [deployed, published].map(async ({ request }) => statusOf(here, await request("boat-1"))),
    );
  };
  const both = [deployed.jwk, published.jwk];
  assert.deepEqual(await status("1", { keys: [deployed.jwk] }), [200, 401]);
  assert.deepEqual(await status("2", { keys: both, added: ["k2"], retired: [] }), [200, 200]);
  const rotated = { keys: [published.jwk], added: ["k2"], retired: ["k1"] };
  assert.deepEqual(await status("3", rotated), [401, 200]);
});

test("P6 while the origin is away, what expired meanwhile is honoured, by the origin's clock", async (t) => {
  const regions = open();
  const request = await deployed.request("boat-1", Date.now() / 1000 + 60);
  const status = async (version: string, told: Partial<RegionLease>): Promise<number> => {
    cells.set("hel/cell", leaseOf(version, told));
    t.mock.timers.tick(1_000);
    return statusOf(await ask(regions), request);
  };
  const heardMs = Date.now();
  assert.equal(await status("1", {}), 200);
  const ahead = { offsetMs: 120_000, heardMs: 0 };
  assert.equal(await status("2", { clock: ahead }), 401, "the origin's clock is ahead");
  assert.equal(await status("3", { clock: ahead, outage: { heardMs } }), 200);
  assert.equal(await status("4", { clock: ahead, outage: { heardMs: heardMs + 60_000 } }), 401);
  assert.equal(await status("5", { clock: ahead }), 401);
});
