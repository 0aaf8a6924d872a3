// Does what never reaches the cache explain itself as well (P11)? What the content door refuses, and what it
// passes to an upstream as a WebSocket, over HTTP on bare workerd.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { AttackSite } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const UPGRADE =
  "connection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const CLOSE = "connection: close\r\n";
/** What RFC 6455 §4.2.2 appends to a key. */
const KEY_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CONTROL = "\u0001";

test("P11: a refusal says in Cache-Status why no tier was asked", async () => {
  const loops = "skerry, skerry, skerry, skerry";
  for (const [head, status, detail] of [
    ["GET /r HTTP/1.1\r\nhost: none.test\r\n", 421, "unknown-host"],
    ["GET /r%00 HTTP/1.1\r\nhost: one.test\r\n", 400, "target-control-character"],
    [`GET /r HTTP/1.1\r\nhost: one.test\r\nx-a: a${CONTROL}b\r\n`, 400, "field-control-character"],
    [`GET /r HTTP/1.1\r\nhost: one.test\r\nx-a: ${"a".repeat(9_000)}\r\n`, 431, "fields-too-large"],
    [`GET /r HTTP/1.1\r\nhost: one.test\r\ncdn-loop: ${loops}\r\n`, 508, "loop-detected"],
    ["PURGE /r HTTP/1.1\r\nhost: one.test\r\n", 405, "method-not-allowed"],
    ["TRACE /r HTTP/1.1\r\nhost: one.test\r\n", 405, "method-not-allowed"],
  ] as const) {
    for (const upgrade of head.startsWith("GET") ? [CLOSE, UPGRADE] : [CLOSE]) {
      const [answer] = await site.raw(`${head}${upgrade}\r\n`);
      assert.deepEqual(
        [answer?.status, answer?.cache],
        [status, `skerry-memory; detail=${detail}`],
        `${head.slice(0, 60)} ${upgrade}`,
      );
    }
  }
  assert.equal(site.asked("/r"), 0);
});

test("P11: what passes as a WebSocket names the proxy and why it went on", async () => {
  site.serve("/ws", ({ headers }) => {
    const key = `${headers.get("sec-websocket-key") ?? ""}${KEY_GUID}`;
    const accept = createHash("sha1").update(key).digest("base64");
    return {
      raw: `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    };
  });
  site.serve("/no-ws", () => ({ status: 403, body: "no" }));
  site.serve("/cut-ws", (_seen, _count, socket) => {
    socket.destroy();
    return null;
  });
  for (const [target, status, parameters] of [
    ["/ws", 101, "fwd-status=101; detail=upgrade"],
    ["/no-ws", 403, "fwd-status=403; detail=upgrade"],
    ["/cut-ws", 504, "detail=origin-unreachable"],
  ] as const) {
    const head = `GET ${target} HTTP/1.1\r\nhost: one.test\r\n`;
    const [answer] = await site.raw(`${head}${UPGRADE}\r\n`, false, 2_000);
    assert.equal(answer?.status, status, target);
    assert.equal(answer.cache, `skerry-memory; fwd=bypass; ${parameters}`, target);
    if (status !== 504) assert.equal(answer.headers.get("via"), "1.1 skerry", target);
  }
});
