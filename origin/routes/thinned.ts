// GET /v1/devices/{device}/thinned: the minutes that are left of readings that regions thinned.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import type { Problem, ProblemItem } from "../../http/problem.ts";
import { parseStreamName, type DeviceId } from "../../sync/brand.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { ALL_DEVICES, openShard } from "../platform/shards.ts";
import type { ThinnedMinute, ThinnedQuery } from "../replica/read-thinned.ts";
import { readDeviceName } from "./device-problems.ts";

export function thinnedRoutes({ env, guard }: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/thinned", async (c) => {
    const device = readDeviceName(c.req.param("device"));
    if (!device.ok) return problemResponse(device.error);
    const admission = await guard.requireDevice(c.req.raw, device.value, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const query = readQuery(device.value, new URL(c.req.url).searchParams);
    if (!query.ok) return problemResponse(query.error);
    const { minutes, nextMs } = await openShard(env, ALL_DEVICES).thinned(query.value);
    const cursor = nextMs === null ? null : isoTime(nextMs);
    const body = { device: device.value, view: "all-regions", resolution: "1m" };
    return jsonResponse({ ...body, minutes: minutes.map(formatMinute), cursor });
  });
  app.all("/:device/thinned", onlyMethods("GET"));
  return app;
}

/** RFC 3339, as answers write it, or epoch milliseconds. */
const TIME = /^(\d{1,16}|\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))$/;

function readQuery(device: DeviceId, given: URLSearchParams): Result<ThinnedQuery, Problem> {
  const errors: ProblemItem[] = [];
  const complain = (code: string, message: string): void => void errors.push({ code, message });
  const time = (name: string, absent: number): number => {
    const text = given.get(name);
    if (text === null) return absent;
    const timeMs = !TIME.test(text) ? NaN : /^\d+$/.test(text) ? Number(text) : Date.parse(text);
    if (timeMs >= 0 && timeMs <= TIME_MS_MAX) return timeMs;
    complain(name, `${name} is RFC 3339, such as 2026-01-31T12:00:00Z, or epoch milliseconds`);
    return absent;
  };
  const streams = given.has("stream")
    ? given.getAll("stream").flatMap((names) => names.split(","))
    : null;
  if (streams?.some((name) => parseStreamName(name) === null) === true)
    complain(
      "stream",
      "stream is names of streams, [a-z][a-z0-9_]{0,63}, with commas between them",
    );
  const asked = given.get("limit") ?? String(limits.thinnedMinutesDefault);
  const limit = /^\d{1,9}$/.test(asked) ? Number(asked) : 0;
  if (limit < 1 || limit > limits.thinnedMinutesMax)
    complain("limit", `limit is a whole number from 1 to ${limits.thinnedMinutesMax}`);
  // A page goes on at a minute, which is a time as any other.
  const fromMs = Math.max(time("from", 0), time("cursor", 0));
  const toMs = time("to", TIME_MS_MAX + 1);
  return errors.length > 0 ? err(malformed(errors)) : ok({ device, streams, fromMs, toMs, limit });
}

function malformed(errors: readonly ProblemItem[]): Problem {
  const detail = errors.map(({ message }) => message).join("; ");
  return { code: "malformed-query", status: 400, title: "Malformed query", detail, errors };
}

function formatMinute({
  stream,
  startMs,
  firstMs,
  lastMs,
  count,
  sum,
  min,
  max,
}: ThinnedMinute): object {
  const times = { first: isoTime(firstMs), last: isoTime(lastMs) };
  return {
    stream,
    start: isoTime(startMs),
    count,
    sum,
    min,
    max,
    mean: Number(sum) / count,
    ...times,
  };
}
