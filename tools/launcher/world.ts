// How does a whole deployment run on one machine? An origin and several regions of the edge, each a
// process with its own storage and place, each behind a line to the origin that can be broken.

import path from "node:path";
import type { Scope } from "../../doors/claims.ts";
import { buildWorkers, type Plant } from "./build.ts";
import { Ending } from "./ending.ts";
import { EdgeProcess } from "./edge-process.ts";
import { keepKeys, mintDeviceToken, mintOperatorToken, type Keys } from "./keys.ts";
import { LaunchError } from "./launch-error.ts";
import { Link } from "./link.ts";
import { OriginProcess, type OriginPlan } from "./origin-process.ts";
import { DEFAULT_REGIONS, type RegionPlan } from "./regions.ts";
import { endOnSignals } from "./signals.ts";
import { claimPort, LOOPBACK, PORT_MIN } from "./ports.ts";
import { lockStateDir } from "./state-dir.ts";

/** How a world is opened. */
export interface WorldOptions {
  readonly stateDir: string;
  /** Edges take this port and the next ones, then the origin, then the links; 0: any free ones. */
  readonly basePort: number;
  readonly regions?: readonly RegionPlan[];
  /** Variables of every edge, beside those that say where it is. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Deliberate faults to build in. */
  readonly plants?: readonly Plant[];
  /** Tests only: lets a request say its own place with the header MF-CF-Blob. */
  readonly cfHeader?: boolean;
  /** Told about each step when it begins. */
  readonly onProgress?: (step: string) => void;
  /** The exit code after Ctrl-C or SIGTERM; 130 unless given. */
  readonly signalExitCode?: number;
}

/** One region of a world. */
export interface WorldRegion {
  readonly id: string;
  readonly plan: RegionPlan;
  readonly edge: EdgeProcess;
  /** The line between this region and the origin. */
  readonly link: Link;
  readonly url: string;
}

/** The first ports of a world that starts at `basePort`. */
export interface WorldPorts {
  readonly edge: (index: number) => number;
  readonly origin: number;
  readonly link: (index: number) => number;
}

/** An origin and its regions, running. */
export class World implements AsyncDisposable {
  readonly keys: Keys;
  readonly origin: OriginProcess;
  readonly regions: readonly WorldRegion[];
  readonly #ending: Ending;

  constructor(keys: Keys, origin: OriginProcess, regions: readonly WorldRegion[], ending: Ending) {
    this.keys = keys;
    this.origin = origin;
    this.regions = regions;
    this.#ending = ending;
  }

  /** Finds a region by its id. */
  region(id: string): WorldRegion {
    const found = this.regions.find((region) => region.id === id);
    if (found === undefined) throw new Error(`There is no region "${id}" in this world`);
    return found;
  }

  operatorToken(...scopes: readonly Scope[]): Promise<string> {
    return mintOperatorToken(this.keys, "launcher", scopes);
  }

  deviceToken(device: string): Promise<string> {
    return mintDeviceToken(this.keys, device);
  }

  /** True once its end has begun: what ends then, ends on purpose. */
  get isEnding(): boolean {
    return this.#ending.isOver;
  }

  /** Ends every process and link. Closing twice is closing once. */
  close(): Promise<void> {
    return this.#ending.run();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Opens a world, or ends what it had begun and says in one line why it could not. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const ending = new Ending();
  ending.addLast(endOnSignals(() => ending.run(), options.signalExitCode ?? 130));
  try {
    return await begin(options, ending);
  } catch (error) {
    await ending.run();
    throw error;
  }
}

/** Lays out the ports of a world of `regions` regions. */
export function worldPorts(basePort: number, regions: number): WorldPorts {
  if (basePort === 0) return { edge: () => 0, origin: 0, link: () => 0 };
  const last = basePort + 2 * regions;
  if (!Number.isSafeInteger(basePort) || basePort < PORT_MIN || last > 65_535) {
    throw new LaunchError(
      `Port ${basePort} does not do: choose one from ${PORT_MIN} to ${65_535 - 2 * regions}`,
    );
  }
  return {
    edge: (index) => basePort + index,
    origin: basePort + regions,
    link: (index) => basePort + regions + 1 + index,
  };
}

async function begin(options: WorldOptions, ending: Ending): Promise<World> {
  const plans = options.regions ?? DEFAULT_REGIONS;
  const ports = worldPorts(options.basePort, plans.length);
  const say = options.onProgress ?? (() => undefined);
  ending.addLast(lockStateDir(options.stateDir, say));
  const keys = await keepKeys(path.join(options.stateDir, "keys.json"));

  say("Bundling the Workers");
  const bundles = await buildWorkers(path.resolve(options.stateDir, "bundles"), options.plants);

  say(`Starting the origin and ${plans.length} regions`);
  const originPort = await claimPort(ports.origin);
  const { stateDir } = options;
  const starting = plans.map(async (plan, index): Promise<WorldRegion> => {
    const link = await Link.open(ports.link(index), originPort);
    ending.add(() => link.close());
    const edge = await EdgeProcess.start({
      stateDir,
      bundle: bundles.edge,
      region: plan,
      regions: plans,
      originUrl: `http://${LOOPBACK}:${link.port}`,
      keys,
      port: ports.edge(index),
      ...(options.vars === undefined ? {} : { vars: options.vars }),
      ...(options.cfHeader === undefined ? {} : { cfHeader: options.cfHeader }),
    });
    ending.add(() => edge.stop());
    return { id: plan.id, plan, edge, link, url: edge.url };
  });
  const originStarting = startOrigin(
    { stateDir, bundle: bundles.origin, keys, port: originPort },
    ending,
  );
  // Waits for all, also after a failure: what came up meanwhile has to be ended too.
  await Promise.allSettled([originStarting, ...starting]);
  return new World(keys, await originStarting, await Promise.all(starting), ending);
}

async function startOrigin(plan: OriginPlan, ending: Ending): Promise<OriginProcess> {
  const origin = await OriginProcess.start(plan);
  ending.add(() => origin.stop());
  return origin;
}
