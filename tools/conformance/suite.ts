// What is in the public suite of HTTP cache tests (npm http-cache-tests)? Its cases by id, and the
// files of the package that are run.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** How much a case matters, as the suite says it. */
export type CaseKind = "required" | "optimal" | "check";

/** One case of the suite. */
export interface SuiteCase {
  readonly id: string;
  readonly kind: CaseKind;
  /** Only a browser's own cache can be asked this. */
  readonly isForBrowsers: boolean;
}

/** A group of cases, as the suite's client takes it. */
export interface SuiteGroup {
  readonly name: string;
  readonly id: string;
  readonly description: string;
  readonly tests: readonly {
    readonly id: string;
    readonly kind?: CaseKind;
    readonly browser_only?: boolean;
  }[];
}

const ROOT = path.dirname(createRequire(import.meta.url).resolve("http-cache-tests/package.json"));

/** The path of a file of the package. */
export function suiteFile(name: string): string {
  return path.join(ROOT, name);
}

/** Loads a module of the package; what it exports is the caller's to know. */
export async function suiteModule(name: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(suiteFile(name)).href)) as Record<string, unknown>;
}

/** The groups of the suite. */
export async function suiteGroups(): Promise<readonly SuiteGroup[]> {
  const { default: groups } = await suiteModule("tests/index.mjs");
  return groups as readonly SuiteGroup[];
}

/** The cases of the suite, in its order. */
export async function suiteCases(): Promise<readonly SuiteCase[]> {
  const groups = await suiteGroups();
  return groups.flatMap(({ tests }) =>
    tests.map(({ id, kind = "required", browser_only = false }) => ({
      id,
      kind,
      isForBrowsers: browser_only,
    })),
  );
}
