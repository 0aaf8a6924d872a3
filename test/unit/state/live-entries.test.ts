// Do entries that go ahead come back as they were, and does anything else give null?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeLiveEntries,
  encodeLiveEntries,
  LIVE_ENTRIES_MAX,
} from "../../../state/live-entries.ts";

const entry = fc.record(
  {
    seq: fc.integer({ min: 1, max: 2 ** 40 }),
    stampMs: fc.integer({ min: 0, max: 2 ** 44 }),
    body: fc.uint8Array({ maxLength: 40 }),
  },
  { noNullPrototype: true },
);
const entries = fc
  .uniqueArray(entry, { maxLength: LIVE_ENTRIES_MAX, selector: ({ seq }) => seq })
  .map((list) => list.toSorted((a, b) => a.seq - b.seq));

test("decodeLiveEntries() gives what encodeLiveEntries() was given", () => {
  fc.assert(
    fc.property(entries, (list) => {
      assert.deepEqual(decodeLiveEntries(encodeLiveEntries(list)), list);
    }),
  );
});

test("decodeLiveEntries() gives null for what is cut off, too much or another form, and never throws", () => {
  const one = { seq: 1, stampMs: 1, body: new Uint8Array([1, 2, 3]) };
  const bytes = encodeLiveEntries([one]);
  for (let end = 0; end < bytes.length; end += 1)
    assert.equal(decodeLiveEntries(bytes.subarray(0, end)), null);
  assert.equal(decodeLiveEntries(new Uint8Array([...bytes, 0])), null);
  const more = Array.from({ length: LIVE_ENTRIES_MAX + 1 }, (_, at) => ({ ...one, seq: at + 1 }));
  assert.equal(decodeLiveEntries(encodeLiveEntries(more)), null);
  assert.equal(decodeLiveEntries(encodeLiveEntries([{ ...one, stampMs: -1 }])), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
      const decoded = decodeLiveEntries(any);
      assert.ok(decoded === null || decoded.length <= LIVE_ENTRIES_MAX);
    }),
  );
});
