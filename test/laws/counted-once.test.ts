// Goal: each distinct reading counts exactly once at the origin (P2), the same value wins every
// conflict whatever the order of arrival, and nothing that was accepted is lost (P1).
// Method: random posts, retries and conflicts at three regions with lost requests, lost answers,
// crashes and hubs restored from older copies; all is delivered, then compared with a plain map.

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
      readonly naming: "none" | "boot" | "key";
      /** With a reading beside the others that has no time; needs a name. */
      readonly hasTimeless: boolean;
    }
  | { readonly kind: "retry"; readonly region: number; readonly batch: number }
  | { readonly kind: "sync"; readonly region: number; readonly fault: LinkFault }
  | { readonly kind: "crash" | "copy" | "restore"; readonly region: number };

const region = fc.nat(2);
const post = fc.record({
  kind: fc.constant("post" as const),
  region,
  times: fc.uniqueArray(fc.integer({ min: 900_000, max: 900_040 }), { minLength: 1, maxLength: 8 }),
  values: fc.array(fc.constantFrom(1, 2.5, -0.1, 7), { minLength: 8, maxLength: 8 }),
  naming: fc.constantFrom("none" as const, "boot" as const, "key" as const),
  hasTimeless: fc.boolean(),
});
const sync = fc.record({
  kind: fc.constant("sync" as const),
  region,
  fault: fc.constantFrom<LinkFault>("none", "lose-request", "lose-answer"),
});
const retry = fc.record({ kind: fc.constant("retry" as const), region, batch: fc.nat(50) });
const accident = (kind: "crash" | "copy" | "restore") =>
  fc.record({ kind: fc.constant(kind), region });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: post },
  { weight: 4, arbitrary: retry },
  { weight: 4, arbitrary: sync },
  { weight: 1, arbitrary: accident("crash") },
  { weight: 1, arbitrary: accident("copy") },
  { weight: 1, arbitrary: accident("restore") },
);

test("P1 P2 every accepted reading counts once at the origin, whatever happens on the way", async () => {
  const steps = fc.array(step, { maxLength: 40, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const world = new World();
      for (const [clock, current] of list.entries()) await world.take(current, clock % 3);
      await world.assertCountedOnce();
    }),
    { numRuns: 250 },
  );
});

/** A batch as a device keeps it for a retry. */
interface SentBatch {
  readonly body: object;
  readonly key: string | null;
  readonly timed: readonly (readonly [timeMs: number, value: number])[];
}

/** Three regions, an origin, and the map that they are compared with. */
class World {
  readonly #origin = new TestOrigin();
  readonly #regions = ["hel", "tll", "sto"].map(
    (name, i) => new TestRegion(name, this.#origin, 1_000_000 + i),
  );
  readonly #copies = this.#regions.map((hub) => hub.copy());
  readonly #batches: SentBatch[] = [];
  /** What is counted for each time: the smallest (stamp, value). */
  readonly #timed = new Map<number, { stampMs: number; value: number }>();
  readonly #timeless: number[] = [];

  async take(current: Step, passedMs: number): Promise<void> {
    for (const hub of this.#regions) hub.nowMs += passedMs;
    const hub = this.#regions[current.region];
    assert.ok(hub !== undefined);
    if (current.kind === "post") this.#send(hub, this.#newBatch(current));
    else if (current.kind === "retry") this.#retry(hub, current.batch);
    else if (current.kind === "sync") await hub.sync(current.fault);
    else if (current.kind === "crash") hub.crash();
    else if (current.kind === "copy") this.#copies[current.region] = hub.copy();
    else await this.#restore(hub, current.region);
  }

  async assertCountedOnce(): Promise<void> {
    for (const hub of this.#regions) assert.ok(await hub.settles());
    const totals = this.#origin.totals();
    const depth = totals.find(({ stream }) => stream === "depth_m");
    const values = [...this.#timed.values()].map(({ value }) => value);
    assert.equal(depth?.count ?? 0, values.length);
    assert.equal(depth?.sum ?? "0", formatDecimal(sumOf(values)));
    assert.equal(depth?.max ?? -Infinity, Math.max(-Infinity, ...values));
    const doors = totals.filter(({ stream }) => stream !== "depth_m");
    assert.deepEqual(
      doors.map(({ count, sum, quarantined }) => [count, sum, quarantined]).toSorted(byText),
      this.#timeless.map((value) => [1, String(value), 0]).toSorted(byText),
    );
  }

  #newBatch({ times, values, naming, hasTimeless }: Extract<Step, { kind: "post" }>): SentBatch {
    const seq = this.#batches.length + 1;
    const timed = times.map((timeMs, i) => [timeMs, values[i] ?? 0] as const);
    const readings: object[] = timed.map(([time, value]) => ({ stream: "depth_m", time, value }));
    if (hasTimeless && naming !== "none") {
      // A stream of its own: two regions may assign the same millisecond.
      readings.push({ stream: `door_${seq}`, value: seq });
      this.#timeless.push(seq);
    }
    const body = { ...(naming === "boot" ? { boot: "b1", seq } : {}), readings };
    const batch = { body, key: naming === "key" ? `key-${seq}` : null, timed };
    this.#batches.push(batch);
    return batch;
  }

  /** A hub keeps the first value it committed; across hubs the smallest (stamp, value) wins. */
  #send(hub: TestRegion, { body, key, timed }: SentBatch): void {
    assert.equal(hub.post(body, key).kind, "committed");
    const stampMs = hub.store.lastStampMs();
    for (const [timeMs, value] of timed) {
      const held = this.#timed.get(timeMs);
      const isFirst =
        held === undefined ||
        stampMs < held.stampMs ||
        (stampMs === held.stampMs && value < held.value);
      if (isFirst) this.#timed.set(timeMs, { stampMs, value });
    }
  }

  #retry(hub: TestRegion, at: number): void {
    const batch = this.#batches[at % Math.max(1, this.#batches.length)];
    if (batch !== undefined) this.#send(hub, batch);
  }

  /** What a lost disk had not delivered is lost; the law is about what the origin holds. */
  async #restore(hub: TestRegion, at: number): Promise<void> {
    assert.ok(await hub.settles());
    hub.restore(this.#copies[at] ?? hub.copy());
  }
}

function byText(left: readonly unknown[], right: readonly unknown[]): number {
  return String(left) < String(right) ? -1 : 1;
}
