// What every request meets at the doors: without its secrets a Worker refuses and names them; each
// request leaves one JSON line, under the id that its answer carries.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-doors-"));
let edge: EdgeProcess;

before(async () => {
  const [region] = DEFAULT_REGIONS;
  assert.ok(region !== undefined);
  const bundle = await buildWorker("edge", path.join(stateDir, "bundles"));
  const keys = { issuerKeys: "", linkKey: "", deviceRootKey: "" };
  const originUrl = "http://127.0.0.1:9";
  edge = await EdgeProcess.start({
    stateDir,
    bundle,
    region,
    regions: DEFAULT_REGIONS,
    originUrl,
    keys,
    port: 0,
  });
});
after(async () => {
  await edge.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("without its secrets the edge refuses every request and names what is missing", async () => {
  for (const target of ["/", "/v1/place", "/v1/devices/boat-1"]) {
    const response = await fetch(edge.url + target);
    const problem = (await response.json()) as { type: string; detail: string };
    assert.equal(response.status, 503);
    assert.equal(problem.type, "urn:skerry:problem:not-configured");
    assert.match(problem.detail, /ISSUER_KEYS \(.+LINK_KEY \(/);
  }
  assert.equal((await fetch(`${edge.url}/livez`)).status, 200);
  const ready = await fetch(`${edge.url}/readyz`);
  assert.equal(ready.status, 503);
  assert.equal(((await ready.json()) as { missing: string[] }).missing.length, 2);
});

test("each request leaves one JSON line under the id of its answer, and follows the caller's trace", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const headers = {
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    "x-request-id": "caller-1234",
  };
  const named = await fetch(`${edge.url}/v1/place?token=secret`, { headers });
  assert.equal(named.headers.get("x-request-id"), "caller-1234");
  const drawn = await fetch(`${edge.url}/v1/place`, {
    headers: { "x-request-id": 'a"b\n'.slice(0, 3) },
  });
  const id = drawn.headers.get("x-request-id") ?? "";
  assert.match(id, /^[0-9a-f-]{36}$/);
  const lines = readFileSync(edge.logFile, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const ofCaller = lines.filter((line) => line["requestId"] === "caller-1234");
  assert.equal(ofCaller.length, 1);
  const { event, method, path: target, status, traceId: logged } = ofCaller[0] ?? {};
  assert.deepEqual(
    [event, method, target, status, logged],
    ["request", "GET", "/v1/place", 503, traceId],
  );
  assert.equal(lines.filter((line) => line["requestId"] === id).length, 1);
});
