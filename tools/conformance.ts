// npm run conformance: does the cache do what RFC 9111 says? Runs the public suite of HTTP cache tests
// against an edge, on bare workerd unless told otherwise, and compares each case with what is expected; exit status 1 if any
// differs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, Option } from "commander";
import { runConformance, type Profile, type Runtime, type Tier } from "./conformance/run.ts";
import { suiteCases } from "./conformance/suite.ts";
import { expectedFailures, isAsExpected, judge, type Verdict } from "./conformance/verdict.ts";
import { runCommand, say } from "./terminal.ts";

interface Options {
  readonly profile: Profile | "both";
  readonly only: string;
  readonly on: Runtime;
  readonly tier: Tier;
}

const program = new Command("conformance")
  .description("Runs the public suite of HTTP cache tests against an edge.")
  .addOption(
    new Option("--profile <name>", "the cache's profile")
      .choices(["safe", "rfc", "both"])
      .default("both"),
  )
  .addOption(
    new Option("--on <runtime>", "what the edge runs on")
      .choices(["workerd", "wrangler"])
      .default("workerd"),
  )
  .addOption(
    new Option("--tier <name>", "the tiers of the cache that the edge has")
      .choices(["all", "memory", "colo", "cell"])
      .default("all"),
  )
  .option("--only <id>", "one case of the suite, by its id", "")
  .parse();

/** Runs one profile and tells each case that is not as expected. */
async function runProfile(profile: Profile, { only, on, tier }: Options): Promise<Verdict> {
  const all = await suiteCases();
  const cases = all.filter(({ id }) => only === "" || id === only);
  if (cases.length === 0) throw new Error(`The suite has no case "${only}"`);
  const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-conformance-"));
  try {
    const onProgress = (done: number): void => say(`${profile}: ${done} of ${cases.length} cases`);
    const outcomes = await runConformance({
      profile,
      runtime: on,
      tier,
      only,
      stateDir,
      onProgress,
    });
    const expected = expectedFailures(profile, on, tier);
    const verdict = judge(cases, outcomes, expected);
    for (const { id, kind } of cases) {
      const outcome = outcomes.get(id);
      if (typeof outcome !== "string") continue;
      const mark = expected.has(id) ? "expected to fail" : "FAILS";
      say(`${profile}: ${mark}: ${id} (${kind}): ${outcome}`);
    }
    for (const id of verdict.unexpectedPasses)
      say(`${profile}: PASSES though expected to fail: ${id}`);
    for (const id of verdict.notRun) say(`${profile}: NOT RUN: ${id}`);
    return verdict;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

await runCommand(async () => {
  const options = program.opts<Options>();
  const { profile, tier, on } = options;
  if (tier === "colo" && on !== "wrangler")
    throw new Error("Bare workerd has no Cache API: add --on wrangler to --tier colo");
  const verdicts: Partial<Record<Profile, Verdict>> = {};
  for (const name of profile === "both" ? (["rfc", "safe"] as const) : [profile]) {
    verdicts[name] = await runProfile(name, options);
  }
  console.log(JSON.stringify({ ok: Object.values(verdicts).every(isAsExpected), ...verdicts }));
  if (!Object.values(verdicts).every(isAsExpected)) process.exitCode = 1;
});
