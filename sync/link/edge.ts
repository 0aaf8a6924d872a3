// What does the edge's end of a link do next? A state machine without I/O: events in, effects out;
// the Durable Object and a simulator interpret the same effects. One exchange at a time.
//
//            wake, head > cursor              entries                  answer
//   idle ---------------------------> reading --------> waiting ----------------> idle or reading
//    ^  \________ timer _______________________________/ | failed
//    |___________________________________________________|  (set-timer with back-off)

import type { ReplicaId } from "../brand.ts";
import type { LogEntry } from "../crdt/batch-log.ts";
import { decodeDownFrame, encodeUpFrame } from "../wire/frame.ts";

/** Where the link stands. `cursor` is the highest seq that the hub has confirmed. */
export interface EdgeLink {
  readonly replica: ReplicaId;
  readonly replicaEpoch: number;
  readonly cursor: number;
  /** Failed exchanges in a row. */
  readonly attempt: number;
  readonly phase:
    | { readonly kind: "idle" }
    | { readonly kind: "reading" }
    /** The request is kept until it is answered, so that a retry is byte-identical. */
    | { readonly kind: "waiting"; readonly request: Uint8Array; readonly to: number };
}

/** The journal's extent: the lowest and the highest seq that it holds. Empty: floor = head + 1. */
export interface JournalExtent {
  readonly floor: number;
  readonly head: number;
}

export type EdgeLinkEvent =
  /**
   * Something was committed, or the timer rang. With `isHeartbeat` a link at rest sends a frame
   * without entries: an origin that was restored from a copy then says how far it is behind.
   */
  | {
      readonly kind: "wake";
      readonly journal: JournalExtent;
      readonly nowMs: number;
      readonly isHeartbeat: boolean;
    }
  /** The entries after the cursor that `read-entries` asked for. */
  | {
      readonly kind: "entries";
      readonly entries: readonly LogEntry[];
      readonly journal: JournalExtent;
      readonly nowMs: number;
    }
  /** The hub's answer, its seal already checked. */
  | { readonly kind: "answer"; readonly frame: Uint8Array; readonly journal: JournalExtent }
  /** No answer; `chance` is uniform in [0, 1) and spreads the retries. */
  | { readonly kind: "failed"; readonly chance: number };

export type EdgeLinkEffect =
  | { readonly kind: "read-entries"; readonly after: number }
  | { readonly kind: "send"; readonly request: Uint8Array }
  /** Store it before the next exchange; losing it costs a repetition, never a reading. */
  | { readonly kind: "save-cursor"; readonly cursor: number }
  /** The hub holds another log than the journal, which was restored from a copy. */
  | { readonly kind: "renew-epoch" }
  | { readonly kind: "set-timer"; readonly delayMs: number }
  /** Everything that is committed is held by the hub. */
  | { readonly kind: "at-rest" };

export interface EdgeLinkStep {
  readonly state: EdgeLink;
  readonly effects: readonly EdgeLinkEffect[];
}

/** First and longest wait between failed exchanges. */
export interface RetryBounds {
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

/** Opens a link that has confirmed everything up to `cursor`. */
export function openEdgeLink(replica: ReplicaId, replicaEpoch: number, cursor: number): EdgeLink {
  return { replica, replicaEpoch, cursor, attempt: 0, phase: { kind: "idle" } };
}

/** Takes one event; total: an event that does not fit the phase changes nothing. */
export function stepEdgeLink(
  state: EdgeLink,
  event: EdgeLinkEvent,
  retry: RetryBounds,
): EdgeLinkStep {
  switch (event.kind) {
    case "wake":
      return wake(state, event);
    case "entries":
      return send(state, event.entries, event.journal, event.nowMs);
    case "answer":
      return absorb(state, event.frame, event.journal, retry);
    case "failed":
      return state.phase.kind === "waiting"
        ? backOff(state, event.chance, retry)
        : { state, effects: [] };
  }
}

function wake(state: EdgeLink, event: Extract<EdgeLinkEvent, { kind: "wake" }>): EdgeLinkStep {
  const { journal, nowMs, isHeartbeat } = event;
  if (state.phase.kind === "waiting")
    return { state, effects: [{ kind: "send", request: state.phase.request }] };
  const isAtRest = journal.head <= state.cursor;
  return isHeartbeat && isAtRest ? sendFrame(state, [], journal, nowMs) : next(state, journal);
}

function next(state: EdgeLink, journal: JournalExtent): EdgeLinkStep {
  if (journal.head <= state.cursor) {
    return { state: { ...state, phase: { kind: "idle" } }, effects: [{ kind: "at-rest" }] };
  }
  const after = Math.max(state.cursor, journal.floor - 1);
  return {
    state: { ...state, phase: { kind: "reading" } },
    effects: [{ kind: "read-entries", after }],
  };
}

function send(
  state: EdgeLink,
  entries: readonly LogEntry[],
  journal: JournalExtent,
  nowMs: number,
): EdgeLinkStep {
  if (state.phase.kind !== "reading" || entries.length === 0) return { state, effects: [] };
  return sendFrame(state, entries, journal, nowMs);
}

function sendFrame(
  state: EdgeLink,
  entries: readonly LogEntry[],
  journal: JournalExtent,
  nowMs: number,
): EdgeLinkStep {
  const { replica, replicaEpoch } = state;
  const from = entries[0] === undefined ? state.cursor : entries[0].seq - 1;
  const to = entries.at(-1)?.seq ?? from;
  const interval = { from, to, entries };
  const request = encodeUpFrame({ replica, replicaEpoch, ...journal, sentMs: nowMs, interval });
  return {
    state: { ...state, phase: { kind: "waiting", request, to } },
    effects: [{ kind: "send", request }],
  };
}

function absorb(
  state: EdgeLink,
  frame: Uint8Array,
  journal: JournalExtent,
  retry: RetryBounds,
): EdgeLinkStep {
  if (state.phase.kind !== "waiting") return { state, effects: [] };
  const answer = decodeDownFrame(frame);
  if (!answer.ok || answer.value.replicaEpoch !== state.replicaEpoch)
    return backOff(state, 1, retry);
  const { outcome, cursor: confirmed } = answer.value;
  if (outcome === "diverged" || confirmed > journal.head) {
    return {
      state: { ...state, attempt: 0, phase: { kind: "idle" } },
      effects: [{ kind: "renew-epoch" }],
    };
  }
  // The hub holds more than was sent: the cursor was lost, or the journal is an older copy that has
  // grown again. The entry at the cursor is sent once more, so that the hub can tell which.
  const cursor = confirmed > state.phase.to ? confirmed - 1 : confirmed;
  const moved: EdgeLink = { ...state, cursor, attempt: 0, phase: { kind: "idle" } };
  const step = next(moved, journal);
  return { state: step.state, effects: [{ kind: "save-cursor", cursor }, ...step.effects] };
}

/** Full jitter: links that failed together do not come back together. */
function backOff(state: EdgeLink, chance: number, retry: RetryBounds): EdgeLinkStep {
  const ceiling = Math.min(retry.retryMsMax, retry.retryMsMin * 2 ** Math.min(state.attempt, 16));
  const delayMs = Math.ceil(retry.retryMsMin / 2 + chance * (ceiling - retry.retryMsMin / 2));
  return {
    state: { ...state, attempt: state.attempt + 1 },
    effects: [{ kind: "set-timer", delayMs }],
  };
}
