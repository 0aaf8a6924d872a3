// Goal: each distinct reading counts exactly once at the origin (P2), the same value wins every
// conflict whatever the order of arrival, and nothing that was accepted is lost (P1).
// Method: random posts, retries, conflicts and names used twice at three regions, with lost requests,
// lost answers, crashes, and hubs and the origin restored from older copies; all is delivered, then
// compared with a plain map. Once with clocks that never show the same, once with clocks that stand.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDecimal, sumOf } from "../../sync/decimal.ts";
import { TestOrigin, TestRegion, type LinkFault } from "../support/regions.ts";

/** What happens at one region. */
type RegionStep =
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
  /** Another batch under the name of one that was sent before. */
  | {
      readonly kind: "reuse";
      readonly region: number;
      readonly batch: number;
      readonly times: readonly number[];
      readonly values: readonly number[];
    }
  | { readonly kind: "sync" | "go-ahead"; readonly region: number; readonly fault: LinkFault }
  | { readonly kind: "crash" | "copy" | "restore" | "beat"; readonly region: number };
type Step = RegionStep | { readonly kind: "copy-origin" | "restore-origin" };

const region = fc.nat(2);
const times = fc.uniqueArray(fc.integer({ min: 900_000, max: 900_040 }), {
  minLength: 1,
  maxLength: 8,
});
const values = fc.array(fc.constantFrom(1, 2.5, -0.1, 7), { minLength: 8, maxLength: 8 });
const post = fc.record({
  kind: fc.constant("post" as const),
  region,
  times,
  values,
  naming: fc.constantFrom("none" as const, "boot" as const, "key" as const),
  hasTimeless: fc.boolean(),
});
const sync = fc.record({
  kind: fc.constantFrom("sync" as const, "sync" as const, "go-ahead" as const),
  region,
  fault: fc.constantFrom<LinkFault>("none", "lose-request", "lose-answer"),
});
const retry = fc.record({ kind: fc.constant("retry" as const), region, batch: fc.nat(50) });
const reuse = fc.record({
  kind: fc.constant("reuse" as const),
  region,
  batch: fc.nat(50),
  times,
  values,
});
const accident = (kind: "crash" | "copy" | "restore" | "beat") =>
  fc.record({ kind: fc.constant(kind), region });
const originAccident = fc.record({
  kind: fc.constantFrom("copy-origin" as const, "restore-origin" as const),
});
const common: fc.WeightedArbitrary<Step>[] = [
  { weight: 6, arbitrary: post },
  { weight: 4, arbitrary: retry },
  { weight: 6, arbitrary: sync },
  { weight: 1, arbitrary: accident("beat") },
  { weight: 1, arbitrary: accident("crash") },
  { weight: 1, arbitrary: accident("copy") },
  { weight: 1, arbitrary: accident("restore") },
  { weight: 2, arbitrary: originAccident },
];

/** Clocks of the regions at the start, and how far they go on at a time. */
interface Clocks {
  readonly name: string;
  readonly startsMs: readonly number[];
  readonly tickMs: number;
  readonly step: fc.Arbitrary<Step>;
}

const CLOCKS: readonly Clocks[] = [
  {
    name: "clocks that never show the same",
    startsMs: [1_000_000, 1_000_001, 1_000_002],
    tickMs: 3,
    step: fc.oneof(...common, { weight: 3, arbitrary: reuse }),
  },
  {
    // Without names used twice: regions would give two readings of one stream the same time.
    name: "clocks that stand, and are equal",
    startsMs: [1_000_000, 1_000_000, 1_000_000],
    tickMs: 0,
    step: fc.oneof(...common),
  },
];

for (const clocks of CLOCKS)
  test(`P1 P2 with ${clocks.name} every accepted reading counts once at the origin, whatever happens on the way`, async () => {
    const steps = fc.array(clocks.step, { maxLength: 40, size: "max" });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const world = new World(clocks.startsMs);
        for (const [clock, current] of list.entries())
          await world.take(current, (clock % 3) * clocks.tickMs);
        await world.assertCountedOnce();
      }),
      { numRuns: 150 },
    );
  });

/** A batch as a device keeps it for a retry. */
interface SentBatch {
  readonly naming: "none" | "boot" | "key";
  /** Its number, under which it is named. */
  readonly seq: number;
  readonly body: object;
  readonly key: string | null;
  readonly timed: readonly (readonly [timeMs: number, value: number])[];
  /** The value of its reading without a time; null if it has none. */
  readonly timeless: number | null;
}

/** What a hub remembers of batches by their names. */
type Names = ReadonlyMap<string, SentBatch>;

const REGIONS = ["hel", "tll", "sto"];

/** Three regions, an origin, and the map that they are compared with. */
class World {
  readonly #origin = new TestOrigin();
  readonly #regions: readonly TestRegion[];
  readonly #names: Names[] = REGIONS.map(() => new Map());
  readonly #copies: { readonly hub: Uint8Array; readonly names: Names }[];
  #originCopy = this.#origin.copy();
  readonly #batches: SentBatch[] = [];
  /** What is counted for each time: the smallest (stamp, value). */
  readonly #timed = new Map<number, { stampMs: number; value: number }>();
  /** What is counted of each stream without times. */
  readonly #timeless = new Map<string, Set<number>>();

  constructor(startsMs: readonly number[]) {
    this.#regions = REGIONS.map((name, i) => new TestRegion(name, this.#origin, startsMs[i] ?? 0));
    this.#copies = this.#regions.map((hub) => ({ hub: hub.copy(), names: new Map() }));
  }

  async take(current: Step, passedMs: number): Promise<void> {
    for (const hub of this.#regions) hub.nowMs += passedMs;
    if ("region" in current) await this.#takeAt(current.region, current);
    else if (current.kind === "copy-origin") this.#originCopy = this.#origin.copy();
    else this.#origin.restore(this.#originCopy);
  }

  async #takeAt(at: number, current: RegionStep): Promise<void> {
    const hub = this.#regions[at];
    assert.ok(hub !== undefined);
    if (current.kind === "post") this.#send(at, this.#newBatch(current));
    else if (current.kind === "retry") this.#retry(at, current.batch);
    else if (current.kind === "reuse") this.#reuse(at, current);
    else if (current.kind === "sync") await hub.sync(current.fault);
    else if (current.kind === "go-ahead") await hub.goAhead(current.fault);
    else if (current.kind === "beat") await hub.beats();
    else if (current.kind === "crash") hub.crash();
    else if (current.kind === "copy")
      this.#copies[at] = { hub: hub.copy(), names: this.#names[at] ?? new Map() };
    else await this.#restore(hub, at);
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
      doors.map(({ stream, ...of }) => [stream, of.count, of.sum, of.quarantined]).toSorted(byText),
      [...this.#timeless]
        .map(([stream, held]) => [stream, held.size, formatDecimal(sumOf([...held])), 0])
        .toSorted(byText),
    );
  }

  #newBatch({
    naming,
    hasTimeless,
    ...readings
  }: Extract<RegionStep, { kind: "post" }>): SentBatch {
    const seq = this.#batches.length + 1;
    const isTimeless = hasTimeless && naming !== "none";
    return this.#make(naming, seq, readings, isTimeless ? seq : null);
  }

  #make(
    naming: SentBatch["naming"],
    seq: number,
    { times: given, values: of }: { times: readonly number[]; values: readonly number[] },
    timeless: number | null,
  ): SentBatch {
    const timed = given.map((timeMs, i) => [timeMs, of[i] ?? 0] as const);
    const readings: object[] = timed.map(([time, value]) => ({ stream: "depth_m", time, value }));
    // A stream of each name's own: two regions may assign the same millisecond.
    if (timeless !== null) readings.push({ stream: `door_${seq}`, value: timeless });
    const body = { ...(naming === "boot" ? { boot: "b1", seq } : {}), readings };
    const key = naming === "key" ? `key-${seq}` : null;
    const batch = { naming, seq, body, key, timed, timeless };
    this.#batches.push(batch);
    return batch;
  }

  /** A hub keeps the first value it committed; across hubs the smallest (stamp, value) wins. */
  #send(at: number, batch: SentBatch): void {
    const hub = this.#regions[at];
    const names = this.#names[at];
    assert.ok(hub !== undefined && names !== undefined);
    const outcome = hub.post(batch.body, batch.key);
    const name = `${batch.naming} ${batch.seq}`;
    const held = batch.naming === "none" ? undefined : names.get(name);
    if (held !== undefined && held !== batch) {
      assert.equal(outcome.kind, "sequence-reused");
      return;
    }
    assert.equal(outcome.kind, "committed");
    this.#names[at] = new Map(names).set(name, batch);
    this.#count(batch, hub.store.lastStampMs());
  }

  #count({ seq, timed, timeless }: SentBatch, stampMs: number): void {
    for (const [timeMs, value] of timed) {
      const held = this.#timed.get(timeMs);
      const isFirst =
        held === undefined ||
        stampMs < held.stampMs ||
        (stampMs === held.stampMs && value < held.value);
      if (isFirst) this.#timed.set(timeMs, { stampMs, value });
    }
    if (timeless === null) return;
    const stream = `door_${seq}`;
    this.#timeless.set(stream, (this.#timeless.get(stream) ?? new Set()).add(timeless));
  }

  #retry(at: number, number: number): void {
    const batch = this.#batches[number % Math.max(1, this.#batches.length)];
    if (batch !== undefined) this.#send(at, batch);
  }

  #reuse(at: number, { batch, ...readings }: Extract<RegionStep, { kind: "reuse" }>): void {
    const first = this.#batches[batch % Math.max(1, this.#batches.length)];
    if (first === undefined || first.naming === "none") return;
    // No value that another batch of this stream has, so that the sum tells which are counted.
    const value = 1_000 * (this.#batches.length + 1);
    this.#send(at, this.#make(first.naming, first.seq, readings, value));
  }

  /**
   * What a lost disk had not delivered is lost, and so is what two lost disks had held; the law is
   * about what the origin or a hub still holds.
   */
  async #restore(hub: TestRegion, at: number): Promise<void> {
    assert.ok(await hub.settles());
    this.#originCopy = this.#origin.copy();
    const copy = this.#copies[at];
    assert.ok(copy !== undefined);
    hub.restore(copy.hub);
    this.#names[at] = copy.names;
  }
}

function byText(left: readonly unknown[], right: readonly unknown[]): number {
  return String(left) < String(right) ? -1 : 1;
}
