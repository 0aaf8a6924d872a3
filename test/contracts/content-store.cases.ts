// Goal: every tier of the cache keeps the bullets of ContentStore. Method: cases over a store of a
// given bound; what a database adds to the port has cases of its own.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { StoredMeta, StoredResponse } from "../../edge/cache/stored-response.ts";
import type { ContentStore } from "../../edge/content-ports.ts";
import { PLAIN_POLICY } from "../support/stored-policy.ts";
import { linesOf, type FieldLines } from "../../http/fields.ts";
import { RESTART, type ContractCase } from "./contract.ts";

/** Opens a store that holds so many bytes, and keeps what is stale for STALE_MS. */
export interface OpenContentStore {
  (bytesMax: number): ContentStore<Uint8Array>;
  /** What a stored response counts for in this store. */
  readonly weigh: (key: string, meta: StoredMeta) => number;
}

export const STALE_MS = 1_000_000;
export const VARIANTS_MAX = 4;
const HOUR_MS = 3_600_000;

function aResponse(bodyBytes: number, responseMs = 0, lifetimeS = 60): StoredResponse<Uint8Array> {
  const meta = {
    ...PLAIN_POLICY,
    status: 200,
    fields: [
      ["etag", '"ä"'],
      ["link", "a"],
      ["link", "b"],
    ],
    bodyBytes,
    requestMs: responseMs,
    responseMs,
    freshnessLifetimeS: lifetimeS,
  } as const;
  return { meta, body: new Uint8Array(bodyBytes).fill(7) };
}

/** A response in one language, with an entity tag of its own. */
function inLanguage(language: string | null, responseMs: number): StoredResponse<Uint8Array> {
  const { meta, body } = aResponse(1, responseMs);
  const variant = [["accept-language", language]] as const;
  return { meta: { ...meta, fields: [["etag", `"${language}"`]], variant }, body };
}

const asking = (language: string): FieldLines => linesOf([["accept-language", language]]);

/** What a response with a body of so many bytes counts for, by the largest of its times. */
const weight = ({ weigh }: OpenContentStore, bodyBytes: number) =>
  weigh("k1", aResponse(bodyBytes, 9, 1e6).meta);

/** Something that is done to one of ten keys. */
interface Act {
  readonly key: number;
  readonly bytes: number;
  readonly responseMs: number;
  readonly isDelete: boolean;
}

const act: fc.Arbitrary<Act> = fc.record({
  key: fc.nat(9),
  bytes: fc.nat(2_000),
  responseMs: fc.nat(5),
  isDelete: fc.boolean(),
});

const KEYS = Array.from({ length: 10 }, (_, i) => `k${i}`);

/** The weight of what a store gives out. */
function weightGiven(
  { weigh }: OpenContentStore,
  store: ContentStore<Uint8Array>,
  nowMs: number,
): number {
  return KEYS.reduce((sum, key) => {
    const stored = store.get(key, nowMs);
    return sum + (stored === null ? 0 : weigh(key, stored.meta));
  }, 0);
}

export const contentStoreCases: readonly ContractCase<OpenContentStore>[] = [
  {
    name: "gives back what was put, byte for byte and field for field",
    run(open) {
      const store = open(1_000_000);
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const stored = { ...aResponse(256), body: all };
      assert.equal(store.get("k", 0), null);
      assert.equal(store.put("k", stored, 0), true);
      assert.deepEqual(store.get("k", 0), stored);
      assert.equal(store.bytes(), open.weigh("k", stored.meta));
      store.delete("k");
      store.delete("k");
      assert.equal(store.get("k", 0), null);
      assert.equal(store.bytes(), 0);
    },
  },
  {
    name: "a body may be empty, or a part of a larger buffer",
    run(open) {
      const store = open(1_000_000);
      const part = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
      store.put("empty", aResponse(0), 0);
      store.put("part", { ...aResponse(2), body: part }, 0);
      assert.deepEqual(store.get("empty", 0)?.body, new Uint8Array(0));
      assert.deepEqual(Array.from(store.get("part", 0)?.body ?? []), [2, 3]);
    },
  },
  {
    name: "keeps the newer of two, whichever came last",
    run(open) {
      const store = open(1_000_000);
      assert.equal(store.put("k", aResponse(2, 20), 0), true);
      assert.equal(store.put("k", aResponse(1, 10), 0), false);
      assert.equal(store.get("k", 0)?.meta.responseMs, 20);
      assert.equal(store.put("k", aResponse(3, 30), 0), true);
      assert.equal(store.get("k", 0)?.body.length, 3);
      assert.equal(store.bytes(), open.weigh("k", aResponse(3).meta));
    },
  },
  {
    name: "gives the variant that a request selects, by its tag too, and names the tags of all",
    run(open) {
      const store = open(1_000_000);
      for (const [at, language] of ["fi", "sv", null].entries()) {
        store.put("k", inLanguage(language, at), 0);
      }
      assert.deepEqual(store.get("k", 0, asking("sv")), inLanguage("sv", 1));
      assert.deepEqual(
        store.get("k", 0),
        inLanguage(null, 2),
        "not asked for is a value of its own",
      );
      assert.equal(store.get("k", 0, asking("en")), null);
      assert.deepEqual(store.getTagged("k", '"fi"', 0), inLanguage("fi", 0));
      assert.equal(store.getTagged("k", '"en"', 0), null);
      assert.deepEqual(store.tags("k", 0), ['"null"', '"sv"', '"fi"']);
      assert.deepEqual(store.tags("other", 0), []);
      store.delete("k");
      assert.deepEqual(store.tags("k", 0), []);
      assert.equal(store.bytes(), 0);
    },
  },
  {
    name: "P8: drops the oldest variant of a key that has too many, and none of another key",
    run(open) {
      const store = open(1_000_000);
      store.put("other", inLanguage("fi", 0), 0);
      for (let at = 1; at <= VARIANTS_MAX + 1; at += 1) store.put("k", inLanguage(`l${at}`, at), 0);
      assert.equal(store.get("k", 0, asking("l1")), null);
      assert.equal(store.tags("k", 0).length, VARIANTS_MAX);
      assert.equal(store.put("k", inLanguage("old", 0), 0), false);
      assert.notEqual(store.get("k", 0, asking("l2")), null);
      assert.notEqual(store.get("other", 0, asking("fi")), null);
    },
  },
  {
    name: "does not give out what may not even be served stale",
    run(open) {
      const store = open(1_000_000);
      store.put("k", aResponse(1, 0, 60), 0);
      assert.notEqual(store.get("k", 60_000 + STALE_MS), null);
      assert.equal(store.get("k", 60_001 + STALE_MS), null);
    },
  },
  {
    name: "makes room by what was not used again, and refuses what never fits",
    run(open) {
      const store = open(3 * weight(open, 1_000));
      for (const [index, key] of ["k1", "k2", "k3"].entries()) {
        store.put(key, aResponse(1_000, index, 1e6), index * HOUR_MS);
      }
      assert.notEqual(store.get("k1", 3 * HOUR_MS), null);
      store.put("k4", aResponse(1_000, 9, 1e6), 4 * HOUR_MS);
      assert.equal(store.get("k2", 4 * HOUR_MS), null);
      for (const key of ["k1", "k3", "k4"]) assert.notEqual(store.get(key, 4 * HOUR_MS), null, key);
      assert.equal(store.put("k5", aResponse(9_000), 5 * HOUR_MS), false);
      assert.notEqual(store.get("k1", 5 * HOUR_MS), null);
    },
  },
  {
    name: "P8: never holds more than its bound, and counts what it holds",
    run(open) {
      const store = open(6_000);
      fc.assert(
        fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
          // A case has one database: each run begins by emptying what the last one left.
          for (const key of KEYS) store.delete(key);
          assert.equal(store.bytes(), 0);
          for (const [nowMs, { key, bytes, responseMs, isDelete }] of acts.entries()) {
            if (isDelete) store.delete(`k${key}`);
            else store.put(`k${key}`, aResponse(bytes, responseMs), nowMs);
            assert.ok(store.bytes() <= 6_000);
          }
          assert.equal(store.bytes(), weightGiven(open, store, 100));
        }),
        { numRuns: 60 },
      );
    },
  },
  {
    name: "after a restart it counts what it still holds, which may be nothing",
    *run(open) {
      const before = open(6_000);
      for (const key of KEYS) before.put(key, aResponse(500), 0);
      yield RESTART;
      const store = open(6_000);
      assert.equal(store.bytes(), weightGiven(open, store, 0));
      assert.equal(store.put("k1", aResponse(1, 1), 0), true);
      assert.equal(store.bytes(), weightGiven(open, store, 0));
    },
  },
];

/** What a tier in a database does besides: it begins with what it held. */
export const durableContentStoreCases: readonly ContractCase<OpenContentStore>[] = [
  {
    name: "drops what is past use first, and holds the rest over a restart",
    *run(open) {
      const bytesMax = 2 * weight(open, 1_000);
      const store = open(bytesMax);
      store.put("k1", aResponse(1_000, 0, 1), 900_000);
      store.put("k2", aResponse(1_000, 0, 1e6), 0);
      store.put("k3", aResponse(1_000, 0, 1e6), 2_000_000);
      assert.notEqual(store.get("k2", 2_000_000), null);
      const held = store.bytes();
      yield RESTART;
      const reopened = open(bytesMax);
      assert.equal(reopened.bytes(), held);
      assert.deepEqual(reopened.get("k3", 2_000_000), aResponse(1_000, 0, 1e6));
    },
  },
];
