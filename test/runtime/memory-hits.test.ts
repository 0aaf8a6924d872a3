// Does the shortest way answer exactly as the usual way? On bare workerd: what memory has is asked for
// with and without a field that makes the request special, and the answers are compared; then all that
// must end what memory answers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { pause, SlowUpstream, until, type Got } from "../support/slow-upstream.ts";

let upstream: SlowUpstream;

before(async () => {
  upstream = await SlowUpstream.open();
});
after(() => upstream.close());

/** Makes a request that is answered the usual way, and has a log line of its own. */
const SPECIAL = { "x-request-id": "special-1234" };
const FIELDS = {
  "cache-control": "max-age=60",
  etag: '"one"',
  "last-modified": "Mon, 16 Nov 2026 10:00:00 GMT",
  "x-own": "a",
};

const get = (target: string, headers: http.OutgoingHttpHeaders = {}): Promise<Got> =>
  upstream.get(target, headers).got;

async function head(target: string, headers: http.OutgoingHttpHeaders = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const options = { method: "HEAD", headers, agent: false as const };
    const request = http.request(`${upstream.edge.url}${target}`, options, (response) => {
      const { statusCode = 0, headers: given } = response;
      const cache = String(given["cache-status"]);
      response.resume();
      response.on("end", () =>
        resolve({ status: statusCode, headers: given, text: "", cache, firstMs: 0, isCut: false }),
      );
    });
    request.on("error", reject);
    request.end();
  });
}

/** What is compared: all but what tells the time, and the id that only the usual way gives. */
function comparable({ status, headers, text, cache }: Got): unknown {
  const { "x-request-id": _id, age: _age, "cache-status": _cache, ...fields } = headers;
  return { status, fields, text, cache: cache.replace(/ttl=-?\d+/, "ttl") };
}

/** Asks until the shortest way answers, which then has no request id. */
async function warm(target: string, headers: http.OutgoingHttpHeaders = {}): Promise<Got> {
  let got = await get(target, headers);
  for (let left = 5; left > 0 && got.headers["x-request-id"] !== undefined; left -= 1)
    got = await get(target, headers);
  assert.equal(got.headers["x-request-id"], undefined, `${target}: ${got.cache}`);
  return got;
}

/** Asks until an answer is as it is to be. */
async function untilGot(target: string, isIt: (got: Got) => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  let got = await get(target);
  while (!isIt(got) && performance.now() < endMs) {
    await pause(20);
    got = await get(target);
  }
  assert.ok(isIt(got), `${target}: ${got.text} ${got.cache}`);
}

test("both ways give the same answers: plain, conditional, HEAD, and each coding", async () => {
  const zipped = gzipSync("plain");
  upstream.replies.set("/same", (request, response) => {
    const isZipped = request.headers["accept-encoding"] === "gzip";
    const coding = isZipped ? { "content-encoding": "gzip" } : {};
    response
      .writeHead(200, { ...FIELDS, ...coding, vary: "accept-encoding" })
      .end(isZipped ? zipped : "plain");
  });
  for (const coding of [{}, { "accept-encoding": "gzip" }]) {
    await warm("/same", coding);
    for (const condition of [
      {},
      { "if-none-match": '"one"' },
      { "if-none-match": '"two"' },
      { "if-modified-since": "Mon, 16 Nov 2026 10:00:00 GMT" },
    ]) {
      for (const send of [get, head]) {
        const asked = { ...coding, ...condition };
        const short = await send("/same", asked);
        const usual = await send("/same", { ...asked, ...SPECIAL });
        assert.equal(short.headers["x-request-id"], undefined);
        assert.equal(usual.headers["x-request-id"], "special-1234");
        assert.deepEqual(comparable(short), comparable(usual), JSON.stringify(asked));
      }
    }
  }
  assert.equal(upstream.asked("/same"), 2);
});

test("Age goes on, and what is stale is not answered from memory alone", async () => {
  upstream.replies.set("/brief", (_request, response, count) => {
    response.writeHead(200, { "cache-control": "max-age=2" }).end(`brief ${count}`);
  });
  const ages = new Set<string | undefined>();
  const startedMs = performance.now();
  let text = "brief 1";
  while (performance.now() - startedMs < 4_000 && text === "brief 1") {
    const got = await get("/brief");
    text = got.text;
    if (text === "brief 1") ages.add(got.headers.age);
    await pause(20);
  }
  assert.equal(text, "brief 2");
  assert.deepEqual([...ages].filter((age) => age !== undefined).toSorted(), ["0", "1"]);
});

test("what asks for something special is answered the usual way", async () => {
  upstream.replies.set("/special", (_request, response) => {
    response.writeHead(200, FIELDS).end("special");
  });
  await warm("/special");
  assert.equal((await get("/special", { range: "bytes=0-1" })).text, "sp");
  assert.equal((await get("/special", { host: "a/b" })).status, 400);
  // P8: nothing is kept of a condition that is long.
  const long = `"one", "${"x".repeat(300)}"`;
  assert.match(
    (await get("/special", { "if-none-match": long })).headers["x-request-id"] as string,
    /./,
  );
  const traced = await get("/special", {
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  });
  assert.match(traced.headers["x-request-id"] as string, /^[0-9a-f-]{36}$/);
  upstream.replies.set("/reloaded", (_request, response, count) => {
    response.writeHead(200, FIELDS).end(`reloaded ${count}`);
  });
  const lax = { host: "lax.test" };
  await warm("/reloaded", lax);
  const reloaded = await get("/reloaded", { ...lax, "cache-control": "no-cache" });
  assert.equal(reloaded.text, "reloaded 2");
});

test("a write ends what memory answers", async () => {
  upstream.replies.set("/written", (_request, response, count) => {
    response.writeHead(200, FIELDS).end(`written ${count}`);
  });
  assert.equal((await warm("/written")).text, "written 1");
  await fetch(`${upstream.edge.url}/written`, { method: "POST", body: "x" });
  assert.equal((await get("/written")).text, "written 3");
});

test("P5 who comes with an old view of purges waits for a new one, and for nothing else", async () => {
  upstream.replies.set("/waits", (_request, response, count) => {
    response.writeHead(200, FIELDS).end(`waits ${count}`);
  });
  await warm("/waits");
  // A view that is a second old, without a request meanwhile.
  await pause(1_200);
  const together = await Promise.all(Array.from({ length: 8 }, () => get("/waits")));
  for (const { headers, text } of together)
    assert.deepEqual([text, headers["x-request-id"]], ["waits 1", undefined]);
});

test("P6 what is stale of a target that fails is given by the shortest way, until it is asked for again", async () => {
  upstream.replies.set("/fails", (request, response, count) => {
    if (count > 1) return void request.socket.destroy();
    const control = "max-age=1, stale-if-error=60";
    response.writeHead(200, { ...FIELDS, "cache-control": control }).end("fails");
  });
  await warm("/fails");
  await untilGot(
    "/fails",
    ({ cache, headers }) =>
      cache.includes("detail=origin-") && headers["x-request-id"] === undefined,
  );
  const asked = upstream.asked("/fails");
  for (const headers of [{}, { "x-odd": "1" }, { "if-none-match": '"one"' }]) {
    const short = await get("/fails", headers);
    const usual = await get("/fails", { ...headers, ...SPECIAL });
    assert.deepEqual(
      [short.headers["x-request-id"], usual.headers["x-request-id"]],
      [undefined, "special-1234"],
    );
    assert.deepEqual(comparable(short), comparable(usual));
  }
  assert.ok(upstream.asked("/fails") <= asked + 1);
  // Its server is well again: whose turn it is asks for it behind the answer.
  upstream.replies.set("/fails", (_request, response) => {
    response.writeHead(200, FIELDS).end("well");
  });
  await untilGot("/fails", ({ text }) => text === "well");
});

test("one line a second tells of the hits of a site", async () => {
  upstream.replies.set("/told", (_request, response) => {
    response.writeHead(200, FIELDS).end("told");
  });
  await warm("/told");
  const lines = (): readonly string[] =>
    readFileSync(upstream.edge.logFile, "utf8")
      .split("\n")
      .filter((line) => line.includes('"event":"hits"'));
  await pause(1_100);
  const before = lines().length;
  // The first has an old view of purges, which is told anew before it is answered; it counts as well.
  await warm("/told");
  for (let left = 20; left > 0; left -= 1) await get("/told");
  await until(() => lines().length > before, "the hits are in the log");
  await pause(1_100);
  const told = lines()
    .slice(before)
    .map((line) => JSON.parse(line) as { site: string; hits: number; bytes: number });
  const [hits, bytes] = told.reduce(([h, b], one) => [h + one.hits, b + one.bytes], [0, 0]);
  assert.deepEqual([hits, bytes], [21, 84]);
  assert.ok(told.every(({ site }) => site === "one"));
});
