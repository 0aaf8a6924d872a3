// What does a link hear when its hub has no room for it? A problem that names the bound and what to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seal, upContext } from "../../../../doors/seal.ts";
import { answerSealed } from "../../../../origin/platform/sealed-exchange.ts";

test("answerSealed() tells a replica that finds no room, as a problem that can be retried", async () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = await crypto.subtle.importKey(
    "raw",
    secret,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
  const body = await seal(key, upContext("00-ff"), Uint8Array.of(1, 2, 3));
  const request = new Request("https://origin.example/v1/sync/00-ff", { method: "POST", body });
  const response = await answerSealed(request, "00-ff", key, async (frame) => {
    assert.deepEqual([...frame], [1, 2, 3]);
    return { kind: "no-room", replica: "made-up/00-ff" };
  });
  assert.deepEqual([response.status, response.headers.get("retry-after")], [429, "3600"]);
  const problem = (await response.json()) as { type: string; detail: string };
  assert.match(problem.type, /too-many-replicas$/);
  assert.match(problem.detail, /made-up\/00-ff.*LINK_KEY/);
});
