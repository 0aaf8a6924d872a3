// When does the colo's tier answer, and when is the region asked? With plain values for both.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PurgeBook } from "../../../edge/cache/purge-book.ts";
import type { StoredResponse } from "../../../edge/cache/stored-response.ts";
import { WrittenKeys } from "../../../edge/cache/written-keys.ts";
import { withColo } from "../../../edge/colo-content.ts";
import type { ColoContent, RegionContent, RegionFinding } from "../../../edge/content-ports.ts";
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
  readonly #background: Promise<unknown>[] = [];

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
    });
  }

  #colo(): ColoContent<string> {
    return {
      get: async () => {
        if (this.inColo === "absent") return { kind: "absent" };
        if (this.inColo === null) return { kind: "none", tags: ['"t"'] };
        return { kind: "found", stored: this.inColo };
      },
      getTagged: async () => null,
      put: async (_key, stored) => {
        this.duringPut();
        this.inColo = stored;
      },
      delete: async () => {
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
