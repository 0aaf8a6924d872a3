// How does one region of the edge run alone, on a gateway box in a ship or a shop? On bare workerd,
// with the keys of its deployment and the address of its origin.

import path from "node:path";
import { Command } from "commander";
import { buildWorker } from "./launcher/build.ts";
import { EdgeProcess } from "./launcher/edge-process.ts";
import { Ending } from "./launcher/ending.ts";
import { readKeys } from "./launcher/keys.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { DEFAULT_REGIONS, type RegionPlan } from "./launcher/regions.ts";
import { assertRuntimeIsSafe } from "./launcher/self-test.ts";
import { endOnSignals } from "./launcher/signals.ts";
import { lockStateDir } from "./launcher/state-dir.ts";
import { readWranglerConfig } from "./launcher/wrangler-config.ts";
import { parsePort, runCommand, say } from "./terminal.ts";

interface Options {
  readonly region: string;
  readonly origin: string;
  readonly port: string;
  readonly host: string;
  readonly state: string;
  readonly keys: string;
  readonly at?: string;
}

const program = new Command("selfhost")
  .description("Runs one region of the edge on this machine.")
  .requiredOption("--region <id>", "the region's name, e.g. hel")
  .requiredOption("--origin <url>", "where the origin answers")
  .option("--port <port>", "the port to answer on", "8787")
  .option("--host <address>", "the address to answer on; 0.0.0.0 is every one", "127.0.0.1")
  .option("--state <folder>", "where the region keeps what it holds", ".state/selfhost")
  .option("--keys <file>", "a file with ISSUER_KEYS and LINK_KEY", ".dev.vars")
  .option("--at <place>", "where it stands: latitude,longitude,country,continent")
  .parse();

async function main(): Promise<void> {
  const options = program.opts<Options>();
  const region = planRegion(options.region, options.at);
  if (!/^https?:\/\/[^\s/]+/.test(options.origin)) {
    throw new LaunchError(
      `"${options.origin}" is not an address: use one like https://origin.example.com`,
    );
  }
  const port = parsePort(options.port);
  const keys = readKeys(options.keys);
  const ending = new Ending();
  ending.addLast(lockStateDir(options.state, say));
  endOnSignals(() => ending.run(), 0);
  say("Testing the runtime");
  await assertRuntimeIsSafe(readWranglerConfig("edge").compatibilityDate);
  say("Bundling the edge");
  const bundle = await buildWorker("edge", path.resolve(options.state, "bundles"));
  say(`Starting region ${region.id}`);
  const edge = await EdgeProcess.start({
    stateDir: options.state,
    bundle,
    region,
    regions: [region],
    originUrl: options.origin,
    keys,
    port,
    host: options.host,
  });
  ending.add(() => edge.stop());
  console.log(`
Region ${region.id} answers on ${edge.url}
What it holds is in ${path.resolve(options.state)}; its log is ${edge.logFile}
Ctrl-C ends it; the next start goes on with what is there.`);
  const how = await edge.ended();
  await ending.run();
  throw new LaunchError(`Region ${region.id} ended: ${how}; its log is ${edge.logFile}`);
}

/** A region of the default table stands where it says; any other says so itself, or nothing. */
function planRegion(id: string, at: string | undefined): RegionPlan {
  if (!/^[a-z0-9-]{1,32}$/.test(id)) {
    throw new LaunchError(`"${id}" is not a region's name: use a-z, 0-9 and -, at most 32`);
  }
  const known = DEFAULT_REGIONS.find((region) => region.id === id);
  if (at === undefined) {
    if (known !== undefined) return known;
    throw new LaunchError(`Say where region ${id} stands, e.g. --at 60.17,24.94,FI,EU`);
  }
  const [, latitude, longitude, country, continent] =
    /^(-?[\d.]+),(-?[\d.]+),([A-Z]{2}),([A-Z]{2})$/.exec(at) ?? [];
  if (country === undefined || continent === undefined) {
    throw new LaunchError(`"${at}" is not a place: use one like 60.17,24.94,FI,EU`);
  }
  return {
    id,
    city: id,
    country,
    continent,
    latitude: Number(latitude),
    longitude: Number(longitude),
  };
}

await runCommand(main);
