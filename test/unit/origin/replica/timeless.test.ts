// Is a batch without times known again, of whatever region, and only that one?

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../origin/limits.ts";
import { batchName, recall } from "../../../../origin/replica/timeless.ts";
import type { BatchIdentity } from "../../../../sync/wire/batch.ts";
import { deviceId } from "../../../support/arbitraries.ts";

const batch = (identity: BatchIdentity, contentHash = "00") => ({
  device: deviceId("boat-1"),
  identity,
  contentHash,
  isTimeAssigned: true,
  times: [],
  columns: [],
});

test("batchName() tells identities and contents apart", () => {
  const names = [
    batch({ kind: "boot", boot: "b", seq: 1 }),
    batch({ kind: "boot", boot: "b", seq: 2 }),
    batch({ kind: "boot", boot: "b", seq: 1 }, "01"),
    batch({ kind: "key", key: "b 1" }),
    batch({ kind: "none" }),
  ].map(batchName);
  assert.equal(new Set(names).size, names.length);
  assert.equal(
    batchName(batch({ kind: "key", key: "k" })),
    batchName(batch({ kind: "key", key: "k" })),
  );
});

test("recall() knows what is held, and doubts only what may have been forgotten", () => {
  const cases = [
    [true, 5, 0, "repeated"],
    [true, 5, 9, "repeated"],
    [false, 5, 0, "new"],
    [false, 1000 + limits.batchRetryMsMax, 1000, "doubtful"],
    [false, 1001 + limits.batchRetryMsMax, 1000, "new"],
  ] as const;
  for (const [isHeld, stampMs, forgottenMs, expected] of cases) {
    assert.equal(recall(isHeld, stampMs, forgottenMs), expected);
  }
});
