// How does the origin run on this machine? As one process with its own storage, that can be
// stopped, killed and started again on the same port.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { Child } from "./children.ts";
import type { Keys } from "./keys.ts";
import { LaunchError } from "./launch-error.ts";
import { waitUntilAlive } from "./liveness.ts";
import { claimPort, LOOPBACK } from "./ports.ts";
import { startLogged } from "./process-log.ts";
import { readWranglerConfig, type ObjectBinding } from "./wrangler-config.ts";

/** What an origin needs to run. */
export interface OriginPlan {
  readonly stateDir: string;
  /** Absolute path of the origin's bundle. */
  readonly bundle: string;
  readonly keys: Keys;
  /** 0: any free one. */
  readonly port: number;
}

/** What the launcher tells its origin process, over their channel: secrets touch no disk. */
export interface OriginOrder {
  readonly bundle: string;
  readonly persistTo: string;
  readonly host: string;
  readonly port: number;
  readonly compatibilityDate: string;
  readonly bindings: Readonly<Record<string, string>>;
  readonly objects: readonly ObjectBinding[];
}

export type OriginReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly why: string };

const START_MS_MAX = 20_000;
const STOP_MS_MAX = 4_000;

/** The origin's process. */
export class OriginProcess {
  readonly port: number;
  readonly url: string;
  readonly logFile: string;
  readonly #order: OriginOrder;
  #child: Child | null = null;

  private constructor(plan: OriginPlan, port: number) {
    const dir = path.resolve(plan.stateDir, "origin");
    mkdirSync(dir, { recursive: true });
    const { compatibilityDate, objects } = readWranglerConfig("origin");
    this.port = port;
    this.url = `http://${LOOPBACK}:${port}`;
    this.logFile = path.join(dir, "origin.log");
    this.#order = {
      bundle: plan.bundle,
      persistTo: dir,
      host: LOOPBACK,
      port,
      compatibilityDate,
      bindings: {
        ISSUER_KEYS: plan.keys.issuerKeys,
        ISSUER_PRIVATE_KEY: plan.keys.issuerPrivateKey,
        LINK_KEY: plan.keys.linkKey,
        DEVICE_ROOT_KEY: plan.keys.deviceRootKey,
      },
      objects,
    };
  }

  /** Starts the origin and resolves when it answers. */
  static async start(plan: OriginPlan): Promise<OriginProcess> {
    const origin = new OriginProcess(plan, await claimPort(plan.port));
    await origin.resume();
    return origin;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child?.isAlive ?? false;
  }

  /** Starts the process again after `stop()` or `kill()`, on the same port and storage. */
  async resume(): Promise<void> {
    if (this.isRunning) return;
    const child = this.#spawn();
    this.#child = child;
    const verdict =
      (await this.#instruct(child)) ??
      (await waitUntilAlive(`${this.url}/livez`, child, START_MS_MAX));
    if (verdict === null) return;
    await child.kill();
    throw new LaunchError(`The origin did not start: ${verdict}; its log is ${this.logFile}`);
  }

  /** Ends the process in order. */
  async stop(): Promise<void> {
    await this.#child?.stop(STOP_MS_MAX);
  }

  /** Ends the process and its runtime at once, as a power cut does. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** Resolves with the way in which the process ended. */
  async ended(): Promise<string> {
    return (await this.#child?.exited) ?? "it never ran";
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.resume();
  }

  /** Hands over the order. Returns null when the runtime is ready, or in words why it is not. */
  async #instruct(child: Child): Promise<string | null> {
    child.process.send(this.#order);
    const answer = new Promise<string | null>((resolve) => {
      child.process.once("message", (said: OriginReport) =>
        resolve(said.kind === "ready" ? null : said.why),
      );
    });
    return Promise.race([answer, child.exited.then((how) => `its process ended with ${how}`)]);
  }

  #spawn(): Child {
    const script = path.join(import.meta.dirname, "origin-child.ts");
    return startLogged(this.logFile, (log) => {
      // A group of its own, because Miniflare has workerd as a child and both are to go at once.
      return new Child(process.execPath, [script], {
        stdio: ["ignore", log, log, "ipc"],
        detached: true,
      });
    });
  }
}
