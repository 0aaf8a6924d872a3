// Does the device understand what an edge answers, and what only looks like an edge's answer?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decide,
  parseRetryAfter,
  type Answer,
} from "../../../../examples/device/skerry-device/answer.ts";

const NOW_MS = Date.parse("2026-09-21T12:00:00Z");
const problem = (status: number, retryAfter: string | null = null): Answer => ({
  status,
  contentType: "application/problem+json",
  retryAfter,
  text: JSON.stringify({ title: "Refused", detail: "why", errors: [] }),
});
const page = (status: number): Answer => ({
  status,
  contentType: "text/html",
  retryAfter: null,
  text: "<h1>Welcome to the harbour's network</h1>",
});

test("a 200 acknowledges only if it says durable", () => {
  const text = JSON.stringify({ accepted: 2, duplicates: 1, rejected: 0, durable: true });
  const decision = decide({ ...page(200), text }, NOW_MS);
  assert.equal(decision.kind, "stored");
  assert.equal(decide(page(200), NOW_MS).kind, "again");
  assert.equal(decide({ ...page(200), text: '{"durable":"true"}' }, NOW_MS).kind, "again");
});

for (const [status, kind] of [
  [400, "set-aside"],
  [409, "rename"],
  [413, "split"],
  [415, "set-aside"],
  [422, "set-aside"],
] as const) {
  test(`${status} means ${kind}`, () => {
    assert.equal(decide(problem(status), NOW_MS).kind, kind);
  });
}

for (const [status, scope] of [
  [401, "every-edge"],
  [403, "every-edge"],
  [404, "this-edge"],
  [429, "every-edge"],
  [500, "this-edge"],
  [503, "this-edge"],
] as const) {
  test(`${status} means again, and holds back ${scope}`, () => {
    const decision = decide(problem(status, "7"), NOW_MS);
    assert.equal(decision.kind, "again");
    assert.deepEqual({ ...decision, why: "" }, { kind: "again", scope, waitMs: 7_000, why: "" });
  });
}

test("what a portal or a proxy refuses stays in the buffer", () => {
  for (const status of [301, 302, 400, 401, 403, 404, 409, 422, 502]) {
    const decision = decide(page(status), NOW_MS);
    assert.equal(decision.kind === "again" && decision.scope, "this-edge", String(status));
  }
});

test("RFC 9110 §10.2.3 Retry-After is seconds or a date, and at most an hour is believed", () => {
  assert.equal(parseRetryAfter("30", NOW_MS), 30_000);
  assert.equal(parseRetryAfter("Mon, 21 Sep 2026 12:01:00 GMT", NOW_MS), 60_000);
  assert.equal(parseRetryAfter("Mon, 21 Sep 2026 11:00:00 GMT", NOW_MS), 0);
  assert.equal(parseRetryAfter("999999999", NOW_MS), 3_600_000);
  assert.equal(parseRetryAfter("soon", NOW_MS), null);
  assert.equal(parseRetryAfter(null, NOW_MS), null);
});
