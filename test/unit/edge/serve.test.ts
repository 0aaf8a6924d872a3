// In which order are the tiers asked, and what does the client get to see? With plain values for all
// that is outside of the use case.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ContentWorld, fieldOf, statusOf, type OriginAct } from "../../support/content-world.ts";

const fresh = (policy = "max-age=60"): OriginAct => ({
  status: 200,
  fields: [
    ["cache-control", policy],
    ["etag", '"a"'],
  ],
  body: "page",
});
const statusField = (answer: Parameters<typeof fieldOf>[0]) => fieldOf(answer, "cache-status");

/** A world in which /a is stored everywhere and has just become stale. */
async function withStale(policy?: string): Promise<ContentWorld> {
  const world = new ContentWorld();
  world.answer = () => fresh(policy);
  await world.send("/a");
  world.nowMs += 60_000;
  return world;
}

test("serveContent() fills both tiers on a miss and then serves from the nearest", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  assert.equal(
    statusField(await world.send("/a")),
    "skerry-region; fwd=miss; fwd-status=200; stored, skerry-memory; fwd=miss; stored",
  );
  world.nowMs += 5_000;
  const hit = await world.send("/a");
  assert.equal(statusField(hit), "skerry-memory; hit; ttl=55");
  assert.equal(fieldOf(hit, "age"), "5");
  world.forgetMemory();
  assert.equal(
    statusField(await world.send("/a")),
    "skerry-region; hit; ttl=55, skerry-memory; fwd=miss; stored",
  );
  assert.equal(statusField(await world.send("/a")), "skerry-memory; hit; ttl=55");
  assert.equal(world.asked.length, 1);
});

test("serveContent() validates what is stale and freshens both tiers with a 304", async () => {
  const world = await withStale();
  world.answer = () => ({
    status: 304,
    fields: [
      ["cache-control", "max-age=90"],
      ["etag", '"a"'],
    ],
  });
  const answer = await world.send("/a");
  assert.equal(
    statusField(answer),
    "skerry-region; fwd=stale; fwd-status=304; stored, skerry-memory; fwd=stale; stored",
  );
  assert.equal(answer.kind === "content" && answer.body, "page");
  assert.deepEqual(world.asked.at(-1)?.fields, [["if-none-match", '"a"']]);
  world.forgetMemory();
  assert.match(statusField(await world.send("/a")) ?? "", /^skerry-region; hit; ttl=90/);
});

test("serveContent() asks again without a condition when a 304 is about another response", async () => {
  const world = await withStale();
  world.answer = ({ fields }) =>
    fields.length > 0 ? { status: 304, fields: [["etag", '"b"']] } : fresh();
  assert.equal(statusOf(await world.send("/a")), 200);
  assert.equal(world.asked.length, 3);
});

test("P6: away with something stored is served at once, and one request a second probes", async () => {
  const world = await withStale();
  world.answer = () => ({ failure: "origin-unreachable" });
  const first = await world.send("/a");
  assert.equal(statusField(first), "skerry-memory; hit; ttl=-1; detail=origin-unreachable");
  assert.equal(world.asked.length, 2);
  const regionCalls = world.regionCalls;
  for (let i = 0; i < 10; i += 1) await world.send("/a");
  assert.equal(world.asked.length, 2, "nobody asks before the probe is due");
  assert.equal(world.regionCalls, regionCalls, "nobody waits for the region either");
  world.nowMs += 1_000;
  await Promise.all([world.send("/a"), world.send("/a"), world.send("/a")]);
  assert.equal(world.asked.length, 3);
  world.nowMs += 1_000;
  world.answer = () => ({ status: 304 });
  assert.match(
    statusField(await world.send("/a")) ?? "",
    /ttl=-/,
    "the probe runs behind the answer",
  );
  assert.match(statusField(await world.send("/a")) ?? "", /^skerry-memory; hit; ttl=60$/);
});

test("P6: a slow origin costs one request its patience, then counts as away", async () => {
  const world = await withStale();
  world.answer = () => ({ status: 304, isSlow: true });
  assert.match(statusField(await world.send("/a")) ?? "", /hit; ttl=-1; detail=origin-slow/);
});

test("RFC 9111 §4.2.4 serveContent() refuses to serve stale what forbids it", async () => {
  for (const policy of [
    "max-age=60, must-revalidate",
    "max-age=60, proxy-revalidate",
    "s-maxage=60",
  ]) {
    const world = await withStale(policy);
    world.answer = () => ({ failure: "origin-unreachable" });
    const answer = await world.send("/a");
    assert.equal(statusOf(answer), 504);
    assert.match(
      statusField(answer) ?? "",
      /fwd=stale; detail=(must-revalidate|proxy-revalidate|s-maxage)/,
    );
    assert.equal(fieldOf(answer, "retry-after"), "1");
  }
});

test("serveContent() takes a 5xx for no answer if it has something, else passes it on", async () => {
  for (const status of [500, 502, 503, 504]) {
    const world = await withStale();
    world.answer = () => ({ status, body: "oops" });
    assert.match(statusField(await world.send("/a")) ?? "", /hit; ttl=-1; detail=origin-error/);
    const other = new ContentWorld();
    other.answer = () => ({ status, body: "oops" });
    assert.equal(statusOf(await other.send("/b")), status);
    assert.equal(statusOf(await other.send("/b")), status, "one bad page is no outage");
  }
});

test("serveContent() forgets what is gone, so that an outage does not bring it back", async () => {
  for (const gone of [{ status: 404 }, { status: 301 }, fresh("no-store")]) {
    const world = await withStale();
    world.answer = () => gone;
    await world.send("/a");
    world.answer = () => ({ failure: "origin-unreachable" });
    assert.equal(statusOf(await world.send("/a")), 504);
    assert.equal(world.region.size, 0);
  }
});

test("P4: a lookup's upstream request has nothing of the client in it", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  await world.send("/a?x=1", [
    ["accept", "a"],
    ["accept-language", "b"],
    ["x-forwarded-host", "c"],
    ["if-none-match", '"d"'],
    ["origin", "e"],
  ]);
  assert.deepEqual(world.asked, [
    { method: "GET", target: "/v1/sites/main/content/a?x=1", fields: [] },
  ]);
});

test("P4: what names a person is neither served from the cache nor stored, nor sent on", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  for (const name of ["authorization", "cookie"]) {
    const answer = await world.send("/a", [
      [name, "x"],
      ["accept", "y"],
      ["range", "bytes=0-0"],
    ]);
    assert.equal(
      statusField(answer),
      `skerry-memory; fwd=bypass; fwd-status=200; detail=request-${name}`,
    );
  }
  assert.equal(world.memory.bytes(), 0);
  assert.equal(world.region.size, 0);
  const sent = world.asked.flatMap(({ fields }) => fields.map(([name]) => name));
  assert.deepEqual(new Set(sent), new Set(["accept", "range"]));
});

test("RFC 9110 §14 a part of what is published is cut from the whole, which is what is stored", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  const first = await world.send("/a", [["range", "bytes=1-2"]]);
  assert.deepEqual(world.asked[0]?.fields, [], "the origin is asked for all of it");
  assert.equal(statusOf(first), 206);
  assert.deepEqual(first.kind === "content" && first.range, { from: 1, to: 2 });
  assert.equal(fieldOf(first, "content-range"), "bytes 1-2/4");
  assert.match(statusField(first) ?? "", /stored$/);
  const beyond = await world.send("/a", [["range", "bytes=4-"]]);
  assert.equal(statusOf(beyond), 416);
  const whole = await world.send("/a");
  assert.equal(whole.kind === "content" && whole.body, "page");
  assert.equal(world.asked.length, 1);
});

const NAMING = ["authorization", "cookie"] as const;

test("P6: what goes past the cache gets what is stored while the origin is away", async () => {
  for (const name of NAMING) {
    const world = await withStale();
    world.answer = () => ({ failure: "origin-unreachable" });
    const first = await world.send("/a", [[name, "x"]]);
    assert.equal(statusOf(first), 200);
    assert.equal(first.kind === "content" && first.body, "page");
    assert.equal(statusField(first), "skerry-memory; hit; ttl=-1; detail=origin-unreachable");
    assert.equal(fieldOf(first, "age"), "60");
    assert.equal(world.asked.length, 2);
    await world.send("/a", [[name, "x"]]);
    assert.equal(world.asked.length, 2, "nobody asks before the probe is due");
    const head = await world.send("/a", [[name, "x"]], "HEAD");
    assert.equal(fieldOf(head, "content-length"), "4");
    const matching = [[name, "x"] as const, ["if-none-match", '"a"'] as const];
    assert.equal(statusOf(await world.send("/a", matching)), 304);
    assert.equal(statusOf(await world.send("/b", [[name, "x"]])), 504, "nothing is stored of /b");
    world.nowMs += 1_000;
    world.answer = () => ({ status: 200, body: "new" });
    assert.match(statusField(await world.send("/a", [[name, "x"]])) ?? "", /hit; ttl=-1/);
    assert.deepEqual(world.asked.at(-1), {
      method: "HEAD",
      target: "/v1/sites/main/content/a",
      fields: [],
    });
    const healed = await world.send("/a", [[name, "x"]]);
    assert.equal(
      statusField(healed),
      `skerry-memory; fwd=bypass; fwd-status=200; detail=request-${name}`,
    );
  }
});

test("P6: past the cache, a slow origin costs one request its patience if something is stored", async () => {
  const world = await withStale();
  world.answer = () => ({ status: 200, body: "new", isSlow: true });
  const answer = await world.send("/a", [["cookie", "x"]]);
  assert.equal(statusField(answer), "skerry-memory; hit; ttl=-1; detail=origin-slow");
  const unknown = await world.send("/b", [["cookie", "x"]]);
  assert.equal(unknown.kind === "content" && unknown.body, "new");
});

test("P6: past the cache, a 5xx is answered with what is stored, and with itself if nothing is", async () => {
  for (const status of [500, 502, 503, 504]) {
    const world = await withStale();
    world.answer = () => ({ status, body: "oops" });
    const answer = await world.send("/a", [["cookie", "x"]]);
    assert.equal(statusField(answer), "skerry-memory; hit; ttl=-1; detail=origin-error");
    assert.equal(statusOf(await world.send("/b", [["cookie", "x"]])), status);
  }
});

test("P6: what is fresh stands in as well, from the region too, which memory does not take over", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  await world.send("/a");
  world.forgetMemory();
  world.answer = () => ({ failure: "origin-unreachable" });
  for (const ignored of [1, 2]) {
    assert.equal(
      statusField(await world.send("/a", [["cookie", "x"]])),
      "skerry-region; hit; ttl=60; detail=origin-unreachable, skerry-memory; fwd=miss",
      `time ${ignored}`,
    );
    assert.equal(world.memory.bytes(), 0);
  }
});

test("RFC 9111 §4.2.4 past the cache, too, what forbids to be served stale is not", async () => {
  for (const policy of [
    "max-age=60, must-revalidate",
    "max-age=60, proxy-revalidate",
    "s-maxage=60",
  ]) {
    const world = await withStale(policy);
    world.answer = () => ({ failure: "origin-unreachable" });
    for (const name of NAMING) {
      const answer = await world.send("/a", [[name, "x"]]);
      assert.equal(statusOf(answer), 504);
      assert.equal(statusField(answer), `skerry-memory; fwd=bypass; detail=request-${name}`);
    }
  }
});

test("serveContent() answers the client's condition from what is stored or passes by", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  assert.equal(statusOf(await world.send("/a", [["if-none-match", '"a"']])), 304);
  const again = await world.send("/a", [["if-none-match", '"a"']]);
  assert.equal(statusOf(again), 304);
  assert.equal(fieldOf(again, "etag"), '"a"');
  world.answer = () => fresh("no-store");
  assert.equal(statusOf(await world.send("/b", [["if-none-match", '"a"']])), 304);
});

test("serveContent() answers HEAD from a stored GET and stores nothing of a HEAD", async () => {
  const world = new ContentWorld();
  world.answer = () => fresh();
  const miss = await world.send("/a", [], "HEAD");
  assert.equal(world.asked[0]?.method, "HEAD");
  assert.equal(miss.kind === "content" && miss.body, null);
  assert.equal(world.memory.bytes(), 0);
  await world.send("/a");
  const hit = await world.send("/a", [], "HEAD");
  assert.equal(fieldOf(hit, "content-length"), "4");
  assert.equal(hit.kind === "content" && hit.body, null);
  assert.equal(world.asked.length, 2);
});

test("serveContent() works on without its region, and says so", async () => {
  const world = new ContentWorld();
  world.isRegionAway = true;
  world.answer = () => fresh();
  assert.equal(
    statusField(await world.send("/a")),
    "skerry-region; fwd=miss; fwd-status=200; detail=region-unavailable, skerry-memory; fwd=miss; stored",
  );
  assert.match(statusField(await world.send("/a")) ?? "", /^skerry-memory; hit/);
});

test("RFC 9111 §5.2.1.7 only-if-cached: a stored response or 504, and nobody is asked", async () => {
  const world = new ContentWorld();
  const only = [["cache-control", "only-if-cached"]] as const;
  assert.equal(statusOf(await world.send("/a", only)), 504);
  world.answer = () => fresh();
  await world.send("/a");
  assert.equal(statusOf(await world.send("/a", only)), 200);
  assert.equal(world.asked.length, 1);
});

test("serveContent() refuses other methods, hosts and targets with a problem", async () => {
  const world = new ContentWorld();
  const posted = await world.send("/a", [], "POST");
  assert.equal(statusOf(posted), 405);
  assert.equal(fieldOf(posted, "allow"), "GET, HEAD");
  assert.equal(statusOf(await world.send("/%zz")), 400);
  assert.equal(world.asked.length, 0);
});

test("serveContent() names LINK_KEY when it is missing, and serves what is stored", async () => {
  const world = await withStale();
  world.answer = () => ({ failure: "no-link-key" });
  assert.match(statusField(await world.send("/a")) ?? "", /detail=no-link-key/);
  const answer = await world.send("/b");
  assert.equal(statusOf(answer), 503);
  assert.ok(answer.kind === "problem" && answer.problem.detail.includes("LINK_KEY"));
});

test("serveContent() passes a body that is too large, whole and unstored", async () => {
  const world = new ContentWorld();
  const body = "x".repeat(1024 * 1024 + 1);
  world.answer = () => ({ ...fresh(), body });
  const answer = await world.send("/a");
  assert.ok(answer.kind === "content" && answer.body === body);
  assert.match(statusField(answer) ?? "", /detail=body-too-large/);
  assert.equal(world.memory.bytes(), 0);
});

test("P9: a slow or failing target costs no other target its answer", async () => {
  for (const act of [{ status: 304, isSlow: true }, { status: 503 }]) {
    const world = await withStale();
    world.answer = () => act;
    assert.match(
      statusField(await world.send("/a")) ?? "",
      /hit; ttl=-1; detail=origin-(slow|error)/,
    );
    world.answer = () => fresh();
    assert.equal(statusOf(await world.send("/b")), 200);
  }
});
