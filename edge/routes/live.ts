// GET /v1/live: what happens in a region, as it happens. As server-sent events, or over a WebSocket
// with the subprotocol skerry.live.1; docs/live-protocol.md is the specification.

import { Hono } from "hono";
import { onlyMethods } from "../../doors/methods.ts";
import { problemResponse } from "../../doors/respond.ts";
import type { Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { rangeOf, shardOf } from "../../sync/hash.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import type { LivePosition, LivePositions } from "../live/position.ts";
import { readLiveQuery, type LiveQuery, type ReadQuery } from "../live/query.ts";
import { hubsOf } from "../platform/hubs.ts";
import { LiveEvents, type LiveEvent, type LiveSource } from "../platform/live-sources.ts";
import type { Here } from "../platform/regions.ts";
import { TOKEN_PREFIX } from "../stream/protocol.ts";
import { locate } from "./locate.ts";
import { expiryOf } from "./stream.ts";
import { LIVE_SUBPROTOCOL, serveLiveSocket } from "./live-socket.ts";

export function liveRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/", async (c) => {
    const { raw } = c.req;
    const isSocket = (raw.headers.get("upgrade") ?? "").toLowerCase() === "websocket";
    const offered = (raw.headers.get("sec-websocket-protocol") ?? "").split(",");
    const names = offered.map((name) => name.trim());
    if (isSocket && !names.includes(LIVE_SUBPROTOCOL)) return problemResponse(NOT_SPOKEN);
    const here = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "live", region: here.region, socket: isSocket });
    const request = withToken(raw, names);
    const admission = await here.guard.requireScope(request, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const read = readLiveQuery(new URL(raw.url).searchParams, raw.headers.get("last-event-id"));
    if (!read.ok) return problemResponse(read.error);
    const opened = await openHubs(read.value, here, parts);
    if (!opened.ok) return problemResponse(opened.error);
    const events = new LiveEvents(opened.value);
    // Nobody hears on when the token is no longer good.
    const leftMs = expiryOf(request) - Date.now();
    setTimeout(() => void events.end(), Math.min(Math.max(leftMs, 0), TIMER_MS_MAX));
    return isSocket ? serveLiveSocket(events) : serveEvents(events);
  });
  app.all("/", onlyMethods("GET"));
  return app;
}

/** Opens the stream of every hub that has something to say. */
async function openHubs(
  { query, after }: ReadQuery,
  { region, config }: Here,
  { env }: ApiParts,
): Promise<Result<LiveSource[], Problem>> {
  const wanted = rangesOf(query, config.hubs);
  const all = hubsOf(env, config, region).map((stub, at) => ({
    stub,
    hub: rangeOf((at * SHARDS) / config.hubs, config.hubs),
  }));
  const hubs = all.filter(({ hub }) => wanted === null || wanted.has(hub));
  if (hubs.length > limits.liveHubsMax) return err(tooManyHubs(hubs.length));
  const opened = await Promise.all(
    hubs.map(async ({ stub, hub }) => {
      const stream = (await stub.live(query, positionIn(after, hub))) as ReadableStream | null;
      return { hub, stream };
    }),
  );
  const sources = opened.flatMap(({ hub, stream }) => (stream === null ? [] : [{ hub, stream }]));
  if (sources.length === hubs.length) return ok(sources);
  await Promise.all(sources.map(({ stream }) => stream.cancel()));
  return err(FULL);
}

const SHARDS = 256;
/** The longest that a timer waits, milliseconds: 24 days. */
const TIMER_MS_MAX = 2_147_483_647;

function rangesOf({ devices }: LiveQuery, hubs: number): ReadonlySet<string> | null {
  return devices === null ? null : new Set(devices.map((name) => rangeOf(shardOf(name), hubs)));
}

function positionIn(after: LivePositions | null, hub: string): LivePosition | null {
  return after?.get(hub) ?? null;
}

/** Answers with server-sent events (WHATWG HTML §9.2), at the pace of whoever reads them. */
function serveEvents(events: LiveEvents): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
      },
      async pull(controller) {
        const event = await events.take();
        if (event === null) {
          await events.end();
          controller.close();
        } else controller.enqueue(encoder.encode(formatEvent(event)));
      },
      cancel: () => events.end(),
    },
    { highWaterMark: 1 },
  );
  const headers = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  };
  return new Response(body, { headers });
}

/** How long a client waits before it comes back, milliseconds. */
const RETRY_MS = 1_000;

/** Writes an event; a heartbeat is a comment that moves the id along. */
function formatEvent({ id, hub, event, data }: LiveEvent): string {
  return event === "heartbeat"
    ? `: heartbeat\nid: ${id}\n\n`
    : `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify({ hub, ...data })}\n\n`;
}

/** A token that was offered as a subprotocol stands where others have it. */
function withToken(request: Request, names: readonly string[]): Request {
  const offered = names.find((name) => name.startsWith(TOKEN_PREFIX));
  if (offered === undefined || request.headers.has("authorization")) return request;
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${offered.slice(TOKEN_PREFIX.length)}`);
  return new Request(request.url, { headers });
}

const NOT_SPOKEN: Problem = {
  code: "live-subprotocol",
  status: 400,
  title: "Not a subprotocol of this door",
  detail: `Offer the subprotocol ${LIVE_SUBPROTOCOL} (Sec-WebSocket-Protocol), or leave Upgrade out for server-sent events`,
};

const FULL: Problem = {
  code: "live-full",
  status: 503,
  title: "Too many listen",
  detail: `A hub has ${limits.liveListenersMax} listeners, as many as it may: come back later`,
  headers: { "retry-after": String(limits.liveRetryAfterS) },
};

function tooManyHubs(hubs: number): Problem {
  return {
    code: "live-query",
    status: 400,
    title: "Not a filter of this door",
    detail: `This region has ${hubs} hubs, and one listener hears ${limits.liveHubsMax} at most: name devices`,
  };
}
