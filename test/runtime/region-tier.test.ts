// What does the region's tier do when it is full, and when what it stores is damaged? On bare workerd, with
// memory left out, so that the cell alone answers.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { limits } from "../../edge/limits.ts";
import { pause, SlowUpstream, type Got } from "../support/slow-upstream.ts";

const CELL_BYTES = 3_000_000;
let upstream: SlowUpstream;

before(async () => {
  upstream = await SlowUpstream.open({ TIERS: '["region"]', CELL_BYTES: String(CELL_BYTES) });
});
after(() => upstream.close());

const get = (target: string): Promise<Got> => upstream.get(target).got;
/** Gets what the cell then has, which is told of it a moment later. */
async function fill(target: string): Promise<Got> {
  const got = await get(target);
  await pause(SAVED_MS);
  return got;
}
const SAVED_MS = 10 * limits.saveGatherMs;
const isHit = ({ cache }: Got): boolean => cache.startsWith("skerry-region; hit");

/** Has the server send so many bytes, of the path's own making. */
function serve(target: string, bytes: number, seed = target): void {
  upstream.replies.set(target, (_request, response) => {
    response.writeHead(200, { "cache-control": "max-age=600", "content-length": bytes });
    response.end(seed.padEnd(bytes, `${seed} `));
  });
}

/** Opens the database of the cell; the edge must not run. */
function openCell(): DatabaseSync {
  const dir = path.join(upstream.stateDir, upstream.edge.region, "do", "skerry-ContentCell");
  const file = fs.readdirSync(dir).find((name) => /^[0-9a-f]+\.sqlite$/.test(name)) ?? "none";
  return new DatabaseSync(path.join(dir, file));
}

const HOT = Array.from({ length: 20 }, (_, i) => `/hot/${i}`);

test("P8: a full cell refuses nothing, and keeps what is asked for again", async () => {
  for (const target of HOT) serve(target, 2_000);
  for (const target of HOT) await get(target);
  await pause(SAVED_MS);
  for (const target of HOT) await get(target);
  for (let i = 0; i < 120; i += 1) {
    serve(`/scan/${i}`, i % 2 === 0 ? 10_000 : 100_000);
    const got = await get(`/scan/${i}`);
    assert.equal(got.status, 200);
    assert.match(got.cache, /^skerry-region; [^,]*stored/);
    assert.doesNotMatch(got.cache, /skerry-memory[^,]*stored/, "there is no such tier");
  }
  await pause(SAVED_MS);
  for (const target of HOT) assert.ok(isHit(await get(target)), target);
  await upstream.edge.stop();
  const cell = openCell();
  const sum = cell.prepare("select sum(weight) as bytes, count(*) as n from stored_variant").get();
  assert.ok(Number(sum?.["bytes"]) <= CELL_BYTES && Number(sum?.["bytes"]) > CELL_BYTES / 2);
  assert.ok(Number(sum?.["n"]) < 140);
  const pages = Number(cell.prepare("pragma page_count").get()?.["page_count"]);
  assert.ok(pages * 4_096 < 1.2 * CELL_BYTES, `${pages} pages`);
  cell.close();
  await upstream.edge.resume();
  assert.ok(isHit(await get("/hot/0")), "and after a restart");
});

test("equal bodies of several URLs are on disk once", async () => {
  const bytes = 3 * limits.bodyChunkBytes;
  for (const target of ["/same/1", "/same/2", "/same/3"]) {
    serve(target, bytes, "the same");
    await fill(target);
    const hit = await get(target);
    assert.ok(isHit(hit));
    assert.equal(hit.text.length, bytes);
  }
  await upstream.edge.stop();
  const cell = openCell();
  const bodies = cell.prepare("select refs, bytes from stored_body where refs = 3").all();
  assert.deepEqual(
    bodies.map(({ bytes: of }) => Number(of)),
    [bytes],
  );
  cell.close();
  await upstream.edge.resume();
});

for (const [target, damage, bytes, statement] of [
  [
    "/long-bit",
    "a bit of a long body",
    400_000,
    "update body_chunk set bytes = zeroblob(length(bytes)) where number = 1",
  ],
  [
    "/long-part",
    "a part of a long body that is missing",
    400_000,
    "delete from body_chunk where number = 1",
  ],
  [
    "/short-bit",
    "a bit of a short body",
    4_000,
    "update stored_variant set body = zeroblob(length(body)) where key like '%/short-bit'",
  ],
] as const) {
  test(`${damage} is a miss that says why, and never served`, async () => {
    serve(target, bytes);
    const whole = (await fill(target)).text;
    assert.equal(whole.length, bytes);
    await upstream.edge.stop();
    const cell = openCell();
    assert.ok(Number(cell.prepare(statement).run().changes) > 0);
    cell.close();
    await upstream.edge.resume();
    const missed = await fill(target);
    assert.equal(missed.status, 200);
    assert.equal(missed.text, whole);
    assert.match(
      missed.cache,
      /^skerry-region; fwd=miss; fwd-status=200; stored; detail=body-damaged/,
    );
    const again = await get(target);
    assert.ok(isHit(again), again.cache);
    assert.equal(again.text, whole);
  });
}
