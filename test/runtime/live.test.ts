// Does a listener hear what a region takes in, all of it and once? Over server-sent events and over a
// WebSocket on bare workerd: filters, resuming through a kill, a listener that does not read, and what
// is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mintOperatorToken } from "../../tools/launcher/keys.ts";
import { ask, outcomeOf, type Told } from "../support/ask.ts";
import { runShown, shownCommands } from "../support/documents.ts";
import { LiveClient, SlowListener, type HeardEvent } from "../support/live-client.ts";
import { openRegions } from "../support/open-world.ts";

const { stateDir, world } = await openRegions("live", 1);
const hel = world.region("hel");
const reader = await world.operatorToken("read");
const writer = await world.operatorToken("ingest");
const live = `${hel.url}/v1/live`;
const T0 = 1_790_000_000_000;

let sent = 0;
/** Posts one reading whose value is its number. */
async function post(device: string, stream = "depth_m"): Promise<number> {
  sent += 1;
  const body = { t: [T0 + sent], series: { [stream]: [sent] } };
  const target = `${hel.url}/v1/devices/${device}/readings`;
  const told = await ask("POST", target, { token: writer, body });
  assert.equal(told.status, 200, JSON.stringify(told.json));
  return sent;
}

function valuesOf({ data }: HeardEvent, stream = "depth_m"): unknown[] {
  return (data["series"] as Record<string, unknown[]>)[stream] ?? [];
}

for (const { command, answer } of shownCommands("docs/live-protocol.md")) {
  test(`live-protocol.md: $ ${command.slice(0, 80)}`, () => {
    const hosts = { "localhost:8787": hel.url };
    assert.deepEqual(...runShown({ command, answer }, { READER: reader }, hosts, stateDir));
  });
}

test("a listener hears what is committed, in order, and first how the link stands", async () => {
  await post("boat-1");
  await using client = await LiveClient.open(live, reader);
  assert.equal(client.response.headers.get("content-type"), "text/event-stream");
  assert.match(client.response.headers.get("x-request-id") ?? "", /./);
  const status = await client.next();
  assert.deepEqual(
    [status?.event, status?.data["hub"], status?.data["originAway"]],
    ["status", "00-ff", false],
  );
  const body = {
    t: [T0 + 9_000_000, T0 + 9_001_000],
    series: { depth_m: [10.4, 10.5], hatch_open: [true, null] },
  };
  await ask("POST", `${hel.url}/v1/devices/boat-1/readings`, { token: writer, body });
  const heard = await client.until("readings");
  const { committedMs, ...rest } = heard.data;
  assert.ok(Math.abs(Number(committedMs) - Date.now()) < 60_000);
  assert.deepEqual(rest, { hub: "00-ff", device: "boat-1", ...body });
});

test("filters let through what was asked for, and nothing else", async () => {
  await using boat = await LiveClient.open(`${live}?device=boat-2&events=readings`, reader);
  await using fuel = await LiveClient.open(`${live}?prefix=fuel&events=readings`, reader);
  await using both = await LiveClient.open(
    `${live}?device=boat-2&device=boat-3&stream=fuel_l`,
    reader,
  );
  const [first, second] = [await post("boat-2"), await post("boat-3", "fuel_l")];
  const third = await post("boat-2", "fuel_l");
  assert.deepEqual(valuesOf(await boat.until("readings")), [first]);
  assert.deepEqual(valuesOf(await boat.until("readings"), "fuel_l"), [third]);
  for (const client of [fuel, both])
    for (const value of [second, third])
      assert.deepEqual(valuesOf(await client.until("readings"), "fuel_l"), [value]);
});

test("P1 who comes back with the last id has missed nothing and hears nothing twice, through a kill", async () => {
  const url = `${live}?device=boat-4&events=readings`;
  const heard: unknown[] = [];
  let client = await LiveClient.open(url, reader);
  const expected: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    for (let i = 0; i < 5; i += 1) expected.push(await post("boat-4"));
    // Not all of them: the rest is heard after the restart.
    for (let i = 0; i < 3; i += 1) heard.push(...valuesOf(await client.until("readings")));
    await hel.edge.kill();
    const ended = await Promise.race([drain(client, heard), sleep(10_000).then(() => "late")]);
    assert.equal(ended, "ended");
    await hel.edge.resume();
    expected.push(await post("boat-4"));
    client = await LiveClient.open(url, reader, client.lastId);
  }
  while (heard.length < expected.length) heard.push(...valuesOf(await client.until("readings")));
  await client[Symbol.asyncDispose]();
  assert.deepEqual(heard, expected);
});

/** Reads to the end of a stream. */
async function drain(client: LiveClient, heard: unknown[]): Promise<string> {
  for (;;) {
    const event = await client.next();
    if (event === null) return "ended";
    if (event.event === "readings") heard.push(...valuesOf(event));
  }
}

test("a position that is too old, or another history's, is answered with a gap that says so", async () => {
  const url = `${live}?device=boat-5&events=readings`;
  const client = await LiveClient.open(url, reader);
  await post("boat-5");
  const { id } = await client.until("readings");
  await client[Symbol.asyncDispose]();
  const [hub = "", position = ""] = id.split(":");
  const [seq = "", parts = ""] = position.split(".");
  await using other = await LiveClient.open(url, reader, `${hub}:${seq}.${parts}.1`);
  const gap = await other.next();
  assert.deepEqual([gap?.event, gap?.data["reason"]], ["gap", "other-history"]);
  const later = await post("boat-5");
  assert.deepEqual(valuesOf(await other.until("readings")), [later]);
  for (let i = 0; i < 1_100; i += 1) await post("boat-6");
  await using old = await LiveClient.open(url, reader, id);
  const missed = await old.next();
  assert.deepEqual([missed?.event, missed?.data["reason"]], ["gap", "too-old"]);
  assert.ok(Number(missed?.data["commits"]) >= 500);
});

test("P8 a listener that does not read slows nobody, and is told what it has missed", async () => {
  const batch = (n: number) => ({
    t: Array.from({ length: 500 }, (_, i) => T0 + n * 1_000 + i),
    series: { depth_m: Array.from({ length: 500 }, (_, i) => n + i / 10) },
  });
  let n = 1_000_000;
  const round = async (): Promise<number[]> => {
    const took: number[] = [];
    for (let i = 0; i < 300; i += 1) {
      const startedMs = performance.now();
      const target = `${hel.url}/v1/devices/boat-7/readings`;
      const told = await ask("POST", target, { token: writer, body: batch((n += 1)) });
      assert.equal(told.status, 200);
      took.push(performance.now() - startedMs);
    }
    return took;
  };
  const median = (took: number[]) => took.toSorted((a, b) => a - b)[took.length / 2] ?? 0;
  const alone = median(await round());
  const slow = await SlowListener.open(`${live}?events=readings`, reader);
  const rounds: number[] = [];
  for (let i = 0; i < 8; i += 1) rounds.push(median(await round()));
  const beside = median(rounds);
  assert.ok(beside < alone * 2 + 5, `${beside} ms beside a slow listener, ${alone} ms without`);
  const text = await slow.drain(/event: gap\n/, 20_000);
  slow.close();
  const gap = /event: gap\ndata: (.*)\n/.exec(text)?.[1] ?? "{}";
  const { reason, commits } = JSON.parse(gap) as { reason: string; commits: number };
  assert.equal(reason, "slow");
  assert.ok(commits >= 500, `${commits}`);
});

/** Opens the tail over a WebSocket, as a browser would: with the token as a subprotocol. */
async function openSocket(target: string, token = reader): Promise<WebSocket> {
  const url = target.replace("http:", "ws:");
  const socket = new WebSocket(url, ["skerry.live.1", `skerry.bearer.${token}`]);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("not opened")));
  });
  return socket;
}

test("a WebSocket hears the same, up to a window of messages that it has not acknowledged", async () => {
  const socket = await openSocket(`${live}?device=boat-9&events=readings`);
  assert.equal(socket.protocol, "skerry.live.1");
  const heard: HeardEvent[] = [];
  socket.addEventListener("message", ({ data }) => {
    heard.push(JSON.parse(String(data)) as HeardEvent);
  });
  const until = async (count: number): Promise<void> => {
    for (let i = 0; i < 500 && heard.length < count; i += 1) await sleep(20);
  };
  for (let i = 0; i < 300; i += 1) await post("boat-9");
  await until(256);
  await sleep(500);
  assert.equal(heard.length, 256);
  socket.send(JSON.stringify({ ack: heard[199]?.id }));
  // The first says where it begins.
  await until(301);
  assert.equal(heard.length, 301);
  assert.equal(heard.shift()?.event, "heartbeat");
  const values = heard.flatMap((event) => valuesOf(event).map(Number));
  assert.deepEqual(
    values,
    Array.from({ length: 300 }, (_, i) => (values[0] ?? 0) + i),
  );
  // What it has heard is where it goes on, over either way.
  const last = heard[200]?.id ?? "";
  await using client = await LiveClient.open(`${live}?device=boat-9&events=readings`, reader, last);
  assert.deepEqual(valuesOf(await client.until("readings")), [values[201]]);
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  socket.send("what?");
  assert.equal(await closed, 4400);
});

test("a WebSocket is closed when the hub goes, and told to come back", async () => {
  const socket = await openSocket(`${live}?device=boat-10`);
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  await hel.edge.kill();
  assert.ok([1006, 1012].includes(await closed));
  await hel.edge.resume();
});

test("nobody hears on when the token's time is over", async () => {
  const brief = await mintOperatorToken(world.keys, "brief", ["read"], 3 / 86_400);
  await using client = await LiveClient.open(`${live}?device=boat-12`, brief);
  const socket = await openSocket(`${live}?device=boat-12`, brief);
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  const startedMs = performance.now();
  while ((await client.next()) !== null);
  assert.equal(await closed, 1012);
  assert.ok(performance.now() - startedMs < 8_000);
});

test("the link's going away, and its return, are told", async () => {
  await using client = await LiveClient.open(`${live}?events=status`, reader);
  assert.equal((await client.until("status")).data["originAway"], false);
  hel.link.cut();
  await post("boat-11");
  assert.equal((await client.until("status")).data["originAway"], true);
  hel.link.heal();
  assert.equal((await client.until("status")).data["originAway"], false);
});

test("P9 what is wrong with a request is named", async () => {
  const token = reader;
  const boat = await world.deviceToken("boat-1");
  const get = (query: string, asked: object = { token }) => ask("GET", live + query, asked);
  const many = Array.from({ length: 17 }, (_, i) => `device=boat-${i}`).join("&");
  const wrong: readonly (readonly [string, Promise<Told>])[] = [
    ["400 live-query", get("?devices=boat-1")],
    ["400 live-query", get("?device=a%20b")],
    ["400 live-query", get("?stream=Depth")],
    ["400 live-query", get("?prefix=a&prefix=b")],
    ["400 live-query", get("?events=readings,alarms")],
    ["400 live-query", get(`?${many}`)],
    ["400 live-query", get("", { token, headers: { "last-event-id": "what" } })],
    ["400 live-query", get("?last-event-id=00-ff:1.2")],
    ["401 token-no-token", get("", {})],
    ["403 forbidden", get("", { token: writer })],
    ["403 forbidden", get("", { token: boat })],
    ["405 method-not-allowed", ask("POST", live, { token, body: {} })],
  ];
  for (const [expected, asking] of wrong) {
    const told = await asking;
    assert.equal(outcomeOf(told), expected, JSON.stringify(told.json));
    assert.ok(String(told.json["detail"]).length > 10);
  }
  await assert.rejects(openSocket(live, writer));
  await assert.rejects(openSocket(`${live}?devices=x`));
});

test("P8 a hub has so many listeners and no more; who has gone makes room", async () => {
  // Whoever is left over from before is gone.
  await hel.edge.kill();
  await hel.edge.resume();
  const clients = await Promise.all(
    Array.from({ length: 64 }, () => LiveClient.open(`${live}?device=boat-8`, reader)),
  );
  const more = await ask("GET", `${live}?device=boat-8`, { token: reader });
  assert.equal(outcomeOf(more), "503 live-full");
  assert.match(more.headers.get("retry-after") ?? "", /^[1-9]/);
  for (const client of clients) await client[Symbol.asyncDispose]();
  const startedMs = performance.now();
  for (;;) {
    const response = await fetch(live, { headers: { authorization: `Bearer ${reader}` } });
    await response.body?.cancel();
    if (response.status === 200) break;
    assert.ok(performance.now() - startedMs < 40_000, "listeners that have gone still count");
    await sleep(500);
  }
});
