// Does the breaker of an upstream hold, whatever happens in whatever order? (P6, P8, P9)

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  afterAnswer,
  afterFailure,
  afterProbeStart,
  afterServerError,
  decideAsk,
  INITIAL_HEALTH,
  NO_TOLERANCE,
  type OriginHealth,
  type Tolerance,
} from "../../edge/routing/origin-health.ts";
import { SparedTargets } from "../../edge/routing/spared-targets.ts";

const PROBE_MS = 1_000;
const TOLERANCE = { failures: 4, ms: 1_000 };
const reasons = fc.constantFrom(
  "origin-unreachable",
  "origin-slow",
  "origin-error",
  "origin-refused",
  "no-link-key",
);
/** What happens next: some milliseconds later, requests ask, fail or are answered. */
const events = fc.array(
  fc.record({
    laterMs: fc.oneof(fc.nat(50), fc.nat(1_500)),
    kind: fc.constantFrom("ask", "ask", "ask", "fail", "answer", "server-error"),
    hasStored: fc.boolean(),
    reason: reasons,
    /** How long the request that fails now had been under way. */
    tookMs: fc.oneof(fc.constant(0), fc.nat(10_000)),
  }),
  { maxLength: 60 },
);

type Event = (typeof events extends fc.Arbitrary<infer T> ? T : never)[number];

function step(
  health: OriginHealth,
  { kind, reason, tookMs }: Event,
  nowMs: number,
  tolerance: Tolerance = TOLERANCE,
): OriginHealth {
  if (kind === "answer") return afterAnswer(nowMs);
  if (kind === "server-error") return afterServerError(health);
  if (kind === "ask") return health;
  return afterFailure(health, { reason, askedMs: nowMs - tookMs, nowMs }, tolerance);
}

test("P6: while away, who could be served is let through once a second, not more and, whatever fails, not less", () => {
  fc.assert(
    fc.property(events, fc.constantFrom(TOLERANCE, NO_TOLERANCE), (all, tolerance) => {
      let health: OriginHealth = INITIAL_HEALTH;
      let nowMs = 1_000_000;
      let probedMs = -Infinity;
      let awayMs = -Infinity;
      for (const event of all) {
        nowMs += event.laterMs;
        if (event.kind === "ask") {
          const decision = decideAsk(health, nowMs, PROBE_MS, event.hasStored);
          assert.equal(
            decision.kind === "ask" && event.hasStored,
            health.kind === "up" && event.hasStored,
          );
          // However many requests failed meanwhile, its turn comes.
          const isDue = health.kind === "away" && nowMs - Math.max(probedMs, awayMs) >= PROBE_MS;
          assert.equal(decision.kind === "probe" && event.hasStored, isDue && event.hasStored);
          if (decision.kind !== "probe") continue;
          assert.ok(nowMs - probedMs >= PROBE_MS, "two probes within a second");
          probedMs = nowMs;
          health = afterProbeStart(health, nowMs);
        } else {
          const wasUp = health.kind === "up";
          health = step(health, event, nowMs, tolerance);
          if (wasUp && health.kind === "away") awayMs = nowMs;
        }
        if (health.kind === "up") probedMs = -Infinity;
      }
    }),
    { numRuns: 2_000 },
  );
});

test("P6: whatever came before, an answer closes it, and without one somebody may ask a second later", () => {
  fc.assert(
    fc.property(events, fc.nat(5_000), (all, tookMs) => {
      let health: OriginHealth = INITIAL_HEALTH;
      let nowMs = 1_000_000;
      for (const event of all) {
        nowMs += event.laterMs;
        health = step(health, event, nowMs);
      }
      const later = decideAsk(health, nowMs + PROBE_MS, PROBE_MS, true);
      assert.notEqual(later.kind, "hold");
      const closed = afterAnswer(nowMs);
      assert.equal(decideAsk(closed, nowMs, PROBE_MS, true).kind, "ask");
      // What was asked before that answer and times out after it tells of a time that is over.
      const stale = { reason: "origin-unreachable", askedMs: nowMs - 1 - tookMs, nowMs } as const;
      assert.deepEqual(afterFailure(closed, stale, TOLERANCE), closed);
    }),
    { numRuns: 1_000 },
  );
});

test("P9: fewer failures in a row than are tolerated, or within less time, open nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 20 }), reasons, (gaps, reason) => {
      let health: OriginHealth = INITIAL_HEALTH;
      const startMs = 1_000_000;
      let nowMs = startMs;
      for (const [index, gap] of gaps.entries()) {
        if (index > 0) nowMs += gap;
        health = afterFailure(health, { reason, askedMs: nowMs, nowMs }, TOLERANCE);
        const isOver = index + 1 > TOLERANCE.failures && nowMs - startMs >= TOLERANCE.ms;
        assert.equal(health.kind, isOver ? "away" : "up");
        if (isOver) return;
      }
    }),
    { numRuns: 1_000 },
  );
});

/** What is to be known of targets: when each last failed or was due, the one longest ago first. */
class Model {
  readonly sinceMs = new Map<string, number>();
  readonly failures = new Map<string, number>();

  fail(key: string, nowMs: number): void {
    const isKnown = this.sinceMs.has(key);
    this.failures.set(key, (isKnown ? (this.failures.get(key) ?? 0) : 0) + 1);
    this.note(key, nowMs);
  }

  note(key: string, nowMs: number): void {
    this.sinceMs.delete(key);
    this.sinceMs.set(key, nowMs);
    const [oldest] = this.sinceMs.keys();
    if (this.sinceMs.size > 3 && oldest !== undefined) this.sinceMs.delete(oldest);
  }

  take(key: string, nowMs: number): { reason: string; isDue: boolean } | null {
    const sinceMs = this.sinceMs.get(key);
    if (sinceMs === undefined) return null;
    const isDue = nowMs - sinceMs >= (this.failures.get(key) === 1 ? 1_000 : 10_000);
    if (isDue) this.note(key, nowMs);
    return { reason: "origin-error", isDue };
  }
}

test("a target that failed is spared, asked for by one request each time it is due, and bounded (P8)", () => {
  const keys = fc.constantFrom("a", "b", "c", "d");
  const acts = fc.record({
    key: keys,
    kind: fc.constantFrom("fail", "answer", "take", "take", "take"),
    laterMs: fc.nat(6_000),
  });
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 40 }), (all) => {
      const spared = new SparedTargets({ firstMs: 1_000, sparedMs: 10_000, targetsMax: 3 });
      const expected = new Model();
      let nowMs = 1_000_000;
      for (const { key, kind, laterMs } of all) {
        nowMs += laterMs;
        if (kind === "answer") {
          spared.forget(key);
          expected.sinceMs.delete(key);
        } else if (kind === "fail") {
          spared.note(key, "origin-error", nowMs);
          expected.fail(key, nowMs);
        } else assert.deepEqual(spared.take(key, nowMs), expected.take(key, nowMs));
      }
    }),
    { numRuns: 1_000 },
  );
});

test("a clock that steps back spares a target no longer", () => {
  const spared = new SparedTargets({ firstMs: 1_000, sparedMs: 10_000, targetsMax: 3 });
  spared.note("a", "origin-slow", 1_000_000);
  assert.deepEqual(spared.take("a", 900_000), { reason: "origin-slow", isDue: true });
  assert.deepEqual(spared.take("a", 900_001), { reason: "origin-slow", isDue: false });
});
