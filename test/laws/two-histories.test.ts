// Goal: whatever becomes of a region's disk and clock, each accepted reading counts once (P1, P2) and
// every link comes to rest (P3): a hub restored from an old copy, a second hub on a copy of the
// first one's disk, an origin restored from a copy, clocks that leap by a year.
// Method: random posts of distinct readings, with lost requests and answers and crashes; all is
// delivered, then compared with a plain map.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDecimal, sumOf } from "../../sync/decimal.ts";
import { TestOrigin, TestRegion, type LinkFault } from "../support/regions.ts";

const YEAR_MS = 31_536_000_000;
const HUBS_MAX = 4;

const hub = fc.nat(HUBS_MAX - 1);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("post" as const),
      hub,
      count: fc.integer({ min: 1, max: 5 }),
      isTimeless: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("again" as const), hub, post: fc.nat(50) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("sync" as const),
      hub,
      fault: fc.constantFrom<LinkFault>("none", "lose-request", "lose-answer"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "crash" as const,
        "copy" as const,
        "restore" as const,
        "clone" as const,
        "copy-origin" as const,
        "restore-origin" as const,
      ),
      hub,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("leap" as const),
      hub,
      byMs: fc.constantFrom(YEAR_MS, -YEAR_MS, 90_000),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Post {
  readonly body: unknown;
  readonly key: string;
  readonly times: readonly number[];
  /** The stream of a reading without a time, which is its own; null if they have times. */
  readonly timeless: string | null;
}

/** Two regions, clones of them, and an origin. */
class World {
  readonly #origin = new TestOrigin();
  readonly #hubs: TestRegion[] = ["hel", "tll"].map(
    (name, i) => new TestRegion(name, this.#origin, 1_000_000 + i),
  );
  #copy: { readonly hub: TestRegion; readonly disk: Uint8Array } | null = null;
  #originCopy = this.#origin.copy();
  readonly #posts: Post[] = [];
  readonly #times = new Set<number>();
  readonly #timeless = new Set<string>();

  async take(current: Step): Promise<void> {
    const at = this.#hubs[current.hub % this.#hubs.length];
    assert.ok(at !== undefined);
    at.nowMs += 7;
    if (current.kind === "post") this.#send(at, this.#newPost(current.count, current.isTimeless));
    else if (current.kind === "again") this.#sendAgain(at, current.post);
    else if (current.kind === "sync") await at.sync(current.fault);
    else if (current.kind === "leap") at.nowMs = Math.max(1_000_000, at.nowMs + current.byMs);
    else if (current.kind === "crash") at.crash();
    else if (current.kind === "copy") this.#copy = { hub: at, disk: at.copy() };
    else if (current.kind === "clone" && this.#hubs.length < HUBS_MAX) this.#hubs.push(at.clone());
    else if (current.kind === "copy-origin") this.#originCopy = this.#origin.copy();
    else if (current.kind === "restore-origin") this.#origin.restore(this.#originCopy);
    else if (current.kind === "restore") await this.#restore();
  }

  async assertCountedOnce(): Promise<void> {
    // A clone that is found out begins another life, which the one before hears of.
    for (const at of [...this.#hubs, ...this.#hubs]) assert.ok(await at.settles(), "comes to rest");
    const totals = this.#origin.totals();
    const depth = totals.find(({ stream }) => stream === "depth_m");
    assert.equal(depth?.count ?? 0, this.#times.size);
    assert.equal(depth?.sum ?? "0", formatDecimal(sumOf([...this.#times].map(valueAt))));
    assert.equal(depth?.quarantined ?? 0, 0);
    const doors = totals.filter(({ stream }) => stream !== "depth_m");
    assert.deepEqual(
      new Set(doors.map(({ stream, count, quarantined }) => `${stream} ${count} ${quarantined}`)),
      new Set([...this.#timeless].map((stream) => `${stream} 1 0`)),
    );
  }

  #newPost(count: number, isTimeless: boolean): Post {
    const number = this.#posts.length;
    const times = isTimeless
      ? []
      : Array.from({ length: count }, (_, i) => 900_000 + 10 * number + i);
    const timeless = isTimeless ? `door_${number}` : null;
    const readings: object[] = times.map((time) => ({
      stream: "depth_m",
      time,
      value: valueAt(time),
    }));
    if (timeless !== null) readings.push({ stream: timeless, value: 1 });
    const post = { body: { readings }, key: `k${number}`, times, timeless };
    this.#posts.push(post);
    return post;
  }

  #send(at: TestRegion, { body, key, times, timeless }: Post): void {
    assert.equal(at.post(body, key).kind, "committed");
    for (const time of times) this.#times.add(time);
    if (timeless !== null) this.#timeless.add(timeless);
  }

  #sendAgain(at: TestRegion, number: number): void {
    const post = this.#posts[number % Math.max(1, this.#posts.length)];
    if (post !== undefined) this.#send(at, post);
  }

  /** What a lost disk had not delivered is lost; the law is about what somebody still holds. */
  async #restore(): Promise<void> {
    if (this.#copy === null) return;
    assert.ok(await this.#copy.hub.settles());
    this.#originCopy = this.#origin.copy();
    this.#copy.hub.restore(this.#copy.disk);
  }
}

function valueAt(timeMs: number): number {
  return (timeMs % 97) / 10;
}

test("P1 P2 P3 every accepted reading counts once, whatever became of disks and clocks", async () => {
  const steps = fc.array(step, { maxLength: 45, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const world = new World();
      for (const current of list) await world.take(current);
      await world.assertCountedOnce();
    }),
    { numRuns: 300 },
  );
});
