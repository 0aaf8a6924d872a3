// What do a site's settings answer by themselves, and what do they add?

import assert from "node:assert/strict";
import { test } from "node:test";
import { RFC, SAFE } from "../../../edge/cache/cache-policy.ts";
import { checkConfig } from "../../../state/config.ts";
import type { SiteSettings } from "../../../state/site.ts";
import { ContentWorld, fieldOf, statusOf } from "../../support/content-world.ts";

/** Settings as they are published: checked, and filled in. */
function settingsOf(document: unknown): SiteSettings {
  const checked = checkConfig({ content: { main: document } });
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value.content?.["main"] ?? {};
}

const page = (fields: readonly (readonly [string, string])[] = []) => ({
  status: 200,
  fields,
  body: "page",
});

test("a redirect is answered without cache and upstream, and its * goes along", async () => {
  const settings = settingsOf({
    redirects: [
      { from: "/a", to: "https://b.example/c?d", status: 301 },
      { from: "/old/*", to: "/new/*" },
      { from: "/old/x", to: "/never" },
    ],
  });
  const world = new ContentWorld(SAFE, settings);
  for (const [target, status, location] of [
    ["/a", 301, "https://b.example/c?d"],
    ["/a?q=1", 301, "https://b.example/c?d"],
    ["/old/x/y?q=1", 308, "/new/x/y?q=1"],
    ["/old/x", 308, "/new/x"],
    ["/other/../old//evil", 308, "/new//evil"],
  ] as const) {
    const answer = await world.send(target);
    assert.deepEqual([statusOf(answer), fieldOf(answer, "location")], [status, location]);
    assert.equal(fieldOf(answer, "cache-status"), "skerry-memory; detail=redirect");
  }
  assert.equal(world.asked.length, 0);
  await world.send("/a", [], "POST");
  assert.equal(world.asked.length, 1, "a write is not redirected");
});

test("rules give lifetimes by path, status and type, and none to what must not be stored", async () => {
  const settings = settingsOf({
    rules: [
      { path: "/never/*", store: false },
      { path: "/*", types: ["image/*"], override: 600 },
      { path: "/*", status: [404], ttl: 10 },
      { path: "/*", ttl: 60, staleWhileRevalidate: 30 },
    ],
  });
  const world = new ContentWorld(SAFE, settings);
  const cases: [string, ReturnType<typeof page> & { status: number }, string][] = [
    ["/never/a", page([["cache-control", "max-age=60"]]), "detail=rule"],
    ["/events", page([["content-type", "text/event-stream"]]), "detail=event-stream"],
    [
      "/image",
      page([
        ["content-type", "image/png; x=1"],
        ["cache-control", "max-age=1"],
      ]),
      "ttl=600",
    ],
    ["/missing", { ...page(), status: 404 }, "ttl=10"],
    ["/said", page([["cache-control", "max-age=5"]]), "ttl=5"],
    ["/unsaid", page(), "ttl=60"],
    ["/private", page([["cache-control", "private"]]), "detail=private"],
    ["/cookie", page([["set-cookie", "a=b"]]), "detail=set-cookie"],
  ];
  for (const [target, act, expected] of cases) {
    world.answer = () => act;
    await world.send(target);
    const second = await world.send(target);
    assert.ok(
      (fieldOf(second, "cache-status") ?? "").includes(expected),
      `${target} ${fieldOf(second, "cache-status")}`,
    );
  }
  world.nowMs += 61_000;
  const stale = await world.send("/unsaid");
  assert.match(fieldOf(stale, "cache-status") ?? "", /detail=stale-while-revalidate/);
});

test("maxOffline says how long what is stale is served while the upstream is away", async () => {
  const world = new ContentWorld(RFC, settingsOf({}));
  const short = new ContentWorld({ ...RFC, staleMsMax: 60_000 }, settingsOf({}));
  for (const one of [world, short]) {
    one.answer = () => page([["cache-control", "max-age=1"]]);
    await one.send("/a");
    one.nowMs += 120_000;
    one.answer = () => ({ failure: "origin-unreachable" });
  }
  assert.equal(statusOf(await world.send("/a")), 200);
  assert.equal(statusOf(await short.send("/a")), 504);
});

test("a preflight is answered here; an answer says who may read it, and what is stored does not", async () => {
  const cors = { origins: ["https://a.example"], methods: ["PUT"], headers: ["x-a"], maxAge: 5 };
  const world = new ContentWorld(SAFE, settingsOf({ cors }));
  const from = (origin: string) => [["origin", origin]] as const;
  const asked = [...from("https://a.example"), ["access-control-request-method", "PUT"]] as const;
  const preflight = await world.send("/a", asked, "OPTIONS");
  assert.equal(statusOf(preflight), 204);
  assert.equal(fieldOf(preflight, "access-control-allow-origin"), "https://a.example");
  assert.equal(fieldOf(preflight, "access-control-allow-methods"), "PUT");
  assert.equal(fieldOf(preflight, "access-control-max-age"), "5");
  assert.equal(world.asked.length, 0);
  world.answer = () =>
    page([
      ["cache-control", "max-age=60"],
      ["access-control-allow-origin", "https://evil.example"],
    ]);
  await world.send("/a", from("https://a.example"));
  assert.ok(!world.asked.at(-1)?.fields.some(([name]) => name === "origin"));
  const allowed = await world.send("/a", from("https://a.example"));
  assert.match(fieldOf(allowed, "cache-status") ?? "", /hit/);
  assert.equal(fieldOf(allowed, "access-control-allow-origin"), "https://a.example");
  assert.equal(fieldOf(allowed, "vary"), "Origin");
  const other = await world.send("/a", from("https://evil.example"));
  assert.equal(fieldOf(other, "access-control-allow-origin"), null);
  assert.equal(fieldOf(other, "vary"), "Origin");
  world.answer = () => ({ failure: "origin-unreachable" });
  const failed = await world.send("/b", from("https://a.example"));
  assert.equal(statusOf(failed), 504);
  assert.equal(fieldOf(failed, "access-control-allow-origin"), "https://a.example");
});

test("the preset fills in what the upstream does not say, and the site's own fields replace it", async () => {
  const settings = settingsOf({ security: { fields: { "x-powered-by": null, "x-a": "b" } } });
  const world = new ContentWorld(SAFE, settings);
  world.answer = () =>
    page([
      ["x-frame-options", "DENY"],
      ["x-powered-by", "php"],
      ["x-a", "a"],
    ]);
  const answer = await world.send("/a");
  assert.equal(fieldOf(answer, "x-frame-options"), "DENY");
  assert.equal(fieldOf(answer, "x-content-type-options"), "nosniff");
  assert.equal(fieldOf(answer, "x-powered-by"), null);
  assert.equal(fieldOf(answer, "x-a"), "b");
  assert.equal(fieldOf(answer, "strict-transport-security"), null, "it did not come over TLS");
});

test("what a key leaves out is not sent on with a read, and is with a write, which ends what is kept", async () => {
  const world = new ContentWorld(SAFE, settingsOf({ query: { drop: ["utm_*"] } }));
  world.answer = () => page([["cache-control", "max-age=60"]]);
  await world.send("/a?utm_x=1&b=2");
  assert.equal(world.asked.at(-1)?.target, "/a?b=2");
  assert.match(fieldOf(await world.send("/a?b=2&utm_y"), "cache-status") ?? "", /hit/);
  await world.send("/a?b=2&utm_x=3", [], "POST");
  assert.equal(world.asked.at(-1)?.target, "/a?b=2&utm_x=3");
  await world.send("/a?b=2");
  assert.equal(world.asked.length, 3, "it was forgotten");
});

const html = (fields: readonly (readonly [string, string])[] = []) => ({
  status: 200,
  fields: [
    ["cache-control", "max-age=60"],
    ["content-type", "text/html; charset=utf-8"],
    ["etag", '"a"'],
    ["content-digest", "sha-256=:x:"],
    ...fields,
  ] as (readonly [string, string])[],
  body: "x".repeat(2_000),
});

test("what is stored is coded for who takes it, with a weak tag and Vary, and stored once", async () => {
  const world = new ContentWorld(SAFE, settingsOf({ compression: {} }));
  world.answer = () => html([["vary", "Accept"]]);
  for (const [accepted, coding] of [
    ["gzip", "gzip"],
    ["gzip, br, zstd", "br"],
    ["br;q=0, zstd, gzip", "zstd"],
    ["identity", null],
    [null, null],
  ] as const) {
    const asked = accepted === null ? [] : [["accept-encoding", accepted] as const];
    const answer = await world.send("/a", asked);
    assert.equal(fieldOf(answer, "content-encoding"), coding);
    assert.equal(fieldOf(answer, "vary"), "Accept, Accept-Encoding");
    assert.equal(fieldOf(answer, "etag"), coding === null ? '"a"' : 'W/"a"');
    assert.equal(fieldOf(answer, "content-digest"), coding === null ? "sha-256=:x:" : null);
    const body = answer.kind === "content" ? answer.body : null;
    assert.equal(body, coding === null ? html().body : `${coding}(2000)`);
  }
  assert.equal(world.asked.length, 1);
  const tag = [["if-none-match", 'W/"a"']] as const;
  const known = await world.send("/a", [...tag, ["accept-encoding", "gzip"]]);
  assert.deepEqual([statusOf(known), fieldOf(known, "etag")], [304, 'W/"a"']);
  const part = await world.send("/a", [
    ["range", "bytes=0-1"],
    ["accept-encoding", "gzip"],
  ]);
  assert.deepEqual([statusOf(part), fieldOf(part, "content-encoding")], [206, null]);
  assert.equal(fieldOf(part, "etag"), '"a"');
  const head = await world.send("/a", [["accept-encoding", "gzip"]], "HEAD");
  assert.deepEqual(
    [fieldOf(head, "content-encoding"), fieldOf(head, "content-length")],
    ["gzip", null],
  );
});

test("nothing is coded twice, against no-transform, too small, of another type, or not stored", async () => {
  const cases: [string, ReturnType<typeof html>][] = [
    ["/coded", html([["content-encoding", "gzip"]])],
    [
      "/kept",
      {
        ...html(),
        fields: [
          ["cache-control", "max-age=60, no-transform"],
          ["content-type", "text/html"],
        ],
      },
    ],
    ["/small", { ...html(), body: "x" }],
    [
      "/image",
      {
        ...html(),
        fields: [
          ["cache-control", "max-age=60"],
          ["content-type", "image/png"],
        ],
      },
    ],
    [
      "/private",
      {
        ...html(),
        fields: [
          ["cache-control", "private"],
          ["content-type", "text/html"],
        ],
      },
    ],
  ];
  const world = new ContentWorld(SAFE, settingsOf({ compression: { codings: ["br"] } }));
  for (const [target, act] of cases) {
    world.answer = () => act;
    for (let time = 0; time < 2; time += 1) {
      const answer = await world.send(target, [["accept-encoding", "br, gzip"]]);
      assert.equal(answer.kind === "content" && answer.body, act.body, target);
      const [, coding = null] = act.fields.find(([name]) => name === "content-encoding") ?? [];
      assert.equal(fieldOf(answer, "content-encoding"), coding, target);
    }
  }
});

test("a write ends what its Location names, under the key that the site's query rule makes of it", async () => {
  const world = new ContentWorld(SAFE, settingsOf({ query: { drop: ["utm_*"] } }));
  world.answer = ({ method }) =>
    method === "POST"
      ? { status: 303, fields: [["location", "/item?utm_source=form&id=1"]] }
      : page([["cache-control", "max-age=60"]]);
  await world.send("/item?id=1");
  await world.send("/form", [], "POST");
  world.nowMs += 1_000;
  const answer = await world.send("/item?id=1");
  assert.match(fieldOf(answer, "cache-status") ?? "", /fwd=miss/);
});

test("what a write has ended does not come back from a region that was asked before it", async () => {
  const world = new ContentWorld(SAFE);
  world.answer = ({ method }) => page(method === "GET" ? [["cache-control", "max-age=60"]] : []);
  await world.send("/a");
  world.forgetMemory();
  const arrival = Promise.withResolvers<void>();
  world.regionAnswers = arrival.promise;
  const read = world.send("/a");
  const write = world.send("/a", [], "POST");
  await new Promise((resolve) => setImmediate(resolve));
  arrival.resolve();
  assert.match(fieldOf(await read, "cache-status") ?? "", /^skerry-region; hit.*fwd=miss$/);
  await write;
  world.nowMs += 1;
  assert.match(fieldOf(await world.send("/a"), "cache-status") ?? "", /fwd=miss; fwd-status=200/);
});
