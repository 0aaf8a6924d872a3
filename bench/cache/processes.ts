// How does bench:cache talk to its client and its upstream? Each is a child process, asked one thing at a
// time.

import path from "node:path";
import { Child } from "../../tools/launcher/children.ts";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import type { Job, Outcome, Said, UpstreamMode, UpstreamSaid } from "./job.ts";

const STOP_MS_MAX = 5_000;

class Asked<Ask, Answer> {
  readonly #child: Child;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    const program = path.join(import.meta.dirname, `${name}.ts`);
    this.#child = new Child(process.execPath, [program], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  }

  /** Asks, or only listens; rejects if the process ends. */
  async ask(ask: Ask | null): Promise<Answer> {
    const { process: child, exited } = this.#child;
    const answer = new Promise<Answer>((resolve) => child.once("message", resolve));
    if (ask !== null) child.send(ask as object);
    const ended = exited.then((how): never => {
      throw new LaunchError(`The bench's ${this.#name} ended: ${how}`);
    });
    return Promise.race([answer, ended]);
  }

  stop(): Promise<void> {
    return this.#child.stop(STOP_MS_MAX);
  }
}

/** Who sends the requests. */
export class Client {
  readonly #asked = new Asked<Job, Said>("client");

  async run(job: Job): Promise<Outcome> {
    const said = await this.#asked.ask(job);
    if (said.said === "failed") throw new LaunchError(`The client failed: ${said.why}`);
    return said.outcome;
  }

  stop(): Promise<void> {
    return this.#asked.stop();
  }
}

/** Whom the caches ask. */
export class Upstream {
  readonly #asked: Asked<UpstreamMode | "count", UpstreamSaid>;
  readonly port: number;

  private constructor(asked: Asked<UpstreamMode | "count", UpstreamSaid>, port: number) {
    this.#asked = asked;
    this.port = port;
  }

  static async start(): Promise<Upstream> {
    const asked = new Asked<UpstreamMode | "count", UpstreamSaid>("upstream");
    const said = await asked.ask(null);
    return new Upstream(asked, said.said === "listening" ? said.port : 0);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Tells how many requests came since the last time, and has it behave in another way. */
  async count(mode: UpstreamMode | null = null): Promise<number> {
    const said = await this.#asked.ask(mode ?? "count");
    return said.said === "counted" ? said.requests : 0;
  }

  stop(): Promise<void> {
    return this.#asked.stop();
  }
}
