// How is the explorer run with a fault planted, or without? As the simulator is: bundled with the
// replication core, on small limits.

import { createHash } from "node:crypto";
import type { Plant } from "../../../tools/launcher/build.ts";
import { bundleSimulator } from "../bundle.ts";
import type { explore, Explored } from "./explore.ts";
import type { Model } from "./model.ts";

/** How far it is explored, and who hears of every depth. */
interface Bounds {
  readonly depth: number;
  readonly states: number;
  readonly onDepth?: (depth: number, states: number) => void;
}

export type Explorer = (model: Model, bounds: Bounds) => Explored;

const digest = (text: string): string => createHash("sha1").update(text).digest("base64");

/** Loads the explorer with faults planted in sync/. */
export async function loadExplorer(plants: readonly Plant[] = []): Promise<Explorer> {
  const source = await bundleSimulator(plants, "test/sim/explore/explore.ts");
  const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  const loaded = (await import(url)) as { readonly explore: typeof explore };
  return (model, bounds) => loaded.explore(model, { ...bounds, digest });
}
