// How does the simulation of purges run with a fault planted? As one bundle of its sources and of the
// edge's own decisions, in which a text is replaced.

import { readFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { applyPlant, type Plant } from "../../../tools/launcher/build.ts";
import type { runSchedule } from "./run-schedule.ts";

const ROOT = path.join(import.meta.dirname, "../../..");

/** What a bundle exports. */
export interface PurgeSimulator {
  readonly runSchedule: typeof runSchedule;
}

/** Bundles the simulation; gives the source of a module. */
export async function bundlePurges(plants: readonly Plant[] = []): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["test/sim/purge/run-schedule.ts"],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "esnext",
    logLevel: "silent",
    plugins: [
      {
        name: "plants",
        setup(bundler) {
          bundler.onLoad({ filter: /\/edge\/.*\.ts$/ }, ({ path: file }) => {
            const here = plants.filter((plant) => path.join(ROOT, plant.file) === file);
            return { contents: here.reduce(applyPlant, readFileSync(file, "utf8")), loader: "ts" };
          });
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? "";
}

/** Loads a bundle. */
export async function loadPurges(source: string): Promise<PurgeSimulator> {
  const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  return (await import(url)) as PurgeSimulator;
}
