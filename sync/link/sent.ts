// Which of the frames that were sent may still arrive? An edge that starts over while one is under way
// asks whether it has arrived; it may do so after the answer, in the place of one that was sent later.

import { hasPosition, isSamePosition, type Position } from "../wire/frame.ts";
import type { EdgeLinkRecord } from "./edge.ts";

/** Frames that are remembered. */
const EARLIER_MAX = 16;

/** Remembers a frame that ends at `position` with those before it. */
export function remember(record: EdgeLinkRecord, position: Position): EdgeLinkRecord {
  return { ...record, sent: position, earlier: underWay(record) };
}

/** Where the hub stands is known: what was sent from elsewhere, it will refuse. */
export function settle(record: EdgeLinkRecord, at: Position): EdgeLinkRecord {
  const earlier = isSamePosition(at, record.cursor) ? underWay(record) : undefined;
  return { ...record, sent: null, earlier, cursor: at };
}

/** Tells whether a frame was sent that ends at `at`. */
export function wasSent(record: EdgeLinkRecord, at: Position): boolean {
  return hasPosition(underWay(record) ?? [], at);
}

/** The highest seq that was sent and may arrive; 0 if there is none. */
export function sentUpTo(record: EdgeLinkRecord): number {
  return Math.max(0, ...(underWay(record) ?? []).map((at) => at.seq));
}

function underWay({ sent, earlier }: EdgeLinkRecord): readonly Position[] | undefined {
  return sent ? [...(earlier ?? []), sent].slice(-EARLIER_MAX) : earlier;
}
