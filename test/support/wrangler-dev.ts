// One `wrangler dev` as a person starts it, on a free port, ended with everything it started.

import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { claimPort } from "../../tools/launcher/ports.ts";

const REPOSITORY = path.join(import.meta.dirname, "../..");
const START_MS_MAX = 45_000;

export class WranglerDev {
  readonly url: string;
  readonly #child: ChildProcess;
  output = "";

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
    const collect = (chunk: string): string => (this.output = (this.output + chunk).slice(-20_000));
    child.stdout?.setEncoding("utf8").on("data", collect);
    child.stderr?.setEncoding("utf8").on("data", collect);
  }

  /** Starts wrangler dev for a configuration and waits until /livez answers. */
  static async start(config: string, options: readonly string[]): Promise<WranglerDev> {
    const [port, inspector] = [await claimPort(0), await claimPort(0)];
    const args = [
      "dev",
      "-c",
      config,
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--inspector-port",
      String(inspector),
      ...options,
    ];
    const child = spawn(process.execPath, ["node_modules/wrangler/bin/wrangler.js", ...args], {
      cwd: REPOSITORY,
      // A group of its own, so that what wrangler started ends with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        CI: "1",
        WRANGLER_SEND_METRICS: "false",
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
      },
    });
    const dev = new WranglerDev(`http://127.0.0.1:${port}`, child);
    const startedMs = performance.now();
    while (performance.now() - startedMs < START_MS_MAX) {
      const isLive = await fetch(`${dev.url}/livez`).then(
        (response) => response.ok,
        () => false,
      );
      if (isLive) return dev;
      if (child.exitCode !== null) break;
      await sleep(100);
    }
    await dev.stop();
    throw new Error(`wrangler dev -c ${config} did not start:\n${dev.output}`);
  }

  /** Ends it and waits until it is gone. */
  async stop(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    process.kill(-pid, "SIGTERM");
    const isGone = await Promise.race([gone.then(() => true), sleep(5_000, false)]);
    if (!isGone) process.kill(-pid, "SIGKILL");
    await gone;
  }
}
