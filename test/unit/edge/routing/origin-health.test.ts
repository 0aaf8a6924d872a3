// Who asks an origin that may be away, and who does not wait for it?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterAnswer,
  afterFailure,
  afterProbeStart,
  decideAsk,
  INITIAL_HEALTH,
  type Failure,
  type OriginFailure,
} from "../../../../edge/routing/origin-health.ts";

/** A failure that is known at once. */
const at = (reason: OriginFailure, nowMs: number): Failure => ({ reason, askedMs: nowMs, nowMs });

test("decideAsk() asks while the origin is up, then probes once each interval", () => {
  assert.equal(decideAsk(INITIAL_HEALTH, 0, 1_000, true).kind, "ask");
  const away = afterFailure(INITIAL_HEALTH, at("origin-unreachable", 5_000));
  assert.deepEqual(decideAsk(away, 5_400, 1_000, true), {
    kind: "hold",
    reason: "origin-unreachable",
    retryAfterMs: 600,
  });
  assert.equal(decideAsk(away, 6_000, 1_000, true).kind, "probe");
  const probed = afterProbeStart(away, 6_000);
  assert.equal(decideAsk(probed, 6_500, 1_000, true).kind, "hold");
  assert.equal(decideAsk(afterAnswer(6_400), 6_500, 1_000, true).kind, "ask");
});

test("afterFailure() keeps since when the origin is away, and decideAsk() survives a clock step", () => {
  const away = afterFailure(
    afterFailure(INITIAL_HEALTH, at("origin-slow", 5_000)),
    at("origin-unreachable", 9_000),
  );
  assert.deepEqual(away, {
    kind: "away",
    reason: "origin-unreachable",
    sinceMs: 5_000,
    probedMs: 5_000,
  });
  assert.equal(decideAsk(away, 4_000, 1_000, true).kind, "probe");
});

test("decideAsk() holds back a request with nothing stored only if nothing can be reached", () => {
  const kindOf = (
    reason: "origin-slow" | "origin-error" | "origin-unreachable" | "origin-refused",
  ) => decideAsk(afterFailure(INITIAL_HEALTH, at(reason, 0)), 500, 1_000, false).kind;
  assert.equal(kindOf("origin-slow"), "ask");
  assert.equal(kindOf("origin-error"), "ask");
  assert.equal(kindOf("origin-unreachable"), "hold");
  assert.equal(kindOf("origin-refused"), "hold");
});
