// Do the minutes that a hub tells come back as they were, and is what is no message refused?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeThinned, encodeThinned, type ThinnedMessage } from "../../../state/thinned.ts";
import type { DeviceId, ReplicaId } from "../../../sync/brand.ts";

const message: fc.Arbitrary<ThinnedMessage> = fc.record({
  replica: fc.constantFrom("hel/00-ff" as ReplicaId, "sin/80-ff" as ReplicaId),
  items: fc.array(
    fc.record({
      epoch: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      seq: fc.nat(),
      device: fc.constantFrom("boat-1", "a.b_c").map((name) => name as DeviceId),
      hourMs: fc.nat(1_000_000).map((hour) => hour * 3_600_000),
      isQuarantined: fc.boolean(),
      body: fc.uint8Array({ maxLength: 40 }),
    }),
    { maxLength: 8 },
  ),
});

test("decodeThinned() reads what encodeThinned() wrote", () => {
  fc.assert(
    fc.property(message, (given) => {
      // The generator's records have no prototype.
      assert.deepEqual(decodeThinned(encodeThinned(given)), structuredClone(given));
    }),
  );
});

test("P9 decodeThinned() takes no part of a message, and nothing else", () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.uint8Array({ maxLength: 60 }), (given, at, other) => {
      const bytes = encodeThinned(given);
      assert.equal(decodeThinned(bytes.subarray(0, at % bytes.length)), null);
      assert.equal(decodeThinned(Uint8Array.of(...bytes, 0)), null);
      const read = decodeThinned(other);
      if (read !== null) assert.deepEqual(decodeThinned(encodeThinned(read)), read);
    }),
  );
});
