// From HTTP to the hub's command and back: which status does each request and each outcome get, and
// does the answer's count of readings add up?

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openScope } from "../../../../doors/access-log.ts";
import type { Identity } from "../../../../doors/claims.ts";
import type { Problem } from "../../../../http/problem.ts";
import type { IngestOutcome } from "../../../../edge/ingest.ts";
import { limits } from "../../../../edge/limits.ts";
import type { AdmittedReadings } from "../../../../edge/routes/admit-readings.ts";
import { answerIngest, readIngest, type ReadIngest } from "../../../../edge/routes/readings.ts";
import { DEVICE } from "../../../support/commands.ts";

const NOW_MS = 1_790_000_000_000;

const OPERATOR: Identity = { kind: "operator", name: "o", scopes: new Set(["ingest"]) };

function admit(
  body: unknown,
  fields: Record<string, string> = {},
  poster: Partial<AdmittedReadings> = {},
): AdmittedReadings {
  return { identity: OPERATOR, named: null, request: requestOf(body, fields), ...poster };
}

function requestOf(body: unknown, fields: Record<string, string> = {}): Request {
  return new Request("http://edge.test/v1/devices/boat-1/readings", {
    method: "POST",
    headers: { "content-type": "application/json", ...fields },
    body:
      typeof body === "string" || body instanceof Uint8Array
        ? (body as BodyInit)
        : JSON.stringify(body),
  });
}

async function problemOf(body: unknown, fields: Record<string, string> = {}): Promise<Problem> {
  const read = await readIngest(admit(body, fields), DEVICE, NOW_MS);
  assert.ok(!read.ok);
  return read.error;
}

async function read(body: unknown, fields: Record<string, string> = {}): Promise<ReadIngest> {
  const result = await readIngest(admit(body, fields), DEVICE, NOW_MS);
  assert.ok(result.ok);
  return result.value;
}

const LIMITED: Identity = {
  kind: "device",
  device: DEVICE,
  generation: 1,
  scopes: new Set(["ingest"]),
  prefixes: ["gps_", "depth"],
  rate: null,
};

test("a credential with prefixes has the readings of all other streams rejected, and named", async () => {
  const body = {
    boot: "b1",
    seq: 1,
    t: [1, 2],
    series: { gps_lat: [60, 61], depth_m: [4, 5], speed: [7, 8], gp: [1, null] },
  };
  const result = await readIngest(admit(body, {}, { identity: LIMITED }), DEVICE, NOW_MS);
  assert.ok(result.ok);
  const { readings, built } = result.value;
  assert.equal(readings.rejected, 3);
  const streams = built.batches.flatMap(({ columns }) => columns.map(({ stream }) => stream));
  assert.deepEqual(streams, ["depth_m", "gps_lat"]);
  assert.deepEqual(
    readings.errors.map(({ stream, code }) => [stream, code]),
    [
      ["speed", "stream-not-allowed"],
      ["gp", "stream-not-allowed"],
    ],
  );
  assert.match(readings.errors[0]?.message ?? "", /gps_, depth.*\(2 readings\)/);
  const strict = admit(body, { prefer: "handling=strict" }, { identity: LIMITED });
  const refused = await readIngest(strict, DEVICE, NOW_MS);
  assert.ok(!refused.ok);
  assert.equal(refused.error.status, 422);
  const none = { boot: "b1", seq: 2, stream: "speed", value: 1 };
  const alone = await readIngest(admit(none, {}, { identity: LIMITED }), DEVICE, NOW_MS);
  assert.ok(!alone.ok);
  assert.equal(alone.error.errors?.[0]?.code, "stream-not-allowed");
});

test("a signed batch has the name that was signed, whatever else names it", async () => {
  const named = { kind: "boot", boot: "b7", seq: 9 } as const;
  const row = { stream: "a", value: 1 };
  for (const [body, fields] of [
    [row, {}],
    [row, { "idempotency-key": "k1" }],
    [{ ...row, boot: "b7", seq: 9 }, {}],
  ] as const) {
    const result = await readIngest(admit(body, fields, { named }), DEVICE, NOW_MS);
    assert.ok(result.ok);
    assert.deepEqual(result.value.command.identity, named);
  }
  for (const other of [
    { boot: "b8", seq: 9 },
    { boot: "b7", seq: 10 },
  ]) {
    const result = await readIngest(admit({ ...row, ...other }, {}, { named }), DEVICE, NOW_MS);
    assert.ok(!result.ok);
    assert.match(result.error.detail, /signed/);
  }
});

const GOOD = { boot: "b1", seq: 1, t: [1, 2], series: { a: [1, 2] } };
const MIXED = { t: [1, 2], series: { a: [1, "x"] } };
const STRICT = { prefer: "handling=strict" };
const zip = (body: unknown): Uint8Array => Uint8Array.from(gzipSync(JSON.stringify(body)));

const PROBLEMS: readonly (readonly [string, unknown, Record<string, string>, number, string])[] = [
  ["no JSON", "{", {}, 400, "malformed-json"],
  ["nothing", "", {}, 400, "malformed-json"],
  ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), {}, 400, "malformed-json"],
  ["two documents", "{} {}", {}, 400, "malformed-json"],
  ["readings of a wrong shape", {}, {}, 400, "malformed"],
  ["text", "a,b", { "content-type": "text/plain" }, 415, "unsupported-media-type"],
  ["no type", GOOD, { "content-type": "" }, 415, "unsupported-media-type"],
  ["SenML in XML", "", { "content-type": "application/senml+xml" }, 415, "unsupported-media-type"],
  ["SenML without a reading", [], { "content-type": "application/senml+json" }, 400, "malformed"],
  [
    "SenML that is no JSON",
    "[",
    { "content-type": "application/senml+json" },
    400,
    "malformed-json",
  ],
  ["CSV without a header", "", { "content-type": "text/csv" }, 400, "malformed"],
  [
    "CSV that is not UTF-8",
    Uint8Array.of(255),
    { "content-type": "text/csv" },
    400,
    "malformed-text",
  ],
  ["NDJSON of nothing", "\n\n", { "content-type": "application/x-ndjson" }, 400, "malformed"],
  ["NDJSON of nonsense", "x\ny", { "content-type": "application/x-ndjson" }, 422, "unprocessable"],
  ["br", GOOD, { "content-encoding": "br" }, 415, "unsupported-media-type"],
  ["gzip that is none", GOOD, { "content-encoding": "gzip" }, 400, "malformed-gzip"],
  ["a body past the bound", " ".repeat(limits.bodyBytesMax + 1), {}, 413, "too-large"],
  [
    "a bomb",
    Uint8Array.from(gzipSync(Buffer.alloc(2 * limits.bodyBytesMax))),
    { "content-encoding": "gzip" },
    413,
    "too-large",
  ],
  ["readings that are all wrong", { t: [1], series: { a: ["x"] } }, {}, 422, "unprocessable"],
  ["a wrong reading, strictly", MIXED, STRICT, 422, "unprocessable"],
  [
    "the same among other preferences",
    MIXED,
    { prefer: "wait=5, handling=strict" },
    422,
    "unprocessable",
  ],
  ["a reading without a time or a name", { series: { a: [1] } }, {}, 422, "unprocessable"],
];

for (const [what, body, fields, status, code] of PROBLEMS)
  test(`P9 readIngest() of ${what}: ${status} ${code}`, async () => {
    const problem = await problemOf(body, fields);
    assert.deepEqual([problem.status, problem.code], [status, code]);
    assert.ok(problem.detail.length > 20);
  });

test("readIngest() takes gzip, a charset, a byte order mark and capitals", async () => {
  await read(zip(GOOD), { "content-encoding": "gzip" });
  await read(GOOD, { "content-type": "Application/JSON; charset=utf-8" });
  await read(`\uFEFF${JSON.stringify(GOOD)}`);
});

test("readIngest() gives one content hash for equal readings, and another for others", async () => {
  const hashes = await Promise.all(
    [
      GOOD,
      { ...GOOD, t: undefined, t0: 1, step: 1 },
      { boot: "b1", seq: 1, readings: [2, 1].map((n) => ({ stream: "a", value: n, time: n })) },
      { ...GOOD, series: { a: [1, 3] } },
    ].map(async (body) => (await read(body)).command.contentHash),
  );
  assert.match(hashes[0] ?? "", /^[0-9a-f]{16}$/);
  assert.deepEqual(hashes.slice(0, 3), [hashes[0], hashes[0], hashes[0]]);
  assert.notEqual(hashes[3], hashes[0]);
});

test("readIngest() is strict only if the request prefers it", async () => {
  assert.equal((await read(GOOD, STRICT)).command.isStrict, true);
  for (const prefer of ["handling=lenient", "handling=strictly", "xhandling=strict"])
    assert.equal((await read(MIXED, { prefer })).command.isStrict, false);
});

type Committed = Extract<IngestOutcome, { kind: "committed" }>;
const COMMITTED: Committed = {
  kind: "committed",
  accepted: 2,
  duplicates: 0,
  conflicts: 0,
  late: 0,
  quarantined: 0,
  ackSeq: 1,
  refused: [],
};
const REFUSED = [{ stream: "y", code: "too-many-streams", count: 3 }] as const;

async function answer(
  outcome: IngestOutcome,
  body: unknown = GOOD,
  fields: Record<string, string> = {},
): Promise<{ response: Response; json: Record<string, unknown> }> {
  const request = requestOf(body, fields);
  const response = answerIngest(await read(body, fields), outcome, "hel", openScope(request));
  return { response, json: (await response.json()) as Record<string, unknown> };
}

test("answerIngest() of a commit is 200 with every count, and says that it is durable", async () => {
  const { response, json } = await answer(COMMITTED);
  assert.equal(response.status, 200);
  assert.deepEqual(json, {
    accepted: 2,
    duplicates: 0,
    conflicts: 0,
    rejected: 0,
    late: 0,
    quarantined: 0,
    ackSeq: 1,
    durable: true,
    region: "hel",
    errors: [],
  });
});

test("answerIngest() adds what stood twice in the request, and what the parser and the hub refused", async () => {
  const rows = [1, 1, 2].map((value) => ({ stream: "a", value, time: 5 }));
  const body = [...rows, { stream: "a", value: "x", time: 6 }];
  const { json } = await answer({ ...COMMITTED, accepted: 1, refused: REFUSED }, body);
  assert.deepEqual(
    [json["accepted"], json["duplicates"], json["conflicts"], json["rejected"]],
    [1, 1, 1, 4],
  );
  assert.deepEqual(
    (json["errors"] as { code: string }[]).map(({ code }) => code),
    ["value-text", "too-many-streams"],
  );
});

const OUTCOMES: readonly (readonly [string, IngestOutcome, number, string])[] = [
  ["sequence-reused", { kind: "sequence-reused" }, 409, "sequence-reused"],
  ["buffer-full", { kind: "buffer-full", waitS: 9, fill: 0.96 }, 503, "buffer-full"],
  ["buffer-high", { kind: "buffer-high", waitS: 9, fill: 0.9 }, 429, "buffer-high"],
  ["hub-full", { kind: "hub-full" }, 503, "hub-full"],
  ["refused", { kind: "refused", refused: REFUSED }, 422, "unprocessable"],
  [
    "a repetition of what was refused",
    { ...COMMITTED, accepted: 0, refused: REFUSED },
    422,
    "unprocessable",
  ],
];

for (const [what, outcome, status, code] of OUTCOMES)
  test(`P1 answerIngest() of ${what}: ${status} ${code}, never a 2xx for what is not stored`, async () => {
    const { response, json } = await answer(outcome);
    assert.deepEqual([response.status, json["type"]], [status, `urn:skerry:problem:${code}`]);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal(response.headers.has("retry-after"), status === 503 || status === 429);
  });

test("answerIngest() announces a buffer that fills, rounded down, and no other", async () => {
  const { response, json } = await answer({ ...COMMITTED, buffer: 0.719 });
  assert.deepEqual([response.headers.get("skerry-buffer"), json["buffer"]], ["0.71", 0.71]);
  const quiet = await answer(COMMITTED);
  assert.deepEqual(
    [quiet.response.headers.has("skerry-buffer"), quiet.json["buffer"]],
    [false, undefined],
  );
  const full = await answer({ kind: "buffer-full", waitS: 9, fill: 0.9599 });
  const { headers } = full.response;
  assert.deepEqual([headers.get("skerry-buffer"), headers.get("retry-after")], ["0.95", "9"]);
});

test("answerIngest() of what was refused says why, strict or not", async () => {
  const outcome = { kind: "refused", refused: REFUSED } as const;
  assert.match(String((await answer(outcome, GOOD, STRICT)).json["detail"]), /handling=strict/);
  assert.doesNotMatch(String((await answer(outcome)).json["detail"]), /strict/);
});

test("answerIngest() lists no more errors than the bound (P8)", async () => {
  const refused = Array.from({ length: 256 }, (_, i) => ({ ...REFUSED[0], stream: `s${i}` }));
  const { json } = await answer({ ...COMMITTED, refused });
  assert.equal((json["errors"] as unknown[]).length, limits.errorsListedMax);
  assert.equal(json["rejected"], 768);
});
