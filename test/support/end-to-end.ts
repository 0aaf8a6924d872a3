// One end-to-end test with two base URLs: the same requests, the same expected answers, on bare
// workerd and on wrangler dev. What it returns is a transcript in which only what has to differ
// between two runs (times, ids) is left out, so that the two can be compared.

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the edge and the origin answer, and who may ask them. */
export interface Deployment {
  readonly edgeUrl: string;
  readonly originUrl: string;
  /** An operator token with every scope. */
  readonly operator: string;
  /** The tokens of two registered devices. */
  readonly device: string;
  readonly otherDevice: string;
}

export const DEVICE = "probe-1";
export const OTHER_DEVICE = "probe-2";

interface Step {
  readonly name: string;
  readonly at?: "edge" | "origin";
  readonly method?: string;
  readonly path: string;
  readonly token?: "device" | "other" | "operator" | "forged" | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly expect: {
    readonly status: number;
    readonly json?: object;
    readonly headers?: Readonly<Record<string, RegExp>>;
  };
}

/** What one step was answered, without what differs from run to run. */
export interface Answer {
  readonly name: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly body: unknown;
}

const READINGS = `/v1/devices/${DEVICE}/readings`;
/** Fixed in the past: neither late nor quarantined, whenever the test runs. */
const T0 = 1_790_000_000_000;

/** The body of a good batch of two streams. */
export function batchBody(boot: string, seq: number, shift = 0): object {
  const t = [0, 1, 2].map((row) => T0 + shift + row * 1000);
  return { boot, seq, t, series: { depth_m: [10.4, null, 10.6], hatch_open: [true, false, null] } };
}

const good: Step[] = [
  { name: "live", path: "/livez", token: null, expect: { status: 200, json: { status: "live" } } },
  {
    name: "ready",
    path: "/readyz",
    token: null,
    expect: { status: 200, json: { status: "ready" } },
  },
  {
    name: "place",
    path: "/v1/place",
    token: null,
    expect: { status: 200, json: { hub: { region: "hel" }, reason: "pinned" } },
  },
  {
    name: "columnar",
    method: "POST",
    path: READINGS,
    body: batchBody("b1", 1),
    expect: {
      status: 200,
      json: {
        accepted: 4,
        duplicates: 0,
        conflicts: 0,
        rejected: 0,
        ackSeq: 1,
        durable: true,
        region: "hel",
        errors: [],
      },
      headers: { "x-request-id": /^[0-9a-f-]{36}$/ },
    },
  },
  {
    name: "the same batch again",
    method: "POST",
    path: READINGS,
    body: batchBody("b1", 1),
    expect: { status: 200, json: { accepted: 0, duplicates: 4, ackSeq: 1 } },
  },
  {
    name: "the same readings in another batch",
    method: "POST",
    path: READINGS,
    body: batchBody("b1", 2),
    expect: { status: 200, json: { accepted: 0, duplicates: 4, ackSeq: 2 } },
  },
  {
    name: "another value for the same time",
    method: "POST",
    path: READINGS,
    body: [{ stream: "depth_m", value: 99, time: T0 }],
    expect: { status: 200, json: { accepted: 0, conflicts: 1, ackSeq: null } },
  },
  {
    name: "one row",
    method: "POST",
    path: READINGS,
    body: { stream: "depth_m", value: 11, time: new Date(T0 + 60_000).toISOString() },
    expect: { status: 200, json: { accepted: 1 } },
  },
  {
    name: "rows in an object",
    method: "POST",
    path: READINGS,
    body: { boot: "b1", seq: 3, readings: [{ stream: "depth_m", value: 12, time: T0 + 61_000 }] },
    expect: { status: 200, json: { accepted: 1, ackSeq: 3 } },
  },
  {
    name: "t0 and step",
    method: "POST",
    path: READINGS,
    body: { t0: T0 + 70_000, step: 1000, series: { depth_m: [1, 2, 3] } },
    expect: { status: 200, json: { accepted: 3 } },
  },
  {
    name: "gzip",
    method: "POST",
    path: READINGS,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(JSON.stringify(batchBody("b1", 4, 100_000))),
    expect: { status: 200, json: { accepted: 4, ackSeq: 4 } },
  },
  {
    name: "no time, with a key",
    method: "POST",
    path: READINGS,
    headers: { "idempotency-key": "k-1" },
    body: { stream: "door_opened", value: 1 },
    expect: { status: 200, json: { accepted: 1 } },
  },
  {
    name: "no time, the same key",
    method: "POST",
    path: READINGS,
    headers: { "idempotency-key": "k-1" },
    body: { stream: "door_opened", value: 1 },
    expect: { status: 200, json: { accepted: 0, duplicates: 1 } },
  },
  {
    name: "CSV, of readings that are there already",
    method: "POST",
    path: READINGS,
    headers: { "content-type": "text/csv" },
    body: `time,depth_m,hatch_open\n${T0},10.4,true\n${T0 + 2000},10.6,\n`,
    expect: { status: 200, json: { accepted: 0, duplicates: 3, conflicts: 0 } },
  },
  {
    name: "NDJSON, of readings that are there already",
    method: "POST",
    path: READINGS,
    headers: { "content-type": "application/x-ndjson" },
    body: `{"stream":"depth_m","value":10.6,"time":${T0 + 2000}}\n{"stream":`,
    expect: { status: 200, json: { duplicates: 1, rejected: 1, errors: [{ code: "line-json" }] } },
  },
  {
    name: "SenML, of readings that are there already",
    method: "POST",
    path: READINGS,
    headers: { "content-type": "application/senml+json" },
    body: [{ bn: `${DEVICE}:`, bt: T0 / 1000, n: "depth_m", t: 2, v: 10.6 }],
    expect: { status: 200, json: { accepted: 0, duplicates: 1 } },
  },
  {
    name: "a gateway's batches",
    method: "POST",
    path: "/v1/batches",
    body: { batches: [{ device: DEVICE, ...batchBody("b1", 1) }] },
    expect: { status: 200, json: { results: [{ device: DEVICE, status: 200, duplicates: 4 }] } },
  },
  {
    name: "the time",
    path: "/v1/time",
    token: null,
    expect: { status: 200, json: { source: "region" } },
  },
  {
    name: "far ahead",
    method: "POST",
    path: READINGS,
    body: { stream: "depth_m", value: 5, time: "2099-01-01T00:00:00Z" },
    expect: { status: 200, json: { accepted: 1, quarantined: 1 } },
  },
  {
    name: "an operator posts for a device",
    method: "POST",
    path: READINGS,
    token: "operator",
    body: { stream: "depth_m", value: 13, time: T0 + 200_000 },
    expect: { status: 200, json: { accepted: 1 } },
  },
  {
    name: "some wrong",
    method: "POST",
    path: READINGS,
    body: [
      { stream: "depth_m", value: 14, time: T0 + 201_000 },
      { stream: "depth_m", value: "deep", time: T0 + 202_000 },
    ],
    expect: {
      status: 200,
      json: {
        accepted: 1,
        rejected: 1,
        errors: [{ pointer: "/1", stream: "depth_m", index: 1, code: "value-text" }],
      },
    },
  },
];

const bad: Step[] = [
  {
    name: "not finite",
    method: "POST",
    path: READINGS,
    body: `{"t":[${T0}],"series":{"depth_m":[1e999]}}`,
    expect: {
      status: 422,
      json: { errors: [{ code: "value-not-finite", pointer: "/series/depth_m/0" }] },
    },
  },
  {
    name: "wrong type",
    method: "POST",
    path: READINGS,
    body: [{ stream: "depth_m", value: { deep: 1 }, time: T0 }],
    expect: { status: 422, json: { errors: [{ code: "value-type" }] } },
  },
  {
    name: "illegal stream",
    method: "POST",
    path: READINGS,
    body: [{ stream: "Depth m", value: 1, time: T0 }],
    expect: { status: 422, json: { errors: [{ code: "stream-name", pointer: "/0" }] } },
  },
  {
    name: "illegal device",
    method: "POST",
    path: "/v1/devices/no%20ne/readings",
    body: batchBody("b1", 9),
    expect: { status: 400, json: { type: "urn:skerry:problem:device-name" } },
  },
  {
    name: "no time, no key",
    method: "POST",
    path: READINGS,
    body: [{ stream: "depth_m", value: 1 }],
    expect: { status: 422, json: { errors: [{ code: "time-or-key-required" }] } },
  },
  {
    name: "bad time",
    method: "POST",
    path: READINGS,
    body: [{ stream: "depth_m", value: 1, time: "yesterday" }],
    expect: { status: 422, json: { errors: [{ code: "time" }] } },
  },
  {
    name: "seconds",
    method: "POST",
    path: READINGS,
    body: [{ stream: "depth_m", value: 1, time: 1_790_000_000 }],
    expect: { status: 422, json: { errors: [{ code: "time", pointer: "/0" }] } },
  },
  {
    name: "strict",
    method: "POST",
    path: READINGS,
    headers: { prefer: "handling=strict" },
    body: [
      { stream: "depth_m", value: 1, time: T0 + 300_000 },
      { stream: "depth_m", value: null, time: T0 },
    ],
    expect: { status: 422, json: { errors: [{ code: "value-missing", pointer: "/1" }] } },
  },
  {
    name: "too many",
    method: "POST",
    path: READINGS,
    body: { t0: T0, step: 1, series: { depth_m: Array.from({ length: 10_001 }, () => 1) } },
    expect: { status: 413, json: { type: "urn:skerry:problem:too-many-readings" } },
  },
  {
    name: "too large",
    method: "POST",
    path: READINGS,
    body: " ".repeat(1_048_577),
    expect: { status: 413, json: { type: "urn:skerry:problem:too-large" } },
  },
  {
    name: "too large after gunzip",
    method: "POST",
    path: READINGS,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(4_000_000, 32)),
    expect: { status: 413 },
  },
  {
    name: "bad JSON",
    method: "POST",
    path: READINGS,
    body: '{"t":[',
    expect: { status: 400, json: { type: "urn:skerry:problem:malformed-json" } },
  },
  {
    name: "not UTF-8",
    method: "POST",
    path: READINGS,
    body: Buffer.from([0x22, 0xff, 0x22]),
    expect: { status: 400 },
  },
  { name: "nothing", method: "POST", path: READINGS, body: "", expect: { status: 400 } },
  {
    name: "no readings",
    method: "POST",
    path: READINGS,
    body: [],
    expect: { status: 400, json: { type: "urn:skerry:problem:malformed" } },
  },
  { name: "a number", method: "POST", path: READINGS, body: "7", expect: { status: 400 } },
  {
    name: "an unknown field",
    method: "POST",
    path: READINGS,
    body: { ...batchBody("b1", 9), sereis: {} },
    expect: { status: 400, json: { errors: [{ pointer: "/sereis" }] } },
  },
  {
    name: "a column too short",
    method: "POST",
    path: READINGS,
    body: { t: [T0, T0 + 1], series: { depth_m: [1] } },
    expect: { status: 400, json: { errors: [{ pointer: "/series/depth_m" }] } },
  },
  {
    name: "bad gzip",
    method: "POST",
    path: READINGS,
    headers: { "content-encoding": "gzip" },
    body: "not gzip",
    expect: { status: 400, json: { type: "urn:skerry:problem:malformed-gzip" } },
  },
  {
    name: "half a gzip",
    method: "POST",
    path: READINGS,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(JSON.stringify(batchBody("b1", 9))).subarray(0, 40),
    expect: { status: 400, json: { type: "urn:skerry:problem:malformed-gzip" } },
  },
  {
    name: "another encoding",
    method: "POST",
    path: READINGS,
    headers: { "content-encoding": "br" },
    body: "x",
    expect: { status: 415 },
  },
  {
    name: "another type",
    method: "POST",
    path: READINGS,
    headers: { "content-type": "text/plain" },
    body: "x",
    expect: { status: 415 },
  },
  {
    name: "no token",
    method: "POST",
    path: READINGS,
    token: null,
    body: batchBody("b1", 9),
    expect: {
      status: 401,
      headers: { "www-authenticate": /^Bearer/ },
      json: { type: "urn:skerry:problem:token-no-token" },
    },
  },
  {
    name: "a forged token",
    method: "POST",
    path: READINGS,
    token: "forged",
    body: batchBody("b1", 9),
    expect: { status: 401 },
  },
  {
    name: "another device's token",
    method: "POST",
    path: READINGS,
    token: "other",
    body: batchBody("b1", 9),
    expect: { status: 403, json: { type: "urn:skerry:problem:forbidden" } },
  },
  {
    name: "a reused sequence",
    method: "POST",
    path: READINGS,
    body: batchBody("b1", 1, 5),
    expect: { status: 409, json: { type: "urn:skerry:problem:sequence-reused" } },
  },
  {
    name: "seq without boot",
    method: "POST",
    path: READINGS,
    body: { seq: 1, t: [T0], series: { depth_m: [1] } },
    expect: { status: 400, json: { errors: [{ pointer: "/boot" }] } },
  },
  {
    name: "a wrong method",
    method: "DELETE",
    path: READINGS,
    expect: { status: 405, headers: { allow: /POST/ } },
  },
  { name: "no such door", path: "/v1/nothing", expect: { status: 404 } },
  {
    name: "another device's view",
    path: `/v1/devices/${DEVICE}`,
    token: "other",
    expect: { status: 403 },
  },
  {
    name: "a view of nothing",
    path: `/v1/devices/${OTHER_DEVICE}`,
    token: "other",
    expect: { status: 404 },
  },
  {
    name: "origin: no token",
    at: "origin",
    path: `/v1/devices/${DEVICE}`,
    token: null,
    expect: { status: 401 },
  },
  {
    name: "origin: a device may not register",
    at: "origin",
    method: "POST",
    path: "/v1/devices",
    body: { device: "x" },
    expect: { status: 403 },
  },
  {
    name: "origin: a wrong body",
    at: "origin",
    method: "POST",
    path: "/v1/devices",
    token: "operator",
    body: { devcie: "x" },
    expect: { status: 400 },
  },
  {
    name: "origin: a wrong name",
    at: "origin",
    method: "POST",
    path: "/v1/devices",
    token: "operator",
    body: { device: "a b" },
    expect: { status: 400, json: { errors: [{ pointer: "/device" }] } },
  },
  {
    name: "origin: a credential for too long",
    at: "origin",
    method: "POST",
    path: `/v1/devices/${DEVICE}/credentials`,
    token: "operator",
    body: { days: 9999 },
    expect: {
      status: 400,
      json: { errors: [{ pointer: "/days", message: "days is a whole number from 1 to 366" }] },
    },
  },
  {
    name: "origin: a credential for nobody",
    at: "origin",
    method: "POST",
    path: "/v1/devices/nobody/credentials",
    token: "operator",
    expect: { status: 404 },
  },
  {
    name: "origin: a frame without a seal",
    at: "origin",
    method: "POST",
    path: "/v1/sync/00-ff",
    token: null,
    body: "S",
    expect: { status: 401 },
  },
  {
    name: "origin: another range",
    at: "origin",
    method: "POST",
    path: "/v1/sync/00-7f",
    token: null,
    body: "S",
    expect: { status: 404 },
  },
];

/** Runs the whole test and returns its transcript. */
export async function runEndToEnd(deployment: Deployment): Promise<Answer[]> {
  const transcript: Answer[] = [];
  for (const step of [...good, ...bad]) {
    transcript.push(await take(step, deployment));
  }
  const regional = await take(
    {
      name: "the regional view",
      path: `/v1/devices/${DEVICE}`,
      expect: { status: 200, json: { view: "regional", region: "hel", streams: EXPECTED } },
    },
    deployment,
  );
  const total = await untilCounted(deployment);
  return [...transcript, regional, total];
}

/** What the good batches add up to; hand-counted. */
const EXPECTED = {
  depth_m: { count: 11, sum: "98", min: 1, max: 14, quarantined: 1 },
  hatch_open: { count: 4, sum: "2" },
  door_opened: { count: 1, sum: "1" },
};

async function untilCounted(deployment: Deployment): Promise<Answer> {
  const step: Step = {
    name: "the origin's totals",
    at: "origin",
    path: `/v1/devices/${DEVICE}`,
    expect: {
      status: 200,
      json: {
        view: "all-regions",
        readings: 16,
        streams: { ...EXPECTED, depth_m: { ...EXPECTED.depth_m, conflicts: 1 } },
      },
    },
  };
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await take(step, deployment);
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
}

async function take(step: Step, deployment: Deployment): Promise<Answer> {
  const base = step.at === "origin" ? deployment.originUrl : deployment.edgeUrl;
  const method = step.method ?? "GET";
  const response = await fetch(base + step.path, {
    method,
    headers: {
      ...authorization(step.token, deployment),
      ...(method === "GET" ? {} : { "content-type": "application/json" }),
      ...step.headers,
    },
    ...(step.body === undefined ? {} : { body: bytesOf(step.body) }),
  }).catch((error: unknown) => {
    throw new Error(`${step.name}: no answer from ${base}`, { cause: error });
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type");
  assert.equal(
    response.status,
    step.expect.status,
    `${step.name}: ${response.status} ${text.slice(0, 400)}`,
  );
  if (response.status >= 400) {
    assert.equal(contentType, "application/problem+json", step.name);
    const { title, detail, status } = JSON.parse(text) as Record<string, unknown>;
    assert.ok(
      typeof title === "string" && typeof detail === "string" && detail.length > 0,
      step.name,
    );
    assert.equal(status, step.expect.status, step.name);
  }
  const body: unknown = JSON.parse(text);
  matches(body, step.expect.json ?? {}, step.name);
  for (const [name, pattern] of Object.entries(step.expect.headers ?? {}))
    assert.match(response.headers.get(name) ?? "", pattern, step.name);
  return { name: step.name, status: response.status, contentType, body: withoutRun(body) };
}

function authorization(token: Step["token"], deployment: Deployment): Record<string, string> {
  if (token === null) return {};
  const tokens = {
    device: deployment.device,
    other: deployment.otherDevice,
    operator: deployment.operator,
    forged: `${deployment.device.slice(0, -6)}AAAAAA`,
  };
  return { authorization: `Bearer ${tokens[token ?? "device"]}` };
}

function bytesOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? Uint8Array.from(body) : JSON.stringify(body);
}

/** Every field of `expected` is in `actual`, to any depth; lists are compared item by item. */
function matches(actual: unknown, expected: unknown, name: string): void {
  if (typeof expected !== "object" || expected === null) {
    assert.deepEqual(actual, expected, name);
    return;
  }
  assert.ok(typeof actual === "object" && actual !== null, `${name}: ${JSON.stringify(actual)}`);
  if (Array.isArray(expected)) assert.equal((actual as unknown[]).length, expected.length, name);
  for (const [key, value] of Object.entries(expected))
    matches((actual as Record<string, unknown>)[key], value, `${name}, ${key}`);
}

const RUN_FIELDS = new Set([
  "lastCommit",
  "asOf",
  "registered",
  "lag",
  "replication",
  "origin",
  "links",
  "place",
  "time",
  "first",
  "last",
  "start",
  "latest",
  "lastMinute",
  "now",
  "nowMs",
]);

/** Leaves out what differs between two runs: times of commits, replicas, places and addresses. */
function withoutRun(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRun);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !RUN_FIELDS.has(key))
      .map(([key, field]) => [key, withoutRun(field)]),
  );
}

/** Registers the two devices and asks for their credentials. */
export async function enroll(
  originUrl: string,
  operator: string,
): Promise<{ device: string; otherDevice: string }> {
  const credential = async (device: string): Promise<string> => {
    const post = (path: string, body: object) =>
      fetch(originUrl + path, {
        method: "POST",
        headers: { authorization: `Bearer ${operator}` },
        body: JSON.stringify(body),
      });
    assert.equal((await post("/v1/devices", { device })).status, 201);
    assert.equal((await post("/v1/devices", { device })).status, 200);
    const response = await post(`/v1/devices/${device}/credentials`, { days: 1 });
    assert.equal(response.status, 201);
    return ((await response.json()) as { token: string }).token;
  };
  return { device: await credential(DEVICE), otherDevice: await credential(OTHER_DEVICE) };
}
