// POST /write and /api/v2/write: line protocol, as clients of InfluxDB 1.x and 2.x post it; /ping and
// /health, which they ask first.

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { jsonResponse } from "../../doors/respond.ts";
import type { Identity } from "../../doors/tokens.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import type { DeviceReport } from "../objects/device-hub.ts";
import { hubOf } from "../platform/hubs.ts";
import { bodyKey } from "../telemetry/body-key.ts";
import { parseLines, parsePrecision, type ParsedLines } from "../telemetry/parse-lines.ts";
import { malformed, parseKey } from "../telemetry/parsed-readings.ts";
import type { ReadingCollector } from "../telemetry/reading-collector.ts";
import { decodeText, isStrict, readPayload, sha256Of } from "./ingest-body.ts";
import { locate } from "./locate.ts";
import { forEachOf, refusalOf } from "./many-devices.ts";
import { encodeIngest, settleIngest, type IngestAnswer } from "./readings.ts";
import { answerWritten, refuseWrite, type Written } from "./write-answer.ts";

type Hub = ReturnType<typeof hubOf>;
type Settled = Result<IngestAnswer, Problem>;

/** A request whose lines are read. */
interface ReadWrite {
  readonly lines: ParsedLines;
  readonly body: Uint8Array;
  readonly identity: BatchIdentity;
  readonly isStrict: boolean;
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
  const refusal = await refusalOf(guard, asking, lines.devices.keys());
  if (refusal !== null) return refuseWrite(refusal);
  const devices = [...lines.devices];
  const settled = await forEachOf(devices, ([device, readings]) =>
    store(hubOf(parts.env, config, region, device), device, readings, read.value, region),
  );
  const written = writtenOf(lines, settled);
  const { stored: accepted, dropped: rejected } = written;
  Object.assign(c.env.scope.fields, { devices: devices.length, accepted, rejected });
  const refused = settled.map((result) => (result.ok ? null : result.error));
  // What was not taken for want of room is to be sent again, with all that came with it.
  const problem =
    refused.find((each) => each?.status === 503) ?? refused.find((each) => each?.status === 409);
  return problem == null ? answerWritten(written) : refuseWrite(problem);
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
  const isStrictly = isStrict(request);
  const { errors, rejected } = lines.value.rejections();
  if (isStrictly && rejected > 0) {
    const message = `Nothing is stored, as Prefer: handling=strict asks: ${errors[0]?.message ?? ""}`;
    return err({ ...malformed("", message), errors });
  }
  return ok({ lines: lines.value, body: body.value, identity: named.value, isStrict: isStrictly });
}

/** Stores the readings of one device. */
async function store(
  hub: Hub,
  device: DeviceId,
  readings: ReadingCollector,
  { identity, isStrict: isStrictly, body }: ReadWrite,
  region: string,
): Promise<Settled> {
  const isNameless = identity.kind === "none" && readings.timeless.size > 0;
  const named = isNameless ? await nameOf(hub, device, body) : identity;
  const parsed = { identity: named, sentMs: null, readings, isRelative: false };
  const read = await encodeIngest(device, parsed, isStrictly, body);
  if (!read.ok) return read;
  return settleIngest(read.value, await hub.ingest(read.value.command), region);
}

/** Names a body without times; the hub says under which name it has it, if it has. */
async function nameOf(hub: Hub, device: DeviceId, body: Uint8Array): Promise<BatchIdentity> {
  // RPC's own types turn the tuples inside a report into arrays; what arrives is what was sent.
  const [hash, report] = await Promise.all([
    sha256Of(body),
    hub.report(device) as unknown as Promise<DeviceReport>,
  ]);
  const keys = report.state?.memory.keys ?? [];
  return { kind: "key", key: bodyKey(hash, keys, Date.now()) };
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
