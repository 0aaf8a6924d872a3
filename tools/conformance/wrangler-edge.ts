// How does an edge run under wrangler dev? As one child of this process, with a state of its own, that
// answers before it is handed out.

import path from "node:path";
import { Child } from "../launcher/children.ts";
import { LaunchError } from "../launcher/launch-error.ts";
import { waitUntilAlive } from "../launcher/liveness.ts";
import { claimPort, LOOPBACK } from "../launcher/ports.ts";
import { REPOSITORY } from "../launcher/wrangler-config.ts";

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 3_000;

/** An edge that answers, and how it is ended. */
export interface WranglerEdge {
  readonly url: string;
  readonly pid: number;
  readonly kill: () => Promise<void>;
}

/** Starts wrangler dev for the edge with these variables besides those of its configuration. */
export async function startWranglerEdge(
  stateDir: string,
  vars: Readonly<Record<string, string>>,
  config = path.join(REPOSITORY, "wrangler.toml"),
): Promise<WranglerEdge> {
  const [port, inspector] = [await claimPort(0), await claimPort(0)];
  const options = ["--ip", LOOPBACK, "--port", String(port), "--inspector-port", String(inspector)];
  const given = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const child = new Child(
    process.execPath,
    [
      path.join(REPOSITORY, "node_modules/wrangler/bin/wrangler.js"),
      "dev",
      "-c",
      config,
      ...options,
      "--persist-to",
      path.join(stateDir, "wrangler"),
      ...given,
    ],
    {
      cwd: REPOSITORY,
      // A group of its own, so that what wrangler started ends with it.
      detached: true,
      stdio: "ignore",
      env: {
        ...process.env,
        CI: "1",
        WRANGLER_SEND_METRICS: "false",
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        // It would keep a trace of each request, which takes longer than the request.
        X_LOCAL_OBSERVABILITY: "false",
        X_LOCAL_EXPLORER: "false",
      },
    },
  );
  const url = `http://${LOOPBACK}:${port}`;
  const verdict = await waitUntilAlive(`${url}/livez`, child, START_MS_MAX);
  if (verdict === null) return { url, pid: child.pid, kill: () => child.stop(STOP_MS_MAX) };
  await child.stop(STOP_MS_MAX);
  throw new LaunchError(`wrangler dev did not start: ${verdict}`);
}
