// POST /v1/batches: a gateway's batches for many devices. Each is stored or refused by itself, and
// has its own result; those of one device go in their order.

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { formatProblem, type Problem, type ProblemItem } from "../../http/problem.ts";
import { err, type Result } from "../../sync/result.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import type { EdgeConfig } from "../config.ts";
import { limits } from "../limits.ts";
import { hubOf } from "../platform/hubs.ts";
import { parseGateway, type GatewayBatch } from "../telemetry/parse-gateway.ts";
import { decodeJson, isStrict, mediaTypeOf, readPayload, unsupported } from "./ingest-body.ts";
import { locate } from "./locate.ts";
import { forEachOf, refusalOf } from "./many-devices.ts";
import { encodeIngest, settleIngest, type IngestAnswer } from "./readings.ts";

type Settled = Result<IngestAnswer, Problem>;

export function batchRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/", async (c) => {
    const request = c.req.raw;
    const { region, config, guard } = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "batches", region });
    const admission = await guard.identify(request);
    if (!admission.ok) return problemResponse(admission.problem);
    const read = await readGateway(request);
    if (!read.ok) return problemResponse(read.error);
    const { batches, body } = read.value;
    const devices = new Set(batches.flatMap(({ device }) => device ?? []));
    const refusal = await refusalOf(guard, request, devices);
    if (refusal !== null) return problemResponse(refusal);
    const store = storeOf(parts, config, region, isStrict(request), body);
    const results = await inOrder(batches, store);
    const stored = results.flatMap((result) => (result.ok ? [result.value] : []));
    const accepted = stored.reduce((sum, answer) => sum + answer.accepted, 0);
    Object.assign(c.env.scope.fields, { batches: batches.length, accepted });
    return answerBatches(batches, results);
  });
  app.all("/", onlyMethods("POST"));
  return app;
}

async function readGateway(
  request: Request,
): Promise<Result<{ batches: readonly GatewayBatch[]; body: Uint8Array }, Problem>> {
  const type = mediaTypeOf(request);
  if (type !== "application/json")
    return err(unsupported(`Send Content-Type: application/json; this is "${type.slice(0, 80)}"`));
  const body = await readPayload(request);
  if (!body.ok) return body;
  const json = decodeJson(body.value);
  if (!json.ok) return json;
  const batches = parseGateway(json.value, request.headers.get("idempotency-key"));
  return batches.ok ? { ok: true, value: { batches: batches.value, body: body.value } } : batches;
}

function storeOf(
  { env }: ApiParts,
  config: EdgeConfig,
  region: string,
  isStrictly: boolean,
  body: Uint8Array,
): (batch: GatewayBatch) => Promise<Settled> {
  return async ({ device, parsed }) => {
    if (device === null || !parsed.ok) return parsed.ok ? err(NOT_A_BATCH) : parsed;
    const read = await encodeIngest(device, parsed.value, isStrictly, body);
    if (!read.ok) return read;
    const outcome = await hubOf(env, config, region, device).ingest(read.value.command);
    return settleIngest(read.value, outcome, region);
  };
}

/** Different devices at once, the batches of one device one after the other. */
async function inOrder(
  batches: readonly GatewayBatch[],
  store: (batch: GatewayBatch) => Promise<Settled>,
): Promise<Settled[]> {
  const results: Settled[] = [];
  const byDevice = Map.groupBy(batches.entries(), ([, { device }]) => device);
  await forEachOf([...byDevice.values()], async (own) => {
    for (const [at, batch] of own) results[at] = await store(batch);
  });
  return results;
}

/** 200 if anything is stored; else 503 if it may be sent again, or 422. */
function answerBatches(batches: readonly GatewayBatch[], settled: readonly Settled[]): Response {
  let room: number = limits.errorsListedMax;
  const results = settled.map((result, at) => {
    const said = result.ok ? result.value : problemBody(result.error);
    const errors = (said.errors ?? [])
      .slice(0, room)
      .map((item) => ({ ...item, pointer: `/batches/${at}${item.pointer ?? ""}` }));
    room -= errors.length;
    const status = result.ok ? 200 : result.error.status;
    return { device: batches[at]?.device ?? null, status, ...said, errors };
  });
  if (settled.some(({ ok }) => ok)) return jsonResponse({ results });
  const problem = settled.map((result) => (result.ok ? null : result.error));
  const full = problem.find((each) => each?.status === 503) ?? null;
  const answer = full ?? NOTHING_STORED;
  const response = problemResponse(answer);
  const body = { ...problemBody(answer), results };
  return new Response(`${JSON.stringify(body)}\n`, response);
}

function problemBody(problem: Problem): { readonly errors?: readonly ProblemItem[] } {
  return JSON.parse(formatProblem(problem)) as object;
}

const NOT_A_BATCH: Problem = {
  code: "malformed",
  status: 400,
  title: "Malformed readings",
  detail: "The batch names no device",
};

const NOTHING_STORED: Problem = {
  code: "unprocessable",
  status: 422,
  title: "Readings not stored",
  detail: "No batch could be stored: each result says why",
};
