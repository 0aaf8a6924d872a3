// What must a body be, byte for byte? It follows from what was asked for and the version that the
// answer names, so that nothing has to be remembered to check it; and no two sites have the same.

import { createHash } from "node:crypto";
import { fnv1a32 } from "../../sync/hash.ts";

const POOL_BYTES = 8_388_608;

/** Bytes without a pattern, the same in every run. */
const pool: Buffer = (() => {
  const bytes = Buffer.alloc(POOL_BYTES);
  let block = createHash("sha256").update("soak").digest();
  for (let at = 0; at < POOL_BYTES; at += block.length) {
    block.copy(bytes, at);
    block = createHash("sha256").update(block).digest();
  }
  return bytes;
})();

/** The body of a site's target in a version, for whoever sends `variant`. */
export function contentOf(site: string, target: string, version: number, variant: string): Buffer {
  const bytes = bytesOf(target);
  const from = fnv1a32(`${site} ${target} ${version} ${variant}`) % (POOL_BYTES - bytes);
  return pool.subarray(from, from + bytes);
}

/** How large a target is: `/large` 3 to 4 MiB, `/obj` 0.5 to 96 KiB, `/cold` 1 to 65 KiB, others to 17. */
function bytesOf(target: string): number {
  const drawn = fnv1a32(target);
  if (target.startsWith("/large")) return 3_145_728 + (drawn % 1_048_576);
  if (target.startsWith("/obj")) return 512 + (drawn % 98_304);
  return 1_024 + (drawn % (target.startsWith("/cold") ? 65_536 : 16_384));
}
