// How does a property test run with a mistake in the source? Loaded before it (`node --import`), this
// changes the one place that PLANT names as the source is read.

import path from "node:path";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { applyPlant, type Plant } from "../../tools/launcher/build.ts";
import { ROOT } from "./repository.ts";

const plant = JSON.parse(process.env["PLANT"] ?? "null") as Plant | null;
if (plant === null) throw new TypeError("PLANT names no plant");
const planted = pathToFileURL(path.join(ROOT, plant.file)).href;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url !== planted) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
    return { ...loaded, source: applyPlant(source, plant) };
  },
});
