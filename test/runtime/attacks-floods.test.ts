// Can an attacker, or an upstream that is one, use up what others need? The ids are those of
// docs/threat-model.md; who waits for whom (A1 to A4) is in flights.test.ts.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { limits } from "../../edge/limits.ts";
import { AttackSite, FRESH, isHit, type Answer } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does something for each of many, some at a time. */
async function eachOf(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Memory that the edge's process holds, in bytes. */
function residentBytes(): number {
  const status = readFileSync(`/proc/${site.edge.pid}/status`, "utf8");
  return Number(/VmRSS:\s+([0-9]+) kB/.exec(status)?.[1]) * 1_024;
}

test("attack A5: when a page that many want expires, the server is asked once", async () => {
  for (const [target, control] of [
    ["/a5-swr", "max-age=1, stale-while-revalidate=60"],
    ["/a5-wait", "max-age=1"],
  ] as const) {
    site.serve(target, (_seen, count) => ({
      headers: { "cache-control": control, etag: `"${count}"` },
      body: `${count}`,
    }));
    await send(target);
    await pause(1_100);
    const all = await Promise.all(Array.from({ length: 200 }, () => send(target)));
    assert.ok(all.every(({ status }) => status === 200));
    assert.equal(site.asked(target), 2, target);
  }
});

test("attack A6: a flood of queries that are asked once leaves what is hot in the cache", async () => {
  const body = "x".repeat(100_000);
  site.serve("/a6", () => ({ headers: FRESH, body }));
  const hot = Array.from({ length: 20 }, (_, i) => `/a6?hot=${i}`);
  for (let round = 0; round < 3; round += 1) for (const target of hot) await send(target);
  const floodMax = Math.ceil((1.5 * limits.memoryCacheBytesMax) / body.length);
  let hits = 0;
  let asked = 0;
  await eachOf(floodMax, async (i) => {
    await send(`/a6?flood=${i}-${"r".repeat(i % 7)}`);
    if (i % 5 !== 0) return;
    asked += 1;
    if (isHit(await send(hot[(i / 5) % hot.length] ?? ""))) hits += 1;
  });
  assert.ok(hits / asked > 0.98, `${hits} of ${asked}`);
});

test("attack A7: of one page no more variants are kept than the bound, however many are asked for", async () => {
  site.serve("/a7", ({ headers }) => ({
    headers: { ...FRESH, vary: "x-any" },
    body: headers.get("x-any") ?? "",
  }));
  const most = limits.variantsPerKeyMax;
  await eachOf(4 * most, (i) => send("/a7", { "x-any": `v${i}` }));
  const asked = site.asked("/a7");
  let kept = 0;
  for (let i = 0; i < 4 * most; i += 1) {
    const answer = await send("/a7", { "x-any": `v${i}`, "cache-control": "only-if-cached" });
    if (!isHit(answer)) continue;
    assert.equal(answer.text, `v${i}`);
    kept += 1;
  }
  assert.ok(kept > 0 && kept <= 2 * most, `${kept} in both tiers`);
  assert.equal(site.asked("/a7"), asked);
  site.serve("/a7-many", () => ({
    headers: { ...FRESH, vary: Array.from({ length: 40 }, (_, i) => `x-${i}`).join() },
  }));
  assert.match((await send("/a7-many")).cache, /detail=vary/);
});

test("attack A8: tags past the bound of a response's fields keep it out of the cache, whole", async () => {
  const tags = (count: number) => Array.from({ length: count }, (_, i) => `tag-${i}`).join();
  site.serve("/a8-few", () => ({ headers: { ...FRESH, "cache-tag": tags(1_000) } }));
  await send("/a8-few");
  assert.ok(isHit(await send("/a8-few")));
  site.serve("/a8-bomb", () => ({ headers: { ...FRESH, "cache-tag": tags(3_000) } }));
  for (let i = 0; i < 2; i += 1) assert.match((await send("/a8-bomb")).cache, /fields-too-large/);
});

test("attack A9: an answer with huge fields is passed on or refused, never stored", async () => {
  for (const size of [20_000, 100_000, 2_000_000]) {
    site.serve(`/a9-${size}`, (_seen, count) => ({
      headers: { ...FRESH, "x-huge": "x".repeat(size) },
      body: `${count}`,
    }));
    for (let i = 0; i < 2; i += 1) {
      const answer = await site.attempt(`/a9-${size}`);
      assert.ok(answer !== null && !isHit(answer), `${size}`);
      assert.ok([200, 502, 504].includes(answer.status), `${size}: ${answer.status}`);
    }
  }
  site.serve("/a9-after", () => ({ headers: FRESH, body: "clean" }));
  assert.equal((await send("/a9-after")).text, "clean");
});

test("attack A10: what would unfold to a gigabyte is stored and sent as it came", async () => {
  const bomb = gzipSync(Buffer.alloc(256 * 1_048_576)).toString("latin1");
  site.serve("/a10", () => ({
    raw: `HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n${bomb}`,
  }));
  await send("/a10", { "accept-encoding": "gzip" });
  const before = residentBytes();
  for (let i = 0; i < 5; i += 1) {
    const answer = await send("/a10", { "accept-encoding": "gzip" });
    assert.deepEqual(
      [answer.text.length, answer.headers.get("content-encoding")],
      [bomb.length, "gzip"],
    );
    assert.ok(isHit(answer));
  }
  assert.ok(residentBytes() - before < 64 * 1_048_576, "it was unfolded");
});

test("attack A11: a client's reload makes the server work once", async () => {
  site.serve("/a11", (_seen, count) => ({ headers: FRESH, body: `${count}` }));
  const reloads = [
    { "cache-control": "no-cache" },
    { "cache-control": "max-age=0" },
    { "cache-control": "no-store" },
    { pragma: "no-cache" },
    { "cache-control": "max-stale=0, min-fresh=99999" },
  ];
  for (let i = 0; i < 100; i += 1) await send("/a11", reloads[i % reloads.length] ?? {});
  assert.equal(site.asked("/a11"), 1);
  // A client that is obeyed has its own answer; what is stored stays what others get.
  for (const [i, reload] of reloads.slice(0, 3).entries()) {
    const target = `/a11-rfc-${i}`;
    site.serve(target, (_seen, count) => ({ headers: FRESH, body: `${count}` }));
    for (const asked of [{}, reload, reload]) await send(target, { ...asked, host: "lax.test" });
    assert.equal(site.asked(target), 3, target);
    assert.ok(isHit(await send(target, { host: "lax.test" })), target);
  }
});

test("attack A12: a server that says 503 to all is left alone while there is something to serve", async () => {
  let isDown = false;
  site.serve("/a12", () =>
    isDown
      ? { status: 503, body: "down" }
      : { headers: { "cache-control": "max-age=1, stale-if-error=600" }, body: "clean" },
  );
  await send("/a12", { host: "two.test" });
  isDown = true;
  await pause(1_100);
  const startedMs = performance.now();
  const asked = site.asked("/a12");
  let answers = 0;
  for (; performance.now() - startedMs < 4_000; answers += 1) {
    const answer = await send("/a12", { host: "two.test" });
    assert.deepEqual([answer.status, answer.text], [200, "clean"]);
  }
  // A few until it counts as away, and then one a second.
  const more = site.asked("/a12") - asked;
  assert.ok(answers > 50 && more <= 10, `${more} of ${answers}`);
});

test("attack A13: a body that stops on its way is given up, and holds nobody up after that", async () => {
  site.serve("/a13", (_seen, count) =>
    count === 1
      ? { raw: "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 9\r\n\r\nslow" }
      : { headers: FRESH, body: "clean" },
  );
  const startedMs = performance.now();
  const [leader, joined] = await Promise.all([site.attempt("/a13"), site.attempt("/a13")]);
  const tookMs = performance.now() - startedMs;
  for (const answer of [leader, joined])
    assert.ok(answer === null || answer.text !== "slow", "cut off, or asked for anew");
  assert.ok(tookMs < 2.5 * limits.originTimeoutMs, `${tookMs} ms`);
  assert.equal((await send("/a13")).text, "clean");
});

test("attack A13: one that passes by and stops keeps nobody else, and ends with its client", async () => {
  const closed = Promise.withResolvers<void>();
  site.serve("/a13-passed", (_seen, count, socket) => {
    if (count > 1) return { headers: { "cache-control": "no-store" }, body: "clean" };
    socket.once("close", () => closed.resolve());
    return { raw: "HTTP/1.1 200 OK\r\ncache-control: no-store\r\ncontent-length: 9\r\n\r\nslow" };
  });
  const client = net.connect(site.edge.port, "127.0.0.1");
  client.write("GET /a13-passed HTTP/1.1\r\nhost: one.test\r\n\r\n");
  await new Promise((resolve) => client.once("data", resolve));
  assert.equal((await send("/a13-passed")).text, "clean");
  client.resetAndDestroy();
  const end = await Promise.race([closed.promise, pause(10_000).then(() => "still open")]);
  assert.equal(end, undefined);
});

test("attack A14: who sends a HEAD each time that a page gets stale keeps no old one", async () => {
  let version = 1;
  let heads = 0;
  site.serve("/frozen", ({ method }) => {
    // No length, as of a page that is made while it is sent: it would tell a version from the next.
    if (method !== "HEAD") return { headers: { "cache-control": "max-age=1" }, body: `${version}` };
    heads += 1;
    return { raw: "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n\r\n", isClosed: true };
  });
  assert.equal((await send("/frozen")).text, "1");
  version = 2;
  await pause(2_050);
  await send("/frozen", {}, "HEAD");
  assert.equal(heads, 1);
  assert.equal((await send("/frozen")).text, "2");
});
