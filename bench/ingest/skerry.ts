// Skerry as the bench runs it: the edge's bundle on bare workerd, one region, with keys, and an origin
// that is away: everything is kept, nothing is replicated meanwhile.

import { globSync, mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EdgeProcess } from "../../tools/launcher/edge-process.ts";
import type { Keys } from "../../tools/launcher/keys.ts";
import type { RegionPlan } from "../../tools/launcher/regions.ts";
import { bytesOnDisk } from "./disk.ts";
import type { Server } from "./server.ts";

/** Port 9 discards, and nothing listens there. */
const NO_ORIGIN = "http://127.0.0.1:9";

const REGION: RegionPlan = {
  id: "bench",
  city: "Helsinki",
  country: "FI",
  continent: "EU",
  latitude: 60.17,
  longitude: 24.94,
};

/** One that watches every device and that no reading passes: most rules at most times. */
export const RULES = {
  overheated: { device: "*", stream: "temperature_c", above: 1_000, severity: "critical" },
} as const;

/** Starts one region, whose devices are watched by rules. */
export async function startSkerry(
  bundle: string,
  keys: Keys,
  dir: string,
  rules: object,
): Promise<Server> {
  mkdirSync(dir, { recursive: true });
  const edge = await EdgeProcess.start({
    stateDir: dir,
    bundle,
    region: REGION,
    regions: [REGION],
    originUrl: NO_ORIGIN,
    keys,
    port: 0,
    vars: { RULES: JSON.stringify(rules) },
  });
  const objects = path.join(dir, REGION.id, "do");
  return {
    name: "Skerry",
    version: "",
    port: edge.port,
    pid: edge.pid,
    rest: async () => undefined,
    settledBytes: async () => {
      await edge.stop();
      for (const file of globSync("**/*.sqlite", { cwd: objects }))
        checkpoint(`${objects}/${file}`);
      return bytesOnDisk(objects);
    },
    stop: () => edge.stop(),
  };
}

/** Brings the write-ahead log into the database, as SQLite does by itself later. */
function checkpoint(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
}
