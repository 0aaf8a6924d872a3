// What does the edge make of an origin that is none of ours? Encoded bytes stay as they are, broken
// answers are never stored, and nothing an origin says breaks the edge (P9).

import assert from "node:assert/strict";
import fs from "node:fs/promises";
import net from "node:net";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildWorker } from "../../tools/launcher/build.ts";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import { drawKeys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";

const PREFIX = "/v1/sites/main/content";
const requests: string[] = [];
let stateDir: string;
let edge: EdgeProcess;

/** The raw bytes that the origin sends for a target, head included; then the connection ends. */
const answers = new Map<string, Buffer>();
/** Targets after whose answer the connection is kept, and reset when it is used again. */
const kept = new Set<string>();
/** Targets whose request was lost with a kept connection. */
const lost: string[] = [];

const server = net.createServer((socket) => {
  let isKept = false;
  socket.on("error", () => undefined);
  socket.on("data", (data) => {
    const text = data.toString("latin1");
    const target = text.split(" ")[1]?.slice(PREFIX.length) ?? "";
    if (isKept) {
      lost.push(target);
      socket.resetAndDestroy();
      return;
    }
    requests.push(text);
    const answer = answers.get(target) ?? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    isKept = kept.has(target);
    if (isKept) socket.write(answer);
    else socket.end(answer);
  });
});

before(async () => {
  stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-upstream-"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const regions = DEFAULT_REGIONS.slice(0, 1);
  const [region] = regions;
  assert.ok(region !== undefined);
  edge = await EdgeProcess.start({
    stateDir,
    bundle: await buildWorker("edge", path.join(stateDir, "bundles")),
    region,
    regions,
    originUrl: `http://127.0.0.1:${port}`,
    keys: await drawKeys(),
    port: 0,
  });
});

after(async () => {
  await edge?.kill();
  server.close();
  await fs.rm(stateDir, { recursive: true, force: true });
});

interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Asks without decoding anything. */
function get(target: string, headers: http.OutgoingHttpHeaders = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${edge.url}${target}`, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.on("error", reject);
  });
}

function answerWith(target: string, head: readonly string[], body: Buffer | string): void {
  const text = `HTTP/1.1 ${head.join("\r\n")}\r\nConnection: close\r\n\r\n`;
  answers.set(target, Buffer.concat([Buffer.from(text), Buffer.from(body)]));
}

test("encoded bytes are stored and sent as they came, in step with Content-Encoding", async () => {
  const zipped = gzipSync("a page, a page, a page, a page");
  const head = ["200 OK", "Content-Encoding: gzip", `Content-Length: ${zipped.length}`];
  answerWith("/zipped", [...head, "Cache-Control: max-age=60"], zipped);
  answerWith("/passed", [...head, "Cache-Control: no-store"], zipped);
  for (const target of ["/zipped", "/zipped", "/passed"]) {
    const answer = await get(target, { "accept-encoding": "gzip" });
    assert.equal(answer.headers["content-encoding"], "gzip");
    assert.deepEqual(answer.body, zipped);
  }
  assert.match(String((await get("/zipped")).headers["cache-status"]), /^skerry-memory; hit/);
});

test("a request to the origin has the link's MAC and nothing of the client's", async () => {
  requests.length = 0;
  await get("/asked", { cookie: "a=b", authorization: "Bearer x", "x-forwarded-host": "evil" });
  assert.equal(requests.length, 1);
  assert.match(requests[0] ?? "", /^skerry-link: [0-9a-f]{32}\r$/im);
  assert.match(requests[0] ?? "", /^accept-encoding: identity\r$/im);
  assert.doesNotMatch(requests[0] ?? "", /cookie|authorization|evil/i);
});

test("a body that ends early is never stored nor passed off as whole", async () => {
  answerWith("/cut", ["200 OK", "Content-Length: 100", "Cache-Control: max-age=60"], "short");
  assert.equal((await get("/cut")).status, 502);
  answerWith("/cut", ["200 OK", "Content-Length: 5", "Cache-Control: max-age=60"], "whole");
  const answer = await get("/cut");
  assert.equal(answer.body.toString(), "whole");
});

test("hop-by-hop and nominated fields end at the edge", async () => {
  const head = [
    "200 OK",
    "Cache-Control: max-age=60",
    "Connection: x-hop",
    "X-Hop: 1",
    "X-End: 1",
    "Content-Length: 0",
  ];
  answers.set("/hops", Buffer.from(`HTTP/1.1 ${head.join("\r\n")}\r\n\r\n`));
  for (const _ of ["miss", "hit"]) {
    const { headers } = await get("/hops");
    assert.equal(headers["x-hop"], undefined);
    assert.equal(headers["x-end"], "1");
  }
});

test("statuses that cannot be passed on become a problem, refusals of the link too", async () => {
  answerWith("/odd", ["999 Odd", "Content-Length: 0"], "");
  assert.equal((await get("/odd")).status, 502);
  for (const status of ["401 Unauthorized", "403 Forbidden"]) {
    answerWith("/refused", [status, "Content-Length: 0"], "");
    const answer = await untilAsked("/refused");
    assert.equal(answer.status, 502);
    assert.match(answer.body.toString(), /LINK_KEY/);
  }
});

test("a request that is lost with a kept connection is sent again, once", async () => {
  const head = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\nkept";
  for (const target of ["/first", "/second"]) answers.set(target, Buffer.from(head));
  kept.add("/first");
  const first = await untilAsked("/first");
  assert.equal(first.body.toString(), "kept");
  const second = await get("/second");
  assert.deepEqual(lost, ["/second"], "the connection was used again");
  assert.deepEqual([second.status, second.body.toString()], [200, "kept"]);
});

test("a redirect is passed on, not followed", async () => {
  answerWith("/moved", ["301 Moved", "Location: /elsewhere", "Content-Length: 0"], "");
  const answer = await untilAsked("/moved");
  assert.equal(answer.status, 301);
  assert.equal(answer.headers.location, "/elsewhere");
});

test("a Host that is no host is refused before it can move the target", async () => {
  for (const host of ["u@evil", "a/b?c"]) {
    requests.length = 0;
    assert.equal((await get("/asked", { host })).status, 400, host);
    assert.equal(requests.length, 0);
  }
});

/** Asks until the edge has asked the origin: after a failure it holds back for a second. */
async function untilAsked(target: string): Promise<RawAnswer> {
  for (let left = 30; left > 0; left -= 1) {
    const before = requests.length;
    const answer = await get(target);
    if (requests.length > before) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The origin was not asked for ${target}`);
}
