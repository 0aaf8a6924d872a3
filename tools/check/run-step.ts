// How does one step run? As a child of its own group with a time limit, its output collected.

import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Child } from "../launcher/children.ts";
import { REPOSITORY } from "../launcher/wrangler-config.ts";
import type { Evidence, Step } from "./steps.ts";

/** How a step ended. `why` is null if it passed. */
export interface Outcome {
  readonly step: Step;
  readonly why: string | null;
  readonly evidence: Evidence;
  readonly output: string;
  readonly tookMs: number;
}

const GRACE_MS = 3_000;

/** The tools' chatter: no colours to parse, no questions, no calls home. */
const QUIET = {
  CI: "true",
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** Runs a step to its end, or to its limit. Never rejects. */
export async function runStep(step: Step): Promise<Outcome> {
  const startedMs = performance.now();
  const child = new Child(process.execPath, step.args, {
    cwd: REPOSITORY,
    env: quietEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: at the limit its children end with it.
    detached: true,
  });
  const chunks: string[] = [];
  child.process.stdout?.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  child.process.stderr?.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    void child.stop(GRACE_MS);
  }, step.limitS * 1_000);
  const how = await child.exited;
  clearTimeout(limit);
  // Some tools colour what they print in CI, whatever NO_COLOR says.
  const output = stripVTControlCharacters(chunks.join(""));
  const evidence = step.read(output);
  const why = isLate
    ? `not done after ${step.limitS} s`
    : how === "exit code 0"
      ? evidence.doubt
      : how;
  return { step, why, evidence, output, tookMs: performance.now() - startedMs };
}

function quietEnvironment(): NodeJS.ProcessEnv {
  const tools = [path.dirname(process.execPath), path.join(REPOSITORY, "node_modules/.bin")];
  const found = [...tools, process.env["PATH"] ?? ""].join(path.delimiter);
  // A check that a test runs is not that test's own child runner.
  const { NODE_TEST_CONTEXT: _context, ...rest } = process.env;
  return { ...rest, ...QUIET, PATH: found };
}
