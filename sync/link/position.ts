// How does a hub know that it speaks with the replica it knows? Each position in a history has a
// checksum of what was committed there; a replica that was restored from a copy, or cloned, has the
// same numbers for other commits.

import type { LogEntry } from "../crdt/batch-log.ts";
import { digestOf, type Position } from "../wire/frame.ts";
import type { LogLane } from "../wire/log-lane.ts";

/** The position that a frame ends at: with the checksum of its last log entry, or its own. */
export function endOf(
  log: readonly LogEntry[],
  seq: number,
  frame: Uint8Array,
  lane?: LogLane,
): Position {
  return { seq, digest: lane?.digestAt(log, seq) ?? digestOf(frame) };
}
