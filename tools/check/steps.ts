// What does a check consist of, in which order, and how is it known that a step looked at something?

import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { REPOSITORY } from "../launcher/wrangler-config.ts";
import { countListed, countProjects, countTests, type TestCounts } from "./counts.ts";

/** What a step found out: an amount to show, test counts, or why the step is not to be believed. */
export interface Evidence {
  readonly amount: string;
  readonly tests: TestCounts | null;
  readonly doubt: string | null;
}

/** One step of a check: a command of this Node, and how to read what it printed. */
export interface Step {
  readonly name: string;
  readonly args: readonly string[];
  readonly limitS: number;
  /** Only in the full check. */
  readonly isSlow: boolean;
  readonly read: (output: string) => Evidence;
}

const tool = (name: string) => path.join("node_modules/.bin", name);

/** Every step, in order. */
export function listSteps(): readonly Step[] {
  const sources = countSources();
  return [
    listed("format", [tool("oxfmt"), "--check", "."], sources),
    listed(
      "lint",
      [tool("oxlint"), "--deny-warnings", "--report-unused-disable-directives", "."],
      sources,
    ),
    {
      name: "types",
      args: [tool("tsc"), "-b", "--force", "--verbose"],
      limitS: 60,
      isSlow: false,
      read: (output) => enough(countProjects(output), countReferences(), "projects"),
    },
    // That it reports what nobody uses is proved by a plant in test/structure.
    {
      name: "dead",
      args: [tool("knip"), "--no-progress"],
      limitS: 60,
      isSlow: false,
      read: () => ({ amount: "", tests: null, doubt: null }),
    },
    tests("unit", ["structure", "unit", "laws", "vectors", "contracts", "sim"], 600, false),
    tests("runtime", ["runtime"], 600, false),
    tests("acceptance", ["acceptance"], 1_500, true),
    {
      name: "deploy",
      args: ["tools/deploy-dry.ts"],
      limitS: 60,
      isSlow: true,
      read: (output) => enough(output.match(/ kB gzip/g)?.length ?? 0, 2, "Workers"),
    },
  ];
}

/** Test files per step as they were recorded; fewer means that some have stopped being found. */
export function readRecorded(): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(recordedFile(), "utf8")) as Record<string, number>;
}

export function recordedFile(): string {
  return path.join(import.meta.dirname, "recorded.json");
}

/** Finds the test files of the folders of a step. */
export function findTests(folders: readonly string[]): readonly string[] {
  return folders
    .flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`, { cwd: REPOSITORY }))
    .toSorted();
}

function listed(name: string, args: readonly string[], atLeast: number): Step {
  const read = (output: string) => enough(countListed(output), atLeast, "files");
  return { name, args, limitS: 60, isSlow: false, read };
}

function tests(name: string, folders: readonly string[], limitS: number, isSlow: boolean): Step {
  const files = findTests(folders);
  const one = name === "unit" ? [] : ["--test-concurrency=1"];
  return {
    name,
    // Patterns, not the files found here: the runner has to find the same ones by itself.
    args: [
      "--test",
      "--test-reporter=spec",
      ...one,
      ...folders.map((folder) => `test/${folder}/**/*.test.ts`),
    ],
    limitS,
    isSlow,
    read: (output) => testEvidence(countTests(output), files.length, readRecorded()[name] ?? 1),
  };
}

function testEvidence(counts: TestCounts | null, files: number, recorded: number): Evidence {
  const amount = `${counts?.passed ?? 0} tests in ${files} files`;
  if (files < recorded) {
    return { amount, tests: counts, doubt: `only ${files} of ${recorded} recorded test files` };
  }
  const ran = counts === null ? 0 : counts.passed + counts.failed;
  return { amount, tests: counts, doubt: ran < files ? `only ${ran} tests ran` : null };
}

function enough(count: number, atLeast: number, what: string): Evidence {
  const doubt =
    count < atLeast || count === 0 ? `looked at ${count} ${what}, not ${atLeast}` : null;
  return { amount: `${count} ${what}`, tests: null, doubt };
}

/** Counts the sources that a linter or a formatter must not miss. */
function countSources(): number {
  const rooms = "{sync,state,storage,http,doors,edge,origin,tools,test,examples}/**/*.ts";
  return globSync(rooms, { cwd: REPOSITORY }).length;
}

function countReferences(): number {
  const config = readFileSync(path.join(REPOSITORY, "tsconfig.json"), "utf8");
  return config.match(/"path":/g)?.length ?? 0;
}
