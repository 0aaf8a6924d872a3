// Goal: whatever comes, a bounded tier holds no more than its bound, exactly what was put and not given
// up, and what its policy is worth. Method: acts are drawn and compared with a plain model; small seeded
// workloads are sent through all policies; the heap is weighed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { CONTESTANTS, judge, runWorkload } from "../../bench/eviction/contestants.ts";
import { drawWorkloads } from "../../bench/eviction/workloads.ts";
import { BoundedEntries } from "../../edge/cache/eviction/bounded-entries.ts";
import { EVICTIONS } from "../../edge/cache/eviction/policies.ts";
import { Slot } from "../../edge/cache/eviction/slot.ts";
import type { StoredMeta } from "../../edge/cache/stored-response.ts";
import { MemoryStore } from "../../edge/platform/memory-store.ts";
import { PLAIN_POLICY } from "../support/stored-policy.ts";

const BYTES_MAX = 1_000;
const ENTRIES_MAX = 20;
const bounds = { bytesMax: BYTES_MAX, entriesMax: ENTRIES_MAX };

/** What is done with one of 40 names; time goes on by one with each act. */
const act = fc.record({
  kind: fc.constantFrom("add", "add", "add", "use", "use", "remove"),
  name: fc.nat(39),
  weight: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constantFrom(BYTES_MAX, BYTES_MAX + 1)),
  lifetime: fc.oneof(fc.constant(1_000), fc.nat(30)),
});

for (const { label, open } of CONTESTANTS) {
  test(`P8 ${label}: never more than the bound, and held is what was put and not given up`, () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const held = new Map<number, Slot<number>>();
        let live: number[] = [];
        const tier = new BoundedEntries<number>(bounds, open(bounds), (name) => {
          const slot = held.get(name);
          assert.ok(slot !== undefined, "what is given up was held, and is given up once");
          held.delete(name);
          if (slot.endsMs >= now) live.push(name);
        });
        let now = 0;
        for (const { kind, name, weight, lifetime } of acts) {
          now += 1;
          live = [];
          const slot = held.get(name);
          if (kind === "use" && slot !== undefined) tier.use(slot);
          if (kind === "remove" && slot !== undefined) {
            held.delete(name);
            tier.remove(slot);
          }
          if (kind === "add") {
            const added = new Slot(name, weight, now + lifetime, name);
            held.delete(name);
            if (weight <= BYTES_MAX) held.set(name, added);
            assert.equal(tier.add(added, now, slot ?? null), held.get(name) === added);
          }
          const bytes = [...held.values()].reduce((sum, one) => sum + one.weight, 0);
          assert.equal(tier.bytes, bytes);
          assert.ok(bytes <= BYTES_MAX && held.size <= ENTRIES_MAX);
          // What is past its end goes before anything that is of use.
          const isPast = [...held.values()].some(({ endsMs }) => endsMs < now);
          assert.ok(live.length === 0 || !isPast);
        }
      }),
      { numRuns: 200 },
    );
  });
}

test("the default is within 2 points of the best policy on each workload, and LRU is not", () => {
  const small = { bytesMax: 2 * 1_048_576, entriesMax: 1_024 };
  const scale = { requests: 60_000, objects: 12_000 };
  const ran = drawWorkloads(1, scale).flatMap((workload) => runWorkload(workload, small));
  const { workloads } = judge(ran);
  assert.equal(workloads.length, 6);
  for (const { workload, pointsBehindBest, pointsAheadOfLru } of workloads) {
    assert.ok(pointsBehindBest <= 2, `${workload}: ${pointsBehindBest} points behind the best`);
    assert.ok(pointsAheadOfLru > 2, `${workload}: ${pointsAheadOfLru} points ahead of LRU`);
  }
});

test("an entry that is validated again keeps the uses that it had", () => {
  const store = newStore(10);
  const put = (key: string, at: number): boolean =>
    store.put(key, { meta: metaOf(at, 1_000), body: new Uint8Array(0) }, 0);
  for (let at = 0; at < 8; at += 1) put(`k${at}`, at);
  for (let at = 0; at < 8; at += 1) store.get("k3", 0);
  for (let at = 8; at < 100; at += 1) put(`k${at}`, at);
  assert.equal(put("k3", 100), true);
  for (let at = 100; at < 200; at += 1) put(`k${at}`, at);
  assert.notEqual(store.get("k3", 0), null);
});

test("what was purged goes before anything that is alive", () => {
  const store = newStore(40);
  const meta = metaOf(0, 1_000);
  const body = new Uint8Array(0);
  for (let at = 0; at < 39; at += 1) store.put(`k${at}`, { meta, body }, 0);
  const isPurged = (key: string): boolean => Number(key.slice(1)) % 2 === 1;
  for (let at = 100; at < 110; at += 2) store.put(`k${at}`, { meta, body }, 0, isPurged);
  for (let at = 0; at < 39; at += 2) assert.notEqual(store.get(`k${at}`, 0), null, `k${at}`);
  assert.equal(store.get("k1", 0), null);
});

test("the bytes that memory counts are within 5 % of those that the heap grows by", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = (): number => {
    collect();
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  for (const [entries, bodyBytes, fields] of [
    [4_000, 1_024, 8],
    [4_000, 8_192, 12],
    [1_000, 65_536, 8],
  ] as const) {
    const store = newStore(10_000_000);
    const before = used();
    for (let at = 0; at < entries; at += 1) {
      const meta = { ...metaOf(at, bodyBytes), fields: fieldsOf(at, fields) };
      store.put(
        fresh(`shop|/a/path/to/a/page-${at}`),
        { meta, body: new Uint8Array(bodyBytes) },
        0,
      );
    }
    const grown = used() - before;
    const error = store.bytes() / grown - 1;
    t.diagnostic(`${entries} of ${bodyBytes} B: ${(100 * error).toFixed(1)} %`);
    assert.ok(Math.abs(error) < 0.05, `${bodyBytes} B: counted ${store.bytes()}, grown ${grown}`);
  }
});

test("each policy that may be asked for is one of those that are compared", () => {
  assert.deepEqual([...EVICTIONS].toSorted(), ["lru", "probation", "sieve"]);
});

/** A store with room for so many responses of 1,000 bytes without fields. */
function newStore(room: number): MemoryStore<Uint8Array> {
  const bytesMax = room * 2_000;
  return new MemoryStore({
    bytesMax,
    entriesMax: 16_384,
    variantsMax: 4,
    staleMsMax: 1_000,
    eviction: "probation",
  });
}

/** Counts for 1,900 to 2,000 bytes with a body of 1,000. */
function metaOf(responseMs: number, bodyBytes: number): StoredMeta {
  return {
    ...PLAIN_POLICY,
    status: 200,
    fields: [],
    bodyBytes,
    requestMs: responseMs,
    responseMs,
    freshnessLifetimeS: 60,
    purgeView: [[fresh("hel"), 1]],
  };
}

/** Text that shares its bytes with no other, as texts of a request do. */
function fresh(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function fieldsOf(at: number, count: number): (readonly [string, string])[] {
  return Array.from({ length: count }, (_, field) => [
    fresh(`x-field-${field}`),
    fresh(`value ${at} of the field number ${field}`),
  ]);
}
