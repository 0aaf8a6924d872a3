// Does the launcher's world do what a world should? Three regions and an origin of their own
// processes and places, lines that break and heal, kills that lose nothing, and an end without
// leftovers.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openWorld, worldPorts } from "../../tools/launcher/world.ts";

const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-world-"));
const steps: string[] = [];
const world = await openWorld({ stateDir, basePort: 0, onProgress: (step) => steps.push(step) });
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});
const admin = await world.operatorToken("admin");
const hel = world.region("hel");

async function send(device: string, seq: number, depths: readonly number[]): Promise<number> {
  const body = {
    boot: "b1",
    seq,
    t0: Date.now() - 60_000 + seq * 10_000,
    step: 1_000,
    series: { depth_m: depths },
  };
  const response = await fetch(`${hel.url}/v1/devices/${device}/readings`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await world.deviceToken(device)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
  const { accepted } = (await response.json()) as { accepted?: number };
  return accepted ?? 0;
}

/** Counts a device's readings at the origin, waiting until there are as many as expected. */
async function countedAtOrigin(device: string, expected: number): Promise<number> {
  let counted = 0;
  for (let tries = 0; tries < 100 && counted < expected; tries += 1) {
    const response = await fetch(`${world.origin.url}/v1/devices/${device}`, {
      headers: { authorization: `Bearer ${admin}` },
      signal: AbortSignal.timeout(2_000),
    }).catch(() => null);
    counted = ((await response?.json()) as { readings?: number } | undefined)?.readings ?? 0;
    if (counted < expected) await sleep(100);
  }
  return counted;
}

test("each region is a process of its own, in its own place", async () => {
  const pids = new Set([world.origin.pid, ...world.regions.map(({ edge }) => edge.pid)]);
  assert.equal(pids.size, 4);
  for (const { id, url, plan } of world.regions) {
    const place = (await (await fetch(`${url}/v1/place`)).json()) as {
      region: string;
      place: { country: string };
    };
    assert.equal(place.region, id);
    assert.equal(place.place.country, plan.country);
  }
  assert.equal(steps.length, 2);
});

test("a client cannot say its place with a header (P7)", async () => {
  const response = await fetch(`${hel.url}/v1/place`, {
    headers: { "MF-CF-Blob": '{"country":"JP","colo":"NRT"}', "CF-IPCountry": "JP" },
  });
  const { place } = (await response.json()) as { place: { country: string } };
  assert.equal(place.country, "FI");
});

test("a region killed after its answer has what it acknowledged (P1)", async () => {
  assert.equal(await send("boat-kill", 1, [1, 2, 3]), 3);
  await hel.edge.kill();
  assert.equal(hel.edge.isRunning, false);
  await hel.edge.resume();
  assert.equal(await countedAtOrigin("boat-kill", 3), 3);
});

test("readings are taken in while the line is cut, and arrive once it heals (P6)", async () => {
  hel.link.cut();
  assert.equal(await send("boat-cut", 1, [1, 2]), 2);
  hel.link.heal();
  assert.equal(await countedAtOrigin("boat-cut", 2), 2);
});

test("readings are taken in while the origin is dead, and arrive when it is back (P6)", async () => {
  await world.origin.kill();
  assert.equal(await send("boat-origin", 1, [1, 2, 3, 4]), 4);
  await world.origin.resume();
  assert.equal(await countedAtOrigin("boat-origin", 4), 4);
  assert.equal(await countedAtOrigin("boat-kill", 3), 3);
});

test("a second world on the same folder, or on a port in use, is refused with a sentence", async () => {
  await assert.rejects(openWorld({ stateDir, basePort: 0 }), /in use by process \d+: end it/);
  const other = mkdtempSync(path.join(os.tmpdir(), "skerry-world-"));
  // The origin's place in the row of ports is taken.
  const basePort = world.origin.port - worldPorts(1024, 3).origin + 1024;
  await assert.rejects(
    openWorld({ stateDir: other, basePort }),
    /Port \d+ is in use: choose another/,
  );
  assert.equal(existsSync(path.join(other, "lock")), false);
  rmSync(other, { recursive: true, force: true });
});

test("no secret is on the disk but in keys.json", () => {
  const { linkKey } = JSON.parse(readFileSync(path.join(stateDir, "keys.json"), "utf8")) as {
    linkKey: string;
  };
  for (const file of ["hel/edge.capnp", "hel/edge.log", "origin/origin.log"]) {
    assert.ok(!readFileSync(path.join(stateDir, file), "utf8").includes(linkKey), file);
  }
});

test("a closed world leaves no process and no lock", async () => {
  const pids = [world.origin.pid, ...world.regions.map(({ edge }) => edge.pid)];
  const startedMs = performance.now();
  await world.close();
  assert.ok(performance.now() - startedMs < 8_000);
  assert.ok(world.regions.every(({ edge }) => !edge.isRunning) && !world.origin.isRunning);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  assert.equal(existsSync(path.join(stateDir, "lock")), false);
});
