// How do the two Workers become files that a runtime loads? One bundle each, from the same sources
// that wrangler deploys. A plant is a deliberate fault for tests and the demo: it changes a source
// while it is bundled, so that production code needs no switch.

import { readFileSync } from "node:fs";
import path from "node:path";
import { build, type BuildFailure, type Plugin } from "esbuild";
import { LaunchError } from "./launch-error.ts";
import { readWranglerConfig, REPOSITORY, type WorkerName } from "./wrangler-config.ts";

/** A deliberate change of one source: `find` must occur exactly once in `file`. */
export interface Plant {
  /** Path from the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Where the bundle of each Worker lies. */
export type Bundles = Readonly<Record<WorkerName, string>>;

/** Bundles both Workers into `outDir`. Every plant must have been met in one of them. */
export async function buildWorkers(
  outDir: string,
  plants: readonly Plant[] = [],
): Promise<Bundles> {
  const met = new Set<Plant>();
  const [edge, origin] = await Promise.all([
    buildWorker("edge", outDir, plants, met),
    buildWorker("origin", outDir, plants, met),
  ]);
  const unmet = plants.find((plant) => !met.has(plant));
  if (unmet !== undefined)
    throw new LaunchError(`Cannot plant in ${unmet.file}: no Worker imports it`);
  return { edge, origin };
}

/** Bundles one Worker into `outDir` and returns the bundle's path. */
export async function buildWorker(
  worker: WorkerName,
  outDir: string,
  plants: readonly Plant[] = [],
  met: Set<Plant> = new Set(),
): Promise<string> {
  const outfile = path.join(outDir, `${worker}.js`);
  try {
    await build({
      absWorkingDir: REPOSITORY,
      entryPoints: [readWranglerConfig(worker).entry],
      outfile,
      bundle: true,
      format: "esm",
      platform: "browser",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:*", "node:zlib"],
      logLevel: "silent",
      plugins: plants.length === 0 ? [] : [planting(plants, met)],
    });
  } catch (error) {
    throw new LaunchError(buildSentence(worker, error), { cause: error });
  }
  return outfile;
}

/** Applies one plant to a source, or says why it cannot. */
export function applyPlant(source: string, plant: Plant): string {
  const found = source.split(plant.find).length - 1;
  if (found !== 1) {
    throw new LaunchError(
      `Cannot plant in ${plant.file}: its text occurs ${found} times instead of once`,
    );
  }
  // A function, because a replacement text may hold "$&" and the like.
  return source.replace(plant.find, () => plant.replace);
}

function planting(plants: readonly Plant[], met: Set<Plant>): Plugin {
  return {
    name: "plants",
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const here = plants.filter((plant) => path.join(REPOSITORY, plant.file) === file);
        if (here.length === 0) return undefined;
        for (const plant of here) met.add(plant);
        return { contents: here.reduce(applyPlant, readFileSync(file, "utf8")), loader: "ts" };
      });
    },
  };
}

function buildSentence(worker: WorkerName, error: unknown): string {
  const first =
    error instanceof Error && "errors" in error ? (error as BuildFailure).errors[0] : undefined;
  if (first === undefined) return `Cannot bundle ${worker}: ${String(error)}`;
  const at = first.location === null ? "" : ` (${first.location.file}:${first.location.line})`;
  return `Cannot bundle ${worker}: ${first.text}${at}`;
}
