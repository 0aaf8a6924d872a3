// What does a file of tests run against? An origin and its regions, or the origin alone, in a folder of
// its own; both are gone when the file's tests are through.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { buildWorker } from "../../tools/launcher/build.ts";
import { drawKeys, type Keys } from "../../tools/launcher/keys.ts";
import { OriginProcess } from "../../tools/launcher/origin-process.ts";
import { DEFAULT_REGIONS } from "../../tools/launcher/regions.ts";
import { openWorld, type World } from "../../tools/launcher/world.ts";

function openFolder(name: string): string {
  return mkdtempSync(path.join(os.tmpdir(), `skerry-${name}-`));
}

/** Opens an origin and so many regions, of which hel is the first and tll the second. */
export async function openRegions(
  name: string,
  count: number,
  vars: Readonly<Record<string, string>> = {},
): Promise<{ readonly stateDir: string; readonly world: World }> {
  const stateDir = openFolder(name);
  const regions = DEFAULT_REGIONS.slice(0, count);
  const world = await openWorld({ stateDir, basePort: 0, regions, vars });
  after(async () => {
    await world.close();
    rmSync(stateDir, { recursive: true, force: true });
  });
  return { stateDir, world };
}

/** Opens an origin that has no regions. */
export async function openOrigin(name: string): Promise<{
  readonly stateDir: string;
  readonly keys: Keys;
  readonly bundle: string;
  readonly origin: OriginProcess;
}> {
  const stateDir = openFolder(name);
  const keys = await drawKeys();
  const bundle = await buildWorker("origin", stateDir);
  const origin = await OriginProcess.start({ stateDir, bundle, keys, port: 0 });
  after(async () => {
    await origin.stop();
    rmSync(stateDir, { recursive: true, force: true });
  });
  return { stateDir, keys, bundle, origin };
}
