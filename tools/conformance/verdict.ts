// Is a run of the suite as it should be? Each case passes unless it is expected to fail, for a reason
// that is written down; a pass that is not expected is as wrong as a failure.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Outcomes, Profile, Runtime, Tier } from "./run.ts";
import type { CaseKind, SuiteCase } from "./suite.ts";

/** A case that fails, in which profiles, and why that is right or cannot be helped. */
export interface ExpectedFailure {
  readonly profiles: readonly Profile[];
  /** Only there; not given: on both. */
  readonly runtime?: Runtime;
  /** Only if the edge has no other tier; not given: whatever it has. */
  readonly tier?: Tier;
  readonly reason: string;
}

/** Cases by how they came out. */
export interface Verdict {
  readonly passed: Readonly<Record<CaseKind, number>>;
  readonly total: Readonly<Record<CaseKind, number>>;
  readonly unexpectedFailures: readonly string[];
  readonly unexpectedPasses: readonly string[];
  readonly notRun: readonly string[];
}

/** Where the expected failures are written down, by id. */
export const EXPECTED_FILE: string = path.join(
  import.meta.dirname,
  "../../test/conformance/expected.json",
);

/** Reads the expected failures of a profile on a runtime: id to reason. */
export function expectedFailures(
  profile: Profile,
  on: Runtime = "workerd",
  having: Tier = "all",
): ReadonlyMap<string, string> {
  const all = JSON.parse(readFileSync(EXPECTED_FILE, "utf8")) as Record<string, ExpectedFailure>;
  const own = Object.entries(all).filter(
    ([, { profiles, runtime = on, tier = having }]) =>
      profiles.includes(profile) && runtime === on && tier === having,
  );
  return new Map(own.map(([id, { reason }]) => [id, reason]));
}

/** Compares a run with what is expected of it. */
export function judge(
  cases: readonly SuiteCase[],
  outcomes: Outcomes,
  expected: ReadonlyMap<string, string>,
): Verdict {
  const passed = { required: 0, optimal: 0, check: 0 };
  const total = { required: 0, optimal: 0, check: 0 };
  const [unexpectedFailures, unexpectedPasses, notRun]: [string[], string[], string[]] = [
    [],
    [],
    [],
  ];
  for (const { id, kind, isForBrowsers } of cases) {
    total[kind] += 1;
    const outcome = outcomes.get(id);
    if (outcome === null) passed[kind] += 1;
    if (outcome === null && expected.has(id)) unexpectedPasses.push(id);
    else if (outcome === undefined && !isForBrowsers) notRun.push(id);
    else if (typeof outcome === "string" && !expected.has(id)) unexpectedFailures.push(id);
  }
  return { passed, total, unexpectedFailures, unexpectedPasses, notRun };
}

/** Tells whether a run is as expected. */
export function isAsExpected(verdict: Verdict): boolean {
  const { unexpectedFailures, unexpectedPasses, notRun } = verdict;
  return [unexpectedFailures, unexpectedPasses, notRun].every((ids) => ids.length === 0);
}
