// Goal: each distinct reading counts exactly once at the origin (P2), the same value wins every
// conflict whatever the order of arrival, and nothing that was accepted is lost (P1).
// Method: random posts, retries and conflicts at three regions with lost requests, lost answers and
// crashes in between; then everything is delivered and compared with a plain map.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDecimal, sumOf } from "../../sync/decimal.ts";
import { TestOrigin, TestRegion, type LinkFault } from "../support/regions.ts";

type Step =
  | {
      readonly kind: "post";
      readonly region: number;
      readonly times: readonly number[];
      readonly values: readonly number[];
      readonly isNamed: boolean;
    }
  | { readonly kind: "retry"; readonly region: number; readonly batch: number }
  | { readonly kind: "sync"; readonly region: number; readonly fault: LinkFault }
  | { readonly kind: "crash"; readonly region: number };

const region = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("post" as const),
      region,
      times: fc.uniqueArray(fc.integer({ min: 900_000, max: 900_040 }), {
        minLength: 1,
        maxLength: 8,
      }),
      values: fc.array(fc.constantFrom(1, 2.5, -0.1, 7), { minLength: 8, maxLength: 8 }),
      isNamed: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("retry" as const), region, batch: fc.nat(50) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("sync" as const),
      region,
      fault: fc.constantFrom<LinkFault>("none", "lose-request", "lose-answer"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), region }) },
);

/** What was accepted for one identity: the smallest (stamp, value) wins. */
interface Expected {
  stampMs: number;
  value: number;
}

test("every accepted reading counts once at the origin, whatever happens on the way", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), run), { numRuns: 150 });
});

async function run(steps: readonly Step[]): Promise<void> {
  const origin = new TestOrigin();
  const regions = ["hel", "tll", "sto"].map(
    (name, i) => new TestRegion(name, origin, 1_000_000 + i),
  );
  const expected = new Map<number, Expected>();
  const batches: { readonly body: object }[] = [];
  const post = (at: number, body: object): void => {
    const hub = regions[at];
    assert.ok(hub !== undefined);
    const outcome = hub.post(body);
    assert.equal(outcome.kind, "committed");
    expect(expected, body, hub.store.lastStampMs());
  };
  let seq = 0;
  for (const [clock, current] of steps.entries()) {
    for (const hub of regions) hub.nowMs += clock % 3;
    if (current.kind === "post") {
      const times = current.times.toSorted((a, b) => a - b);
      const named = current.isNamed ? { boot: "b1", seq: (seq += 1) } : {};
      const body = {
        ...named,
        t: times,
        series: { depth_m: current.values.slice(0, times.length) },
      };
      batches.push({ body });
      post(current.region, body);
    } else if (current.kind === "retry") {
      const batch = batches[current.batch % Math.max(1, batches.length)];
      if (batch !== undefined) post(current.region, batch.body);
    } else if (current.kind === "sync") {
      const hub = regions[current.region];
      if (hub !== undefined) hub.fault = current.fault;
      await hub?.sync();
    } else {
      regions[current.region]?.crash();
    }
  }
  for (const hub of regions) assert.ok(await settles(hub));
  const [totals] = origin.totals();
  const values = [...expected.values()].map(({ value }) => value);
  assert.equal(totals?.count ?? 0, values.length);
  assert.equal(totals?.sum ?? "0", formatDecimal(sumOf(values)));
  assert.equal(totals?.max ?? -Infinity, Math.max(-Infinity, ...values));
}

/** A hub keeps the first value it committed; across hubs the smallest (stamp, value) wins. */
function expect(expected: Map<number, Expected>, body: object, stampMs: number): void {
  const { t, series } = body as { t: number[]; series: { depth_m: number[] } };
  t.forEach((timeMs, i) => {
    const value = series.depth_m[i] ?? 0;
    const held = expected.get(timeMs);
    const isSmaller =
      held === undefined ||
      stampMs < held.stampMs ||
      (stampMs === held.stampMs && value < held.value);
    if (isSmaller) expected.set(timeMs, { stampMs, value });
  });
}

async function settles(hub: TestRegion): Promise<boolean> {
  for (let attempt = 0; attempt < 5; attempt += 1) if (await hub.sync()) return true;
  return false;
}
