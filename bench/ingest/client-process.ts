// How does the bench drive its client? One child process, one job after the other.

import path from "node:path";
import { Child } from "../../tools/launcher/children.ts";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import type { Ask, Job, Outcome, Said } from "./job.ts";

const STOP_MS_MAX = 5_000;

/** The client's process. */
export class ClientProcess {
  readonly #child: Child;

  constructor() {
    const program = path.join(import.meta.dirname, "client.ts");
    // Room for the batches that are written ahead.
    const args = ["--max-old-space-size=3072", program];
    this.#child = new Child(process.execPath, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  }

  /** Runs a job; `around` wraps what is measured, between opening and closing the connections. */
  async run<T>(job: Job, around: (go: () => Promise<Outcome>) => Promise<T>): Promise<T> {
    await this.#ask({ ask: "prepare", job });
    try {
      return await around(async () => {
        const said = await this.#ask({ ask: "go" });
        if (said.said !== "done") throw new LaunchError(`The client said ${said.said}`);
        return said.outcome;
      });
    } finally {
      await this.#ask({ ask: "close" });
    }
  }

  stop(): Promise<void> {
    return this.#child.stop(STOP_MS_MAX);
  }

  async #ask(ask: Ask): Promise<Said> {
    const answer = new Promise<Said>((resolve) => this.#child.process.once("message", resolve));
    this.#child.process.send(ask);
    const ended = this.#child.exited.then((how): Said => {
      return { said: "failed", why: `the client ended: ${how}` };
    });
    const said = await Promise.race([answer, ended]);
    if (said.said === "failed") throw new LaunchError(`The client failed: ${said.why}`);
    return said;
  }
}
