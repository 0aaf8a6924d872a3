// POST /write and /api/v2/write: line protocol, as clients of InfluxDB 1.x and 2.x post it; /ping and
// /health, which they ask first.

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse } from "../../doors/respond.ts";
import type { Identity } from "../../doors/claims.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { hubOf } from "../platform/hubs.ts";
import { parseLines, parsePrecision, type ParsedLines } from "../telemetry/parse-lines.ts";
import { malformed, parseKey } from "../telemetry/parsed-readings.ts";
import { announced } from "./buffer-answer.ts";
import { decodeText, isStrict, readPayload } from "./ingest-body.ts";
import { locate } from "./locate.ts";
import { storeParts, type Settled } from "./many-devices.ts";
import { answerWritten, refuseWrite, type Written } from "./write-answer.ts";

/** A request whose lines are read. */
interface ReadWrite {
  readonly lines: ParsedLines;
  readonly body: Uint8Array;
  readonly identity: BatchIdentity;
}

export function writeRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  for (const path of ["/write", "/api/v2/write"]) {
    app.post(path, (c) => write(c, parts));
    app.all(path, onlyMethods("POST"));
  }
  // Clients of 1.x read the version from here, and fail without one.
  app.get("/ping", () => new Response(null, { status: 204, headers: PING }));
  app.get("/health", () =>
    jsonResponse({ name: "skerry", message: "ready for writes", status: "pass", checks: [] }),
  );
  for (const path of ["/ping", "/health"]) app.all(path, onlyMethods("GET"));
  return app;
}

const PING = { "x-influxdb-version": "1.8.10-skerry", "cache-control": "no-store" };

async function write(c: Context<ApiEnv>, parts: ApiParts): Promise<Response> {
  const url = new URL(c.req.url);
  const { region, config, guard } = await locate(c, parts);
  Object.assign(c.env.scope.fields, { door: "write", region });
  const asking = askedWith(c.req.raw, url);
  const admission = await guard.identify(asking);
  if (!admission.ok) return refuseWrite(admission.problem);
  const read = await readWrite(c.req.raw, url, admission.identity);
  if (!read.ok) return refuseWrite(read.error);
  const { lines } = read.value;
  const { body, identity } = read.value;
  const devices = [...lines.devices].map(([device, readings]) => ({
    device,
    parsed: ok({ identity, sentMs: null, readings, isRelative: false }),
  }));
  const settled = await storeParts(devices, {
    request: asking,
    guard,
    region,
    body,
    isStrict: isStrict(c.req.raw),
    hubOf: (device) => hubOf(parts.env, config, region, device),
  });
  if (!settled.ok) return refuseWrite(settled.error);
  const written = writtenOf(lines, settled.value);
  Object.assign(c.env.scope.fields, { accepted: written.stored, rejected: written.dropped });
  const refused = settled.value.map((result) => (result.ok ? null : result.error));
  // What was not taken for want of room is to be sent again, with all that came with it.
  const problem =
    refused.find((each) => each?.status === 503) ??
    refused.find((each) => each?.status === 429) ??
    refused.find((each) => each?.status === 409);
  const shares = settled.value.flatMap((result) => (result.ok ? (result.value.buffer ?? []) : []));
  const share = shares.length === 0 ? undefined : Math.max(...shares);
  return problem == null ? announced(answerWritten(written), share) : refuseWrite(problem);
}

/** Finds the token where clients of 1.x put it: as the password, in the URL or in Basic. */
function askedWith(request: Request, url: URL): Request {
  const given = request.headers.get("authorization");
  const basic = /^Basic +([A-Za-z0-9+/=_-]{1,8192})$/i.exec(given ?? "")?.[1];
  const password = basic === undefined ? url.searchParams.get("p") : passwordOf(basic);
  if (basic === undefined && (given !== null || password === null)) return request;
  // What is no token is no field value either, perhaps.
  const token = /^[A-Za-z0-9._~+/=-]{1,4096}$/.test(password ?? "") ? password : "-";
  return new Request(url, { headers: { authorization: `Bearer ${token}` } });
}

function passwordOf(basic: string): string | null {
  try {
    const decoded = atob(basic);
    const colon = decoded.indexOf(":");
    return colon === -1 ? null : decoded.slice(colon + 1);
  } catch {
    return null;
  }
}

async function readWrite(
  request: Request,
  url: URL,
  identity: Identity,
): Promise<Result<ReadWrite, Problem>> {
  const precision = parsePrecision(url.searchParams.get("precision"));
  if (precision === null) return err(malformed("", "precision is one of ns, us, ms, s, m, h"));
  const named = parseKey(request.headers.get("idempotency-key"));
  if (!named.ok) return named;
  const body = await readPayload(request);
  if (!body.ok) return body;
  const text = decodeText(body.value);
  if (!text.ok) return text;
  const own = identity.kind === "device" ? identity.device : null;
  const lines = parseLines(text.value, precision, url.searchParams.get("device") ?? own);
  if (!lines.ok) return lines;
  const { errors } = lines.value.lost;
  if (errors[0] !== undefined && isStrict(request))
    return err({ ...malformed("", `Nothing is stored: ${errors[0].message}`), errors });
  return ok({ lines: lines.value, body: body.value, identity: named.value });
}

function writtenOf(lines: ParsedLines, settled: readonly Settled[]): Written {
  const kept = settled.flatMap((result) => (result.ok ? [result.value] : []));
  const stored = kept.reduce((sum, each) => sum + each.accepted + each.duplicates, 0);
  const conflicts = kept.reduce((sum, each) => sum + each.conflicts, 0);
  const said: readonly ProblemItem[] = settled.flatMap((result) =>
    result.ok ? result.value.errors : (result.error.errors ?? []),
  );
  const errors = [...lines.lost.errors, ...said]
    .toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0))
    .slice(0, limits.errorsListedMax);
  return { stored, conflicts, dropped: lines.count - stored - conflicts, errors };
}
