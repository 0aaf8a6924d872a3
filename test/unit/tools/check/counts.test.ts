// Can the check tell much from nothing? Read from real closing lines of the tools.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addCounts,
  countListed,
  countProjects,
  countTests,
} from "../../../../tools/check/counts.ts";

test("countListed() reads oxlint's and oxfmt's closing lines, and 0 from anything else", () => {
  assert.equal(countListed("Finished in 350ms on 23 files with 133 rules using 2 threads."), 23);
  assert.equal(countListed("Finished in 9ms on 1 file using 2 threads."), 1);
  assert.equal(countListed("All matched files use the correct format."), 0);
});

test("countProjects() counts what tsc built", () => {
  assert.equal(
    countProjects("07:45:55 AM - Building project 'sync/tsconfig.json'...\nBuilding project 'x'"),
    2,
  );
});

test("countTests() counts cancelled as failed and todo as skipped", () => {
  const closing =
    "ℹ tests 9\nℹ suites 0\nℹ pass 4\nℹ fail 1\nℹ cancelled 1\nℹ skipped 2\nℹ todo 1\nℹ duration_ms 4";
  assert.deepEqual(countTests(closing), { passed: 4, failed: 2, skipped: 3 });
  assert.equal(countTests("Segmentation fault"), null);
});

test("addCounts() adds", () => {
  const one = { passed: 1, failed: 2, skipped: 3 };
  assert.deepEqual(addCounts(one, one), { passed: 2, failed: 4, skipped: 6 });
});
