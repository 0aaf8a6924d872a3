// A hub whose buffer is full, its origin, and what may befall them: the steps of a property test, and
// what both ends say once all is delivered.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { BufferQuota } from "../../edge/buffer/quota.ts";
import { GapLink } from "../../edge/gap-link.ts";
import type { ExchangeOutcome } from "../../edge/ports.ts";
import { ThinnedLink } from "../../edge/thinned-link.ts";
import { decodeGaps, THIN, type GapRecord } from "../../state/gap.ts";
import { decodeThinned } from "../../state/thinned.ts";
import type { ReplicaId } from "../../sync/brand.ts";
import { loadAggregate } from "../../sync/crdt/aggregate.ts";
import { addDecimals, formatDecimal, sumOf, ZERO } from "../../sync/decimal.ts";
import { DEVICE } from "./commands.ts";
import { TestOrigin, TestRegion, type LinkFault } from "./regions.ts";

/** What happens next. */
export type Step =
  /** With `isSoon` one more, too far ahead by the right clock but not by one that is ahead. */
  | { readonly kind: "post"; readonly times: readonly number[]; readonly isSoon: boolean }
  | { readonly kind: "retry"; readonly batch: number }
  | { readonly kind: "sync" | "go-ahead" | "gaps" | "thinned"; readonly fault: LinkFault }
  /** With `isOld` all that waits is too old. */
  | {
      readonly kind: "shed";
      readonly bytesMax: number;
      readonly bytesAtOnce: number;
      readonly isOld: boolean;
    }
  | { readonly kind: "seal" | "crash" | "ahead" };

/** What both ends say at last. Counts are readings; the sum is of all that is counted or thinned. */
export interface Found {
  readonly counted: number;
  readonly thinned: number;
  readonly gapped: number;
  /** Of those counted. */
  readonly quarantined: number;
  readonly sum: string;
}

const T0 = 1_000_000;
const REPLICA = "hel/00-ff" as ReplicaId;
const fault = fc.constantFrom<LinkFault>("none", "lose-request", "lose-answer", "lose-answer");
const post = fc.record({
  kind: fc.constant("post" as const),
  // Some lie so far ahead that they are quarantined; the others span minutes.
  times: fc.uniqueArray(
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: T0 - 180_000, max: T0 - 100 }) },
      { weight: 1, arbitrary: fc.integer({ min: T0 + 9_000_000, max: T0 + 9_000_050 }) },
    ),
    { minLength: 1, maxLength: 30 },
  ),
  isSoon: fc.boolean(),
});

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: post },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("retry" as const), batch: fc.nat(30) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("sync" as const, "sync" as const, "go-ahead" as const),
      fault,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("shed" as const),
      bytesMax: fc.integer({ min: 0, max: 400 }),
      bytesAtOnce: fc.constantFrom(1, 100, 10_000),
      isOld: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("gaps" as const, "thinned" as const), fault }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("seal" as const, "crash" as const, "ahead" as const),
    }),
  },
);

/** A hub with a small buffer, its origin, and what was accepted. */
export class FullBuffer {
  readonly origin = new TestOrigin();
  readonly region = new TestRegion("hel", this.origin, T0);
  readonly #quota: BufferQuota;
  readonly #sent: { readonly t: readonly number[] }[] = [];
  readonly #values = new Map<number, number>();
  accepted = 0;
  refused = 0;

  constructor(quota: BufferQuota) {
    this.#quota = quota;
  }

  /** The exact sum of what was accepted. */
  get sum(): string {
    return formatDecimal(sumOf([...this.#values.values()]));
  }

  /** Lets a step happen; the hub's account is right after it. */
  async take(current: Step): Promise<void> {
    await this.#take(current);
    const { accepted, present, quarantined } = this.region.store.account();
    const { thinned, gapped } = this.region.store.gaps.readings();
    assert.equal(accepted, this.accepted, "The hub knows what it accepted");
    assert.equal(accepted, present + thinned + gapped, "and what became of it");
    assert.ok(quarantined >= 0 && quarantined <= present, "Quarantined are among those present");
  }

  async #take(current: Step): Promise<void> {
    this.region.nowMs += 1;
    if ("fault" in current) return this.#talk(current);
    switch (current.kind) {
      case "post":
        return this.#postNew(current);
      case "retry": {
        const body = this.#sent[current.batch];
        return body === undefined ? undefined : this.#post(body);
      }
      case "shed":
        return this.#shed(current);
      case "seal":
        for (const _ of this.region.store.seal()) continue;
        return undefined;
      case "crash":
        return this.region.crash();
      case "ahead":
        this.region.nowMs += 700_000;
    }
  }

  async #talk({ kind, fault: what }: Extract<Step, { readonly fault: LinkFault }>): Promise<void> {
    if (kind === "go-ahead") await this.region.goAhead(what);
    else if (kind === "gaps") await this.tellGaps(what);
    else if (kind === "thinned") await this.tellThinned(what);
    else await this.region.sync(what);
  }

  /** Delivers all that there is, and tells what both ends say then. */
  async settle(): Promise<Found> {
    this.origin.nowMs = this.region.nowMs;
    assert.ok(await this.region.settles(), "The link comes to rest");
    await this.tellGaps("none");
    await this.tellThinned("none");
    const { store } = this.region;
    assert.deepEqual(store.gaps.unsent(1), [], "The origin knows all gaps");
    assert.deepEqual([store.thinned.bytes, store.unackedBytes()], [0, 0], "Nothing waits");
    const told = this.origin.store.gapsOf(DEVICE);
    assert.equal(readingsOf(told), readingsOf(store.gaps.of(DEVICE)), "Both say the same");
    const minutes = this.origin.store.thinnedTotals(DEVICE).map(({ total }) => total);
    const segments = this.origin.store
      .summaries(DEVICE)
      .flatMap(({ summary: { total } }) => (total === null ? [] : [loadAggregate(total)]));
    const thinned = minutes.reduce((sum, { count }) => sum + count, 0);
    const isThinned = ({ policy }: GapRecord): boolean => policy === THIN;
    assert.equal(
      thinned,
      readingsOf(told.filter(isThinned)),
      "All minutes of what is thinned came",
    );
    return {
      counted: segments.reduce((sum, { count }) => sum + count, 0),
      thinned,
      gapped: readingsOf(told) - thinned,
      quarantined: this.origin.totals().reduce((sum, each) => sum + each.quarantined, 0),
      sum: formatDecimal(
        [...minutes, ...segments].reduce((sum, each) => addDecimals(sum, each.sum), ZERO),
      ),
    };
  }

  async tellGaps(what: LinkFault): Promise<void> {
    const exchange = faulty(what, (request) => {
      const message = decodeGaps(request);
      assert.ok(message !== null);
      this.origin.store.joinGaps(message);
    });
    await new GapLink(this.region.store, REPLICA, { exchange }).send();
  }

  async tellThinned(what: LinkFault): Promise<void> {
    const exchange = faulty(what, (request) => {
      const message = decodeThinned(request);
      assert.ok(message !== null);
      assert.equal(this.origin.store.joinThinned(message).broken, 0);
    });
    while (await new ThinnedLink(this.region.store, REPLICA, { exchange }).send());
  }

  #postNew({ times, isSoon }: Extract<Step, { kind: "post" }>): void {
    const soonMs = T0 + 400_000 + this.#sent.length;
    const t = isSoon ? [...times, soonMs] : times;
    // One value a time: a conflict that is kept counts where the first value was given up.
    const series = { a: t.map((timeMs) => timeMs / 8) };
    const body = { boot: "b2", seq: this.#sent.length + 1, t, series };
    this.#sent.push(body);
    this.#post(body);
  }

  #post(body: { readonly t: readonly number[] }): void {
    const outcome = this.region.post(body, null, this.#quota);
    if (outcome.kind !== "committed") {
      assert.ok(outcome.kind === "buffer-full" || outcome.kind === "buffer-high", outcome.kind);
      this.refused += 1;
      return;
    }
    this.accepted += outcome.accepted;
    for (const timeMs of body.t) this.#values.set(timeMs, timeMs / 8);
  }

  /** As a hub never would: at any moment, down to any bytes. */
  #shed({ bytesMax, bytesAtOnce, isOld }: Extract<Step, { kind: "shed" }>): void {
    const { policy } = this.#quota;
    if (policy === "reject") return;
    const goal = { policy, bytesMax, bytesAtOnce, beforeMs: isOld ? Infinity : 0 };
    this.region.store.shed({ ...goal, keptBytesMax: bytesMax / 2, thinnedBytesMax: Infinity });
  }
}

function faulty(
  what: LinkFault,
  absorb: (request: Uint8Array) => void,
): (request: Uint8Array) => Promise<ExchangeOutcome> {
  let isFirst = true;
  return async (request) => {
    const lost = isFirst ? what : "none";
    isFirst = false;
    if (lost === "lose-request") return { kind: "failed", reason: "lost" };
    absorb(request);
    if (lost === "lose-answer") return { kind: "failed", reason: "lost" };
    return { kind: "answered", frame: new Uint8Array(0) };
  };
}

function readingsOf(gaps: readonly GapRecord[]): number {
  return gaps.reduce((sum, { readings }) => sum + readings, 0);
}
