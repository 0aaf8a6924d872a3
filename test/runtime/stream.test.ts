// Streams of readings on bare workerd: the same batches mean the same as over HTTP, what is agreed
// is held to, and a stream ends when it has to, with the code that says why.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ENDINGS } from "../../edge/stream/protocol.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { Device, type DeviceEvent } from "../../examples/device/skerry-device/device.ts";
import { openWorld, type World } from "../../tools/launcher/world.ts";
import { deviceId, streamName } from "../support/arbitraries.ts";
import { binaryMessage, refusedUpgrade, StreamClient } from "../support/stream-client.ts";

const T0 = 1_790_000_000_000;
const DAY = 86_400_000;
const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-stream-"));
let world: World;
let edge = "";
let admin = "";

before(async () => {
  world = await openWorld({ stateDir, basePort: 0, regions: DEFAULT_REGIONS.slice(0, 1) });
  edge = world.region("hel").url;
  admin = await world.operatorToken("admin");
});
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const open = async (device: string, query = ""): Promise<StreamClient> =>
  StreamClient.open(edge, device, await world.deviceToken(device), query);

const batch = (seq: number, boot = "b1"): object => ({
  boot,
  seq,
  t: [T0 + seq * 1000, T0 + seq * 1000 + 1],
  series: { depth_m: [10.4, 10.5], hatch_open: [true, null] },
});

/** What a region holds of a device, without its name and its clock. */
async function stateOf(device: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${admin}` };
  const response = await fetch(`${edge}/v1/devices/${device}`, { headers });
  const { streams, duplicates, conflicts, late } = (await response.json()) as Record<
    string,
    Record<string, { readonly count: number }>
  >;
  // Its time is that of its commit.
  const timeless = streams?.["timeless"]?.count;
  return {
    status: response.status,
    streams: { ...streams, timeless },
    duplicates,
    conflicts,
    late,
  };
}

async function post(device: string, body: unknown, isStrict = false) {
  const response = await fetch(`${edge}/v1/devices/${device}/readings`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await world.deviceToken(device)}`,
      "content-type": "application/json",
      ...(isStrict ? { prefer: "handling=strict" } : {}),
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
}

test("a stream says hello, answers what is on disk, and goes on where it was", async () => {
  const first = await open("talk-1");
  assert.equal(first.socket.protocol, "skerry.ingest.1");
  assert.deepEqual([first.hello["device"], first.hello["region"]], ["talk-1", "hel"]);
  assert.deepEqual(first.hello["boots"], {});
  const answer = await first.ask(batch(1));
  assert.deepEqual(answer, {
    ack: 1,
    boot: "b1",
    messages: 1,
    accepted: 3,
    duplicates: 0,
    conflicts: 0,
    rejected: 0,
    late: 0,
    quarantined: 0,
    durable: true,
    region: "hel",
    results: [],
  });
  assert.deepEqual(await first.ask("ping"), { pong: true });
  await first.close();
  const second = await open("talk-1");
  assert.deepEqual(second.hello["boots"], { b1: 1 });
  const again = await second.ask(batch(1));
  assert.deepEqual([again["accepted"], again["duplicates"], again["ack"]], [0, 3, 1]);
  await second.close();
});

test("one answer is for many messages, and says what was wrong with each", async () => {
  const stream = await open("talk-2", "?linger=100");
  stream.send(batch(1));
  stream.send("{");
  stream.send({ ...batch(2), series: { depth_m: ["x", 1], hatch_open: [true, null] } });
  stream.send(Uint8Array.from([7, 7, 7]));
  stream.send(batch(3));
  const answer = await stream.next();
  assert.deepEqual([answer["messages"], answer["ack"], answer["accepted"]], [5, 3, 8]);
  const results = answer["results"] as readonly Record<string, unknown>[];
  assert.deepEqual(
    results.map(({ message, seq, status }) => [message, seq, status]),
    [
      [2, null, 400],
      [3, 2, 200],
      [4, null, 400],
    ],
  );
  assert.match(String(results[0]?.["type"]), /malformed-json$/);
  await stream.close();
});

test("P2 the same batches over HTTP and over a stream have the same outcomes and leave the same state", async () => {
  const far = "2099-01-01T00:00:00Z";
  const bodies: readonly unknown[] = [
    batch(1),
    batch(1),
    { ...batch(1), series: { depth_m: [1, 2] } },
    batch(5),
    { boot: "b1", seq: 2, stream: "depth_m", value: 99, time: T0 + 1000 },
    { boot: "b1", seq: 3, readings: [{ stream: "Bad", value: 1, time: T0 }] },
    { stream: "far", value: 1, time: far },
    { boot: "b1", seq: 4, stream: "timeless", value: 1 },
    { stream: "timeless", value: 1 },
    { sent: T0, t: [T0 + DAY, T0], series: { late: [1, 2] } },
    { stream: "late", value: 3, time: T0 + 1 },
    "[",
    [],
    { device: "other", stream: "a", value: 1, time: T0 },
    { boot: "b1", series: { a: [1] } },
    { t0: T0, step: 1, series: { many: Array.from({ length: 10_001 }, () => 1) } },
  ];
  for (const isStrict of [false, true]) {
    const [byHttp, byStream] = [`http-${isStrict}`, `stream-${isStrict}`];
    const stream = await open(byStream, `?results=all${isStrict ? "&handling=strict" : ""}`);
    for (const [at, body] of bodies.entries()) {
      const expected = await post(byHttp, body, isStrict);
      const answer = await stream.ask(typeof body === "string" ? body : JSON.stringify(body));
      const [result] = answer["results"] as readonly Record<string, unknown>[];
      const { message, seq: _seq, ...outcome } = result ?? {};
      assert.deepEqual(outcome, withErrors(expected), `body ${at}`);
      assert.equal(message, at + 1);
    }
    assert.deepEqual(await stateOf(byStream), await stateOf(byHttp));
    await stream.close();
  }
});

/** Every result of a stream has a list of errors; a problem over HTTP may have none. */
function withErrors(answer: Record<string, unknown>): Record<string, unknown> {
  const { errors = [], ...rest } = answer;
  return {
    ...rest,
    errors: JSON.parse(JSON.stringify(errors).replaceAll("http-", "stream-")) as unknown,
    ...(typeof rest["detail"] === "string"
      ? { detail: rest["detail"].replaceAll("http-", "stream-") }
      : {}),
  };
}

test("a binary batch is the same batch as one in JSON", async () => {
  const device = deviceId("talk-3");
  const stream = await open(device);
  const columns = [
    { stream: streamName("depth_m"), kind: "number", rows: [0, 1], values: [10.4, 10.5] },
    { stream: streamName("hatch_open"), kind: "boolean", rows: [0], values: [1] },
  ] as const;
  const identity = { kind: "boot", boot: "b1", seq: 1 } as const;
  const times = [T0 + 1000, T0 + 1001];
  const whole = { device, identity, isTimeAssigned: false, times, columns };
  const first = await stream.ask(binaryMessage(whole));
  assert.deepEqual([first["accepted"], first["ack"], first["results"]], [3, 1, []]);
  const again = await stream.ask(batch(1));
  assert.deepEqual([again["accepted"], again["duplicates"]], [0, 3]);
  const tooFine = { ...whole, identity: { ...identity, seq: 2 }, times: [T0 + 5, T0 + 6] };
  const fine = { ...columns[0], values: [1e-40, 2] };
  const mixed = await stream.ask(binaryMessage({ ...tooFine, columns: [fine] }));
  assert.deepEqual([mixed["accepted"], mixed["rejected"]], [1, 1]);
  const foreign = await stream.ask(binaryMessage({ ...whole, device: deviceId("talk-4") }));
  const [result] = foreign["results"] as readonly Record<string, unknown>[];
  assert.equal(result?.["status"], 400);
  await stream.close();
});

test("an upgrade that is not let in has the problem of a POST", async () => {
  const token = `Bearer ${await world.deviceToken("talk-5")}`;
  const offer = { "sec-websocket-protocol": "skerry.ingest.1" };
  const target = `${edge}/v1/devices/talk-5/stream`;
  const plain = await fetch(target, { headers: { authorization: token } });
  assert.equal(plain.status, 426);
  assert.match(plain.headers.get("content-type") ?? "", /problem\+json/);
  const cases: readonly [number, string, string, Record<string, string>][] = [
    [401, "token-no-token", target, offer],
    [401, "token-not-a-token", target, { ...offer, authorization: "Bearer x" }],
    [403, "forbidden", `${edge}/v1/devices/talk-6/stream`, { ...offer, authorization: token }],
    [400, "stream-subprotocol", target, { authorization: token }],
    [400, "stream-subprotocol", target, { authorization: token, "sec-websocket-protocol": "mqtt" }],
    [400, "stream-option", `${target}?linger=251`, { ...offer, authorization: token }],
    [400, "stream-option", `${target}?token=x`, { ...offer, authorization: token }],
    [400, "device-name", `${edge}/v1/devices/a%20b/stream`, { ...offer, authorization: token }],
  ];
  for (const [status, code, url, fields] of cases) {
    const refused = await refusedUpgrade(url, fields);
    assert.deepEqual(
      [refused.status, refused.body["type"]],
      [status, `urn:skerry:problem:${code}`],
    );
  }
  const other = await fetch(target, { method: "POST", headers: { authorization: token } });
  assert.deepEqual([other.status, other.headers.get("allow")], [405, "GET"]);
});

test("a token may be offered as a subprotocol, and is not given back", async () => {
  const token = await world.deviceToken("talk-7");
  const url = `${edge.replace("http", "ws")}/v1/devices/talk-7/stream`;
  const socket = new WebSocket(url, ["skerry.ingest.1", `skerry.bearer.${token}`]);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  assert.equal(socket.protocol, "skerry.ingest.1");
  socket.close();
});

test("who overruns the window is closed, and nothing that was answered is lost", async () => {
  const stream = await open("greedy-1", "?linger=250");
  for (let seq = 1; seq <= 65; seq += 1) stream.send(batch(seq));
  assert.equal((await stream.ended).code, ENDINGS.overrun.code);
  const large = await open("greedy-1");
  large.send("x".repeat(1_048_577));
  assert.equal((await large.ended).code, ENDINGS.tooLarge.code);
  const liar = await open("greedy-1");
  liar.send('{"seen":1}');
  assert.equal((await liar.ended).code, ENDINGS.unseen.code);
});

test("a device's fifth stream ends its first", async () => {
  const streams = [];
  for (let i = 0; i < 5; i += 1) streams.push(await open("many-1"));
  assert.equal((await streams[0]?.ended)?.code, ENDINGS.replaced.code);
  for (const stream of streams.slice(1)) {
    assert.equal((await stream.ask(batch(1)))["ack"], 1);
    await stream.close();
  }
});

test("an idle stream ends, and one that pings does not", async () => {
  const [idle, alive] = [await open("idle-1", "?idle=5"), await open("idle-2", "?idle=5")];
  const pings = setInterval(() => alive.send("ping"), 1_000);
  assert.equal((await idle.ended).code, ENDINGS.idle.code);
  clearInterval(pings);
  alive.send(batch(1));
  let answer = await alive.next();
  while (answer["pong"] === true) answer = await alive.next();
  assert.equal(answer["ack"], 1);
  await alive.close();
});

test("P1 after a kill a stream is opened again, and hello tells where to go on", async () => {
  const { edge: running } = world.region("hel");
  const stream = await open("boot-1");
  for (let seq = 1; seq <= 5; seq += 1) assert.equal((await stream.ask(batch(seq)))["ack"], seq);
  await running.kill();
  assert.equal((await stream.ended).code, 1006);
  await running.resume();
  const next = await open("boot-1");
  assert.deepEqual(next.hello["boots"], { b1: 5 });
  const repeated = await next.ask(batch(5));
  assert.deepEqual([repeated["accepted"], repeated["duplicates"]], [0, 3]);
  await next.close();
});

test("a stream outlives its hub's memory", async () => {
  const stream = await open("sleep-1");
  assert.equal((await stream.ask(batch(1)))["messages"], 1);
  // An idle hub lets go of its memory after ten seconds.
  await sleep(14_000);
  const answer = await stream.ask(batch(2));
  assert.deepEqual([answer["messages"], answer["ack"]], [2, 2]);
  await stream.close();
});

test("P7 a revoked token ends its streams within a second, also idle ones", async () => {
  await fetch(`${world.origin.url}/v1/devices`, {
    method: "POST",
    headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
    body: JSON.stringify({ device: "lost-1" }),
  });
  const call = async (target: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${world.origin.url}/v1/devices/lost-1/${target}`, {
      method: "POST",
      headers: { authorization: `Bearer ${admin}` },
    });
    return (await response.json()) as Record<string, unknown>;
  };
  const token = String((await call("credentials"))["token"]);
  const [idle, busy] = await Promise.all([
    StreamClient.open(edge, "lost-1", token),
    StreamClient.open(edge, "lost-1", token),
  ]);
  let seq = 0;
  const sending = setInterval(() => busy.send(batch((seq += 1))), 100);
  await call("rotate");
  assert.equal((await busy.ended).code, ENDINGS.unauthorized.code);
  clearInterval(sending);
  const endedMs = Date.now();
  assert.equal((await idle.ended).code, ENDINGS.unauthorized.code);
  assert.ok(Date.now() - endedMs < 1_000);
});

test("P2 a device that sends over a stream has each reading counted once, though it ends unsent and the edge is killed", async () => {
  const device = "buffer-1";
  const { edge: running } = world.region("hel");
  const token = await world.deviceToken(device);
  const events: DeviceEvent[] = [];
  const posts = await countRequests(running.logFile);
  const openDevice = (): Promise<Device> =>
    Device.open({
      device,
      edges: [edge],
      token: () => token,
      folder: path.join(stateDir, "buffer"),
      transport: "ws",
      batchReadings: 2,
      backOff: { firstMs: 20, maxMs: 100 },
      onEvent: (event) => events.push(event),
    });
  for (let life = 0; life < 3; life += 1) {
    const client = await openDevice();
    for (let i = 0; i < 40; i += 1) {
      client.record({ depth_m: i, temp_c: i / 10 }, T0 + (life * 40 + i) * 1000);
      if (i === 20) await running.kill();
      if (i === 30) await running.resume();
      await sleep(5);
    }
    // Not long enough to send all: the next life does.
    await client.close(life === 2 ? 20_000 : 1);
  }
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${edge}/v1/devices/${device}`, { headers });
  const { streams } = (await response.json()) as {
    readonly streams: Record<string, { readonly count: number; readonly sum: string }>;
  };
  const { depth_m: depth, temp_c: temp } = streams;
  assert.deepEqual([depth?.count, depth?.sum, temp?.count, temp?.sum], [120, "2340", 120, "234"]);
  assert.ok(events.some(({ event }) => event === "again"));
  assert.ok(events.filter(({ event }) => event === "sent").length >= 120);
  // They went over streams, and not over HTTP instead.
  assert.ok((await countRequests(running.logFile)) - posts < 10);
});

/** Counts the POSTs of readings in a log. */
async function countRequests(file: string): Promise<number> {
  return (await readFile(file, "utf8"))
    .split("\n")
    .filter((line) => /"POST".*\/readings"/.test(line)).length;
}
