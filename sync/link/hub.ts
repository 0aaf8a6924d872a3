// What does the hub's end of a link do with an up-frame? Decides, without I/O; the caller stores
// what is fresh together with the cursor in one transaction, then sends the answer.

import { apply, type LogEntry } from "../crdt/batch-log.ts";
import { crc32c } from "../wire/crc32c.ts";
import { encodeDownFrame, type UpFrame } from "../wire/frame.ts";

/** What the hub holds of one (replica, replicaEpoch); zeros if nothing. */
export interface HeldLog {
  readonly cursor: number;
  /** Commit stamp of the entry at the cursor, and the CRC-32C of its body. */
  readonly lastStampMs: number;
  readonly lastCrc: number;
}

/** What the hub stores, and what it answers after that. */
export interface Reception {
  readonly fresh: readonly LogEntry[];
  readonly cursor: number;
  /** Entries that the replica no longer holds and the hub never saw: lost, and to be recorded. */
  readonly gap: { readonly from: number; readonly to: number } | null;
  readonly answer: Uint8Array;
}

/** Decides about an up-frame of the log that `held` is the state of. */
export function receive(held: HeldLog, frame: UpFrame, nowMs: number): Reception {
  const { cursor } = held;
  // A replica that no longer holds what follows the cursor says so by its floor. Waiting for it
  // would stop the link for ever, so the hub records the gap and goes on behind it.
  const isGap = frame.floor > cursor + 1 && frame.interval.from === frame.floor - 1;
  const gap = isGap ? { from: cursor + 1, to: frame.floor - 1 } : null;
  const { replicaEpoch } = frame;
  if (isDiverged(held, frame)) {
    const answer = encodeDownFrame({ outcome: "diverged", replicaEpoch, cursor, hubNowMs: nowMs });
    return { fresh: [], cursor, gap: null, answer };
  }
  const application = apply(isGap ? frame.floor - 1 : cursor, frame.interval);
  const answer = encodeDownFrame({
    outcome: application.kind === "behind" ? "behind" : "applied",
    replicaEpoch,
    cursor: application.cursor,
    hubNowMs: nowMs,
  });
  const fresh = application.kind === "applied" ? application.fresh : [];
  return { fresh, cursor: application.cursor, gap, answer };
}

/**
 * Tells whether the frame is of another log under the same name: the journal was restored from an
 * older copy and has grown again past the cursor. Its entries up to the cursor are not the ones
 * that the hub holds, so skipping them would lose readings.
 */
function isDiverged(held: HeldLog, frame: UpFrame): boolean {
  const atCursor = frame.interval.entries.find((entry) => entry.seq === held.cursor);
  if (atCursor === undefined) return false;
  return atCursor.stampMs !== held.lastStampMs || crc32c(atCursor.body) !== held.lastCrc;
}
