// When does the colo's tier answer, and when is the region asked? With plain values for both.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PurgeBook } from "../../../edge/cache/purge-book.ts";
import type { StoredResponse } from "../../../edge/cache/stored-response.ts";
import { WrittenKeys } from "../../../edge/cache/written-keys.ts";
import { ColoRest, withColo } from "../../../edge/colo-content.ts";
import type { ColoContent, RegionContent, RegionFinding } from "../../../edge/content-ports.ts";
import { limits } from "../../../edge/limits.ts";
import { PLAIN_POLICY } from "../../support/stored-policy.ts";

const KEY = "main|/a";

function aResponse(body: string, more: object = {}): StoredResponse<string> {
  const times = { requestMs: 1_000, responseMs: 1_000, freshnessLifetimeS: 60 };
  const meta = { ...PLAIN_POLICY, status: 200, fields: [], bodyBytes: 1, ...times, ...more };
  return { meta, body };
}

/** A colo and a region, what is known of purges, and a clock. */
class World {
  nowMs = 2_000;
  inColo: StoredResponse<string> | "absent" | null = null;
  inRegion: StoredResponse<string> | "unavailable" | null = null;
  regionCalls: (string | null)[] = [];
  isCurrent = true;
  book: PurgeBook = new PurgeBook({ purgeView: [], purges: [], purgeFloor: [] });
  readonly written = new WrittenKeys({ keysMax: 10, keptMs: 30_000 });
  /** Runs while the colo is written to. */
  duringPut: () => void = () => undefined;
  /** What the colo does after this has settled: never, if it hangs. */
  coloIsBack: Promise<unknown> = Promise.resolve();
  coloCalls = 0;
  readonly #rest = new ColoRest();
  readonly #background: Promise<unknown>[] = [];

  /** Waits for a turn, and sets the clock on by what is waited for in vain. */
  async #within<T>(work: Promise<T>, ms: number): Promise<T | "late"> {
    const late = new Promise<"late">((resolve) => setImmediate(() => resolve("late")));
    const outcome = await Promise.race([work, late]);
    if (outcome === "late") this.nowMs += ms;
    return outcome;
  }

  async get(fillId: string | null = "fill"): Promise<RegionFinding<string>> {
    const finding = await this.tier().get(KEY, [], fillId);
    while (this.#background.length > 0) await this.#background.pop();
    return finding;
  }

  tier(): RegionContent<string> {
    const { book, isCurrent } = this;
    const nothing = async (): Promise<undefined> => undefined;
    return withColo(this.#region(), this.#colo(), {
      nowMs: () => this.nowMs,
      background: (work) => void this.#background.push(work),
      purges: { book, isCurrent, renew: nothing, mark: nothing },
      written: this.written,
      within: (work, ms) => this.#within(work, ms),
      rest: this.#rest,
    });
  }

  #colo(): ColoContent<string> {
    return {
      get: async () => {
        this.coloCalls += 1;
        await this.coloIsBack;
        if (this.inColo === "absent") return { kind: "absent" };
        if (this.inColo === null) return { kind: "none", tags: ['"t"'] };
        return { kind: "found", stored: this.inColo };
      },
      getTagged: async () => null,
      put: async (_key, stored) => {
        this.coloCalls += 1;
        await this.coloIsBack;
        this.duringPut();
        this.inColo = stored;
      },
      delete: async () => {
        await this.coloIsBack;
        this.inColo = null;
      },
    };
  }

  #region(): RegionContent<string> {
    return {
      get: async (_key, _selecting, fillId) => {
        this.regionCalls.push(fillId);
        if (this.inRegion === "unavailable") return { kind: "unavailable" };
        if (this.inRegion !== null) return { kind: "found", stored: this.inRegion };
        return { kind: "none", tags: [], isClaimed: fillId !== null };
      },
      getTagged: async () => null,
      put: async (_key, stored) => {
        this.inRegion = stored;
      },
      delete: async () => {
        this.inRegion = null;
      },
      claimFill: async () => "fill",
      endFill: async () => undefined,
    };
  }
}

test("what is fresh in the colo is found without a call to the region", async () => {
  const world = new World();
  world.inColo = aResponse("colo");
  const finding = await world.get();
  assert.deepEqual(finding, { kind: "found", stored: world.inColo, tier: "colo" });
  assert.deepEqual(world.regionCalls, []);
});

test("what is stale there is used if the region has nothing, which then gives no claim away", async () => {
  const world = new World();
  world.nowMs = 100_000;
  world.inColo = aResponse("old");
  assert.equal((await world.get()).kind, "found");
  assert.deepEqual(world.regionCalls, [null]);
  world.inRegion = aResponse("new", { responseMs: 99_000 });
  const finding = await world.get();
  assert.ok(finding.kind === "found" && finding.stored.body === "new");
  assert.equal(finding.colo, "stale");
  assert.equal(world.inColo.body, "new", "the colo takes it over");
});

test("P5: what is purged, or may be, is not found there", async () => {
  const view = [["hel", 1]] as const;
  const world = new World();
  world.inColo = aResponse("purged");
  world.isCurrent = false;
  await world.get();
  assert.equal(world.regionCalls.length, 1, "nobody tells what was purged lately");
  world.isCurrent = true;
  world.book = new PurgeBook({ purgeView: view, purges: [], purgeFloor: view });
  const finding = await world.get();
  assert.deepEqual(finding, { kind: "none", tags: [], isClaimed: true, colo: "miss" });
});

test("a write while the colo stores ends what it stored", async () => {
  const world = new World();
  world.duringPut = () => world.written.note(KEY, 1_500);
  await world.tier().put(KEY, aResponse("before"), null);
  assert.equal(world.inColo, null);
  world.duringPut = () => assert.fail("what is known to be outdated is not stored");
  await world.tier().put(KEY, aResponse("before"), null);
});

test("without a Cache API, or without a region, the other is what there is", async () => {
  const world = new World();
  world.inColo = "absent";
  assert.deepEqual(await world.get(), { kind: "none", tags: [], isClaimed: true });
  world.inColo = null;
  world.inRegion = "unavailable";
  const finding = await world.get();
  assert.deepEqual(finding, { kind: "unavailable", colo: "miss", tags: ['"t"'] });
});

test("P6: a colo that hangs keeps a request for its patience, and for a while nobody else", async () => {
  const world = new World();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.inColo = aResponse("colo");
  world.inRegion = aResponse("region");
  world.coloIsBack = promise;
  const startedMs = world.nowMs;
  const finding = await world.get();
  assert.ok(finding.kind === "found" && finding.stored.body === "region");
  assert.equal(world.nowMs - startedMs, limits.coloPatienceMs);
  await world.get();
  await world.tier().put(KEY, aResponse("new"), null);
  assert.equal(world.coloCalls, 1, "it is left alone");
  assert.equal(world.nowMs - startedMs, limits.coloPatienceMs);
  await world.tier().delete(KEY);
  resolve();
  await promise;
  await new Promise((settled) => setImmediate(settled));
  assert.equal(world.inColo, null, "what a write made doubtful is deleted once it is back");
  world.nowMs += limits.coloRestMs;
  assert.equal((await world.get()).kind, "none");
  assert.equal(world.coloCalls, 2, "it is asked again");
});

test("what is stored in a colo that hangs is told of behind the request, and of no write before it", async () => {
  const world = new World();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.coloIsBack = promise;
  const startedMs = world.nowMs;
  await world.tier().put(KEY, aResponse("before"), null);
  assert.equal(world.nowMs - startedMs, limits.coloPatienceMs);
  world.written.note(KEY, world.nowMs);
  resolve();
  await new Promise((settled) => setImmediate(settled));
  assert.equal(world.inColo, null);
});
