// Do real answers keep what the OpenAPI documents say of them? The main doors of an edge and its origin on
// bare workerd: status, media type and shape, of what is done and of what is refused.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, test } from "node:test";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld } from "../../tools/launcher/world.ts";
import { EDGE_OPERATIONS } from "../../tools/openapi/edge.ts";
import type { Operations } from "../../tools/openapi/operation.ts";
import { ORIGIN_OPERATIONS } from "../../tools/openapi/origin.ts";
import { problem } from "../../tools/openapi/schemas.ts";

const stateDir = mkdtempSync(path.join(os.tmpdir(), "skerry-openapi-"));
const world = await openWorld({ stateDir, basePort: 0, regions: DEFAULT_REGIONS.slice(0, 1) });
after(async () => {
  await world.close();
  rmSync(stateDir, { recursive: true, force: true });
});
const [hel] = world.regions;
assert.ok(hel !== undefined);
const WORKERS = {
  edge: { url: hel.url, operations: EDGE_OPERATIONS },
  origin: { url: world.origin.url, operations: ORIGIN_OPERATIONS },
} as const;
const operator = await world.operatorToken("read", "admin", "purge", "publish", "ingest");

interface Call {
  readonly at: keyof typeof WORKERS;
  /** As the table has it. */
  readonly door: string;
  /** As it is asked, where that differs. */
  readonly path?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly token?: string;
  readonly fields?: Record<string, string>;
}

const readings = { boot: "b1", seq: 1, t: [1_790_000_000_000], series: { temp_c: [90] } };
const base = "/v1/devices/boat-1";
const CALLS: readonly Call[] = [
  { at: "origin", door: "POST /v1/devices", body: { device: "boat-1" }, status: 201 },
  { at: "origin", door: "POST /v1/devices", body: { device: "boat-1" }, status: 200 },
  { at: "origin", door: "POST /v1/devices", body: { device: 1 }, status: 400 },
  { at: "origin", door: "GET /v1/devices", status: 200 },
  { at: "origin", door: "GET /v1/devices/{device}", path: base, status: 200 },
  {
    at: "origin",
    door: "PATCH /v1/devices/{device}",
    path: base,
    body: { name: "a" },
    status: 200,
  },
  {
    at: "origin",
    door: "POST /v1/devices/{device}/credentials",
    path: `${base}/credentials`,
    body: { days: 3 },
    status: 201,
  },
  { at: "origin", door: "POST /v1/devices/{device}/key", path: `${base}/key`, status: 201 },
  { at: "origin", door: "GET /v1/devices/{device}/gaps", path: `${base}/gaps`, status: 200 },
  { at: "origin", door: "GET /v1/devices/{device}/thinned", path: `${base}/thinned`, status: 200 },
  { at: "origin", door: "GET /v1/keys", status: 200 },
  { at: "origin", door: "GET /v1/config", status: 200 },
  { at: "origin", door: "PUT /v1/config", body: { nothing: 1 }, status: 400 },
  {
    at: "origin",
    door: "PUT /v1/rules/{name}",
    path: "/v1/rules/hot",
    body: { device: "*", stream: "temp_c", above: 80 },
    status: 201,
  },
  { at: "origin", door: "GET /v1/rules", status: 200 },
  { at: "origin", door: "GET /v1/rules/{name}", path: "/v1/rules/hot", status: 200 },
  { at: "origin", door: "GET /v1/rules/{name}", path: "/v1/rules/none", status: 404 },
  { at: "origin", door: "GET /v1/alerts", status: 200 },
  { at: "origin", door: "GET /v1/poison", status: 200 },
  { at: "origin", door: "GET /v1/poison/{id}", path: "/v1/poison/none", status: 404 },
  { at: "origin", door: "GET /v1/purges", status: 200 },
  {
    at: "origin",
    door: "PUT /v1/sites/{site}/content/{path}",
    path: "/v1/sites/main/content/a.txt",
    body: "hello",
    status: 201,
  },
  { at: "origin", door: "GET /livez", status: 200 },
  { at: "origin", door: "GET /readyz", status: 200 },
  {
    at: "edge",
    door: "POST /v1/devices/{device}/readings",
    path: `${base}/readings`,
    body: readings,
    status: 200,
  },
  {
    at: "edge",
    door: "POST /v1/devices/{device}/readings",
    path: `${base}/readings`,
    body: { t: [] },
    status: 400,
  },
  {
    at: "edge",
    door: "POST /v1/devices/{device}/readings",
    path: `${base}/readings`,
    token: "",
    status: 401,
  },
  { at: "edge", door: "GET /v1/devices/{device}", path: base, status: 200 },
  { at: "edge", door: "GET /v1/devices/{device}", path: "/v1/devices/none", status: 404 },
  { at: "edge", door: "GET /v1/devices/{device}/latest", path: `${base}/latest`, status: 200 },
  { at: "edge", door: "GET /v1/devices/{device}/readings", path: `${base}/readings`, status: 200 },
  {
    at: "edge",
    door: "GET /v1/devices/{device}/readings",
    path: `${base}/readings?limit=x`,
    status: 400,
  },
  { at: "edge", door: "GET /v1/devices/{device}/gaps", path: `${base}/gaps`, status: 200 },
  { at: "edge", door: "GET /v1/devices/{device}/shadow", path: `${base}/shadow`, status: 200 },
  {
    at: "edge",
    door: "PATCH /v1/devices/{device}/shadow",
    path: `${base}/shadow`,
    body: { reported: { lamp: true } },
    status: 200,
  },
  {
    at: "edge",
    door: "POST /v1/devices/{device}/commands",
    path: `${base}/commands`,
    body: { id: "c1", name: "stop" },
    status: 201,
  },
  { at: "edge", door: "GET /v1/devices/{device}/commands", path: `${base}/commands`, status: 200 },
  {
    at: "edge",
    door: "POST /v1/devices/{device}/commands/{id}",
    path: `${base}/commands/c1`,
    body: { state: "done" },
    status: 200,
  },
  {
    at: "edge",
    door: "POST /v1/batches",
    body: { batches: [{ device: "boat-1", ...readings, seq: 2 }] },
    status: 200,
  },
  { at: "edge", door: "GET /v1/alerts", status: 200 },
  { at: "edge", door: "POST /v1/alerts/{id}/ack", path: "/v1/alerts/none/ack", status: 404 },
  { at: "edge", door: "GET /v1/time", status: 200 },
  { at: "edge", door: "GET /v1/place", status: 200 },
  { at: "edge", door: "POST /v1/purge", body: { tags: ["a"] }, status: 200 },
  { at: "edge", door: "POST /v1/purge", body: {}, status: 400 },
  { at: "edge", door: "GET /v1/purges", status: 200 },
  { at: "edge", door: "GET /ping", status: 204 },
  { at: "edge", door: "GET /health", status: 200 },
  { at: "edge", door: "GET /livez", status: 200 },
  { at: "edge", door: "GET /readyz", status: 200 },
];

for (const call of CALLS)
  test(`${call.at}: ${call.door} answers ${call.status} as its document says`, async () => {
    const { url, operations } = WORKERS[call.at];
    const [method = "", template = ""] = call.door.split(" ");
    const token = call.token ?? operator;
    const isText = typeof call.body === "string";
    const ask = (): Promise<Response> =>
      fetch(`${url}${call.path ?? template}`, {
        method,
        headers: {
          ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
          ...(call.body === undefined || isText ? {} : { "content-type": "application/json" }),
        },
        ...(call.body === undefined
          ? {}
          : { body: isText ? String(call.body) : JSON.stringify(call.body) }),
      });
    let answer = await ask();
    // What the origin was told takes a moment to the region.
    for (let tries = 0; answer.status === 404 && call.status === 200 && tries < 50; tries += 1) {
      await sleep(100);
      answer = await ask();
    }
    const text = await answer.text();
    assert.equal(answer.status, call.status, text);
    const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
    assertShape(operations, call, type, text);
  });

function assertShape(operations: Operations, call: Call, type: string, text: string): void {
  const operation = operations[call.door];
  assert.ok(operation !== undefined);
  const content = operation.answers[call.status];
  if (content === null) return assert.equal(text, "");
  if (content === undefined) {
    const known = [...operation.problems, 401, 403, 405, 429, 503];
    assert.ok(known.includes(call.status));
    assert.equal(type, "application/problem+json");
    const parsed = problem.safeParse(JSON.parse(text));
    return assert.ok(parsed.success, JSON.stringify(parsed.error));
  }
  assert.ok(typeof content !== "string");
  assert.equal(type, "application/json");
  const parsed = content.safeParse(JSON.parse(text));
  assert.ok(parsed.success, `${text}\n${JSON.stringify(parsed.error)}`);
}
