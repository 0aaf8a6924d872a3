// What does one stream of readings do next? A state machine without I/O: what happened goes in, what
// is to be done comes out. It counts, so that neither end can make the other hold more than was
// agreed: what is unanswered stays inside the window, and what is unconfirmed inside its bound.
//
//   message ─▶ taken ─▶ (the hub commits) ─▶ settled ─▶ answer sent ─▶ seen
//      └── over the window: closed

import { limits } from "../limits.ts";
import { ENDINGS, type Ending, type StreamOptions } from "./protocol.ts";

/** Where a stream stands. All of it fits the attachment that outlives an eviction. */
export interface SessionState {
  readonly options: StreamOptions;
  /** Messages with readings that have come, and that were answered. */
  readonly taken: number;
  readonly settled: number;
  /** The client has read the answers up to this message. */
  readonly seen: number;
  /** Bytes of messages that are not answered yet. */
  readonly openBytes: number;
  /** When anything was heard of the client, epoch milliseconds. */
  readonly heardMs: number;
  /** Nothing of the client is looked at any more. */
  readonly isEnded: boolean;
}

export type SessionEvent =
  /** A message with readings; `hubBytes` is what all streams of the hub have open already. */
  | {
      readonly kind: "message";
      readonly bytes: number;
      readonly hubBytes: number;
      readonly nowMs: number;
    }
  | { readonly kind: "seen"; readonly messages: number; readonly nowMs: number }
  /** The hub is through with the oldest `messages` of this stream, which had `bytes`. */
  | { readonly kind: "settled"; readonly messages: number; readonly bytes: number }
  /** The guard does not let the device in any more. */
  | { readonly kind: "denied"; readonly status: number }
  /** Somebody looks whether the client is still there; `heardMs` is its last ping, or 0. */
  | { readonly kind: "looked"; readonly heardMs: number; readonly nowMs: number }
  /** The device has opened a stream too many, or the hub could not carry out what it was told. */
  | { readonly kind: "ended"; readonly why: "replaced" | "failed" };

/** What is to be done about an event. */
export type SessionEffect =
  /** The message goes to the hub. */
  | { readonly kind: "take" }
  /** The messages up to `messages` are answered. */
  | { readonly kind: "answer"; readonly messages: number }
  | { readonly kind: "close"; readonly ending: Ending };

export interface SessionStep {
  readonly state: SessionState;
  /** Null: nothing. */
  readonly effect: SessionEffect | null;
}

/** Opens a stream. */
export function openSession(options: StreamOptions, nowMs: number): SessionState {
  const none = { taken: 0, settled: 0, seen: 0, openBytes: 0 };
  return { options, ...none, heardMs: nowMs, isEnded: false };
}

/** Decides what an event comes to. An ended stream takes nothing, whatever happens. */
export function step(state: SessionState, event: SessionEvent): SessionStep {
  if (state.isEnded) return { state, effect: null };
  switch (event.kind) {
    case "message":
      return takeMessage(state, event);
    case "seen": {
      // More than was answered cannot have been read: such a client confirms what it likes.
      if (event.messages > state.settled) return end(state, ENDINGS.unseen);
      const seen = Math.max(state.seen, event.messages);
      return { state: { ...state, seen, heardMs: event.nowMs }, effect: null };
    }
    case "settled": {
      const settled = state.settled + event.messages;
      const openBytes = state.openBytes - event.bytes;
      const effect = { kind: "answer", messages: settled } as const;
      return { state: { ...state, settled, openBytes }, effect };
    }
    case "denied":
      return end(state, event.status === 401 ? ENDINGS.unauthorized : ENDINGS.forbidden);
    case "looked":
      return look(state, event);
    case "ended":
      return end(state, ENDINGS[event.why]);
  }
}

function takeMessage(
  state: SessionState,
  { bytes, hubBytes, nowMs }: Extract<SessionEvent, { kind: "message" }>,
): SessionStep {
  const openBytes = state.openBytes + bytes;
  const open = state.taken + 1 - state.settled;
  if (bytes > limits.bodyBytesMax) return end(state, ENDINGS.tooLarge);
  if (open > limits.streamWindowMessages || openBytes > limits.streamWindowBytes)
    return end(state, ENDINGS.overrun);
  if (state.settled - state.seen > limits.streamUnseenMessagesMax)
    return end(state, ENDINGS.unseen);
  if (hubBytes + bytes > limits.streamHubBytesMax) return end(state, ENDINGS.busy);
  const taken = state.taken + 1;
  return { state: { ...state, taken, openBytes, heardMs: nowMs }, effect: { kind: "take" } };
}

function look(state: SessionState, event: Extract<SessionEvent, { kind: "looked" }>): SessionStep {
  const heardMs = Math.max(state.heardMs, event.heardMs);
  const isIdle = event.nowMs - heardMs >= state.options.idleMs;
  // Whoever waits for an answer is not idle.
  if (isIdle && state.taken === state.settled) return end(state, ENDINGS.idle);
  return { state: { ...state, heardMs }, effect: null };
}

function end(state: SessionState, ending: Ending): SessionStep {
  return { state: { ...state, isEnded: true }, effect: { kind: "close", ending } };
}
