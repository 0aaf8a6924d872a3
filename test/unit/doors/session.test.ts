// Which tokens can be read, and how long does a request wait for them?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  awaitSession,
  formatSession,
  parseSession,
  SESSION_FIELD,
} from "../../../doors/session.ts";

const many = (count: number): string =>
  Array.from({ length: count }, (_, i) => `r${i}:${i}`).join(", ");

test("parseSession() reads what formatSession() wrote, and several with commas", () => {
  const tokens = [
    { writer: "origin", seq: 12 },
    { writer: "hel", seq: 1_790_000_000_000 },
  ];
  assert.deepEqual(parseSession(tokens.map(formatSession).join(", ")), tokens);
  assert.equal(parseSession(many(8))?.length, 8);
});

for (const text of [
  "",
  "hel",
  "hel:",
  ":1",
  "hel:-1",
  "hel:1.5",
  "hel:01",
  "hel:9007199254740992",
  "HEL:1",
  "hel:1,",
  "hel:1 tll:2",
  many(9),
  "a".repeat(10_000),
  ",".repeat(10_000),
])
  test(`parseSession() refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.equal(parseSession(text), null);
  });

const asking = (session?: string): Request =>
  new Request("https://a.example/", {
    headers: session === undefined ? {} : { [SESSION_FIELD]: session },
  });

test("awaitSession() asks nobody without a token, and looks until it is there", async () => {
  let looks = 0;
  const hasSeen = async (): Promise<boolean> => (looks += 1) === 3;
  assert.equal(await awaitSession(asking(), hasSeen), null);
  assert.equal(looks, 0);
  assert.equal(await awaitSession(asking("hel:1"), hasSeen), null);
  assert.equal(looks, 3);
  assert.equal((await awaitSession(asking("hel"), hasSeen))?.status, 400);
});

test("P8 awaitSession() waits for what does not come for about two seconds, and says so", async () => {
  const startedMs = performance.now();
  const problem = await awaitSession(asking("hel:7"), async () => false);
  const waitedMs = performance.now() - startedMs;
  assert.deepEqual([problem?.status, problem?.code], [503, "session-behind"]);
  assert.match(problem?.detail ?? "", /hel:7/);
  assert.ok(waitedMs >= 1_900 && waitedMs < 6_000, `${waitedMs} ms`);
});
