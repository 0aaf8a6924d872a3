// Does anything get lost or counted twice when processes are killed again and again?
//
// Goal: P1 and P2 with kill -9 of the edge and of the origin, at random moments under load.
// Method: devices send numbered batches and repeat each until it is acknowledged; the processes are
// killed meanwhile; in the end the origin must have counted every reading exactly once.

import assert from "node:assert/strict";
import http from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld } from "../../tools/launcher/world.ts";

const CYCLES = 40;
const DEVICES = 12;
const READINGS_PER_BATCH = 5;
/** Every so many kills of the edge, the origin is killed too. */
const ORIGIN_EVERY = 5;

const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-kill-"));
const world = await openWorld({ stateDir, basePort: 0, regions: DEFAULT_REGIONS.slice(0, 1) });
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});
const { edge } = world.region("hel");
const agent = new http.Agent({ keepAlive: true, maxSockets: DEVICES });
const afloat: Sailor[] = [];
let isOver = false;
let repeated = 0;

interface Sailor {
  readonly device: string;
  acknowledged: number;
}

/** Posts a body and returns the status, or 0 if the connection broke. */
function post(device: string, token: string, body: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const target = { host: "127.0.0.1", port: edge.port, path: `/v1/devices/${device}/readings` };
    const request = http.request(
      { ...target, method: "POST", agent, headers, timeout: 5_000 },
      (response) => {
        text(response).then(
          () => resolve(response.complete ? (response.statusCode ?? 0) : 0),
          () => resolve(0),
        );
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(0));
    request.end(body);
  });
}

async function sail(index: number): Promise<Sailor> {
  const device = `killed-${index}`;
  const token = await world.deviceToken(device);
  const t0 = Date.now() - 3_600_000;
  const sailor: Sailor = { device, acknowledged: 0 };
  afloat.push(sailor);
  for (let seq = 1; !isOver; seq += 1) {
    const depth_m = Array.from({ length: READINGS_PER_BATCH }, (_, at) => seq + at / 10);
    const batch = {
      boot: "b1",
      seq,
      t0: t0 + seq * READINGS_PER_BATCH,
      step: 1,
      series: { depth_m },
    };
    let status = 0;
    for (let tries = 0; status !== 200; tries += 1) {
      status = await post(device, token, JSON.stringify(batch));
      if (tries > 0) repeated += 1;
      assert.ok([0, 200, 429, 503].includes(status), `${device} got ${status}`);
      if (status !== 200) await sleep(5);
    }
    sailor.acknowledged = seq;
  }
  return sailor;
}

/** What the region or the origin at `url` has of a device; null if nothing. */
async function counted(
  url: string,
  device: string,
): Promise<{ count: number; sum: string } | null> {
  const response = await fetch(`${url}/v1/devices/${device}`, {
    headers: { authorization: `Bearer ${await world.operatorToken("read")}` },
  });
  const { streams } = (await response.json()) as {
    streams?: Record<string, { count: number; sum: string }>;
  };
  return streams?.["depth_m"] ?? null;
}

async function assertCountedOnce({ device, acknowledged }: Sailor): Promise<void> {
  const expected = acknowledged * READINGS_PER_BATCH;
  let total = await counted(world.origin.url, device);
  for (let tries = 0; tries < 200 && (total?.count ?? 0) < expected; tries += 1) {
    await sleep(50);
    total = await counted(world.origin.url, device);
  }
  // Per batch: 5 x seq and 0.0 + 0.1 + 0.2 + 0.3 + 0.4; sums are exact decimals.
  const sum = (5 * acknowledged * (acknowledged + 1)) / 2 + acknowledged;
  assert.deepEqual(
    { count: total?.count, sum: Number(total?.sum) },
    { count: expected, sum },
    device,
  );
}

test(`${CYCLES} kills of the edge: nothing acknowledged is lost, nothing is counted twice`, async () => {
  const sailing = Array.from({ length: DEVICES }, (_, index) => sail(index));
  for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
    await sleep(60 + Math.random() * 200);
    const held = new Map(afloat.map(({ device, acknowledged }) => [device, acknowledged]));
    await edge.kill();
    if (cycle % ORIGIN_EVERY === 0) await world.origin.kill();
    await Promise.all([edge.resume(), world.origin.resume()]);
    for (const [device, acknowledged] of held) {
      const count = (await counted(edge.url, device))?.count ?? 0;
      const expected = acknowledged * READINGS_PER_BATCH;
      assert.ok(count >= expected, `${device} has ${count} of ${expected} after kill ${cycle}`);
    }
  }
  isOver = true;
  const sailors = await Promise.all(sailing);
  agent.destroy();
  assert.ok(repeated > 0, "no kill hit a request in flight");
  for (const sailor of sailors) await assertCountedOnce(sailor);
  const batches = sailors.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  console.log(JSON.stringify({ kills: CYCLES, batches, repeated }));
});
