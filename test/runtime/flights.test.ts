// Do requests for the same target share one way to the upstream? On bare workerd, before a real server
// that is slow; told by how often that was asked, and by who got which bytes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { limits } from "../../edge/limits.ts";
import { pause, SlowUpstream, until, type Got } from "../support/slow-upstream.ts";

let upstream: SlowUpstream;

before(async () => {
  upstream = await SlowUpstream.open();
});
after(() => upstream.close());

const FRESH = { "cache-control": "max-age=60" };
const isCollapsed = ({ cache }: Got): boolean => cache.includes("; collapsed");

/** Sends `count` requests at once, to each of the edges in turn. */
function crowd(count: number, target: string, bases: readonly string[]): Promise<Got[]> {
  const edges = bases.length;
  return Promise.all(
    Array.from({ length: count }, (_, i) => upstream.get(target, {}, bases[i % edges]).got),
  );
}

test("attack A1: a thousand cold requests at once are one request to the upstream", async () => {
  upstream.replies.set("/cold", async (_request, response) => {
    await pause(1_000);
    response.writeHead(200, { ...FRESH, "content-length": "4" }).end("cold");
  });
  const all = await crowd(1_000, "/cold", [upstream.edge.url]);
  assert.equal(upstream.asked("/cold"), 1);
  assert.ok(all.every(({ status, text }) => status === 200 && text === "cold"));
  assert.equal(all.filter(({ cache }) => cache.includes("fwd-status=200; stored")).length, 1);
  assert.ok(all.some(isCollapsed));
});

test("two isolates that share a cell make one request together", async () => {
  upstream.replies.set("/twins", async (_request, response) => {
    await pause(700);
    response.writeHead(200, FRESH).end("twins");
  });
  const all = await crowd(1_000, "/twins", [upstream.edge.url, upstream.edge.twinUrl]);
  assert.equal(upstream.asked("/twins"), 1);
  assert.ok(all.every(({ status, text }) => status === 200 && text === "twins"));
});

test("who joins in the middle of a body has it from its first byte on", async (t) => {
  let finish = (): void => undefined;
  upstream.replies.set("/long", (_request, response) => {
    response.writeHead(200, FRESH).write("first ");
    finish = () => response.end("last");
  });
  const leader = upstream.get("/long");
  await leader.head;
  const early = Array.from({ length: 50 }, () => upstream.get("/long"));
  await Promise.all(early.map(({ head }) => head));
  const late = upstream.get("/long");
  await late.head;
  finish();
  const [first, ...others] = await Promise.all([leader, ...early, late].map(({ got }) => got));
  assert.equal(upstream.asked("/long"), 1);
  assert.ok(first !== undefined);
  for (const { text, isCut } of [first, ...others])
    assert.deepEqual([text, isCut], ["first last", false]);
  assert.ok(others.every(isCollapsed));
  assert.match(String((await upstream.get("/long").got).cache), /^skerry-memory; hit/);
  t.diagnostic(`${others.length} joined a body that had begun`);
});

test("fifty that wait get the first piece with the leader, before the second is sent", async (t) => {
  let step: "head" | "first" | "second" = "head";
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  upstream.replies.set("/pieces", async (_request, response) => {
    await first.promise;
    step = "first";
    response.writeHead(200, FRESH).write("one ");
    await second.promise;
    step = "second";
    response.end("two");
  });
  const all = Array.from({ length: 51 }, () => upstream.get("/pieces"));
  await until(() => upstream.asked("/pieces") === 1, "one request");
  await pause(200);
  first.resolve();
  // All have the head, and with it the first piece, while the second is not there yet.
  await Promise.all(all.map(({ head }) => head));
  assert.equal(step, "first");
  await pause(100);
  second.resolve();
  const got = await Promise.all(all.map(({ got: one }) => one));
  assert.equal(upstream.asked("/pieces"), 1);
  assert.ok(got.every(({ text }) => text === "one two"));
  const leaderMs = got.find((one) => !isCollapsed(one))?.firstMs ?? assert.fail("no leader");
  const behindMs = got.map(({ firstMs }) => firstMs - leaderMs).toSorted((a, b) => a - b);
  t.diagnostic(`first byte behind the leader's, ms: p50 ${behindMs[25]}, p99 ${behindMs.at(-1)}`);
});

test("attack A4: a leader that leaves in the middle costs nobody anything", async () => {
  let finish = (): void => undefined;
  upstream.replies.set("/left", (_request, response) => {
    response.writeHead(200, FRESH).write("a ");
    finish = () => response.end("z");
  });
  const leader = upstream.get("/left");
  await leader.head;
  const joined = upstream.get("/left");
  await joined.head;
  leader.abort();
  await pause(200);
  const late = upstream.get("/left");
  await late.head;
  finish();
  assert.equal((await joined.got).text, "a z");
  assert.equal((await late.got).text, "a z");
  assert.equal(upstream.asked("/left"), 1);
  assert.match((await upstream.get("/left").got).cache, /^skerry-memory; hit/);
});

test("attack A4: a leader that leaves before there is a head costs nobody anything", async () => {
  upstream.replies.set("/gone", async (_request, response) => {
    await pause(600);
    response.writeHead(200, FRESH).end("still");
  });
  const leader = upstream.get("/gone");
  await until(() => upstream.asked("/gone") === 1, "one request");
  const joined = upstream.get("/gone");
  await pause(100);
  leader.abort();
  assert.equal((await joined.got).text, "still");
  assert.equal(upstream.asked("/gone"), 1);
});

test("attack A3: behind a leader that hangs one asks after the lock's time, and the rest go with it", async () => {
  const hang = Promise.withResolvers<void>();
  upstream.replies.set("/hangs", async (_request, response, count) => {
    if (count === 1) await hang.promise;
    response.writeHead(200, FRESH).end(`answer ${count}`);
  });
  const startedMs = performance.now();
  const leader = upstream.get("/hangs");
  await until(() => upstream.asked("/hangs") === 1, "one request");
  const all = await crowd(50, "/hangs", [upstream.edge.url]);
  const tookMs = performance.now() - startedMs;
  hang.resolve();
  assert.ok(all.every(({ text }) => text === "answer 2"));
  assert.ok(tookMs >= limits.lockTimeoutMs - 100, `${tookMs} ms`);
  assert.equal(upstream.asked("/hangs"), 2);
  assert.equal((await leader.got).text, "answer 1");
});

test("attack A3: leaders that hang one after the other keep nobody longer than one and a second", async () => {
  // The server answers nobody before ten wait for it: no leader brings an answer.
  const enough = Promise.withResolvers<void>();
  upstream.replies.set("/all-hang", async (_request, response, count) => {
    if (count === 10) enough.resolve();
    await enough.promise;
    response.writeHead(200, FRESH).end("late");
  });
  const startedMs = performance.now();
  const all = await crowd(24, "/all-hang", [upstream.edge.url, upstream.edge.twinUrl]);
  const tookMs = performance.now() - startedMs;
  assert.ok(all.every(({ text }) => text === "late"));
  assert.ok(tookMs >= limits.flightWaitMsMax - 100, `${tookMs} ms`);
  assert.ok(tookMs < limits.flightWaitMsMax + 1_500, `${tookMs} ms`);
});

test("attack A2: what nobody may share is asked for by each at once, not one after the other", async () => {
  let open = 0;
  let most = 0;
  upstream.replies.set("/private", async (_request, response) => {
    open += 1;
    most = Math.max(most, open);
    await pause(300);
    open -= 1;
    response.writeHead(200, { "cache-control": "private" }).end("yours");
  });
  await upstream.get("/private").got;
  const startedMs = performance.now();
  const all = await crowd(100, "/private", [upstream.edge.url]);
  assert.equal(upstream.asked("/private"), 101);
  assert.ok(all.every(({ text }) => text === "yours"));
  assert.ok(most >= 50, `${most} at once`);
  assert.ok(performance.now() - startedMs < 100 * 300);
});

test("cold and not to be shared: all wait for one head, and then for nobody", async () => {
  let open = 0;
  let most = 0;
  upstream.replies.set("/cold-private", async (_request, response) => {
    open += 1;
    most = Math.max(most, open);
    await pause(300);
    open -= 1;
    response.writeHead(200, { "cache-control": "no-store" }).end("yours");
  });
  await crowd(100, "/cold-private", [upstream.edge.url]);
  assert.equal(upstream.asked("/cold-private"), 100);
  assert.ok(most >= 50, `${most} at once`);
});

test("who would be served another variant gets its own, once for each", async () => {
  upstream.replies.set("/vary", async ({ headers }, response) => {
    await pause(300);
    response.writeHead(200, { ...FRESH, vary: "accept-language" });
    response.end(headers["accept-language"]);
  });
  const languages = ["fi", "en", "sv"];
  const all = await Promise.all(
    Array.from({ length: 90 }, async (_, i) => {
      const language = languages[i % 3] ?? "";
      const { text } = await upstream.get("/vary", { "accept-language": language }).got;
      return [language, text];
    }),
  );
  for (const [language, text] of all) assert.equal(text, language);
  assert.equal(upstream.asked("/vary"), 3);
});

test("P4: a cookie's answer is not given to who joined it without one", async () => {
  upstream.replies.set("/mine", async ({ headers }, response) => {
    await pause(300);
    response.writeHead(200, FRESH).end(headers.cookie ?? "for all");
  });
  const mine = upstream.get("/mine", { cookie: "me=1" });
  await until(() => upstream.asked("/mine") === 1, "one request");
  const other = await upstream.get("/mine").got;
  assert.equal((await mine.got).text, "me=1");
  assert.equal(other.text, "for all");
});

test("a body that breaks off breaks off for all, and is stored for none", async () => {
  // What is brief is read at once; of the other what has come is passed on.
  for (const [target, length, passed] of [
    ["/breaks/brief", 10, ""],
    ["/breaks/long", 20_000, "x".repeat(10_000)],
  ] as const) {
    const body = "x".repeat(length);
    upstream.replies.set(target, async (_request, response, count) => {
      response.writeHead(200, { ...FRESH, "content-length": length });
      if (count > 1) return void response.end(body);
      response.write(body.slice(0, length / 2));
      await pause(300);
      response.destroy();
    });
    const leader = upstream.get(target);
    await leader.head;
    const joined = upstream.get(target);
    const both = await Promise.all([leader.got, joined.got]);
    for (const { headers } of both) assert.equal(headers["content-length"], String(length));
    for (const { isCut, text } of both) assert.deepEqual([isCut, text], [true, passed]);
    const whole = await upstream.get(target).got;
    assert.deepEqual([whole.text, upstream.asked(target)], [body, 2]);
  }
});

test("a large body passes through whole for all that share it, and is never stored", async () => {
  const piece = Buffer.alloc(65_536, "x");
  const pieces = 200;
  upstream.replies.set("/large", async (_request, response) => {
    response.writeHead(200, FRESH);
    await pause(300);
    for (let i = 0; i < pieces; i += 1)
      if (!response.write(piece)) await new Promise((resolve) => response.once("drain", resolve));
    response.end();
  });
  const all = await crowd(4, "/large", [upstream.edge.url]);
  for (const { text, isCut } of all)
    assert.deepEqual([text.length, isCut], [pieces * piece.length, false]);
  const asked = upstream.asked("/large");
  assert.ok(asked <= 4, `${asked} requests`);
  await upstream.get("/large").got;
  assert.equal(upstream.asked("/large"), asked + 1);
});

test("RFC 9211 §2.6 stored is said only of what will be, if its body comes", async () => {
  const send = (target: string, length: object, bytes: number): void => {
    upstream.replies.set(target, async (_request, response) => {
      response.writeHead(200, { ...FRESH, ...length }).write("x");
      await pause(200);
      response.end("x".repeat(bytes - 1));
    });
  };
  send("/said-known", { "content-length": "9" }, 9);
  send("/said-chunks", {}, 9);
  send("/said-large", {}, limits.storedBodyBytesMax + 1);
  for (const [target, said, then] of [
    ["/said-known", "fwd-status=200; stored, skerry-memory; fwd=miss; stored", /; hit/],
    ["/said-chunks", "fwd-status=200; detail=length-unknown, skerry-memory; fwd=miss", /; hit/],
    ["/said-large", "fwd-status=200; detail=length-unknown, skerry-memory; fwd=miss", /fwd=/],
  ] as const) {
    const first = await upstream.get(target).got;
    assert.equal(first.cache, `skerry-region; fwd=miss; ${said}`, target);
    assert.match((await upstream.get(target).got).cache, then, target);
  }
});

test("a stream of events passes as it comes, for each its own", async () => {
  const open: (() => void)[] = [];
  upstream.replies.set("/events", (_request, response, count) => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write(`data: ${count}\n\n`);
    open.push(() => response.end("data: end\n\n"));
  });
  const accept = { accept: "text/event-stream" };
  const listeners = [upstream.get("/events", accept), upstream.get("/events", accept)];
  await Promise.all(listeners.map(({ head }) => head));
  assert.equal(upstream.asked("/events"), 2);
  for (const end of open) end();
  const texts = await Promise.all(listeners.map(async ({ got }) => (await got).text));
  assert.deepEqual(texts.toSorted(), ["data: 1\n\ndata: end\n\n", "data: 2\n\ndata: end\n\n"]);
});

test("POSTs pass one by one, each with its own body and answer", async () => {
  upstream.replies.set("/form", async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(200, FRESH).end(`got ${Buffer.concat(chunks).toString()}`);
  });
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const answer = await fetch(`${upstream.edge.url}/form`, { method: "POST", body: `${i}` });
      return [await answer.text(), `got ${i}`];
    }),
  );
  for (const [text, expected] of answers) assert.equal(text, expected);
  assert.equal(upstream.asked("/form"), 20);
});

test("a WebSocket passes to the upstream and back", async () => {
  const socket = new WebSocket(`${upstream.edge.url.replace(/^http/, "ws")}/socket?room=1`, "chat");
  const opened = new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  await opened;
  assert.equal(socket.protocol, "chat");
  const heard = new Promise((resolve) =>
    socket.addEventListener("message", ({ data }) => resolve(data)),
  );
  socket.send("ahoy");
  assert.equal(await heard, "/socket?room=1 heard ahoy");
  socket.close();
  const refused = new WebSocket(`${upstream.edge.url.replace(/^http/, "ws")}/no-socket`);
  await new Promise((resolve) => refused.addEventListener("error", resolve));
});
