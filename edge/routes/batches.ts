// POST /v1/batches: a gateway's batches for many devices. Each is stored or refused by itself, and
// has its own result; those of one device go in their order.

import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse, problemResponse } from "../../doors/respond.ts";
import { formatProblem, type Problem, type ProblemItem } from "../../http/problem.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { hubOf } from "../platform/hubs.ts";
import { parseGateway } from "../telemetry/parse-gateway.ts";
import { announced } from "./buffer-answer.ts";
import { isStrict, readJson } from "./ingest-body.ts";
import { locate } from "./locate.ts";
import { storeParts, type DevicePart, type Settled } from "./many-devices.ts";

export function batchRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post("/", async (c) => {
    const request = c.req.raw;
    const { region, config, guard } = await locate(c, parts);
    const { fields } = c.env.scope;
    Object.assign(fields, { door: "batches", region });
    const admission = await guard.identify(request);
    if (!admission.ok) return problemResponse(admission.problem);
    const read = await readJson(request);
    if (!read.ok) return problemResponse(read.error);
    const batches = parseGateway(read.value.json, request.headers.get("idempotency-key"));
    if (!batches.ok) return problemResponse(batches.error);
    const settled = await storeParts(batches.value, {
      request,
      guard,
      region,
      body: read.value.body,
      isStrict: isStrict(request),
      hubOf: (device) => hubOf(parts.env, config, region, device),
    });
    if (!settled.ok) return problemResponse(settled.error);
    const kept = settled.value.map((result) => (result.ok ? result.value.accepted : 0));
    fields["accepted"] = kept.reduce((sum, accepted) => sum + accepted, 0);
    return answerBatches(batches.value, settled.value);
  });
  app.all("/", onlyMethods("POST"));
  return app;
}

/** What may be sent again as it is. */
const AGAIN: ReadonlySet<number> = new Set([429, 503]);

/** 200 if anything is stored; else 429 or 503 if it may be sent again, or 422. */
function answerBatches(batches: readonly DevicePart[], settled: readonly Settled[]): Response {
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
  const shares = settled.flatMap((result) => (result.ok ? (result.value.buffer ?? []) : []));
  const share = shares.length === 0 ? undefined : Math.max(...shares);
  if (settled.some(({ ok }) => ok)) return announced(jsonResponse({ results }), share);
  const full = settled.find((result) => !result.ok && AGAIN.has(result.error.status));
  const problem = full === undefined || full.ok ? NOTHING_STORED : full.error;
  const body = JSON.stringify({ ...problemBody(problem), results });
  return new Response(`${body}\n`, problemResponse(problem));
}

function problemBody(problem: Problem): { readonly errors?: readonly ProblemItem[] } {
  return JSON.parse(formatProblem(problem)) as object;
}

const NOTHING_STORED: Problem = {
  code: "unprocessable",
  status: 422,
  title: "Readings not stored",
  detail: "No batch could be stored: each result says why",
};
