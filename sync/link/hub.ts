// What does the hub's end of a link do with an up-frame? Decides by positions alone, without I/O:
// the caller stores what is accepted together with the record, then sends the answer.

import type { ReplicaId } from "../brand.ts";
import { AHEAD_MS_MAX } from "../clock/hlc.ts";
import type { DownFrame } from "../wire/down-frame.ts";
import {
  hasPosition,
  isSamePosition,
  ORIGIN_POSITION,
  type FrameError,
  type Position,
  type Versions,
} from "../wire/frame.ts";
import type { LogLane } from "../wire/log-lane.ts";
import type { UpFrame } from "../wire/up-frame.ts";
import { endOf } from "./position.ts";

/** Answers that are remembered beside the last. */
const TOLD_BEFORE_MAX = 4;

/** What the hub knows of one life of one replica. */
export interface HubLinkRecord {
  /** Drawn by the hub, 1 to 2^32 - 1: a frame of a life that it has forgotten is never applied. */
  readonly link: number;
  readonly replica: ReplicaId;
  readonly replicaEpoch: number;
  /** What the hub holds of the replica's history. */
  readonly cursor: Position;
  /** The highest seq that the replica has told of. */
  readonly head: number;
  /** What the replica is known to hold of the hub's history, and what it will, if it was answered. */
  readonly acked: Position;
  readonly told: Position;
  /** What else it may hold: it was answered that before; absent: nothing. */
  readonly toldBefore?: readonly Position[] | undefined;
  /** When it spoke last, epoch milliseconds by the hub's clock. */
  readonly seenMs: number;
  /** Log entries that the replica no longer held when the hub asked for them. */
  readonly lostEntries: number;
}

/** What to do with a frame. */
export type Verdict<Record = HubLinkRecord> =
  /** Nothing is stored. */
  | { readonly kind: "refused"; readonly answer: DownFrame }
  | {
      readonly kind: "accepted";
      /** As it is once everything of the frame is stored. */
      readonly record: Record;
      /** Log entries that are lost, by this frame. */
      readonly lostEntries: number;
    };

/** The record of a life that the hub has not met; nothing before its floor is missed. */
export function openLink(
  link: number,
  { replica, replicaEpoch }: Pick<HubLinkRecord, "replica" | "replicaEpoch">,
  frame: UpFrame,
  nowMs: number,
): HubLinkRecord {
  return {
    link,
    replica,
    replicaEpoch,
    cursor: { seq: frame.floor - 1, digest: 0 },
    head: frame.head,
    acked: ORIGIN_POSITION,
    told: ORIGIN_POSITION,
    seenMs: nowMs,
    lostEntries: 0,
  };
}

/** Decides about a frame of a link that the hub knows, of `bytes`; `lane` is that of its log. */
export function judge<Record extends HubLinkRecord>(
  record: Record,
  frame: UpFrame,
  bytes: Uint8Array,
  nowMs: number,
  lane?: LogLane,
): Verdict<Record> {
  const { cursor } = record;
  const refused = (outcome: DownFrame["outcome"]): Verdict<Record> => ({
    kind: "refused",
    answer: refuse(outcome, record, nowMs),
  });
  if (!isSamePosition(frame.from, cursor)) return refused("at");
  if (lane?.isAhead(frame.log, nowMs + AHEAD_MS_MAX)) return refused("clock-ahead");
  // What the replica no longer holds and the hub never saw: waiting for it would stop the link.
  const lostEntries = Math.max(0, Math.min(frame.floor - 1, frame.to) - cursor.seq);
  const answers = answersOf(record);
  const acked = hasPosition(answers, frame.ack) ? frame.ack : ORIGIN_POSITION;
  // What it may hold beside `acked`, by its own last word: a frame that the network held back is
  // answered too, and the replica goes on from another answer.
  const toldBefore = answers
    .filter((at) => at.seq > acked.seq && !isSamePosition(at, record.told))
    .slice(-TOLD_BEFORE_MAX);
  return {
    kind: "accepted",
    record: {
      ...record,
      toldBefore: orNone(toldBefore),
      cursor: frame.to === cursor.seq ? cursor : endOf(frame.log, frame.to, bytes, lane),
      head: frame.head,
      acked,
      seenMs: nowMs,
      lostEntries: record.lostEntries + lostEntries,
    },
    lostEntries,
  };
}

/** A list as it is noted: none at all if it is empty. */
export function orNone<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return list.length > 0 ? list : undefined;
}

/** What the replica may hold of the hub's history, by the answers that it was given. */
export function answersOf({
  acked,
  told,
  toldBefore = [],
}: Pick<HubLinkRecord, "acked" | "told" | "toldBefore">): Position[] {
  return [acked, told, ...toldBefore];
}

/** Builds the answer to a frame of which nothing is stored. */
export function refuse(
  outcome: DownFrame["outcome"],
  { link, cursor: at }: Pick<HubLinkRecord, "link" | "cursor">,
  hubNowMs: number,
): DownFrame {
  return { outcome, link, at, hubNowMs, state: null };
}

/** Where a link stands that is not known. */
export const NO_LINK: Pick<HubLinkRecord, "link" | "cursor"> = { link: 0, cursor: ORIGIN_POSITION };

/** What to answer to bytes that could not be read; null: nothing, they are not a frame. */
export function answerUnreadable(
  error: FrameError,
  nowMs: number,
  { max }: Versions,
): DownFrame | null {
  if (error === "no-dictionary") return refuse("unreadable", NO_LINK, nowMs);
  if (error !== "unknown-version") return null;
  return refuse("unsupported", { ...NO_LINK, link: max }, nowMs);
}
