// Does the device do what an answer asks for? Against a server on this machine that answers by a
// script what no edge can be made to answer at will: 429, 503, a portal's page, nothing.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  Device,
  type DeviceEvent,
  type DeviceOptions,
} from "../../../../examples/device/skerry-device/device.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-device-"));
const servers: http.Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
});

interface Seen {
  readonly atMs: number;
  readonly authorization: string;
  readonly isZipped: boolean;
  readonly body: { readonly boot: string; readonly seq: number; readonly t: readonly number[] };
}

type Script = (response: http.ServerResponse, count: number) => void;

const STORED = JSON.stringify({ accepted: 1, duplicates: 0, rejected: 0, durable: true });
const store: Script = (response) => response.end(STORED);
const refuse = (status: number, fields: Record<string, string> = {}): Script => {
  return (response) =>
    response.writeHead(status, { "content-type": "application/problem+json", ...fields }).end("{}");
};

/** Answers the first requests by the scripts, the others with the last one. */
async function serve(...scripts: readonly Script[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    void buffer(request).then((bytes) => {
      const isZipped = request.headers["content-encoding"] === "gzip";
      const body = JSON.parse(String(isZipped ? gunzipSync(bytes) : bytes)) as Seen["body"];
      const authorization = request.headers.authorization ?? "";
      seen.push({ atMs: performance.now(), authorization, isZipped, body });
      scripts[Math.min(seen.length, scripts.length) - 1]?.(response, seen.length);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function openDevice(
  edges: readonly string[],
  more: Partial<DeviceOptions> = {},
): Promise<{ device: Device; events: DeviceEvent[] }> {
  const events: DeviceEvent[] = [];
  const device = await Device.open({
    device: "boat-1",
    edges,
    token: () => "the-token",
    folder: mkdtempSync(path.join(dir, "buffer-")),
    batchReadings: 1,
    backOff: { firstMs: 5, maxMs: 20 },
    requestTimeoutMs: 300,
    onEvent: (event) => events.push(event),
    ...more,
  });
  return { device, events };
}

const CLOSE_MS = 10_000;

for (const status of [429, 503]) {
  test(`${status}: the same batch is sent again, not before Retry-After`, async () => {
    const edge = await serve(refuse(status, { "retry-after": "1" }), store);
    const { device } = await openDevice([edge.url]);
    device.record({ depth_m: 1 }, 1);
    await device.close(CLOSE_MS);
    const [first, second] = edge.seen;
    assert.equal(edge.seen.length, 2);
    assert.ok((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 1_000);
    assert.deepEqual(
      [second?.body.boot, second?.body.seq, second?.body.t],
      [first?.body.boot, first?.body.seq, [1]],
    );
    assert.equal(device.buffer.batches, 0);
  });
}

test("503 of one edge: the next one is asked meanwhile; 429: none is", async () => {
  const far = await serve(store);
  const full = await serve(refuse(503, { "retry-after": "60" }));
  const { device } = await openDevice([full.url, far.url]);
  device.record({ depth_m: 1 }, 1);
  device.record({ depth_m: 1 }, 2);
  await device.close(CLOSE_MS);
  assert.deepEqual([full.seen.length, far.seen.length], [1, 2]);

  const strict = await serve(refuse(429, { "retry-after": "60" }));
  const limited = await openDevice([strict.url, far.url]);
  limited.device.record({ depth_m: 1 }, 1);
  await limited.device.close(300);
  assert.deepEqual([strict.seen.length, far.seen.length], [1, 2]);
  assert.equal(limited.device.buffer.readings, 1);
});

test("an edge that is gone, silent or a portal is passed by, and the preferred one comes back", async () => {
  const silent = await serve(() => undefined);
  const portal = await serve((response) => response.end("<h1>Harbour network</h1>"));
  const near = await serve((response) => response.destroy(), store);
  const { device, events } = await openDevice([near.url, silent.url, portal.url], {
    backOff: { firstMs: 200, maxMs: 200 },
  });
  device.record({ depth_m: 1 }, 1);
  await device.close(CLOSE_MS);
  assert.equal(near.seen.length, 2);
  assert.equal(events.at(-1)?.event, "sent");
  assert.equal(device.buffer.batches, 0);
});

test("a token is read anew for each request, and a refused one keeps the readings", async () => {
  const edge = await serve(refuse(401), refuse(403), store);
  let asked = 0;
  const { device } = await openDevice([edge.url], { token: () => `token-${(asked += 1)}` });
  device.record({ depth_m: 1 }, 1);
  await device.close(CLOSE_MS);
  const sent = edge.seen.map(({ authorization }) => authorization);
  assert.deepEqual(sent, ["Bearer token-1", "Bearer token-2", "Bearer token-3"]);
});

test("a large body is sent as gzip", async () => {
  const edge = await serve(store);
  const { device } = await openDevice([edge.url], { batchReadings: 400, gzipAboveBytes: 500 });
  for (let at = 0; at < 401; at += 1) device.record({ depth_m: at }, at);
  await device.close(CLOSE_MS);
  assert.deepEqual(
    edge.seen.map(({ isZipped, body }) => [isZipped, body.t.length]),
    [
      [true, 400],
      [false, 1],
    ],
  );
});

test("a batch is closed by its age", async () => {
  const edge = await serve(store);
  const { device, events } = await openDevice([edge.url], { batchReadings: 99, batchAgeMs: 30 });
  device.record({ depth_m: 1 }, 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(events.some(({ event }) => event === "sent"));
  await device.close(CLOSE_MS);
});

test("with no edge in reach it ends in time, and the next start sends under the old name", async () => {
  const folder = mkdtempSync(path.join(dir, "buffer-"));
  const away = await openDevice(["http://127.0.0.1:9"], { folder });
  away.device.record({ depth_m: 1 }, 1);
  await away.device.close(100);
  const kept = away.events.find((event) => event.event === "kept");
  const edge = await serve(store);
  const back = await openDevice([edge.url], { folder });
  await back.device.close(CLOSE_MS);
  assert.equal(edge.seen[0]?.body.boot, kept?.batch.boot);
});

const skip = process.platform === "linux" ? false : "the lock is an abstract socket";
test("two processes cannot have one buffer", { skip }, async () => {
  const folder = mkdtempSync(path.join(dir, "buffer-"));
  const { device } = await openDevice(["http://127.0.0.1:9"], { folder });
  await assert.rejects(openDevice(["http://127.0.0.1:9"], { folder }), /Another process uses/);
  await device.close(0);
  await (await openDevice(["http://127.0.0.1:9"], { folder })).device.close(0);
});

test("what JSON cannot say is refused at once", async () => {
  const { device } = await openDevice(["http://127.0.0.1:9"]);
  assert.throws(() => device.record({ depth_m: Number.NaN }), RangeError);
  assert.throws(() => device.record({ depth_m: 1 }, 1.5), RangeError);
  await device.close(0);
});
