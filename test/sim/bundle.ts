// How does the simulator run fast, on small limits, and with a fault planted? As one bundle of its
// sources and of the replication core, in which some texts are replaced.

import { readFileSync } from "node:fs";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import type { runSeed } from "./run-seed.ts";
import { applyPlant, type Plant } from "../../tools/launcher/build.ts";

const ROOT = path.join(import.meta.dirname, "../..");

const limit = (find: string, replace: string): Plant => ({
  file: "sync/limits.ts",
  find,
  replace,
});

/**
 * Limits small enough for a simulated world to meet them: frames that hold some twenty entries,
 * dictionaries that begin anew, sessions that give way, pages that are rewritten.
 */
export const SMALL_LIMITS: readonly Plant[] = [
  limit("FRAME_BYTES_TARGET: number = 256 * 1024", "FRAME_BYTES_TARGET: number = 700"),
  limit("SESSIONS_MAX = 256", "SESSIONS_MAX = 3"),
  limit("DICTIONARY_KEYS_MAX = 65_536", "DICTIONARY_KEYS_MAX = 24"),
  limit("PAGE_ENTRIES = 64", "PAGE_ENTRIES = 4"),
  limit("CHECKPOINT_BYTES: number = 256 * 1024", "CHECKPOINT_BYTES: number = 3_000"),
];

/** What a bundle exports. */
export interface Simulator {
  readonly runSeed: typeof runSeed;
}

/** Bundles the simulator, or what else is in `entry`; gives the source of a module. */
export async function bundleSimulator(
  plants: readonly Plant[] = [],
  entry = "test/sim/run-seed.ts",
): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "esnext",
    logLevel: "silent",
    plugins: [replacing([...SMALL_LIMITS, ...plants])],
  });
  return outputFiles[0]?.text ?? "";
}

/** Loads a bundle. */
export async function loadSimulator(source: string): Promise<Simulator> {
  const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  return (await import(url)) as Simulator;
}

function replacing(plants: readonly Plant[]): Plugin {
  return {
    name: "plants",
    setup(bundler) {
      bundler.onLoad({ filter: /\/sync\/.*\.ts$/ }, ({ path: file }) => {
        const here = plants.filter((plant) => path.join(ROOT, plant.file) === file);
        const source = readFileSync(file, "utf8");
        return { contents: here.reduce(applyPlant, source), loader: "ts" };
      });
    },
  };
}
