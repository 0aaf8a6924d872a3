// Is a body without times and a name known when it is sent again, and not taken for itself later?

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../edge/limits.ts";
import { bodyKey } from "../../../../edge/telemetry/body-key.ts";

const MINUTE_MS = 60_000;
const NOW_MS = 1_790_000_000_000;

test("a body keeps its first name for ten minutes, whatever else was sent, then has another", () => {
  const first = bodyKey("ab", [], NOW_MS);
  const keys = [[first, "h"] as const, [bodyKey("cd", [], NOW_MS), "h"] as const];
  const later = (minutes: number): string => bodyKey("ab", keys, NOW_MS + minutes * MINUTE_MS);
  assert.equal(later(0), first);
  assert.equal(later(limits.bodyKeyMinutes - 1), first);
  assert.equal(later(-1), first);
  assert.notEqual(later(limits.bodyKeyMinutes), first);
  assert.ok(later(60).length <= limits.batchKeyCharsMax);
});
