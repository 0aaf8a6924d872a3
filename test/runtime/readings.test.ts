// The readings path over HTTP on bare workerd: the end-to-end test, restarts, and cut links.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openWorld, type World } from "../../tools/launcher/world.ts";
import { batchBody, DEVICE, enroll, runEndToEnd, type Deployment } from "../support/end-to-end.ts";

let world: World;
let deployment: Deployment;
const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-readings-"));

before(async () => {
  world = await openWorld({ stateDir, basePort: 0 });
  const operator = await world.operatorToken("admin");
  const { device, otherDevice } = await enroll(world.origin.url, operator);
  deployment = {
    edgeUrl: world.region("hel").url,
    originUrl: world.origin.url,
    operator,
    device,
    otherDevice,
  };
});
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});

test("the end-to-end test passes on bare workerd", async () => {
  const transcript = await runEndToEnd(deployment);
  assert.ok(transcript.length > 50);
});

test("a batch that two regions took in counts once at the origin", async () => {
  const before = await readings();
  for (const region of world.regions)
    assert.equal((await post(region.url, batchBody("roam", 1, 400_000))).accepted, 4);
  await counted(before + 4);
});

test("a reading without a time that two regions took in counts once at the origin", async () => {
  const before = await readings();
  const body = { boot: "roam", seq: 2, series: { door_opened: [1] } };
  for (const region of world.regions) assert.equal((await post(region.url, body)).accepted, 1);
  await counted(before + 1);
});

test("P8 batches that come together share commits, and 1,000 readings cost hardly more than a row", async () => {
  const region = world.region("hel");
  const held = await readings();
  const before = await storageOf(region.url);
  const batches = 60;
  let posted = 0;
  const postNext = async (): Promise<void> => {
    while (posted < batches) {
      const at = posted;
      posted += 1;
      const t = Array.from({ length: 1_000 }, (_, i) => 1_000_000 + at * 1_000_000 + i * 1_000);
      const body = { boot: "rows", seq: at + 1, t, series: { rows: t.map((_, i) => i % 50) } };
      assert.equal((await post(region.url, body)).accepted, 1_000);
    }
  };
  await Promise.all(Array.from({ length: 16 }, postNext));
  const after = await storageOf(region.url);
  const commits = after.commits - before.commits;
  const rows = after.rowsWritten - before.rowsWritten;
  assert.equal(after.readings - before.readings, batches * 1_000);
  assert.ok(commits < batches, `${commits} commits`);
  assert.ok(rows / batches <= 1.3, `${rows} rows`);
  assert.equal(after.damaged, 0);
  await counted(held + batches * 1_000);
});

test("P6 with the origin cut off readings are taken in; they arrive by themselves when it is back", async () => {
  const before = await readings();
  const region = world.region("sto");
  region.link.cut();
  for (let seq = 1; seq <= 20; seq += 1) {
    const answer = await post(region.url, batchBody("offline", seq, 500_000 + seq * 10_000));
    assert.deepEqual([answer.accepted, answer.ackSeq, answer.durable], [4, seq, true]);
  }
  await sleep(500);
  assert.equal(await readings(), before);
  await region.edge.restart();
  region.link.heal();
  await counted(before + 80);
});

test("P6 an origin that accepts and never answers delays no reading", async () => {
  const before = await readings();
  const region = world.region("tll");
  region.link.stall();
  const startedMs = performance.now();
  for (let seq = 1; seq <= 10; seq += 1)
    await post(region.url, batchBody("stalled", seq, 900_000 + seq * 10_000));
  assert.ok(performance.now() - startedMs < 5_000, "ten posts do not wait for the origin");
  region.link.heal();
  await counted(before + 40);
});

async function post(
  url: string,
  body: object,
): Promise<{ accepted: number; ackSeq: number; durable: boolean }> {
  const response = await fetch(`${url}/v1/devices/${DEVICE}/readings`, {
    method: "POST",
    headers: { authorization: `Bearer ${deployment.device}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  return (await response.json()) as { accepted: number; ackSeq: number; durable: boolean };
}

async function readings(): Promise<number> {
  const headers = { authorization: `Bearer ${deployment.operator}` };
  const response = await fetch(`${deployment.originUrl}/v1/devices/${DEVICE}`, { headers });
  return ((await response.json()) as { readings: number }).readings;
}

/** Waits until the origin counts `expected`, and sees that it stays there. */
async function counted(expected: number): Promise<void> {
  for (let attempt = 0; attempt < 250 && (await readings()) < expected; attempt += 1)
    await sleep(80);
  await sleep(300);
  assert.equal(await readings(), expected);
}

test("P9 a Host field that is no host gets a 400 from every door, and the process goes on", async () => {
  const port = Number(new URL(deployment.edgeUrl).port);
  for (const host of ["[::1", "a b", "%", "x:99999", "u@evil", "a/v1/devices?"]) {
    for (const target of ["/livez", "/", READINGS_PATH]) {
      assert.match(await rawGet(port, target, host), /^HTTP\/1\.1 400 /, `${host} ${target}`);
    }
  }
  assert.equal((await fetch(`${deployment.edgeUrl}/livez`)).status, 200);
});

const READINGS_PATH = `/v1/devices/${DEVICE}/readings`;

/** Sends a request as it stands, which no HTTP client would. */
function rawGet(port: number, target: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () =>
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

interface StorageCounts {
  readonly readings: number;
  readonly commits: number;
  readonly rowsWritten: number;
  readonly damaged: number;
}

/** What the storage of a region's only hub did so far. */
async function storageOf(url: string): Promise<StorageCounts> {
  const ready = (await (await fetch(`${url}/readyz`)).json()) as {
    readonly links: readonly { readonly storage: StorageCounts }[];
  };
  const [link] = ready.links;
  assert.ok(link !== undefined);
  return link.storage;
}
