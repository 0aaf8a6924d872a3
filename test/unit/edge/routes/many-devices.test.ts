// What does a request with readings of many devices come to when hubs are full, slow or refuse, and
// in which order are they called? The doors' real routes, over hubs that answer as they are told.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { ApiParts } from "../../../../edge/app.ts";
import type { IngestCommand, IngestOutcome } from "../../../../edge/ingest.ts";
import { limits } from "../../../../edge/limits.ts";
import { batchRoutes } from "../../../../edge/routes/batches.ts";
import { writeRoutes } from "../../../../edge/routes/write.ts";
import { decodeBatches, readingsOf } from "../../../../sync/wire/batch.ts";

const T0 = 1_790_000_000_000;

/** What hubs were called with, and what they say to it; all is stored unless told. */
let commands: IngestCommand[] = [];
let outcomes: Record<string, IngestOutcome> = {};
let keys: [string, string][] = [];
let calls = { now: 0, most: 0 };

const hub = {
  ingest: async (command: IngestCommand): Promise<IngestOutcome> => {
    calls.now += 1;
    calls.most = Math.max(calls.most, calls.now);
    commands.push(command);
    await new Promise((resolve) => setImmediate(resolve));
    calls.now -= 1;
    const batches = decodeBatches(command.entry);
    assert.ok(batches.ok);
    const accepted = batches.value.reduce((sum, batch) => sum + readingsOf(batch), 0);
    const counts = { duplicates: 0, conflicts: 0, late: 0, quarantined: 0, ackSeq: null };
    const stored = { kind: "committed", accepted, ...counts, refused: [] } as const;
    return outcomes[command.device] ?? stored;
  },
  report: async () => ({ state: { memory: { keys } } }),
};
const identity = { kind: "operator", name: "o", scopes: new Set(["ingest"]) };
const guard = {
  noting: () => guard,
  identify: async () => ({ ok: true, identity }),
  requireDevice: async (_: Request, device: string) =>
    device === "closed"
      ? {
          ok: false,
          problem: { code: "forbidden", status: 403, title: "", detail: "not that one" },
        }
      : { ok: true, identity },
};
const parts = {
  env: { DEVICE_HUB: { idFromName: (name: string) => name, get: () => hub } },
  regions: { at: async () => ({ region: "hel", config: { regions: [], hubs: 1 }, guard }) },
} as unknown as ApiParts;

beforeEach(() => {
  [commands, outcomes, keys, calls] = [[], {}, [], { now: 0, most: 0 }];
});

async function post(
  routes: ReturnType<typeof batchRoutes>,
  target: string,
  body: string,
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const headers = { "content-type": "application/json", authorization: "Bearer x" };
  const request = new Request(`http://edge.test${target}`, { method: "POST", headers, body });
  const bindings = { scope: { requestId: "r", traceId: null, fields: {} }, cf: null };
  const response = await routes.fetch(request, bindings);
  const text = await response.text();
  const parsed = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body: parsed };
}

const batchesOf = (...devices: readonly string[]): string =>
  JSON.stringify({
    batches: devices.map((device, at) => ({ device, stream: "a", value: at, time: T0 + at })),
  });
const postBatches = (...devices: readonly string[]): ReturnType<typeof post> =>
  post(batchRoutes(parts), "/", batchesOf(...devices));
const postLines = (...devices: readonly string[]): ReturnType<typeof post> =>
  post(
    writeRoutes(parts),
    "/write?precision=ms",
    devices.map((device, at) => `a,device=${device} value=${at} ${T0 + at}`).join("\n"),
  );
const FULL: IngestOutcome = { kind: "buffer-full", waitS: 17, fill: 0.96 };

test("a few hubs are called at once, and one device's batches in their order", async () => {
  const devices = Array.from({ length: 40 }, (_, i) => `d${i % 20}`);
  const { status, body } = await postBatches(...devices);
  assert.equal(status, 200);
  const results = body["results"] as { device: string; accepted: number }[];
  assert.deepEqual(
    results.map(({ device, accepted }) => [device, accepted]),
    devices.map((device) => [device, 1]),
  );
  assert.equal(commands.length, 40);
  assert.equal(calls.most, limits.hubCallsAtOnceMax);
  const first = (command: IngestCommand): number => {
    const decoded = decodeBatches(command.entry);
    return decoded.ok ? (decoded.value[0]?.times[0] ?? 0) : 0;
  };
  const own = commands.filter(({ device }) => device === "d3").map(first);
  assert.deepEqual(own, [T0 + 3, T0 + 23]);
});

test("nothing is stored for anyone if the request may not post for one of them", async () => {
  assert.equal((await postBatches("open", "closed")).status, 403);
  assert.equal((await postLines("open", "closed")).status, 403);
  assert.deepEqual(commands, []);
});

test("P1 what a full buffer could not take is to be sent again", async () => {
  outcomes = { full: FULL };
  const some = await postBatches("open", "full");
  const results = some.body["results"] as { status: number }[];
  assert.deepEqual([some.status, ...results.map(({ status }) => status)], [200, 200, 503]);
  for (const { status, headers } of [await postBatches("full"), await postLines("open", "full")]) {
    assert.equal(status, 503);
    assert.equal(headers.get("retry-after"), "17");
  }
});

test("what a hub refuses or has otherwise is said on the line protocol's door as well", async () => {
  const refused = [{ stream: "a", code: "too-many-streams", count: 1 }] as const;
  outcomes = { many: { kind: "refused", refused }, used: { kind: "sequence-reused" } };
  const partial = await postLines("open", "many");
  assert.equal(partial.status, 400);
  assert.match(String(partial.body["message"]), /^partial write: a: A device has .*; dropped=1$/);
  assert.equal((await postLines("open", "used")).status, 409);
});

test("errors are at most twenty in all, with the batch in front of their pointers", async () => {
  const readings = Array.from({ length: 15 }, () => ({ stream: "a", value: "x", time: T0 }));
  const batches = ["a", "b", "c"].map((device) => ({ device, readings }));
  const { body } = await post(batchRoutes(parts), "/", JSON.stringify({ batches }));
  const results = body["results"] as { errors: { pointer: string }[] }[];
  assert.deepEqual(
    results.map(({ errors }) => errors.length),
    [15, 5, 0],
  );
  assert.equal(results[1]?.errors[4]?.pointer, "/batches/1/readings/4");
});

test("a write without times is named by its body, under the name that the hub has it", async () => {
  const write = (): ReturnType<typeof post> =>
    post(writeRoutes(parts), "/write?device=d", "a value=1");
  assert.equal((await write()).status, 204);
  const named = commands[0]?.identity;
  assert.ok(named?.kind === "key");
  keys = [[named.key, commands[0]?.contentHash ?? ""]];
  await write();
  assert.deepEqual(commands[1]?.identity, named);
});
