// Is everything in order? Runs every check there is, in order, and says so in one last line:
// "N passed, N failed, N skipped". `npm run check` takes minutes; `npm test` runs the slow ones too.

import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { printOutcome, showRunning, totalsOf } from "./check/report.ts";
import { runStep, type Outcome } from "./check/run-step.ts";
import { findTests, listSteps, recordedFile, type Step } from "./check/steps.ts";
import { oneLine } from "./launcher/launch-error.ts";
import { endOnSignals } from "./launcher/signals.ts";

interface Options {
  readonly full?: true;
  readonly only?: readonly string[];
  readonly record?: true;
}

const steps = listSteps();
const names = steps.map(({ name }) => name);
const program = new Command("check")
  .description("Runs the project's checks in order and ends with the totals.")
  .option("--full", "also the slow ones: acceptance tests and the sizes of a deployment")
  .option("--only <name...>", `only these steps: ${names.join(", ")}`)
  .option("--record", "record how many test files there are; fewer than recorded is a failure")
  .parse();

function choose({ full, only }: Options): readonly Step[] {
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new Error(`There is no step "${unknown}": use ${names.join(", ")}`);
  return steps.filter(({ name, isSlow }) => only?.includes(name) ?? (full === true || !isSlow));
}

function record(): void {
  const counts = {
    unit: findTests(["structure", "unit", "laws", "vectors", "contracts"]).length,
    runtime: findTests(["runtime"]).length,
    acceptance: findTests(["acceptance"]).length,
  };
  writeFileSync(recordedFile(), `${JSON.stringify(counts, null, 2)}\n`);
}

async function main(): Promise<void> {
  const options = program.opts<Options>();
  if (options.record === true) record();
  // The steps are children in groups of their own; those that run end when this process does.
  endOnSignals(() => Promise.resolve(), 130);
  const startedMs = performance.now();
  const outcomes: Outcome[] = [];
  for (const step of choose(options)) {
    const hide = showRunning(step.name);
    const outcome = await runStep(step);
    hide();
    printOutcome(outcome);
    outcomes.push(outcome);
  }
  const { passed, failed, skipped } = totalsOf(outcomes);
  console.log(
    `${outcomes.length} steps in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
  );
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main().catch((error: unknown) => {
  console.error(oneLine(error));
  process.exitCode = 1;
});
