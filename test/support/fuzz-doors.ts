// Do any bytes whatever make a door for readings fail, throw or hang? Mutated requests to the real
// routes over a real hub, in this process, and mutated messages to what a stream does with them.

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { DEVICE_TOKEN_TYPE, OPERATOR_TOKEN_TYPE, TOKEN_ISSUER } from "../../doors/claims.ts";
import { createApi } from "../../edge/app.ts";
import { ingest, type IngestCommand, type IngestOutcome } from "../../edge/ingest.ts";
import type { DeviceReport } from "../../edge/objects/device-hub.ts";
import { parseEdgeEnv, type EdgeEnv } from "../../edge/platform/env.ts";
import { Regions } from "../../edge/platform/regions.ts";
import type { RegionLease } from "../../edge/region-replica.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import { settleIngest } from "../../edge/routes/readings.ts";
import { encodeMessage, formatAnswer, parseMessage } from "../../edge/routes/stream-messages.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { pick, randomOf, type Random } from "../../tools/fuzz/mutate.ts";
import { streamName } from "./arbitraries.ts";
import { DEVICE } from "./commands.ts";
import { openNodeSql } from "./node-sql.ts";
import { binaryMessage } from "./stream-client.ts";

const PROGRESS_REQUESTS = 10_000;
const STREAM = `/v1/devices/${DEVICE}/stream`;
/** A request that takes longer hangs; the machine may be busy. */
const SLOW_MS = 5_000;
const T0 = 1_790_000_000_000;
const HUB_LIFE = 10_000;

interface Sample {
  readonly target: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const READINGS = `/v1/devices/${DEVICE}/readings`;
const json = (target: string, body: unknown): Sample => ({
  target,
  fields: { "content-type": "application/json" },
  body: Buffer.from(JSON.stringify(body)),
});
const text = (target: string, type: string, body: string): Sample => ({
  target,
  fields: { "content-type": type },
  body: Buffer.from(body),
});
const columnar = { boot: "b", seq: 1, t: [T0, T0 + 1], series: { a: [1, 2.5], b: [true, null] } };
const binary = (values: readonly number[], flags = false): Sample => ({
  target: STREAM,
  fields: {},
  body: binaryMessage(
    {
      device: DEVICE,
      identity: { kind: "boot", boot: "s", seq: values.length },
      isTimeAssigned: flags,
      times: flags ? [0] : values.map((_, row) => T0 + row),
      columns: [
        { stream: streamName("a"), kind: "number", rows: values.map((_, row) => row), values },
      ],
    },
    T0,
  ),
});
const SAMPLES: readonly Sample[] = [
  json(READINGS, columnar),
  json(READINGS, { sent: T0, t0: T0, step: 1_000, series: { a: [1, 2, 3] } }),
  json(READINGS, [{ stream: "a", value: 1, time: "2026-11-21T10:00:00Z" }]),
  json("/v1/devices/boat-2/readings", columnar),
  json(READINGS, { boot: "b", seq: 2, stream: "c", value: true }),
  text(
    READINGS,
    "application/senml+json",
    `[{"bn":"urn:dev:ow:10:","bt":1500000000,"bv":0.1,"n":"a","v":1},{"n":"b","t":-5,"vb":true},{"n":"c","vs":"x","s":1}]`,
  ),
  text(
    READINGS,
    "application/x-ndjson",
    `{"stream":"a","value":1,"time":${T0}}\n{"stream":"b","value":false,"time":${T0}}\n`,
  ),
  text(READINGS, "text/csv", `time,a,b\n${T0},1.5,true\n2026-11-21T10:00:00Z,,"false"\n`),
  text(READINGS, "text/csv", `time,stream,value\r\n${T0},a,"1e3"\r\n`),
  text(
    "/write?precision=ms",
    "text/plain",
    `cpu,device=${DEVICE},cpu=cpu\\ 0 usage=1.5,n=3i,ok=t,s="x\\"y" ${T0}\nmem value=1u ${T0}\n`,
  ),
  text(
    "/api/v2/write?device=boat-1&bucket=b",
    "text/plain",
    `# x\ndoor value=1\nlamp on=true ${T0}000000\r\n`,
  ),
  json(STREAM, columnar),
  json(STREAM, [{ stream: "a", value: 1, time: "2026-11-21T10:00:00Z" }]),
  binary([1, 2.5, 1 / 3]),
  binary([7], true),
  binary([1, 1, 2, 3, 5, 8, 13, 21]),
  json("/v1/batches", {
    batches: [
      { device: "boat-1", ...columnar },
      { device: "boat-2", stream: "a", value: 1, time: T0 },
    ],
  }),
];
const TOKENS = [
  '"',
  "\\",
  ",",
  "=",
  " ",
  "\n",
  "\r\n",
  "{",
  "}",
  "[",
  "]",
  ":",
  "\0",
  "#",
  "﻿",
  "\u2028",
  "1e999",
  "-0",
  "9".repeat(400),
  "0.1e-40",
  "NaN",
  "null",
  "true",
  "1i",
  "18446744073709551615u",
  "__proto__",
  "constructor",
  "device=",
  "time",
  "boat-1:",
  "urn:",
  "2026-11-21T10:00:00Z",
  "é",
  "\ud800",
  '"a":',
  '"series":',
  '"boot":',
  '"bver":9',
  '""',
  "a".repeat(300),
  "[".repeat(5e3),
].map((token) => Buffer.from(token));
const TYPES = SAMPLES.map(({ fields }) => fields["content-type"] ?? "");
const QUERIES = [
  "precision=s",
  "precision=x",
  "device=a%20b",
  "device=boat-2",
  "p=%00",
  "u=x&p=y",
  "%",
];

function mutate(random: Random, sample: Sample): Sample {
  let { body, target } = sample;
  for (let edits = random(4); edits > 0; edits -= 1) body = edit(random, body);
  const fields = { ...sample.fields };
  if (random(10) === 0) fields["content-type"] = pick(random, TYPES);
  if (random(10) === 0) fields["prefer"] = "handling=strict";
  if (random(4) === 0)
    fields["idempotency-key"] = pick(random, ["k", `k${random(99)}`, "a b", "x".repeat(200)]);
  if (random(12) === 0) body = Uint8Array.from(gzipSync(body));
  if (random(12) === 0)
    fields["content-encoding"] = pick(random, ["gzip", "x-gzip", "br", "identity"]);
  if (random(8) === 0) target += `${target.includes("?") ? "&" : "?"}${pick(random, QUERIES)}`;
  if (random(40) === 0) target = pick(random, SAMPLES).target;
  return { target, fields, body };
}

function edit(random: Random, body: Uint8Array): Uint8Array {
  const at = random(body.length + 1);
  const [head, tail] = [body.subarray(0, at), body.subarray(Math.min(body.length, at + random(6)))];
  switch (random(6)) {
    case 0:
      return Buffer.concat([head, Uint8Array.of(random(256)), tail]);
    case 1:
      return Buffer.concat([head, pick(random, SAMPLES).body.subarray(random(40))]);
    case 2:
      return Buffer.concat([head, body.subarray(random(body.length + 1))]).subarray(0, 4_096);
    case 3:
      return tail;
    default:
      return Buffer.concat([head, pick(random, TOKENS), tail]);
  }
}

/** A hub as its Durable Object runs it, over a database in memory. */
class Hub {
  readonly #store = new SqlHubStore(openNodeSql(), 1);

  ingest = async (command: IngestCommand): Promise<IngestOutcome> => {
    // Through a copy, as a call to another object goes.
    const outcome = ingest(structuredClone(command), this.#store, Date.now());
    this.#store.write();
    return structuredClone(outcome);
  };

  report = async (device: DeviceId): Promise<Partial<DeviceReport>> =>
    structuredClone({ state: this.#store.loadDevice(device) });
}

/** Does with a message what a stream does, and answers as if it were alone. */
async function answerMessage(
  hub: Hub,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array,
): Promise<Response> {
  const isText = fields["content-type"] !== undefined;
  const parsed = parseMessage(isText ? Buffer.from(body).toString() : body, DEVICE);
  const isStrict = fields["prefer"] !== undefined;
  const poster = { kind: "operator", name: "o", scopes: new Set(["ingest" as const]) } as const;
  const read = await encodeMessage(parsed, DEVICE, isStrict, poster);
  const settled = read.ok
    ? settleIngest(read.value, await hub.ingest(read.value.command), "hel")
    : read;
  const result = { message: 1, identity: { kind: "none" }, settled } as const;
  const { results } = JSON.parse(formatAnswer([result], "hel", true)) as {
    results: readonly { readonly status: number }[];
  };
  return new Response(JSON.stringify(results[0]), { status: results[0]?.status ?? 500 });
}

async function openDoors(): Promise<(sample: Sample, token: string) => Promise<Response>> {
  const pair = await generateKeyPair("EdDSA", { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: "k", alg: "EdDSA" };
  const sign = (typ: string, subject: string, claims: Record<string, unknown>): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "EdDSA", kid: "k", typ })
      .setIssuer(TOKEN_ISSUER)
      .setSubject(subject)
      .setExpirationTime("1d")
      .sign(pair.privateKey);
  const tokens: Record<string, string> = {
    device: `Bearer ${await sign(DEVICE_TOKEN_TYPE, DEVICE, { gen: 1 })}`,
    operator: `Token ${await sign(OPERATOR_TOKEN_TYPE, "o", { scope: "ingest" })}`,
  };
  const config = parseEdgeEnv({
    ORIGIN_URL: "http://origin.test",
    REGIONS: JSON.stringify([{ id: "hel", latitude: 60, longitude: 25 }]),
    ISSUER_KEYS: JSON.stringify({ keys: [jwk] }),
    LINK_KEY: "A".repeat(43),
  });
  let hub = new Hub();
  let posted = 0;
  const env = {
    REGION_CELL: { idFromName: (name: string) => name, get: () => ({ lease: async () => LEASE }) },
    DEVICE_HUB: { idFromName: (name: string) => name, get: () => hub },
  } as unknown as EdgeEnv;
  const api = createApi({
    config,
    env,
    regions: new Regions(config, env),
    deviceKeys: null,
    linkKey: async () => null,
  });
  const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  return async ({ target, fields, body }, token) => {
    posted += 1;
    if (posted % HUB_LIFE === 0) hub = new Hub();
    if (target.startsWith(STREAM)) return answerMessage(hub, fields, body);
    const request = new Request(`http://edge.test${target}`, {
      method: "POST",
      headers: { ...fields, authorization: tokens[token] ?? token },
      body: Uint8Array.from(body),
    });
    const scope = { requestId: "r", traceId: null, fields: {} };
    return api.fetch(request, { scope, cf: null }, ctx as unknown as ExecutionContext);
  };
}

/** What a cell tells that was told nothing. */
const LEASE: RegionLease = {
  version: "1",
  replicaEpoch: 1,
  denials: { kind: "all", denied: [] },
  clock: { offsetMs: 0, heardMs: 0 },
  outage: null,
  config: null,
  keys: null,
  purgeView: [],
  purges: [],
  purgeFloor: [],
};

/** What a run came to: how often each door gave each status. */
export type DoorOutcomes = Readonly<Record<string, number>>;

/**
 * Sends mutated requests to every door, and mutated messages to a stream. Throws at the first that
 * is not answered, is answered late or with a 5xx, or does not say why it was refused.
 */
export async function fuzzDoors(
  requests: number,
  seed: number,
  onProgress: (done: number) => void = () => undefined,
): Promise<DoorOutcomes> {
  const post = await openDoors();
  const random = randomOf(seed);
  const seen: Record<string, number> = {};
  for (const sample of SAMPLES)
    assert.ok([200, 204, 400].includes((await post(sample, "operator")).status), sample.target);
  for (let at = 0; at < requests; at += 1) {
    const sample = mutate(random, pick(random, SAMPLES));
    const token = pick(random, ["device", "operator", "operator", "Bearer x"]);
    const what = (): string =>
      `request ${at} of seed ${seed}: ${sample.target} ${JSON.stringify(sample.fields)} ${Buffer.from(sample.body).toString("latin1").slice(0, 400)}`;
    const startMs = performance.now();
    const response = await post(sample, token).catch((error: unknown) => {
      throw new Error(what(), { cause: error });
    });
    const answer = await response.text();
    assert.ok(performance.now() - startMs < SLOW_MS, `slow: ${what()}`);
    assert.ok(response.status < 500, `${response.status}: ${what()}`);
    assertExplained(response.status, answer, what);
    const door = sample.target.replace("boat-2", DEVICE).split("?")[0] ?? "";
    seen[`${door} ${response.status}`] = (seen[`${door} ${response.status}`] ?? 0) + 1;
    if ((at + 1) % PROGRESS_REQUESTS === 0) onProgress(at + 1);
  }
  return seen;
}

/** What a long enough run has seen at least once, and this one has not. */
export function unseenOutcomes(seen: DoorOutcomes): readonly string[] {
  return [
    ...[200, 400, 401, 403, 409, 415, 422].map((status) => `${READINGS} ${status}`),
    ...[204, 400, 401, 403].map((status) => `/write ${status}`),
    ...[204, 400, 401].map((status) => `/api/v2/write ${status}`),
    ...[200, 400, 401, 403, 422].map((status) => `/v1/batches ${status}`),
    ...[200, 400, 409, 422].map((status) => `${STREAM} ${status}`),
  ].filter((outcome) => seen[outcome] === undefined);
}

/** What is refused says why, and lists at most twenty things. */
function assertExplained(status: number, answer: string, what: () => string): void {
  if (status === 204) return assert.equal(answer, "");
  const { detail, message, errors = [] } = JSON.parse(answer) as Record<string, unknown>;
  assert.ok(Array.isArray(errors) && errors.length <= 20, what());
  if (status < 400) return;
  const reason = detail ?? message;
  assert.ok(typeof reason === "string" && reason.length > 10, `${answer}: ${what()}`);
}
