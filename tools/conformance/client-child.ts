// The suite's client, in a process of its own because it keeps its results in a module: runs the cases
// that it is told, and sends their outcomes to its parent.

import { createRequire } from "node:module";
import { suiteFile, suiteGroups, suiteModule } from "./suite.ts";

/** What the parent hears: how far it is, then each outcome; `true` is a pass. */
export type ClientMessage =
  | { readonly kind: "progress"; readonly done: number }
  | { readonly kind: "outcomes"; readonly outcomes: Readonly<Record<string, unknown>> };

const PROGRESS_MS = 1_000;

const [base = "", only = ""] = process.argv.slice(2);
const fetch: unknown = createRequire(suiteFile("package.json"))("node-fetch");
const { runTests } = (await suiteModule("client/runner.mjs")) as {
  runTests: (groups: unknown, fetch: unknown, isBrowser: boolean, base: string) => Promise<void>;
};
const { testResults } = (await suiteModule("client/test.mjs")) as {
  testResults: Readonly<Record<string, unknown>>;
};
const groups = (await suiteGroups()).map((group) => ({
  ...group,
  tests: group.tests.filter(({ id }) => only === "" || only === id),
}));
const tell = (message: ClientMessage): boolean => process.send?.(message) ?? false;
const timer = setInterval(() => {
  tell({ kind: "progress", done: Object.keys(testResults).length });
}, PROGRESS_MS);
await runTests(groups, fetch, false, base);
clearInterval(timer);
tell({ kind: "outcomes", outcomes: testResults });
process.disconnect?.();
