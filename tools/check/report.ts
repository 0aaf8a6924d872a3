// How does a check look while it runs? One line a step, with its time; on a terminal the step that
// runs is shown too.

import { addCounts, type TestCounts } from "./counts.ts";
import type { Outcome } from "./run-step.ts";

const TAIL_LINES = 60;
const TICK_MS = 500;

/** Shows that a step runs, on a terminal only. Returns how to take the line away again. */
export function showRunning(name: string): () => void {
  if (!process.stdout.isTTY) return () => undefined;
  const startedMs = performance.now();
  const show = () =>
    process.stdout.write(`\r… ${name.padEnd(11)} ${seconds(performance.now() - startedMs)}`);
  show();
  const ticks = setInterval(show, TICK_MS);
  return () => {
    clearInterval(ticks);
    process.stdout.write("\r\u001b[2K");
  };
}

/** Prints the line of a step, and the end of its output if it failed. */
export function printOutcome({ step, why, evidence, output, tookMs }: Outcome): void {
  const mark = why === null ? "✓" : "✗";
  const note = why === null ? evidence.amount : `FAILED: ${why}`;
  console.log(`${mark} ${step.name.padEnd(11)} ${seconds(tookMs).padStart(8)}  ${note}`);
  if (why === null) return;
  const lines = output.trimEnd().split("\n");
  if (lines.length > TAIL_LINES)
    console.log(`    (the last ${TAIL_LINES} of ${lines.length} lines)`);
  for (const line of lines.slice(-TAIL_LINES)) console.log(`    ${line}`);
}

/**
 * Adds up the tests of all steps. A step that failed without a failed test counts as one, so that
 * the totals of a red check never say "0 failed".
 */
export function totalsOf(outcomes: readonly Outcome[]): TestCounts {
  return outcomes.reduce<TestCounts>(
    (sum, { why, evidence }) => {
      const tests = evidence.tests ?? { passed: 0, failed: 0, skipped: 0 };
      const failed = why !== null && tests.failed === 0 ? 1 : tests.failed;
      return addCounts(sum, { ...tests, failed });
    },
    { passed: 0, failed: 0, skipped: 0 },
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
