// Goal: what a hub gives up when its buffer is full is counted as exactly as what it keeps: accepted =
// what the origin counts + what gap records say (P1, P2), whatever is lost, repeated or killed.
// Method: random posts out of order, ahead of time and twice, lost requests and answers, crashes,
// wrong clocks, and shedding at any moment, on the real store and origin; then all is delivered.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GapLink } from "../../edge/gap-link.ts";
import { decodeGaps, type GapRecord } from "../../state/gap.ts";
import type { ReplicaId } from "../../sync/brand.ts";
import { DEVICE } from "../support/commands.ts";
import { TestOrigin, TestRegion, type LinkFault } from "../support/regions.ts";

type Step =
  | { readonly kind: "post"; readonly times: readonly number[] }
  | { readonly kind: "retry"; readonly batch: number }
  | { readonly kind: "sync"; readonly fault: LinkFault }
  | { readonly kind: "shed"; readonly bytesMax: number; readonly bytesAtOnce: number }
  | { readonly kind: "gaps"; readonly fault: LinkFault }
  | { readonly kind: "seal" | "crash" | "ahead" };

const fault = fc.constantFrom<LinkFault>("none", "lose-request", "lose-answer");
const T0 = 1_000_000;
const post = fc.record({
  kind: fc.constant("post" as const),
  // Some lie so far ahead that they are quarantined.
  times: fc.uniqueArray(
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: T0 - 60_000, max: T0 - 59_900 }) },
      { weight: 1, arbitrary: fc.integer({ min: T0 + 9_000_000, max: T0 + 9_000_050 }) },
    ),
    { minLength: 1, maxLength: 30 },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: post },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("retry" as const), batch: fc.nat(30) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("sync" as const), fault }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("shed" as const),
      bytesMax: fc.integer({ min: 0, max: 400 }),
      bytesAtOnce: fc.constantFrom(1, 100, 10_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("gaps" as const), fault }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("seal" as const, "crash" as const, "ahead" as const),
    }),
  },
);

/** A hub that sheds, its origin, and how many readings were accepted. */
class World {
  readonly origin = new TestOrigin();
  readonly region = new TestRegion("hel", this.origin, T0);
  readonly #sent: object[] = [];
  accepted = 0;
  shedBytes = 0;

  async take(current: Step): Promise<void> {
    this.region.nowMs += 1;
    switch (current.kind) {
      case "post":
        // One value a time: a conflict that is kept counts where the first value was given up.
        return this.#post({
          boot: "b1",
          seq: this.#sent.length + 1,
          t: current.times,
          series: { a: current.times.map((timeMs) => timeMs / 7) },
        });
      case "retry": {
        const body = this.#sent[current.batch];
        return body === undefined ? undefined : this.#post(body, false);
      }
      case "sync":
        return void (await this.region.sync(current.fault));
      case "shed":
        return this.region.store.shed({ policy: "drop-oldest", beforeMs: 0, ...current });
      case "gaps":
        return this.tellGaps(current.fault);
      case "seal":
        for (const _ of this.region.store.seal()) continue;
        return undefined;
      case "crash":
        return this.region.crash();
      case "ahead":
        this.region.nowMs += 700_000;
    }
  }

  #post(body: object, isNew = true): void {
    const outcome = this.region.post(body);
    assert.equal(outcome.kind, "committed");
    if (outcome.kind === "committed") this.accepted += outcome.accepted;
    if (isNew) this.#sent.push(body);
  }

  async tellGaps(what: LinkFault): Promise<void> {
    let isFirst = true;
    const exchange = async (request: Uint8Array) => {
      const lost = isFirst ? what : "none";
      isFirst = false;
      if (lost === "lose-request") return { kind: "failed", reason: "lost" } as const;
      const message = decodeGaps(request);
      assert.ok(message !== null);
      this.origin.store.joinGaps(message);
      if (lost === "lose-answer") return { kind: "failed", reason: "lost" } as const;
      return { kind: "answered", frame: new Uint8Array(0) } as const;
    };
    await new GapLink(this.region.store, "hel/00-ff" as ReplicaId, { exchange }).send();
  }

  counted(): number {
    return this.origin.totals().reduce((sum, total) => sum + total.count + total.quarantined, 0);
  }
}

const sum = (gaps: readonly GapRecord[]): number =>
  gaps.reduce((all, { readings }) => all + readings, 0);

test("P1 P2 accepted = counted at the origin + in gap records, under kill, duplicate, reorder, skew and a full buffer", async () => {
  let gaps = 0;
  let counted = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      const world = new World();
      for (const current of steps) await world.take(current);
      world.origin.nowMs = world.region.nowMs;
      assert.ok(await world.region.settles(), "The link comes to rest");
      await world.tellGaps("none");
      const told = world.origin.store.gapsOf(DEVICE);
      assert.equal(sum(told), sum(world.region.store.gapsOf(DEVICE)), "The origin knows all gaps");
      assert.equal(world.counted() + sum(told), world.accepted);
      gaps += sum(told);
      counted += world.counted();
    }),
    { numRuns: 120 },
  );
  assert.ok(gaps > 200 && counted > 200, `Both happen: ${gaps} given up, ${counted} counted`);
});
