// Goals: the schema of readings and the parser that is written by hand accept the same bodies; and
// no bytes whatever make a door for readings fail, throw or hang. Methods: bodies that are nearly
// right; and mutated requests to the real routes over a real hub, in this process.
//
// DOOR_REQUESTS=1000000 DOOR_SEED=7 node --test test/laws/doors.test.ts runs more of the second.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { DEVICE_TOKEN_TYPE, OPERATOR_TOKEN_TYPE, TOKEN_ISSUER } from "../../doors/claims.ts";
import { createApi } from "../../edge/app.ts";
import { ingest, type IngestCommand } from "../../edge/ingest.ts";
import type { DeviceReport } from "../../edge/objects/device-hub.ts";
import { parseEdgeEnv, type EdgeEnv } from "../../edge/platform/env.ts";
import { Regions } from "../../edge/platform/regions.ts";
import type { RegionLease } from "../../edge/region-replica.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import { readingsSchema } from "../../edge/routes/readings-schema.ts";
import { parseReadings } from "../../edge/telemetry/parse-readings.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { pick, randomOf, type Random } from "../../tools/fuzz/mutate.ts";
import { DEVICE } from "../support/commands.ts";
import { openNodeSql } from "../support/node-sql.ts";
import { findLines, listFiles } from "../support/repository.ts";

const BODIES = 4_000;

/** Mostly one of `good`, now and then one of `odd`. */
const mostly = <T>(good: readonly T[], odd: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
const stream = mostly(["a", "b", "constructor"], ["", "A", "a b", 7, null, "x".repeat(65)]);
const number = fc.constantFrom(1, -2.5, 1e300, 0.1);
const value = fc.oneof(
  { weight: 24, arbitrary: number },
  { weight: 1, arbitrary: fc.constantFrom(true, "x", null, {}, [], 1e-31) },
);
const time = mostly(
  [0, 1e11, 1_790_000_000_000, "2026-11-21T10:00:00Z", "1970-01-01t00:00:01.5+01:00"],
  [-1, 1.5, 1e9, 1e15, "now", true, "2026-02-30T00:00:00Z", "2026-11-21"],
);
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const named = {
  boot: mostly(["b1", 7], ["", "a b", 1.5, null]),
  seq: mostly([1, 2 ** 53 - 1], [0, -1, 1.5, "1", 2 ** 53]),
};
const batch = {
  device: some(mostly([DEVICE], [DEVICE])),
  sent: some(time),
  odd: fc.oneof(
    { weight: 30, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: number },
  ),
};
const row = fc.record({
  stream,
  value,
  time: fc.oneof(
    { weight: 20, arbitrary: time },
    { weight: 1, arbitrary: fc.constantFrom(null, undefined) },
  ),
  odd: batch.odd,
});
const rows = fc.array(row, { maxLength: 4 });
function timesOf(length: number, chance: number): Record<string, fc.Arbitrary<unknown>> {
  if (chance % 3 === 1) return { t0: time, step: mostly([1, 1_000], [0, 1.5, null, 1e9]) };
  if (chance === 3) return { t0: some(time) };
  const maxLength = length + (chance === 2 ? 1 : 0);
  return { t: fc.array(time, { minLength: length, maxLength }) };
}
const columns = fc
  .tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.uniqueArray(stream, { maxLength: 3, selector: String }),
    fc.integer({ min: 0, max: 15 }),
  )
  .chain(([length, names, chance]) =>
    fc.record({
      ...batch,
      series: fc
        .tuple(
          ...names.map(() =>
            fc.array(
              fc.oneof(
                { weight: 5, arbitrary: value },
                { weight: 1, arbitrary: fc.constant(null) },
              ),
              {
                minLength: chance === 0 ? 0 : length,
                maxLength: length,
              },
            ),
          ),
        )
        .map((cells) => Object.fromEntries(names.map((name, i) => [String(name), cells[i]]))),
      ...timesOf(length, chance),
    }),
  );
const withName = (body: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc
    .tuple(body, fc.constantFrom<Partial<typeof named>>({}, named, named, { seq: named.seq }))
    .chain(([rest, names]) =>
      fc.record<object>(names).map((identity) => ({ ...rest, ...identity })),
    );
const timeless = withName(
  fc.oneof(
    fc.record({
      series: fc.constantFrom({ a: [1] }, { a: [1], b: [true] }, { a: [1, 2] }, { a: [null] }),
    }),
    fc.record({ stream, value }),
  ),
);
const bodies: fc.Arbitrary<unknown> = fc
  .oneof(
    { weight: 4, arbitrary: withName(columns) },
    { weight: 2, arbitrary: withName(fc.record({ ...batch, readings: rows })) },
    { weight: 1, arbitrary: rows },
    {
      weight: 1,
      arbitrary: withName(fc.tuple(row, fc.record(batch)).map(([a, b]) => ({ ...a, ...b }))),
    },
    { weight: 1, arbitrary: timeless },
    { weight: 1, arbitrary: fc.jsonValue() },
  )
  // As it comes out of JSON: what is undefined is not there.
  .map((body) => JSON.parse(JSON.stringify(body)) as unknown);

/** Leaves out what stands beside no value: columns and rows of nulls, which the parser passes over. */
function pruned(body: unknown): unknown {
  const { series, t } = Object(body) as { series?: unknown; t?: unknown };
  if (typeof series !== "object" || series === null || Array.isArray(series)) return body;
  const own = Object.entries(series).filter(
    ([, column]) => !Array.isArray(column) || column.some((cell) => cell !== null),
  );
  const isEven = own.every(([, column]) => Array.isArray(column));
  const lengths = Object.values(series).map((column) => (column as unknown[]).length);
  if (!isEven || !Array.isArray(t) || lengths.some((length) => length !== t.length))
    return isEven && lengths.every((length) => length === lengths[0])
      ? { ...(body as object), series: Object.fromEntries(own) }
      : body;
  const kept = t.map((_, at) => own.some(([, column]) => (column as unknown[])[at] !== null));
  const rest = own.map(([name, column]) => [
    name,
    (column as unknown[]).filter((_, at) => kept[at]),
  ]);
  return {
    ...(body as object),
    series: Object.fromEntries(rest),
    t: t.filter((_, at) => kept[at]),
  };
}

test("the schema and the parser accept the same bodies", () => {
  let accepted = 0;
  fc.assert(
    fc.property(bodies, (body) => {
      const parsed = parseReadings(body, DEVICE, null);
      const isTaken = parsed.ok && parsed.value.readings.rejected === 0;
      const isReadings = readingsSchema.safeParse(pruned(body)).success;
      assert.equal(isReadings, isTaken, parsed.ok ? "" : parsed.error.detail);
      if (isTaken) accepted += 1;
    }),
    { numRuns: BODIES, seed: 1 },
  );
  assert.ok(accepted > BODIES / 8 && accepted < (BODIES * 4) / 5, `${accepted} were accepted`);
});

test("the schema and the parser have the same bounds", () => {
  const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
  const streams = (count: number): object => ({
    t: [1],
    series: Object.fromEntries(ones(count).map((_, i) => [`s${i}`, [i]])),
  });
  const readings = (count: number): object[] =>
    ones(count).map((_, i) => ({ stream: "a", value: i, time: i }));
  for (const [isTaken, body] of [
    [true, streams(256)],
    [false, streams(257)],
    [true, { t0: 1, step: 1, series: { a: ones(10_000) } }],
    [false, { t0: 1, step: 1, series: { a: ones(10_001) } }],
    [true, { readings: readings(10_000) }],
    [false, readings(10_001)],
    [false, [{ stream: "a", value: 1 }]],
    [true, { boot: "b".repeat(128), seq: 1, stream: "a", value: 1 }],
    [false, { boot: "b".repeat(129), seq: 1, stream: "a", value: 1 }],
  ] as const) {
    const parsed = parseReadings(body, DEVICE, null);
    assert.equal(parsed.ok && parsed.value.readings.rejected === 0, isTaken);
    assert.equal(readingsSchema.safeParse(body).success, isTaken);
  }
});

test("no Worker imports the schema, and so none carries it", () => {
  const sources = listFiles().filter((file) => /^(edge|origin|doors|sync)\/.*\.ts$/.test(file));
  assert.ok(sources.length > 50);
  assert.deepEqual(findLines(sources, /from ".*readings-schema\.ts"/), []);
});

// The doors.

const REQUESTS = Number(process.env["DOOR_REQUESTS"] ?? 20_000);
const SEED = Number(process.env["DOOR_SEED"] ?? 1);
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

  ingest = async (command: IngestCommand): Promise<unknown> => {
    // Through a copy, as a call to another object goes.
    const outcome = ingest(structuredClone(command), this.#store, Date.now());
    this.#store.write();
    return structuredClone(outcome);
  };

  report = async (device: DeviceId): Promise<Partial<DeviceReport>> =>
    structuredClone({ state: this.#store.loadDevice(device) });
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
  const api = createApi({ config, env, regions: new Regions(config, env), deviceKeys: null });
  const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  return async ({ target, fields, body }, token) => {
    posted += 1;
    if (posted % HUB_LIFE === 0) hub = new Hub();
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

test(`P9 ${REQUESTS} mutated requests to every door are answered, and with what they were told`, async () => {
  const post = await openDoors();
  const random = randomOf(SEED);
  const seen: Record<string, number> = {};
  for (const sample of SAMPLES)
    assert.ok([200, 204, 400].includes((await post(sample, "operator")).status), sample.target);
  for (let at = 0; at < REQUESTS; at += 1) {
    const sample = mutate(random, pick(random, SAMPLES));
    const token = pick(random, ["device", "operator", "operator", "Bearer x"]);
    const what = (): string =>
      `request ${at} of seed ${SEED}: ${sample.target} ${JSON.stringify(sample.fields)} ${Buffer.from(sample.body).toString("latin1").slice(0, 400)}`;
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
  }
  const missing = [
    ...[200, 400, 401, 403, 409, 415, 422].map((status) => `${READINGS} ${status}`),
    ...[204, 400, 401, 403].map((status) => `/write ${status}`),
    ...[204, 400, 401].map((status) => `/api/v2/write ${status}`),
    ...[200, 400, 401, 403, 422].map((status) => `/v1/batches ${status}`),
  ].filter((outcome) => seen[outcome] === undefined);
  assert.deepEqual(REQUESTS < 20_000 ? [] : missing, [], JSON.stringify(seen));
});

/** What is refused says why, and lists at most twenty things. */
function assertExplained(status: number, answer: string, what: () => string): void {
  if (status === 204) return assert.equal(answer, "");
  const { detail, message, errors = [] } = JSON.parse(answer) as Record<string, unknown>;
  assert.ok(Array.isArray(errors) && errors.length <= 20, what());
  if (status < 400) return;
  const reason = detail ?? message;
  assert.ok(typeof reason === "string" && reason.length > 10, `${answer}: ${what()}`);
}
