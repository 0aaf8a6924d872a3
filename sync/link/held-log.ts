// Does the hub's history end where that of a replica with a log was? The log's entries tell it apart
// from a twin's: each has a checksum.

import type { HeldLog } from "./edge.ts";

/**
 * What a replica still holds of its log.
 *
 * @param floor The lowest seq whose entry is held.
 * @param digestAt Gives the checksum of what was committed as a seq; null if that is not known.
 */
export function heldLog(floor: number, digestAt: (seq: number) => number | null): HeldLog {
  return {
    hasBeenAt(at, cursor) {
      const digest = digestAt(at.seq);
      // A hub that was restored from a copy may lack what is gone here: it records the gap.
      return digest === null ? at.seq < Math.min(cursor.seq, floor - 1) : digest === at.digest;
    },
  };
}
