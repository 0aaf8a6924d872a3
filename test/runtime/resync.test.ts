// Does a region that has lost where it stood come back without being told everything? A region on bare
// workerd whose cell is put back from a copy, and an origin under Miniflare.

import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ask, becomes, type Told } from "../support/ask.ts";
import { openRegions } from "../support/open-world.ts";

/** Enough to be worth a sketch. */
const DEVICES = 300;
const AT_ONCE = 20;

const { stateDir, world } = await openRegions("resync", 1);
const admin = await world.operatorToken("admin");
const hel = world.region("hel");

const atOrigin = (method: string, target: string, body?: unknown): Promise<Told> =>
  ask(method, world.origin.url + target, { token: admin, body });

async function register(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, from + count - at) }, async (_, i) => {
        const { status } = await atOrigin("POST", "/v1/devices", { device: `pump-${at + i}` });
        assert.equal(status, 201);
      }),
    );
}

/** Whether the region has heard of a device. */
async function isKnown(device: string): Promise<boolean> {
  const { status } = await ask("GET", `${hel.url}/v1/devices/${device}/shadow`, { token: admin });
  return status === 200;
}

async function purge(tag: string): Promise<void> {
  const { status } = await ask("POST", `${hel.url}/v1/purge`, {
    token: admin,
    body: { tags: [tag] },
  });
  assert.equal(status, 200);
}

test("P3 a region put back from a copy is told what it lacks, and not what it has", async () => {
  const [files, copy] = [
    path.join(stateDir, "hel/do/skerry-RegionCell"),
    path.join(stateDir, "copy"),
  ];
  await register(0, DEVICES);
  await purge("before");
  await becomes(true, () => isKnown(`pump-${DEVICES - 1}`));
  await hel.edge.stop();
  cpSync(files, copy, { recursive: true });
  await hel.edge.resume();
  // What makes the copy another history: it does not know that it has said this.
  await purge("later");
  await register(DEVICES, 3);
  await becomes(true, () => isKnown(`pump-${DEVICES + 2}`));
  await hel.edge.stop();
  rmSync(files, { recursive: true });
  cpSync(copy, files, { recursive: true });
  await hel.edge.resume();
  await becomes(true, () => isKnown(`pump-${DEVICES + 2}`));
  const lines = readFileSync(hel.edge.logFile, "utf8")
    .split("\n")
    .filter((line) => line.includes('"link-compared"'));
  assert.equal(lines.length, 1, lines.join("\n"));
  const found = JSON.parse(lines[0]?.slice(lines[0].indexOf("{")) ?? "") as Record<string, number>;
  assert.ok((found["same"] ?? 0) >= DEVICES, JSON.stringify(found));
  assert.ok((found["missing"] ?? 0) >= 4, JSON.stringify(found));
  assert.ok((found["bytes"] ?? Infinity) < 1_200, JSON.stringify(found));
});
