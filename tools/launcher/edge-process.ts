// How does one region of the edge run on this machine? As one bare workerd process with its own
// storage, that can be stopped, killed and started again on the same port.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Child } from "./children.ts";
import type { Keys } from "./keys.ts";
import { LaunchError } from "./launch-error.ts";
import { waitUntilAlive } from "./liveness.ts";
import { claimPort, LOOPBACK } from "./ports.ts";
import type { RegionPlan } from "./regions.ts";
import { logPath, spawnWorkerd, type WorkerdSpec } from "./workerd.ts";
import { readWranglerConfig } from "./wrangler-config.ts";

/** What one region needs to run. */
export interface EdgePlan {
  readonly stateDir: string;
  /** Absolute path of the edge's bundle. */
  readonly bundle: string;
  readonly region: RegionPlan;
  /** The table that routing decides with; its own region is among them. */
  readonly regions: readonly RegionPlan[];
  readonly originUrl: string;
  readonly keys: Pick<Keys, "issuerKeys" | "linkKey" | "deviceRootKey">;
  /** 0: any free one. */
  readonly port: number;
  readonly host?: string;
  /** Host to site, as SITES in wrangler.toml. */
  readonly sites?: Readonly<Record<string, string>>;
  /** More of the Worker's variables, by their names. */
  readonly vars?: Readonly<Record<string, string>>;
  /**
   * Tests only: a request says its own place with the header MF-CF-Blob, and its region follows
   * from it, as on Cloudflare. Otherwise off, because a client could choose its region (P7).
   */
  readonly cfHeader?: boolean;
  /** Tests only: a second isolate of the region answers on a port of its own. */
  readonly hasTwin?: boolean;
}

const START_MS_MAX = 15_000;
const STOP_MS_MAX = 3_000;

/** One region's process. */
export class EdgeProcess {
  readonly region: string;
  readonly port: number;
  readonly url: string;
  /** Where the second isolate answers; the first, if there is none. */
  readonly twinUrl: string;
  readonly logFile: string;
  readonly #spec: WorkerdSpec;
  #child: Child | null = null;

  private constructor(plan: EdgePlan, port: number, twinPort: number | null) {
    const spec = workerdSpec(plan, port);
    this.#spec = twinPort === null ? spec : { ...spec, twinPort };
    this.region = plan.region.id;
    this.port = port;
    this.url = `http://${this.#spec.host === "0.0.0.0" ? LOOPBACK : this.#spec.host}:${port}`;
    this.twinUrl = twinPort === null ? this.url : `http://${LOOPBACK}:${twinPort}`;
    this.logFile = logPath(this.#spec);
  }

  /** Starts a region and resolves when it answers. */
  static async start(plan: EdgePlan): Promise<EdgeProcess> {
    const twinPort = plan.hasTwin === true ? await claimPort(0) : null;
    const port = await claimPort(plan.port, plan.host ?? LOOPBACK);
    const edge = new EdgeProcess(plan, port, twinPort);
    await edge.resume();
    return edge;
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
    const child = spawnWorkerd(this.#spec);
    this.#child = child;
    const verdict = await waitUntilAlive(`${this.url}/livez`, child, START_MS_MAX);
    if (verdict === null) return;
    await child.kill();
    throw new LaunchError(`Region ${this.region} did not start: ${verdict}; ${this.#lastWords()}`);
  }

  /** Lets requests in flight finish, then ends the process. */
  async stop(): Promise<void> {
    await this.#child?.stop(STOP_MS_MAX);
  }

  /** Ends the process at once, as a power cut does: what was acknowledged must be on disk. */
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

  #lastWords(): string {
    const last = readFileSync(this.logFile, "utf8").trimEnd().split("\n").at(-1) ?? "";
    return last === ""
      ? `its log is ${this.logFile}`
      : `its log ${this.logFile} ends with: ${last}`;
  }
}

function workerdSpec(plan: EdgePlan, port: number): WorkerdSpec {
  const { compatibilityDate, objects } = readWranglerConfig("edge");
  const { region } = plan;
  return {
    dir: path.resolve(plan.stateDir, region.id),
    name: "edge",
    bundle: plan.bundle,
    compatibilityDate,
    host: plan.host ?? LOOPBACK,
    port,
    text: {
      ...(plan.cfHeader === true ? {} : { REGION: region.id }),
      ORIGIN_URL: plan.originUrl,
      SITES: JSON.stringify(plan.sites ?? { "*": "main" }),
      CHECKPOINTS: "at-rest",
      PLACE: JSON.stringify({
        country: region.country,
        continent: region.continent,
        latitude: region.latitude,
        longitude: region.longitude,
      }),
      REGIONS: JSON.stringify(
        plan.regions.map(({ id, latitude, longitude }) => ({ id, latitude, longitude })),
      ),
      ...plan.vars,
    },
    secrets: {
      ISSUER_KEYS: plan.keys.issuerKeys,
      LINK_KEY: plan.keys.linkKey,
      DEVICE_ROOT_KEY: plan.keys.deviceRootKey,
    },
    objects,
    ...(plan.cfHeader === undefined ? {} : { cfHeader: plan.cfHeader }),
  };
}
