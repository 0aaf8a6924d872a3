// How much did a tool look at? Read from what it prints, because a tool that looked at nothing is
// pleased with everything.

/** How many tests ended how. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Reads "on 63 files" of oxlint and oxfmt; 0 if they did not say so. */
export function countListed(output: string): number {
  return Number(/ on (\d+) files?\b/.exec(output)?.[1] ?? 0);
}

/** Counts the projects that `tsc -b --verbose` built. */
export function countProjects(output: string): number {
  return output.match(/Building project '/g)?.length ?? 0;
}

/** Reads the closing lines of `node --test` with the spec reporter; null if there are none. */
export function countTests(output: string): TestCounts | null {
  const read = (name: string) => {
    const found = new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(output)?.[1];
    return found === undefined ? null : Number(found);
  };
  const passed = read("pass");
  const failed = read("fail");
  if (passed === null || failed === null) return null;
  return {
    passed,
    failed: failed + (read("cancelled") ?? 0),
    skipped: (read("skipped") ?? 0) + (read("todo") ?? 0),
  };
}

/** Adds up. */
export function addCounts(left: TestCounts, right: TestCounts): TestCounts {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}
