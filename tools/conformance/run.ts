// How does a run of the suite go? Its own origin server, one edge in front of it as the
// upstream of every host, the suite's client; each a child of this process.

import { fork } from "node:child_process";
import path from "node:path";
import { buildWorker } from "../launcher/build.ts";
import { Child } from "../launcher/children.ts";
import { EdgeProcess } from "../launcher/edge-process.ts";
import { drawKeys } from "../launcher/keys.ts";
import { LaunchError } from "../launcher/launch-error.ts";
import { claimPort } from "../launcher/ports.ts";
import { DEFAULT_REGIONS } from "../launcher/regions.ts";
import type { ClientMessage } from "./client-child.ts";
import { suiteFile } from "./suite.ts";
import { startWranglerEdge } from "./wrangler-edge.ts";

/** A profile of the cache. */
export type Profile = "safe" | "rfc";

/** What the edge runs on. */
export type Runtime = "workerd" | "wrangler";

/** The tiers of the cache that the edge has. */
export type Tier = "all" | "memory" | "colo" | "cell";

const TIERS: Readonly<Record<Tier, string>> = {
  all: '["memory", "region"]',
  memory: '["memory"]',
  colo: '["colo"]',
  cell: '["region"]',
};

/** What is to be run. */
export interface ConformancePlan {
  readonly profile: Profile;
  readonly runtime: Runtime;
  readonly tier: Tier;
  /** One case; empty: all of them. */
  readonly only: string;
  readonly stateDir: string;
  readonly onProgress: (done: number) => void;
}

/** Why a case failed; null: it passed. Cases that did not run are not in it. */
export type Outcomes = ReadonlyMap<string, string | null>;

const READY_TRIES = 100;
const READY_MS = 50;
const RUN_MS_MAX = 180_000;
/** What the suite's client tells its server in each request. */
const SUITE_FIELDS = ["test-id", "test-name", "req-num"];

/** Runs the suite against one profile. */
export async function runConformance(plan: ConformancePlan): Promise<Outcomes> {
  const serverPort = await claimPort(0);
  const server = startServer(serverPort, plan.stateDir);
  try {
    await untilListening(server, serverPort);
    const url = `http://127.0.0.1:${serverPort}`;
    const upstream = { url, profile: plan.profile, fields: SUITE_FIELDS };
    const edge = await startEdge(plan, JSON.stringify({ suite: upstream }));
    try {
      return await runClient(edge.url, plan);
    } finally {
      await edge.kill();
    }
  } finally {
    await server.kill();
  }
}

/** Starts an edge whose every host is the site "suite". */
async function startEdge(
  { stateDir, runtime, tier }: ConformancePlan,
  upstreams: string,
): Promise<Pick<EdgeProcess, "url" | "kill">> {
  const [region] = DEFAULT_REGIONS;
  if (region === undefined) throw new LaunchError("There is no region to run");
  const keys = await drawKeys();
  const sites = { "*": "suite" };
  // Nothing is published: the origin is not asked.
  const originUrl = "http://127.0.0.1:9";
  if (runtime === "wrangler") {
    return startWranglerEdge(stateDir, {
      REGION: region.id,
      ORIGIN_URL: originUrl,
      SITES: JSON.stringify(sites),
      UPSTREAMS: upstreams,
      TIERS: TIERS[tier],
      ISSUER_KEYS: keys.issuerKeys,
      LINK_KEY: keys.linkKey,
    });
  }
  return EdgeProcess.start({
    stateDir,
    bundle: await buildWorker("edge", path.join(stateDir, "bundles")),
    region,
    regions: [region],
    originUrl,
    keys,
    port: 0,
    sites,
    vars: { UPSTREAMS: upstreams, TIERS: TIERS[tier] },
  });
}

function startServer(port: number, stateDir: string): Child {
  return new Child(process.execPath, [suiteFile("server/server.mjs")], {
    stdio: "ignore",
    env: {
      ...process.env,
      npm_config_port: String(port),
      npm_config_protocol: "http",
      npm_config_pidfile: path.join(stateDir, "server.pid"),
    },
  });
}

async function untilListening(server: Child, port: number): Promise<void> {
  for (let left = READY_TRIES; left > 0 && server.isAlive; left -= 1) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/state/none`)).arrayBuffer();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, READY_MS));
    }
  }
  throw new LaunchError("The suite's server did not start");
}

function runClient(base: string, { only, onProgress }: ConformancePlan): Promise<Outcomes> {
  const file = path.join(import.meta.dirname, "client-child.ts");
  const client = fork(file, [base, only], { stdio: "ignore" });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => client.kill(), RUN_MS_MAX);
    client.on("message", (message: ClientMessage) => {
      if (message.kind === "progress") onProgress(message.done);
      else resolve(outcomesOf(message.outcomes));
    });
    client.once("error", reject);
    client.once("exit", (code) => {
      clearTimeout(timer);
      reject(new LaunchError(`The suite's client ended early, with ${code ?? "a signal"}`));
    });
  });
}

function outcomesOf(told: Readonly<Record<string, unknown>>): Outcomes {
  const entries = Object.entries(told).map(([id, outcome]): [string, string | null] => {
    if (outcome === true) return [id, null];
    return [id, Array.isArray(outcome) ? outcome.map(String).join(": ") : String(outcome)];
  });
  return new Map(entries);
}
