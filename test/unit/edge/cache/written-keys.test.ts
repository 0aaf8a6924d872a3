// Is nothing stored that was asked for before a write of it, whatever is remembered?

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WrittenKeys } from "../../../../edge/cache/written-keys.ts";

test("isSince() tells what was asked for until a write from what was asked for after it", () => {
  const written = new WrittenKeys({ keysMax: 10, keptMs: 1_000 });
  written.note("a", 100);
  assert.equal(written.isSince("a", 100), true);
  assert.equal(written.isSince("a", 101), false);
  assert.equal(written.isSince("b", 100), false);
});

test("P8: what is forgotten for want of room counts as written, and memory has its bound", () => {
  const write = fc.record({ key: fc.nat(9).map(String), afterMs: fc.nat(400) });
  fc.assert(
    fc.property(
      fc.array(write, { maxLength: 40 }),
      fc.nat(9),
      fc.nat(1_000),
      (writes, ask, ago) => {
        const written = new WrittenKeys({ keysMax: 3, keptMs: 1_000 });
        const last = new Map<string, number>();
        let nowMs = 0;
        for (const { key, afterMs } of writes) {
          nowMs += afterMs;
          written.note(key, nowMs);
          last.set(key, nowMs);
        }
        const requestMs = nowMs - ago;
        const isBefore = requestMs <= (last.get(String(ask)) ?? -Infinity);
        if (isBefore) assert.equal(written.isSince(String(ask), requestMs), true);
        assert.equal(written.isSince(String(ask), nowMs + 1), false);
      },
    ),
  );
});
