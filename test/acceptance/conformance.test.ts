// Does the cache do what RFC 9111 says, case by case of the public suite? Both profiles on bare workerd, and one on wrangler dev;
// what fails is written down with its reason, and nothing else fails, nor passes unexpectedly.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suiteCases } from "../../tools/conformance/suite.ts";
import { expectedFailures, judge, isAsExpected } from "../../tools/conformance/verdict.ts";
import { runTool } from "../support/run-tool.ts";

const RUN_MS_MAX = 120_000;

interface Told {
  readonly ok: boolean;
  readonly [profile: string]: unknown;
}

const runs = [
  ["rfc", "workerd", "all"],
  ["safe", "workerd", "all"],
  ["rfc", "workerd", "memory"],
  ["rfc", "workerd", "cell"],
  ["rfc", "wrangler", "all"],
  ["rfc", "wrangler", "colo"],
] as const;
for (const [profile, on, tier] of runs) {
  test(`the suite comes out as expected under the profile ${profile}, on ${on}, tiers: ${tier}`, async () => {
    const args = ["--profile", profile, "--on", on, "--tier", tier];
    const { exitCode, output } = await runTool("tools/conformance.ts", args, RUN_MS_MAX);
    const told = JSON.parse(output.trim().split("\n").at(-1) ?? "{}") as Told;
    assert.equal(told.ok, true, output);
    assert.equal(exitCode, 0);
  });
}

test("every expected failure is a case of the suite and has a reason", async () => {
  const ids = new Set((await suiteCases()).map(({ id }) => id));
  for (const profile of ["rfc", "safe"] as const) {
    const expected = expectedFailures(profile);
    assert.ok(expected.size > 0);
    for (const [id, reason] of [...expected, ...expectedFailures(profile, "wrangler")]) {
      assert.ok(ids.has(id), id);
      assert.ok(reason.length > 20, id);
    }
  }
});

test("a failure, a pass and a silence that are not expected are each as wrong", () => {
  const cases = [{ id: "a", kind: "required", isForBrowsers: false }] as const;
  const wrong = (outcomes: [string, string | null][], expected: [string, string][]) =>
    !isAsExpected(judge(cases, new Map(outcomes), new Map(expected)));
  assert.ok(wrong([["a", "no"]], []));
  assert.ok(wrong([["a", null]], [["a", "why"]]));
  assert.ok(wrong([], []));
  assert.ok(!wrong([["a", null]], []));
  assert.ok(!wrong([["a", "no"]], [["a", "why"]]));
});

test("one case can be run alone, and one that there is not is named", async () => {
  const args = ["--profile", "safe", "--only", "vary-no-match"];
  const one = await runTool("tools/conformance.ts", args, RUN_MS_MAX);
  assert.equal(one.exitCode, 0, one.output);
  const none = await runTool("tools/conformance.ts", ["--only", "no-such-case"], RUN_MS_MAX);
  assert.equal(none.exitCode, 1);
  assert.match(none.output, /no-such-case/);
});
