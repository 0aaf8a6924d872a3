// Does a link break as a line does? Cut: reset and refused. Stalled: silent. Healed: as new.

import assert from "node:assert/strict";
import http from "node:http";
import { after, test } from "node:test";
import { Link } from "../../../../tools/launcher/link.ts";
import { listen, LOOPBACK } from "../../../../tools/launcher/ports.ts";

const server = http.createServer((_, response) => response.end("far end"));
await listen(server, 0, LOOPBACK);
const address = server.address();
const link = await Link.open(0, typeof address === "object" && address !== null ? address.port : 0);
after(async () => {
  await link.close();
  server.close();
});

async function ask(): Promise<string> {
  const response = await fetch(`http://${LOOPBACK}:${link.port}/`, {
    signal: AbortSignal.timeout(300),
  });
  return response.text();
}

test("an open link carries both ways and counts", async () => {
  assert.equal(await ask(), "far end");
  assert.ok(link.bytesUp > 0 && link.bytesDown > "far end".length);
});

test("a cut link refuses at once, until it is healed", async () => {
  link.cut();
  await assert.rejects(ask(), /fetch failed/);
  assert.equal(link.state, "cut");
  link.heal();
  assert.equal(await ask(), "far end");
});

test("a stalled link never answers, until it is healed", async () => {
  link.stall();
  await assert.rejects(ask(), { name: "TimeoutError" });
  link.heal();
  assert.equal(await ask(), "far end");
});
