// What does the hub's end of a link do with an up-frame? Decides, without I/O; the caller stores
// what is fresh together with the cursor in one transaction, then sends the answer.

import { apply, type LogEntry } from "../crdt/batch-log.ts";
import { encodeDownFrame, type UpFrame } from "../wire/frame.ts";

/** What the hub stores, and what it answers after that. */
export interface Reception {
  readonly fresh: readonly LogEntry[];
  readonly cursor: number;
  /** Entries that the replica no longer holds and the hub never saw: lost, and to be recorded. */
  readonly gap: { readonly from: number; readonly to: number } | null;
  readonly answer: Uint8Array;
}

/**
 * Decides about an up-frame.
 *
 * @param cursor Highest seq of this (replica, replicaEpoch) that the hub holds; 0 if none.
 */
export function receive(cursor: number, frame: UpFrame, nowMs: number): Reception {
  // A replica that no longer holds what follows the cursor says so by its floor. Waiting for it
  // would stop the link for ever, so the hub records the gap and goes on behind it.
  const isGap = frame.floor > cursor + 1 && frame.interval.from === frame.floor - 1;
  const gap = isGap ? { from: cursor + 1, to: frame.floor - 1 } : null;
  const application = apply(isGap ? frame.floor - 1 : cursor, frame.interval);
  const answer = encodeDownFrame({
    outcome: application.kind === "behind" ? "behind" : "applied",
    replicaEpoch: frame.replicaEpoch,
    cursor: application.cursor,
    hubNowMs: nowMs,
  });
  const fresh = application.kind === "applied" ? application.fresh : [];
  return { fresh, cursor: application.cursor, gap, answer };
}
