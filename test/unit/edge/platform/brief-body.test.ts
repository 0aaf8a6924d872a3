// Is a brief body given whole, or not at all, to whoever reads it, whenever they come? Over node:http.

import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { BodyBudget } from "../../../../edge/platform/arriving-body.ts";
import { BriefBody } from "../../../../edge/platform/brief-body.ts";

const TEXT = "a page of some words";
let server: http.Server;
let url: string;

before(async () => {
  server = http.createServer(({ url: target }, response) => {
    response.writeHead(200, { "content-length": TEXT.length });
    response.write(TEXT.slice(0, 5));
    if (target === "/whole") setTimeout(() => response.end(TEXT.slice(5)), 20);
    if (target === "/cut") setTimeout(() => response.destroy(), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const budget = new BodyBudget(1_000);

async function read(target: string, msMax = 2_000): Promise<BriefBody> {
  return new BriefBody(await fetch(url + target), TEXT.length, msMax, budget, (stream) => stream);
}

test("all who open it have all of it, before it is there and after, and what one does to it is its own", async () => {
  const body = await read("/whole");
  const early = [body.open(), body.open()];
  const reading = await body.whole;
  assert.ok(reading.kind === "whole" && reading.bytes === TEXT.length);
  for (const stream of [...early, body.open()]) {
    const chunks = await Array.fromAsync(stream);
    assert.equal(Buffer.concat(chunks).toString(), TEXT);
    chunks[0]?.fill(0);
  }
  await body.done;
});

test("one that breaks off, takes too long or is discarded is broken, for all", async () => {
  const [cut, slow, discarded] = [
    await read("/cut"),
    await read("/slow", 50),
    await read("/whole"),
  ];
  const stream = cut.open();
  discarded.discard();
  for (const body of [cut, slow, discarded]) assert.deepEqual(await body.whole, { kind: "broken" });
  await assert.rejects(Array.fromAsync(stream), /ended early/);
  await assert.rejects(Array.fromAsync(slow.open()), /ended early/);
});

test("P8: it counts in what all bodies may hold together until it is there, and no longer", async () => {
  const small = new BodyBudget(TEXT.length);
  const body = new BriefBody(await fetch(`${url}/whole`), TEXT.length, 2_000, small, (one) => one);
  assert.equal(small.isSpent, true);
  await body.whole;
  assert.equal(small.isSpent, false);
});
