// What do wrangler.toml and origin/wrangler.toml say that every runtime has to know? Read here, so
// that bare workerd and Miniflare run with the same classes and the same compatibility date.

import { readFileSync } from "node:fs";
import path from "node:path";

export const REPOSITORY: string = path.resolve(import.meta.dirname, "../..");

/** A Durable Object class and the binding that leads to it. */
export interface ObjectBinding {
  readonly name: string;
  readonly className: string;
}

/** What both runtimes take from a Worker's wrangler configuration. */
export interface WranglerConfig {
  readonly entry: string;
  readonly compatibilityDate: string;
  readonly objects: readonly ObjectBinding[];
}

/** The configuration file and the entry point of each Worker, from the repository's root. */
const WORKERS = {
  edge: { file: "wrangler.toml", entry: "edge/worker.ts" },
  origin: { file: "origin/wrangler.toml", entry: "origin/worker.ts" },
} as const;

export type WorkerName = keyof typeof WORKERS;

/** Reads a Worker's configuration. Only the plain forms that our own two files use are known. */
export function readWranglerConfig(worker: WorkerName): WranglerConfig {
  const { file, entry } = WORKERS[worker];
  const text = readFileSync(path.join(REPOSITORY, file), "utf8");
  const date = /^compatibility_date = "([0-9-]+)"$/m.exec(text)?.[1];
  const objects = [
    ...text.matchAll(/^\[\[durable_objects\.bindings\]\]\nname = "(\w+)"\nclass_name = "(\w+)"$/gm),
  ].map(([, name = "", className = ""]) => ({ name, className }));
  if (date === undefined || objects.length === 0) {
    throw new Error(`Cannot read ${file}: no compatibility_date, or no durable_objects.bindings`);
  }
  return { entry, compatibilityDate: date, objects };
}
