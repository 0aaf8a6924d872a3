// What does the edge's end of a link do next? A state machine without I/O: events in, effects out;
// the Durable Object and the simulator interpret the same effects. One exchange at a time.
//
//            wake                 cut                   answer
//   idle ----------> cutting -----------> waiting ----------------> idle, or cutting again
//    ^                  | nothing to say     | failed
//    |__________________|____________________|  (at-rest; set-timer with back-off)

import type { ReplicaId } from "../brand.ts";
import type { LogEntry } from "../crdt/batch-log.ts";
import { KeyDictionary } from "../wire/dictionary.ts";
import { decodeDownFrame, type DownState, type ReceivedDownFrame } from "../wire/down-frame.ts";
import {
  digestOf,
  isSamePosition,
  ORIGIN_POSITION,
  VERSIONS,
  type FrameError,
  type Group,
  type Position,
  type Versions,
} from "../wire/frame.ts";
import { encodeUpFrame, type Speaker } from "../wire/up-frame.ts";
import { retryDelayMs, type RetryBounds } from "./back-off.ts";
import { hubTime, measure, type HubClock } from "./hub-clock.ts";
import { endDigest } from "./position.ts";
import { remember, settle, wasSent } from "./sent.ts";

/** What of a link outlives a crash. */
export interface EdgeLinkRecord {
  readonly replica: ReplicaId;
  /** Drawn with each life of the replica: its counts of one life are its own. */
  readonly replicaEpoch: number;
  /** The number that the hub drew for this link; 0 if there is none. */
  readonly link: number;
  /** What the hub has confirmed to hold of this replica. */
  readonly cursor: Position;
  /** Where the hub will be, should a frame with state that was sent have arrived; null if none was. */
  readonly sent: Position | null;
  /** The same of frames before it, which a network may still hold; none is the same as absent. */
  readonly earlier?: readonly Position[];
  /** What this replica holds of the hub's history. */
  readonly ack: Position;
  /** What it held before it began to be told the whole state, by this link or another. */
  readonly held?: Position;
  /** True while the hub tells its whole state: nothing of state is sent before that is known. */
  readonly isPulling: boolean;
  readonly clock: HubClock;
}

/** Where the link stands. */
export interface EdgeLink {
  readonly record: EdgeLinkRecord;
  /** Failed exchanges in a row. */
  readonly attempt: number;
  /** The version that the hub reads. */
  readonly version: number;
  /** Caches: to begin them anew is always right. `upBase` keys are known to be the hub's. */
  readonly keys: {
    readonly up: KeyDictionary;
    readonly upBase: number;
    readonly down: KeyDictionary;
  };
  readonly phase:
    | { readonly kind: "idle" }
    /** With `mustSend` a frame is sent though there is nothing new. */
    | { readonly kind: "cutting"; readonly mustSend: boolean }
    /** The request is kept until it is answered, so that a retry is byte-identical. */
    | Waiting;
}

interface Waiting {
  readonly kind: "waiting";
  readonly request: Uint8Array;
  /** Where the hub is once it has applied the request. */
  readonly to: Position;
  readonly sentMs: number;
}

/** What is to be sent after a position. */
export interface Cut {
  /** The lowest seq whose log entry is held; 1 for a replica without a log. */
  readonly floor: number;
  readonly head: number;
  /** The seq up to which `log` and `groups` say everything. */
  readonly to: number;
  readonly log: readonly LogEntry[];
  readonly groups: readonly Group[];
  /** The latest time in the stamps of `groups`, for a hub that cannot read them yet; 0: none. */
  readonly latestMs: number;
}

export type EdgeLinkEvent =
  /**
   * Something was committed, or the timer rang. With `isHeartbeat` a link at rest sends a frame all
   * the same, and hears what the hub has for it.
   */
  | { readonly kind: "wake"; readonly isHeartbeat: boolean }
  /** What `cut` asked for. */
  | { readonly kind: "cut"; readonly cut: Cut; readonly nowMs: number }
  /** The hub's answer, its seal already checked. `digestAt` finds what was committed as a seq. */
  | {
      readonly kind: "answer";
      readonly frame: Uint8Array;
      readonly nowMs: number;
      readonly floor: number;
      readonly digestAt: (seq: number) => number | null;
    }
  /** No answer; `chance` is uniform in [0, 1) and spreads the retries. */
  | { readonly kind: "failed"; readonly chance: number };

export type EdgeLinkEffect =
  /** Give what follows `after`; without `isWhole` only log entries. */
  | { readonly kind: "cut"; readonly after: number; readonly isWhole: boolean }
  /** Store it before anything that follows. */
  | { readonly kind: "save"; readonly record: EdgeLinkRecord }
  | { readonly kind: "send"; readonly request: Uint8Array }
  /** Take in what the hub tells, and store it in one transaction with the record. */
  | { readonly kind: "absorb"; readonly state: DownState; readonly record: EdgeLinkRecord }
  /** The hub holds another history under this name: begin another life, then go on. */
  | { readonly kind: "renew" }
  /** Stamps were too far ahead: write them anew by the hub's clock, then begin another life. */
  | { readonly kind: "restamp"; readonly hubNowMs: number }
  | { readonly kind: "set-timer"; readonly delayMs: number }
  /** Everything that is committed is held by the hub, and what it had to tell is held here. */
  | { readonly kind: "at-rest" };

export interface EdgeLinkStep {
  readonly state: EdgeLink;
  readonly effects: readonly EdgeLinkEffect[];
}

/** The record of a replica's new life, which no hub knows; `before` is that of the one that ends. */
export function newLife(
  replica: ReplicaId,
  replicaEpoch: number,
  clock: HubClock = { offsetMs: 0, heardMs: 0 },
  before: EdgeLinkRecord | null = null,
): EdgeLinkRecord {
  return {
    replica,
    replicaEpoch,
    link: 0,
    cursor: ORIGIN_POSITION,
    sent: null,
    ack: ORIGIN_POSITION,
    isPulling: true,
    clock,
    ...(before === null ? {} : heldBefore(before)),
  };
}

/** What a replica holds for certain, should it begin to be told the whole state. */
export function heldBefore({
  isPulling,
  ack,
  held,
}: Pick<EdgeLinkRecord, "isPulling" | "ack" | "held">): Pick<EdgeLinkRecord, "held"> {
  const position = isPulling ? held : ack;
  return position === undefined || position.seq === 0 ? {} : { held: position };
}

/** Opens a link where its record ends. */
export function openEdgeLink(record: EdgeLinkRecord, versions: Versions = VERSIONS): EdgeLink {
  // What of the whole state was told before the crash is not known: it is told again.
  const known = record.isPulling ? { ...record, ack: ORIGIN_POSITION } : record;
  const keys = { up: new KeyDictionary(), upBase: 0, down: new KeyDictionary() };
  return { record: known, attempt: 0, version: versions.max, keys, phase: { kind: "idle" } };
}

/** Takes one event; total: an event that does not fit the phase changes nothing. */
export function stepEdgeLink(
  state: EdgeLink,
  event: EdgeLinkEvent,
  retry: RetryBounds,
): EdgeLinkStep {
  const { phase } = state;
  if (event.kind === "wake") return wake(state, event.isHeartbeat);
  if (event.kind === "cut" && phase.kind === "cutting")
    return send(state, event.cut, phase.mustSend, event.nowMs);
  if (event.kind === "answer" && phase.kind === "waiting")
    return answered(state, phase, event, retry);
  if (event.kind === "failed" && phase.kind === "waiting")
    return backOff(state, event.chance, retry);
  return { state, effects: [] };
}

function wake(state: EdgeLink, isHeartbeat: boolean): EdgeLinkStep {
  if (state.phase.kind === "waiting")
    return { state, effects: [{ kind: "send", request: state.phase.request }] };
  return cutAgain(state, isHeartbeat);
}

function cutAgain(state: EdgeLink, mustSend: boolean): EdgeLinkStep {
  const { link, sent, cursor, isPulling } = state.record;
  // Whether a frame arrived that was sent before a crash is asked before another is sent.
  const isAsking = link === 0 || sent !== null;
  return {
    state: { ...state, phase: { kind: "cutting", mustSend: mustSend || isAsking } },
    effects: [{ kind: "cut", after: cursor.seq, isWhole: !isPulling }],
  };
}

function send(state: EdgeLink, cut: Cut, mustSend: boolean, nowMs: number): EdgeLinkStep {
  const { record, keys } = state;
  const isAsking = record.link === 0 || record.sent !== null;
  const isEmpty = isAsking || (cut.log.length === 0 && cut.groups.length === 0);
  if (isEmpty && !mustSend)
    return { state: { ...state, phase: { kind: "idle" } }, effects: [{ kind: "at-rest" }] };
  const { cursor: from } = record;
  const said = isEmpty ? { ...cut, to: from.seq, log: [], groups: [], latestMs: 0 } : cut;
  const { to, log, groups } = said;
  const frame = {
    ...said,
    ...(isEmpty && !isAsking ? atRest(cut, from) : { head: Math.max(cut.head, to) }),
    speaker: speakerOf(record),
    sentMs: Math.max(said.latestMs, hubTime(record.clock, nowMs)),
    from,
    ack: ackToSay(record),
    isKeyless: keys.down.size === 0,
  };
  const request = encodeUpFrame(frame, keys.up, keys.upBase, state.version);
  const position = isEmpty ? from : { seq: to, digest: endDigest(log, to, request) };
  const saved = remember(record, position);
  const waiting: Waiting = { kind: "waiting", request, to: position, sentMs: nowMs };
  // A log's entries tell by themselves which they are; of state nothing is left to compare.
  const isSaved = groups.length > 0;
  return {
    state: { ...state, record: isSaved ? saved : record, phase: waiting },
    effects: [
      ...(isSaved ? [{ kind: "save", record: saved } as const] : []),
      { kind: "send", request },
    ],
  };
}

/** What was written and has come to nothing is not waited for: it is gone, as entries below a floor. */
function atRest(
  { floor, to, head }: Cut,
  from: Position,
): { readonly head: number; readonly floor: number } {
  if (to < head || head <= from.seq) return { head: Math.max(head, from.seq), floor };
  return { head: from.seq, floor: head + 1 };
}

/** Where a link begins, what was held before tells the hub which history that was. */
function ackToSay(record: EdgeLinkRecord): Position {
  return record.link === 0 ? (heldBefore(record).held ?? ORIGIN_POSITION) : record.ack;
}

function speakerOf({ link, replica, replicaEpoch }: EdgeLinkRecord): Speaker {
  return link === 0 ? { kind: "hello", replica, replicaEpoch } : { kind: "link", link };
}

type Answer = Extract<EdgeLinkEvent, { kind: "answer" }>;

function answered(
  state: EdgeLink,
  phase: Waiting,
  event: Answer,
  retry: RetryBounds,
): EdgeLinkStep {
  const decoded = decodeDownFrame(event.frame, state.keys.down, { min: 0, max: state.version });
  if (!decoded.ok) return unread(state, decoded.error, retry);
  const answer = decoded.value;
  const heard: EdgeLink = {
    ...state,
    attempt: 0,
    record: { ...state.record, clock: measure(state.record.clock, answer, phase, event.nowMs) },
  };
  switch (answer.outcome) {
    case "open":
      return opened(heard, answer);
    case "unknown":
      return cutAgain({ ...heard, record: { ...heard.record, link: 0 } }, true);
    case "applied":
      return applied(heard, phase, answer, event.frame, retry);
    case "at":
      return found(heard, answer.at, event);
    case "clock-ahead":
      return ended(heard, { kind: "restamp", hubNowMs: answer.hubNowMs });
    case "unreadable":
      return cutAgain(forget(heard), true);
    case "unsupported":
      return unsupported(state, answer.link, retry);
  }
}

/** Steps down to a version that the hub reads; waits if there is none. */
function unsupported(state: EdgeLink, version: number, retry: RetryBounds): EdgeLinkStep {
  if (version < 1 || version >= state.version) return backOff(state, 1, retry);
  return cutAgain({ ...forget(state), version }, true);
}

/** An answer that cannot be read: the same request would be given the same answer. */
function unread(state: EdgeLink, error: FrameError, retry: RetryBounds): EdgeLinkStep {
  // Another request says that the keys are gone.
  const isForgotten = error === "no-dictionary" && state.keys.down.size > 0;
  return isForgotten ? cutAgain(forget(state), true) : backOff(state, 1, retry);
}

/** Begins the dictionaries anew. */
function forget(state: EdgeLink): EdgeLink {
  const keys = { up: new KeyDictionary(), upBase: 0, down: new KeyDictionary() };
  return { ...state, keys };
}

function opened(state: EdgeLink, { link, at }: ReceivedDownFrame): EdgeLinkStep {
  // The hub does not remember this life: what it holds of it may be another's, of a copy.
  const isForgotten = at.seq < state.record.cursor.seq && state.record.sent === null;
  if (isForgotten) return ended(state, { kind: "renew" });
  const record: EdgeLinkRecord = {
    ...state.record,
    ...heldBefore(state.record),
    link,
    cursor: at,
    sent: null,
    ack: ORIGIN_POSITION,
    isPulling: true,
  };
  const step = cutAgain({ ...forget(state), record }, true);
  return { state: step.state, effects: [{ kind: "save", record }, ...step.effects] };
}

function applied(
  state: EdgeLink,
  phase: Waiting,
  answer: ReceivedDownFrame,
  frame: Uint8Array,
  retry: RetryBounds,
): EdgeLinkStep {
  const { record, keys } = state;
  const told = answer.state;
  if (told !== null && told.from !== 0 && told.from !== record.ack.seq)
    return backOff(state, 1, retry);
  if (answer.newKeys !== null) {
    keys.down.truncate(answer.newKeys.base);
    for (const key of answer.newKeys.added) keys.down.add(key);
  }
  const isPulling = told !== null && isPartOfAll(record, told);
  const ack = told === null ? record.ack : ackOf(record.ack, told, frame);
  const { held: _, ...settled } = settle(record, phase.to);
  const held = isPulling ? heldBefore(record) : {};
  const moved: EdgeLinkRecord = { ...settled, ...held, ack, isPulling };
  const next = { ...state, record: moved, keys: { ...keys, upBase: keys.up.size } };
  const step = cutAgain(next, told !== null && told.to < told.head);
  const effect: EdgeLinkEffect =
    told === null
      ? { kind: "save", record: moved }
      : { kind: "absorb", state: told, record: moved };
  return { state: step.state, effects: [effect, ...step.effects] };
}

/** Tells whether more of the whole state is to come. */
function isPartOfAll({ isPulling }: EdgeLinkRecord, { from, to, head }: DownState): boolean {
  return (isPulling || from === 0) && to < head;
}

/** Nothing new leaves the position as it was, so that a link at rest has nothing to store. */
function ackOf(before: Position, { from, to }: DownState, frame: Uint8Array): Position {
  return to === before.seq && from === before.seq ? before : { seq: to, digest: digestOf(frame) };
}

/** The hub's history ends elsewhere than this replica thought; after a hello it is a twin's. */
function found(state: EdgeLink, at: Position, event: Answer): EdgeLinkStep {
  const { cursor, link } = state.record;
  if (link === 0)
    return wasSent(state.record, at) ? goOnFrom(state, at) : ended(state, { kind: "renew" });
  const digest = event.digestAt(at.seq);
  // A hub that was restored from a copy may lack what is gone here: it records the gap.
  const isForgotten = digest === null && at.seq < Math.min(cursor.seq, event.floor - 1);
  const isOurs =
    wasSent(state.record, at) || isSamePosition(at, cursor) || digest === at.digest || isForgotten;
  return isOurs ? goOnFrom(state, at) : ended(state, { kind: "renew" });
}

function goOnFrom(state: EdgeLink, cursor: Position): EdgeLinkStep {
  const record = settle(state.record, cursor);
  const step = cutAgain({ ...state, record }, true);
  return { state: step.state, effects: [{ kind: "save", record }, ...step.effects] };
}

function ended(state: EdgeLink, effect: EdgeLinkEffect): EdgeLinkStep {
  return { state: { ...state, phase: { kind: "idle" } }, effects: [effect] };
}

function backOff(state: EdgeLink, chance: number, retry: RetryBounds): EdgeLinkStep {
  const { attempt } = state;
  return {
    state: { ...state, attempt: attempt + 1 },
    effects: [{ kind: "set-timer", delayMs: retryDelayMs(attempt, chance, retry) }],
  };
}
