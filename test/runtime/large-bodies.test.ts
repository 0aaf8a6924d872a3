// What becomes of a body that no isolate holds whole? Under wrangler dev with its own R2: it is stored while
// it is sent, served from there whole and in part, and checked; without a bucket it is only passed on.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { limits } from "../../edge/limits.ts";
import { startWranglerEdge, type WranglerEdge } from "../../tools/conformance/wrangler-edge.ts";
import { drawKeys, mintOperatorToken, type Keys } from "../../tools/launcher/keys.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { REPOSITORY } from "../../tools/launcher/wrangler-config.ts";
import { pause, SlowUpstream } from "../support/slow-upstream.ts";

const MIB = 1_048_576;
const LARGE = 72 * MIB + 12_345;
const FRESH = { "cache-control": "max-age=600" };

let server: http.Server;
let stateDir: string;
let keys: Keys;
let edge: WranglerEdge;
const counts = new Map<string, number>();
/** Requests of the server by path, and the bytes of each that it sent. */
const sentBytes = new Map<string, number>();

const BASE = Buffer.from(
  Uint8Array.from({ length: MIB }, (_, at) => (at * 31 + (at >>> 9)) & 0xff),
);

/** A megabyte of a page; no two are alike. */
function segment(number: number, seed: number): Buffer {
  const bytes = Buffer.from(BASE);
  bytes.writeUInt32BE(number, 0);
  bytes.writeUInt32BE(seed, MIB / 2);
  return bytes;
}

/** Bytes of a page. */
function piece(from: number, to: number, seed: number): Buffer {
  const first = Math.floor(from / MIB);
  const last = Math.floor((to - 1) / MIB);
  const whole = Buffer.concat(
    Array.from({ length: last - first + 1 }, (_, i) => segment(first + i, seed)),
  );
  return whole.subarray(from - first * MIB, to - first * MIB);
}

/** The server: `/BYTES/SEED/NAME` is a page of so many bytes; one named "short" ends early. */
async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const target = request.url ?? "";
  counts.set(target, (counts.get(target) ?? 0) + 1);
  const [, bytes = "0", seed = "0", name = ""] = target.split("/");
  const length = Number(bytes);
  response.writeHead(200, { ...FRESH, "content-length": length, etag: `"${seed}"` });
  const until = name === "short" ? length / 2 : length;
  for (let at = 0; at < until && !response.destroyed; at += MIB) {
    const part = piece(at, Math.min(until, at + MIB), Number(seed));
    sentBytes.set(target, at + part.length);
    if (!response.write(part)) await new Promise((resolve) => response.once("drain", resolve));
  }
  if (name === "short") response.destroy();
  else response.end();
}

before(async () => {
  server = http.createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stateDir = await fs.mkdtemp(path.join(os.tmpdir(), "skerry-large-"));
  keys = await drawKeys();
  const [region] = DEFAULT_REGIONS;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = path.join(stateDir, "wrangler.toml");
  const own = await fs.readFile(path.join(REPOSITORY, "wrangler.toml"), "utf8");
  const main = `main = ${JSON.stringify(path.join(REPOSITORY, "edge/worker.ts"))}`;
  const bucket = '[[r2_buckets]]\nbinding = "BODIES"\nbucket_name = "skerry-bodies"\n';
  await fs.writeFile(config, `${own.replace(/^main = .*$/m, main)}\n${bucket}`);
  const vars = {
    REGION: region?.id ?? "",
    ORIGIN_URL: "http://127.0.0.1:9",
    SITES: '{ "*": "one" }',
    UPSTREAMS: JSON.stringify({ one: { url } }),
    ISSUER_KEYS: keys.issuerKeys,
    LINK_KEY: keys.linkKey,
  };
  edge = await startWranglerEdge(stateDir, vars, config);
});

after(async () => {
  await edge.kill();
  server.closeAllConnections();
  server.close();
  await fs.rm(stateDir, { recursive: true, force: true });
});

interface Got {
  readonly status: number;
  readonly bytes: number;
  readonly digest: string;
  readonly cache: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly isCut: boolean;
}

/** Reads an answer as it comes, and holds nothing of it. */
function get(target: string, headers: http.OutgoingHttpHeaders = {}, method = "GET"): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${edge.url}${target}`, { headers, method, agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      const hash = createHash("sha256");
      let bytes = 0;
      const end = (isCut: boolean): void =>
        resolve({
          status: response.statusCode ?? 0,
          bytes,
          digest: hash.digest("hex"),
          cache: String(response.headers["cache-status"]),
          headers: response.headers,
          isCut,
        });
      response.on("data", (data: Buffer) => {
        bytes += data.length;
        hash.update(data);
      });
      response.on("error", () => end(true));
      response.on("end", () => end(!response.complete));
    });
    request.end();
  });
}

function digestOf(from: number, to: number, seed: number): string {
  const hash = createHash("sha256");
  for (let at = from; at < to; at += MIB) hash.update(piece(at, Math.min(to, at + MIB), seed));
  return hash.digest("hex");
}

/** Asks with HEAD until the region has it: it is stored behind an answer. */
async function untilStored(target: string): Promise<Got> {
  for (let left = 100; left > 0; left -= 1) {
    const got = await get(target, {}, "HEAD");
    if (got.cache.startsWith("skerry-region; hit")) return got;
    await pause(100);
  }
  return assert.fail(`${target} is not stored`);
}

/** The files of the bucket that are of so many bytes. */
async function objectsOf(bytes: number): Promise<readonly string[]> {
  const files = await fs.readdir(stateDir, { recursive: true, withFileTypes: true });
  const paths = files
    .filter((file) => file.isFile() && file.parentPath.includes("blobs"))
    .map((file) => path.join(file.parentPath, file.name));
  const sizes = await Promise.all(paths.map(async (file) => (await fs.stat(file)).size));
  return paths.filter((_, i) => sizes[i] === bytes);
}

async function damage(file: string, at: number): Promise<void> {
  const handle = await fs.open(file, "r+");
  await handle.write(Buffer.from("damaged"), 0, 7, at);
  await handle.close();
}

/** Waits until the bucket has so many objects of a length: what is nobody's goes after a second. */
async function untilObjects(bytes: number, count: number): Promise<void> {
  let found = -1;
  for (let left = 100; left > 0 && found !== count; left -= 1) {
    found = (await objectsOf(bytes)).length;
    await pause(100);
  }
  assert.equal(found, count);
}

test("a body that no isolate holds is stored while it is sent, and served whole and in part", async () => {
  const target = `/${LARGE}/1/a`;
  const whole = digestOf(0, LARGE, 1);
  const first = await get(target);
  assert.match(first.cache, /^skerry-region; fwd=miss; fwd-status=200; stored/);
  assert.deepEqual([first.bytes, first.digest], [LARGE, whole]);
  assert.equal((await untilStored(target)).headers["content-length"], String(LARGE));
  const hit = await get(target);
  assert.match(hit.cache, /^skerry-region; hit; ttl=\d+, skerry-memory; fwd=miss$/);
  assert.deepEqual([hit.bytes, hit.digest], [LARGE, whole]);
  assert.equal(hit.headers["content-length"], String(LARGE));
  for (const [from, to] of [
    [0, 0],
    [5 * MIB - 3, 7 * MIB + 2],
    [LARGE - 10, LARGE - 1],
  ] as const) {
    const part = await get(target, { range: `bytes=${from}-${to}` });
    assert.equal(part.status, 206);
    assert.equal(part.headers["content-range"], `bytes ${from}-${to}/${LARGE}`);
    assert.deepEqual([part.bytes, part.digest], [to - from + 1, digestOf(from, to + 1, 1)]);
  }
  assert.equal((await get(target, { "if-none-match": '"1"' })).status, 304);
  assert.equal(counts.get(target), 1);
});

test("equal bodies of two URLs are one object", async () => {
  const bytes = 3 * MIB + 1;
  for (const name of ["a", "b"]) {
    await get(`/${bytes}/3/${name}`);
    await untilStored(`/${bytes}/3/${name}`);
  }
  await untilObjects(bytes, 1);
  for (const name of ["a", "b"]) {
    const hit = await get(`/${bytes}/3/${name}`);
    assert.match(hit.cache, /^skerry-region; hit/);
    assert.equal(hit.digest, digestOf(0, bytes, 3));
  }
});

test("a segment that is not what it was is never served, and others are", async () => {
  const bytes = 4 * MIB + 2;
  const target = `/${bytes}/4/a`;
  const whole = digestOf(0, bytes, 4);
  await get(target);
  await untilStored(target);
  const [file = "none"] = await objectsOf(bytes);
  await damage(file, 2 * MIB + 100);
  const elsewhere = await get(target, { range: "bytes=0-1999999" });
  assert.deepEqual([elsewhere.status, elsewhere.digest], [206, digestOf(0, 2_000_000, 4)]);
  const cut = await get(target);
  assert.ok(cut.isCut && cut.bytes <= 2 * MIB, `${cut.bytes} bytes`);
  const again = await get(target);
  assert.deepEqual([again.digest, counts.get(target)], [whole, 2]);
  await untilStored(target);
  await untilObjects(bytes, 1);
  const [other = "none"] = await objectsOf(bytes);
  await damage(other, 100);
  const missed = await get(target);
  assert.match(
    missed.cache,
    /^skerry-region; fwd=miss; fwd-status=200; stored; detail=body-damaged/,
  );
  assert.deepEqual([missed.digest, counts.get(target)], [whole, 3]);
});

test("what breaks off, or is written meanwhile, is not stored, and leaves nothing in the bucket", async () => {
  const bytes = 12 * MIB + 3;
  const cut = await get(`/${bytes}/5/short`);
  assert.ok(cut.isCut);
  const target = `/${bytes}/6/a`;
  const getting = get(target);
  while ((sentBytes.get(target) ?? 0) < 2 * MIB) await pause(5);
  await get(target, {}, "DELETE");
  assert.equal((await getting).digest, digestOf(0, bytes, 6));
  await pause(500);
  assert.doesNotMatch((await get(target, {}, "HEAD")).cache, /region; hit/);
  const text = await get(target);
  assert.match(text.cache, /fwd=miss/);
  await untilStored(target);
  await untilObjects(bytes, 1);
});

test("P5: after a purge the old body is not served", async () => {
  const bytes = 2 * MIB + 4;
  const target = `/${bytes}/7/a`;
  await get(target);
  await untilStored(target);
  const token = await mintOperatorToken(keys, "purger", ["purge"]);
  const response = await fetch(`${edge.url}/v1/purge`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ all: true }),
  });
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  await pause(limits.leaseMs);
  const missed = await get(target);
  assert.match(missed.cache, /^skerry-region; fwd=miss; fwd-status=200; stored/);
  assert.equal(counts.get(target), 2);
});

test("without a bucket, and of no known length, such a body is passed on", async () => {
  const bare = await SlowUpstream.open();
  try {
    bare.replies.set("/large", (_request, response) => {
      response
        .writeHead(200, { ...FRESH, "content-length": 2 * MIB })
        .end(Buffer.alloc(2 * MIB, 97));
    });
    for (let i = 0; i < 2; i += 1) {
      const got = await bare.get("/large").got;
      assert.equal(got.text.length, 2 * MIB);
      assert.match(got.cache, /fwd=(miss|bypass); fwd-status=200; detail=body-too-large/);
    }
  } finally {
    await bare.close();
  }
});
