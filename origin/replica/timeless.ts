// Has this reading without a time of its own been counted? Two regions that took in the same batch
// gave it different times, so its identity is the batch's name, its content and the stream.

import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";

/** `doubtful`: it may be one that was forgotten, or be new; nobody can tell. */
export type Recollection = "new" | "repeated" | "doubtful";

/**
 * Names a batch so that equal ones of all regions have one name. The content is part of it: a
 * device that uses a number twice has sent two batches, and both count.
 */
export function batchName({ identity, contentHash }: ReadingBatch): string {
  switch (identity.kind) {
    case "boot":
      return `boot ${identity.boot} ${identity.seq} ${contentHash}`;
    case "key":
      return `key ${identity.key} ${contentHash}`;
    case "none":
      return `none ${contentHash}`;
  }
}

/**
 * Decides about a reading without a time.
 *
 * @param isHeld True if this stream of this batch has been counted.
 * @param stampMs When the hub that sends it committed it.
 * @param forgottenMs Latest commit stamp of a batch that was forgotten; 0 if none was. Only what
 *   was committed until `batchRetryMsMax` after it can be a repetition of a forgotten one.
 */
export function recall(isHeld: boolean, stampMs: number, forgottenMs: number): Recollection {
  if (isHeld) return "repeated";
  const isForgettable = forgottenMs > 0 && stampMs <= forgottenMs + limits.batchRetryMsMax;
  return isForgettable ? "doubtful" : "new";
}
