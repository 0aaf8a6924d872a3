// Every door for readings over HTTP on bare workerd: what docs/http-api.md shows is what is answered,
// clients of InfluxDB find what they expect, and no bytes whatever make a door fail.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pick, randomOf } from "../../tools/fuzz/mutate.ts";
import { openWorld, type World } from "../../tools/launcher/world.ts";
import { shownCommands } from "../support/documents.ts";

const T0 = 1_790_000_000_000;
const DOCUMENTED = "localhost:8787";
const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-doors-of-readings-"));
let world: World;
let base = "";
let operator = "";
let reader = "";
const tokens = new Map<string, string>();

before(async () => {
  world = await openWorld({ stateDir, basePort: 0 });
  base = world.region("hel").url;
  operator = await world.operatorToken("ingest");
  reader = await world.operatorToken("read");
  for (const device of ["boat-1", "boat-2", "line-1", "gate-1"])
    tokens.set(device, await world.deviceToken(device));
});
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function tokenOf(device: string): string {
  return tokens.get(device) ?? "";
}

async function post(
  target: string,
  body: string,
  authorization: string | null,
  fields: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(base + target, {
    method: "POST",
    headers: { ...(authorization === null ? {} : { authorization }), ...fields },
    body,
  });
  const text = await response.text();
  const parsed = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, body: parsed, headers: response.headers };
}

/** Counts of the streams of a device in this region. */
async function countsOf(device: string): Promise<Record<string, number>> {
  const headers = { authorization: `Bearer ${reader}` };
  const response = await fetch(`${base}/v1/devices/${device}`, { headers });
  if (response.status === 404) return {};
  const { streams } = (await response.json()) as { streams: Record<string, { count: number }> };
  return Object.fromEntries(Object.entries(streams).map(([name, { count }]) => [name, count]));
}

const commands = shownCommands("docs/http-api.md");

test("the document shows a command for every door", () => {
  const all = commands.map(({ command }) => command).join("\n");
  for (const door of ["senml+json", "x-ndjson", "text/csv", "/write", "/v1/batches", "/v1/time"])
    assert.ok(all.includes(door), door);
});

for (const { command, answer } of commands) {
  test(`http-api.md: $ ${command.slice(0, 100)}`, () => {
    const shell = [
      `DEVICE=${tokenOf("boat-1")}`,
      `GATEWAY=${operator}`,
      command.replaceAll(DOCUMENTED, new URL(base).host),
    ];
    const output = execFileSync("bash", ["-c", shell.join("\n")], {
      cwd: stateDir,
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.equal(withoutClock(output), withoutClock(answer));
  });
}

/** What the clock says differs from run to run. */
function withoutClock(text: string): string {
  return text
    .replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g, "TIME")
    .replace(/"nowMs":\d+/g, '"nowMs":N')
    .trim();
}

const LINE = `cpu,device=line-1 usage=1.5 ${T0}000000`;

test("a write is let in by every way in which clients send a token", async () => {
  const token = tokenOf("line-1");
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  for (const [target, authorization] of [
    ["/api/v2/write?org=o&bucket=b&precision=ns", `Token ${token}`],
    ["/write?db=telegraf", `Bearer ${token}`],
    ["/write?db=telegraf", basic(`anyone:${token}`)],
    [`/write?db=telegraf&u=anyone&p=${token}`, null],
  ] as const)
    assert.equal((await post(target, LINE, authorization)).status, 204, target);
  for (const [target, authorization] of [
    ["/write", null],
    ["/write", "Token nonsense"],
    ["/write", basic("anyone")],
    ["/write", basic("anyone:a\nb")],
    ["/write", "Basic !"],
    ["/write?u=a&p=%0A", null],
  ] as const) {
    const { status, body, headers } = await post(target, LINE, authorization);
    assert.deepEqual([status, body["code"]], [401, "unauthorized"], `${target} ${authorization}`);
    assert.match(headers.get("www-authenticate") ?? "", /^Bearer/);
  }
  assert.equal((await countsOf("line-1"))["cpu_usage"], 1);
});

test("a device writes for itself alone, an operator for all, and none without the scope", async () => {
  const lines = `a,device=many-1 value=1 ${T0}\na,device=many-2 value=2 ${T0}`;
  const target = "/write?precision=ms";
  const own = await post(target, lines, `Token ${tokenOf("line-1")}`);
  assert.deepEqual([own.status, own.body["code"]], [403, "forbidden"]);
  assert.equal((await post(target, lines, `Token ${reader}`)).status, 403);
  assert.deepEqual(await countsOf("many-1"), {});
  assert.equal((await post(target, lines, `Token ${operator}`)).status, 204);
  assert.deepEqual([await countsOf("many-1"), await countsOf("many-2")], [{ a: 1 }, { a: 1 }]);
});

test("the device is the tag, else the parameter, else the token's own", async () => {
  const write = (query: string, line: string, token: string): ReturnType<typeof post> =>
    post(`/write?precision=ms${query}`, line, `Token ${token}`);
  assert.equal((await write("", `own value=1 ${T0}`, tokenOf("line-1"))).status, 204);
  assert.equal((await write("&device=named-1", `b value=1 ${T0}`, operator)).status, 204);
  const tagged = `c,device=tagged-1 value=1 ${T0}`;
  assert.equal((await write("&device=named-1", tagged, operator)).status, 204);
  const lost = await write("", `d value=1 ${T0}`, operator);
  assert.equal(lost.status, 400);
  assert.match(String(lost.body["message"]), /^unable to parse: .*tag "device".*\(line 1\)/);
  assert.equal((await countsOf("line-1"))["own"], 1);
  assert.deepEqual(await countsOf("named-1"), { b: 1 });
  assert.deepEqual(await countsOf("tagged-1"), { c: 1 });
});

test("a partial write keeps the good lines and says which are not kept", async () => {
  const lines = [`e value=1 ${T0}`, "e", `e text="x",more=2 ${T0}`].join("\n");
  const target = "/write?precision=ms&device=partial-1";
  const { status, body } = await post(target, lines, `Token ${operator}`);
  assert.deepEqual([status, body["code"], body["error"]], [400, "invalid", body["message"]]);
  assert.match(String(body["message"]), /^partial write: .*\(line 2\); dropped=2$/);
  assert.deepEqual(await countsOf("partial-1"), { e: 1, e_more: 1 });
  const strict = await post(target, `f value=1 ${T0}\nf`, `Token ${operator}`, {
    prefer: "handling=strict",
  });
  assert.equal(strict.status, 400);
  assert.equal((await countsOf("partial-1"))["f"], undefined);
});

test("points that only other tags tell apart are not taken for one silently", async () => {
  const lines = `cpu,cpu=cpu0 usage=1 ${T0}\ncpu,cpu=cpu1 usage=2 ${T0}`;
  const target = "/write?precision=ms&device=tags-1";
  const { status, body } = await post(target, lines, `Token ${operator}`);
  assert.equal(status, 400);
  assert.match(String(body["message"]), /^partial write: 1 readings .* tags other than "device"/);
});

test("P2 a write without times counts once when it is sent again", async () => {
  const write = (line: string): ReturnType<typeof post> =>
    post("/write?device=timeless-1", line, `Token ${operator}`);
  for (let i = 0; i < 3; i += 1)
    assert.equal((await write("door value=1\nlamp value=t")).status, 204);
  assert.deepEqual(await countsOf("timeless-1"), { door: 1, lamp: 1 });
  assert.equal((await write("door value=2")).status, 204);
  assert.deepEqual(await countsOf("timeless-1"), { door: 2, lamp: 1 });
});

test("clients of InfluxDB find /ping and /health, and are told what a method is", async () => {
  for (const method of ["GET", "HEAD"]) {
    const ping = await fetch(`${base}/ping`, { method });
    assert.deepEqual([ping.status, await ping.text()], [204, ""]);
    assert.match(ping.headers.get("x-influxdb-version") ?? "", /^1\.8/);
  }
  const health = await fetch(`${base}/health`);
  assert.equal(health.status, 200);
  assert.equal(((await health.json()) as { status: string }).status, "pass");
  assert.equal((await fetch(`${base}/write`)).status, 405);
});

const columns = (shift: number): object => ({
  t: [T0 + shift, T0 + shift + 1_000],
  series: { depth_m: [1, 2] },
});

async function postBatches(
  batches: unknown,
  token: string,
  fields: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; results: Record<string, unknown>[] }> {
  const type = { "content-type": "application/json", ...fields };
  const { status, body } = await post(
    "/v1/batches",
    JSON.stringify({ batches }),
    `Bearer ${token}`,
    type,
  );
  return { status, body, results: (body["results"] ?? []) as Record<string, unknown>[] };
}

test("each of a gateway's batches has its own result, in order", async () => {
  const { status, results } = await postBatches(
    [
      { device: "gw-1", boot: "b", seq: 1, ...columns(0) },
      { device: "gw-2", readings: [{ stream: "a", value: "x", time: T0 }] },
      { device: "gw-1", boot: "b", seq: 2, ...columns(5_000) },
      { device: "no name", ...columns(0) },
      { device: "gw-3", stream: "door", value: true, time: T0 },
      { device: "gw-1", boot: "b", seq: 1, ...columns(9_000) },
      { device: "gw-2", series: 7 },
    ],
    operator,
  );
  assert.equal(status, 200);
  assert.deepEqual(
    results.map((result) => [result["device"], result["status"], result["ackSeq"] ?? null]),
    [
      ["gw-1", 200, 1],
      ["gw-2", 422, null],
      ["gw-1", 200, 2],
      [null, 400, null],
      ["gw-3", 200, null],
      ["gw-1", 409, null],
      ["gw-2", 400, null],
    ],
  );
  const pointers = results.map(({ errors }) => (errors as { pointer: string }[])[0]?.pointer);
  assert.deepEqual(pointers.slice(1, 4), ["/batches/1/readings/0", undefined, "/batches/3/device"]);
});

test("a gateway is told 422 when nothing is stored, and strictness is each batch's own", async () => {
  const wrong = { device: "gw-4", readings: [{ stream: "a", value: "x", time: T0 }] };
  const nothing = await postBatches([wrong, wrong], operator);
  assert.equal(nothing.status, 422);
  assert.equal(nothing.body["type"], "urn:skerry:problem:unprocessable");
  assert.equal(nothing.results.length, 2);
  const half = {
    device: "gw-5",
    readings: [
      { stream: "a", value: 1, time: T0 },
      { stream: "a", value: null, time: T0 },
    ],
  };
  const strict = await postBatches([half, { device: "gw-6", ...columns(0) }], operator, {
    prefer: "handling=strict",
  });
  assert.deepEqual(
    strict.results.map((result) => result["status"]),
    [422, 200],
  );
  assert.deepEqual(await countsOf("gw-5"), {});
});

test("a device's token brings its own batches alone; a key names each of them", async () => {
  const own = [{ device: "gate-1", series: { door: [1] } }];
  const key = { "idempotency-key": "k-1" };
  for (let i = 0; i < 2; i += 1) {
    const { status, results } = await postBatches(own, tokenOf("gate-1"), key);
    assert.deepEqual([status, results[0]?.["accepted"]], [200, 1 - i]);
  }
  const others = await postBatches([...own, { device: "gw-1", ...columns(0) }], tokenOf("gate-1"));
  assert.equal(others.status, 403);
  assert.equal((await post("/v1/batches", "{}", null)).status, 401);
  for (const body of [
    "[]",
    "{}",
    '{"batches":[]}',
    '{"batches":7}',
    '{"batches":[1],"x":1}',
    "{",
  ]) {
    const type = { "content-type": "application/json" };
    const answer = await post("/v1/batches", body, `Bearer ${operator}`, type);
    assert.ok([400, 422].includes(answer.status), body);
  }
});

test("the time is that of now, for everyone, and stored by nobody", async () => {
  const response = await fetch(`${base}/v1/time`);
  const { now, nowMs } = (await response.json()) as { now: string; nowMs: number };
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(Date.parse(now), nowMs);
  assert.ok(Math.abs(nowMs - Date.now()) < 5_000);
});

test("P9 mutated requests over HTTP never get a 5xx, and the process goes on", async () => {
  const random = randomOf(1);
  const readings = "/v1/devices/boat-1/readings";
  const samples = [
    [readings, "application/json", `{"t":[${T0}],"series":{"a":[1]}}`],
    [readings, "application/senml+json", '[{"bn":"boat-1:","n":"a","t":-1,"v":1}]'],
    [readings, "application/x-ndjson", `{"stream":"a","value":1,"time":${T0}}\n`],
    [readings, "text/csv", `time,a\n${T0},"1"\n`],
    ["/write?precision=ms", "text/plain", `a,device=boat-1 value=1i,b="x" ${T0}\n`],
    ["/api/v2/write?device=boat-1", "text/plain", "a value=1\nb value=t"],
    ["/v1/batches", "application/json", `{"batches":[{"device":"boat-1","stream":"a","value":1}]}`],
  ] as const;
  const parts = ['"', "\\", ",", "\n", "{", "]", "1e999", "\0", "9".repeat(99), "é", "__proto__"];
  for (let at = 0; at < 400; at += 1) {
    const [target, type, good] = pick(random, samples);
    const [start, end] = [random(good.length), random(good.length)];
    const body = good.slice(0, start) + pick(random, parts) + good.slice(Math.max(start, end));
    const fields = { "content-type": type, "content-encoding": pick(random, ["", "", "", "gzip"]) };
    const { status } = await post(target, body, `Bearer ${operator}`, fields);
    assert.ok(status < 500, `${status}: ${target} ${body}`);
  }
  assert.equal((await fetch(`${base}/livez`)).status, 200);
});
