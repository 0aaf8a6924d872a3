// Does every reading count once when disks go back in time, or exist twice?
//
// Goal: P1, P2 and P3 in the running system: a region restored from a day-old copy of its storage, a
// second machine on a copy of a region's storage, and an origin restored from a copy.
// Method: real processes and real directories, copied while a process is down and put back after it
// was killed; readings are posted before, between and after; in the end the origin's totals must be
// exact, and every link at rest.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { LOOPBACK } from "../../tools/launcher/ports.ts";
import { openWorld } from "../../tools/launcher/world.ts";

const DAY_MS = 86_400_000;
/** A device that posts every five minutes for a day. */
const BATCHES_A_DAY = 288;
const READINGS = 5;
const AT_REST_MS_MAX = 30_000;

const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-restore-"));
const world = await openWorld({ stateDir, basePort: 0, regions: DEFAULT_REGIONS.slice(0, 2) });
const clones: EdgeProcess[] = [];
after(async () => {
  await Promise.all(clones.map((clone) => clone.stop()));
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});
const [hel, tll] = world.regions;
assert.ok(hel !== undefined && tll !== undefined);
const reader = await world.operatorToken("read");

/** One device, and what of it was acknowledged. */
class Sailor {
  readonly device: string;
  readonly #token: string;
  readonly #startMs = Date.now() - DAY_MS;
  batches = 0;

  private constructor(device: string, token: string) {
    this.device = device;
    this.#token = token;
  }

  static async embark(device: string): Promise<Sailor> {
    return new Sailor(device, await world.deviceToken(device));
  }

  /** Posts the next batches to a region, and takes none for lost that was acknowledged. */
  async post(url: string, count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const seq = this.batches + 1;
      const t0 = this.#startMs + seq * 10_000;
      const depth_m = Array.from({ length: READINGS }, (_, at) => (seq * READINGS + at) / 10);
      const response = await fetch(`${url}/v1/devices/${this.device}/readings`, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: JSON.stringify({ boot: "b1", seq, t0, step: 1_000, series: { depth_m } }),
      });
      assert.equal(response.status, 200, await response.text());
      this.batches = seq;
    }
  }

  /** Waits until the origin has counted exactly what was acknowledged, and stays with it. */
  async assertCountedOnce(): Promise<void> {
    const count = this.batches * READINGS;
    const first = READINGS;
    const sum = ((first + first + count - 1) * count) / 20;
    const expected = { count, sum };
    const deadline = Date.now() + AT_REST_MS_MAX;
    let held = await this.#totals();
    while (held.count !== count && Date.now() < deadline) {
      await sleep(100);
      held = await this.#totals();
    }
    await sleep(500);
    assert.deepEqual(await this.#totals(), expected, this.device);
  }

  async #totals(): Promise<{ count: number; sum: number }> {
    const response = await fetch(`${world.origin.url}/v1/devices/${this.device}`, {
      headers: { authorization: `Bearer ${reader}` },
    });
    const { streams } = (await response.json()) as {
      streams?: Record<string, { count: number; sum: string } | undefined>;
    };
    const depth = streams?.["depth_m"];
    return { count: depth?.count ?? 0, sum: Number(depth?.sum ?? 0) };
  }
}

const home = (name: string): string => path.join(stateDir, name);

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}

/** How often a region's log tells of a new life of one of its replicas. */
function livesBegun(...logs: string[]): number {
  return logs
    .flatMap((log) => readFileSync(log, "utf8").split("\n"))
    .filter((line) => line.includes("epoch-renewed")).length;
}

test("a region restored from a day-old copy of its storage counts every reading once", async () => {
  const boat = await Sailor.embark("boat-restored");
  await boat.post(hel.url, 40);
  await boat.assertCountedOnce();
  await hel.edge.stop();
  copy(home(hel.id), home("yesterday"));
  await hel.edge.resume();
  await boat.post(hel.url, BATCHES_A_DAY);
  await boat.assertCountedOnce();
  await hel.edge.kill();
  copy(home("yesterday"), home(hel.id));
  await hel.edge.resume();
  await boat.post(hel.url, 60);
  await boat.assertCountedOnce();
});

test("two machines on copies of one storage, under one name, count every reading once", async () => {
  const sailors = await Promise.all(["boat-a", "boat-b"].map((name) => Sailor.embark(name)));
  const [here, there] = sailors;
  assert.ok(here !== undefined && there !== undefined);
  await here.post(hel.url, 20);
  await here.assertCountedOnce();
  // Rows that nobody has sent yet are on both disks.
  hel.link.cut();
  await here.post(hel.url, 10);
  await hel.edge.stop();
  copy(home(hel.id), path.join(home("clone"), hel.id));
  hel.link.heal();
  const clone = await EdgeProcess.start({
    stateDir: home("clone"),
    bundle: path.resolve(stateDir, "bundles", "edge.js"),
    region: hel.plan,
    regions: world.regions.map(({ plan }) => plan),
    originUrl: `http://${LOOPBACK}:${hel.link.port}`,
    keys: world.keys,
    port: 0,
  });
  clones.push(clone);
  await hel.edge.resume();
  for (let round = 0; round < 12; round += 1) {
    await Promise.all([here.post(hel.url, 3), there.post(clone.url, 3)]);
    await sleep(50);
  }
  for (const sailor of sailors) await sailor.assertCountedOnce();
  // One of the two is found out and begins another life, per replica; then both go on.
  const begun = livesBegun(hel.edge.logFile, clone.logFile);
  await Promise.all([here.post(hel.url, 5), there.post(clone.url, 5)]);
  for (const sailor of sailors) await sailor.assertCountedOnce();
  assert.equal(
    livesBegun(hel.edge.logFile, clone.logFile),
    begun,
    "no life follows another for ever",
  );
  await clone.stop();
});

test("an origin restored from a copy has everything again that regions had sent since", async () => {
  const sailors = await Promise.all(["boat-c", "boat-d"].map((name) => Sailor.embark(name)));
  const [north, south] = sailors;
  assert.ok(north !== undefined && south !== undefined);
  await Promise.all([north.post(hel.url, 20), south.post(tll.url, 20)]);
  for (const sailor of sailors) await sailor.assertCountedOnce();
  await world.origin.stop();
  copy(home("origin"), home("origin-copy"));
  await world.origin.resume();
  await Promise.all([north.post(hel.url, 50), south.post(tll.url, 50)]);
  for (const sailor of sailors) await sailor.assertCountedOnce();
  await world.origin.kill();
  copy(home("origin-copy"), home("origin"));
  await world.origin.resume();
  await Promise.all([north.post(hel.url, 1), south.post(tll.url, 1)]);
  for (const sailor of sailors) await sailor.assertCountedOnce();
});

test("an origin restored from a copy takes purges back, and says in every region what it has", async () => {
  const admin = await world.operatorToken("admin");
  const call = (url: string, method: string, body: unknown, session = ""): Promise<Response> =>
    fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${admin}`,
        "content-type": "application/json",
        ...(session === "" ? {} : { "skerry-session": session }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
  const write = async (url: string, method: string, body: unknown): Promise<string> => {
    const response = await call(url, method, body);
    assert.ok(response.ok, `${response.status} ${await response.text()}`);
    return response.headers.get("skerry-session") ?? "";
  };
  const devices = `${world.origin.url}/v1/devices`;
  await write(devices, "POST", { device: "boat-e" });
  const made = await call(`${devices}/boat-e/credentials`, "POST", {});
  const { token } = (await made.json()) as { token: string };
  let minutes = 0;
  /** What a region says to the device, once it knows what the session names. */
  const post = async (url: string, session: string): Promise<number> => {
    const t = [Date.now() - DAY_MS + (minutes += 60_000)];
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${url}/v1/devices/boat-e/readings`, {
      method: "POST",
      headers: { ...headers, ...(session === "" ? {} : { "skerry-session": session }) },
      body: JSON.stringify({ t, series: { depth_m: [1] } }),
    });
    await response.arrayBuffer();
    return response.status;
  };
  const known = await write(`${hel.url}/v1/purge`, "POST", { tags: ["before"] });
  assert.equal((await call(`${world.origin.url}/v1/config`, "GET", null, known)).status, 200);
  await world.origin.stop();
  copy(home("origin"), home("origin-copy"));
  await world.origin.resume();

  // What the copy does not have: a refused device, a device, and a purge that both regions know.
  const disabled = await write(`${devices}/boat-e`, "PATCH", { disabled: true });
  await write(devices, "POST", { device: "boat-f" });
  const purged = await write(`${hel.url}/v1/purge`, "POST", { tags: ["after"] });
  for (const { url } of [hel, tll]) assert.equal(await post(url, `${disabled}, ${purged}`), 403);
  await world.origin.kill();
  copy(home("origin-copy"), home("origin"));
  await world.origin.resume();

  const until = async (what: string, isTrue: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + AT_REST_MS_MAX;
    while (!(await isTrue())) {
      assert.ok(Date.now() < deadline, what);
      await sleep(100);
    }
  };
  await until("the purge is at the origin again", async () => {
    const answer = await call(`${world.origin.url}/v1/config`, "GET", null, purged);
    return answer.status === 200;
  });
  for (const { url } of [hel, tll])
    await until("isolates go by the copy, too", async () => (await post(url, "")) === 200);
  assert.equal((await call(`${devices}/boat-f`, "GET", null)).status, 404);
  // And all of them go on from there.
  const again = await write(`${devices}/boat-e`, "PATCH", { disabled: true });
  for (const { url } of [hel, tll])
    await until("it is refused anew", async () => (await post(url, again)) === 403);
});
