// How does a test run one of the project's commands? As a child with a time limit, as a person
// would, its output collected.

import { Child } from "../../tools/launcher/children.ts";
import { ROOT } from "./repository.ts";

/** How a command ended. */
export interface ToolRun {
  readonly exitCode: number | null;
  readonly output: string;
}

/** A command that runs, and what it has printed so far. */
export class RunningTool {
  readonly child: Child;
  #output = "";

  constructor(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.child = new Child(command, args, {
      cwd: ROOT,
      env: {
        ...process.env,
        NO_COLOR: "1",
        WRANGLER_SEND_METRICS: "false",
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
      // Wrangler and npm have children of their own; they are to end with it.
      detached: true,
    });
    const collect = (chunk: string) => (this.#output += chunk);
    this.child.process.stdout?.setEncoding("utf8").on("data", collect);
    this.child.process.stderr?.setEncoding("utf8").on("data", collect);
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until it has printed something that matches, or throws with what it has printed. */
  async until(pattern: RegExp, limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!pattern.test(this.#output)) {
      if (performance.now() > endMs || !this.child.isAlive)
        throw new Error(`No ${String(pattern)} in: ${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Waits for its end; after `limitMs` it is killed and has no exit code. */
  async end(limitMs: number): Promise<ToolRun> {
    const limit = setTimeout(() => this.child.signal("SIGKILL"), limitMs);
    await this.child.exited;
    clearTimeout(limit);
    return { exitCode: this.child.process.exitCode, output: this.#output };
  }
}

/** Runs a source of tools/ to its end. */
export function runTool(file: string, args: readonly string[], limitMs: number): Promise<ToolRun> {
  return new RunningTool(process.execPath, [file, ...args]).end(limitMs);
}
