// GET /v1/devices/{device}/latest and .../readings: what a region holds of a device, read back.

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { onlyMethods } from "../../doors/methods.ts";
import { problemResponse } from "../../doors/respond.ts";
import { decidePrecondition } from "../../http/conditional.ts";
import type { Problem } from "../../http/problem.ts";
import { DAMAGE, DAMAGE_UNCOUNTED, formatGap, type ToldGaps } from "../../state/gap.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { acceptedFormat } from "../history/accepted-format.ts";
import { formatCursor } from "../history/cursor.ts";
import type { LatestReading } from "../history/latest.ts";
import { malformedQuery, parseHistoryQuery, type AskedHistory } from "../history/parse-query.ts";
import type { HistoryPage, HistoryQuery } from "../history/query.ts";
import { limits } from "../limits.ts";
import type { DeviceHub } from "../objects/device-hub.ts";
import type { TimeRange } from "../ports.ts";
import { hubOf } from "../platform/hubs.ts";
import { NO_SUCH_NAME, notSeen } from "./device-problems.ts";
import { writeCsv } from "./history-csv.ts";
import { pageColumns, timeText } from "./history-json.ts";
import { sha256Of } from "./ingest-body.ts";
import { locate } from "./locate.ts";

export function historyRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  app.get("/:device/latest", async (c) => {
    const asked = await admit(c, parts, "latest");
    if (!asked.ok) return problemResponse(asked.error);
    const { device, region, hub } = asked.value;
    const latest: readonly LatestReading[] | null = await hub.latest(device);
    if (latest === null) return problemResponse(notSeen(device, region));
    const streams = latest.map(({ stream, timeMs, value, arrivedMs }) => [
      stream,
      {
        type: typeof value,
        time: timeText(timeMs),
        value,
        arrived: arrivedMs === null ? null : timeText(arrivedMs),
      },
    ]);
    const body = { device, view: "regional", region, streams: Object.fromEntries(streams) };
    return answer(c.req.raw, JSON.stringify(body) + "\n", { "content-type": "application/json" });
  });
  app.all("/:device/latest", onlyMethods("GET"));

  app.get("/:device/readings", async (c) => {
    const asked = await admit(c, parts, "history");
    if (!asked.ok) return problemResponse(asked.error);
    const { device, region, hub } = asked.value;
    const question = readQuestion(c.req.raw, device);
    if (!question.ok) return problemResponse(question.error);
    const { query } = question.value;
    // RPC's own types turn the tuples inside a page into arrays; what arrives is what was sent.
    const page = (await hub.history(query)) as unknown as HistoryPage | "busy" | null;
    if (page === null) return problemResponse(notSeen(device, region));
    if (page === "busy") return problemResponse(BUSY);
    return question.value.format === "csv"
      ? csvAnswer(c.req.raw, query, page)
      : jsonAnswer(c.req.raw, query, page, region);
  });
  return app;
}

interface Admitted {
  readonly device: DeviceId;
  readonly region: string;
  readonly hub: DurableObjectStub<DeviceHub>;
}

async function admit(
  c: Context<ApiEnv>,
  parts: ApiParts,
  door: string,
): Promise<Result<Admitted, Problem>> {
  const device = parseDeviceId(c.req.param("device") ?? "");
  if (device === null) return err(NO_SUCH_NAME);
  const { region, config, guard } = await locate(c, parts);
  Object.assign(c.env.scope.fields, { door, device, region });
  const admission = await guard.requireDevice(c.req.raw, device, "read");
  if (!admission.ok) return err(admission.problem);
  return ok({ device, region, hub: hubOf(parts.env, config, region, device) });
}

function readQuestion(
  request: Request,
  device: DeviceId,
): Result<Omit<AskedHistory, "format"> & { readonly format: "json" | "csv" }, Problem> {
  const { search, searchParams } = new URL(request.url);
  if (search.length > limits.historyQueryCharsMax) return err(malformedQuery([TOO_LONG]));
  const asked = parseHistoryQuery(device, searchParams);
  if (!asked.ok) return asked;
  const format = asked.value.format ?? acceptedFormat(request.headers.get("accept"));
  return format === null ? err(NOT_ACCEPTABLE) : ok({ query: asked.value.query, format });
}

function jsonAnswer(
  request: Request,
  query: HistoryQuery,
  page: HistoryPage,
  region: string,
): Promise<Response> {
  const { device, resolution, fromMs, toMs, isWithQuarantined } = query;
  const body = {
    device,
    view: "regional",
    region,
    resolution,
    from: timeText(fromMs),
    to: toMs > TIME_MS_MAX ? null : timeText(toMs),
    ...pageColumns(page, isWithQuarantined),
    coarser: page.coarser.map(({ range: [firstMs, lastMs], resolution: left }) => ({
      from: timeText(firstMs),
      to: timeText(lastMs + 1),
      resolution: left,
    })),
    damaged: page.damaged.map(([firstMs, lastMs]) => ({
      from: timeText(firstMs),
      to: timeText(lastMs + 1),
    })),
    gaps: page.gaps.listed.map((gap) => formatGap(gap, timeText)),
    ...(page.gaps.isTruncated ? { gapsTruncated: true } : {}),
    cursor: page.next === null ? null : formatCursor(query, page.next),
  };
  return answer(request, JSON.stringify(body) + "\n", {
    "content-type": "application/json",
    ...linkOf(request, query, page),
  });
}

/** What JSON says beside the readings, CSV says in fields. */
function csvAnswer(request: Request, query: HistoryQuery, page: HistoryPage): Promise<Response> {
  const text = ([firstMs, lastMs]: TimeRange): string =>
    `${timeText(firstMs)}/${timeText(lastMs + 1)}`;
  const coarser = page.coarser.map((each) => `${text(each.range)};resolution=${each.resolution}`);
  const damaged = page.damaged.map(text);
  return answer(request, writeCsv(page, query.isWithQuarantined), {
    "content-type": "text/csv; charset=utf-8; header=present",
    ...(coarser.length === 0 ? {} : { "skerry-coarser": coarser.join(", ") }),
    ...(damaged.length === 0 ? {} : { "skerry-damaged": damaged.join(", ") }),
    ...gapFields(page.gaps),
    ...linkOf(request, query, page),
  });
}

function gapFields({ listed, isTruncated }: ToldGaps): Record<string, string> {
  if (listed.length === 0) return {};
  const gaps = listed.map(({ stream, policy, readings, fromMs, toMs }) => {
    const span = `${timeText(fromMs)}/${timeText(toMs)};stream="${stream}"`;
    if (policy === DAMAGE_UNCOUNTED) return `${span};policy=${DAMAGE}`;
    return `${span};readings=${readings};policy=${policy}`;
  });
  return { "skerry-gaps": [...gaps, ...(isTruncated ? ["more"] : [])].join(", ") };
}

/** Where the next page is (RFC 8288). */
function linkOf(request: Request, query: HistoryQuery, page: HistoryPage): Record<string, string> {
  if (page.next === null) return {};
  const { pathname, searchParams } = new URL(request.url);
  searchParams.set("cursor", formatCursor(query, page.next));
  return { link: `<${pathname}?${searchParams.toString()}>; rel="next"` };
}

/** No shared cache keeps it, and one's own asks again before it is used (P4). */
async function answer(
  request: Request,
  body: string,
  fields: Record<string, string>,
): Promise<Response> {
  const bytes = new TextEncoder().encode(body);
  const headers = new Headers({
    "cache-control": "private, no-cache",
    etag: `"${(await sha256Of(bytes)).slice(0, 32)}"`,
    vary: "accept, authorization",
    ...fields,
  });
  const { kind } = decidePrecondition(request.headers, headers, 0);
  if (kind === "send") return new Response(bytes, { headers });
  headers.delete("content-type");
  return new Response(null, { status: 304, headers });
}

const TOO_LONG = {
  code: "query",
  message: `a query has at most ${limits.historyQueryCharsMax} characters`,
};

const NOT_ACCEPTABLE: Problem = {
  code: "not-acceptable",
  status: 406,
  title: "Not acceptable",
  detail:
    "Readings are told as application/json or text/csv: send Accept with one of them, or format=json or format=csv",
};

const BUSY: Problem = {
  code: "history-busy",
  status: 503,
  title: "Busy reading",
  detail: `This region reads ${limits.historyPagesMax} pages of its devices at once, and takes in readings first: ask again`,
  headers: { "retry-after": "1" },
};
