// How many bytes does a folder take on disk? Blocks that are allocated, not lengths: a file that was
// reserved ahead counts, holes do not.

import { globSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const BLOCK_BYTES = 512;
const POLL_MS = 2_000;
const STILL_POLLS = 4;

/** Sums the blocks of all files below `folders`. Files that vanish meanwhile do not count. */
export function bytesOnDisk(...folders: readonly string[]): number {
  let bytes = 0;
  for (const folder of folders) {
    for (const file of globSync("**/*", { cwd: folder })) {
      const stats = statSync(`${folder}/${file}`, { throwIfNoEntry: false });
      if (stats?.isFile() === true) bytes += stats.blocks * BLOCK_BYTES;
    }
  }
  return bytes;
}

/** Waits until the folders' bytes have not changed for a while, at most `boundMs`. */
export async function whenStill(boundMs: number, ...folders: readonly string[]): Promise<number> {
  let last = bytesOnDisk(...folders);
  let still = 0;
  for (let waitedMs = 0; waitedMs < boundMs && still < STILL_POLLS; waitedMs += POLL_MS) {
    await sleep(POLL_MS);
    const now = bytesOnDisk(...folders);
    still = now === last ? still + 1 : 0;
    last = now;
  }
  return last;
}
