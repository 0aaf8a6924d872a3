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
import { decodeDown, type DownState, type ReceivedDownFrame } from "../wire/down-frame.ts";
import {
  digestOf,
  hasPosition,
  ORIGIN_POSITION,
  VERSIONS,
  type Group,
  type Position,
  type Versions,
} from "../wire/frame.ts";
import type { EdgeEncoding } from "../wire/encoding.ts";
import type { LogLane } from "../wire/log-lane.ts";
import { encodeUp, type UpFrame } from "../wire/up-frame.ts";
import { retryDelayMs, type RetryBounds } from "./back-off.ts";
import { hubTime, measure, type HubClock } from "./hub-clock.ts";
import { endOf } from "./position.ts";
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
  readonly earlier?: readonly Position[] | undefined;
  /** What this replica holds of the hub's history. */
  readonly ack: Position;
  /** What it held before it began to be told the whole state, by this link or another. */
  readonly held?: Position | undefined;
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

/** What a replica still holds of its log. */
export interface HeldLog {
  /** Tells whether the hub, which is at `at`, has what was committed here; it was at `cursor`. */
  readonly hasBeenAt: (at: Position, cursor: Position) => boolean;
}

export type EdgeLinkEvent =
  /**
   * Something was committed, or the timer rang. With `isHeartbeat` a link at rest sends a frame all
   * the same, and hears what the hub has for it.
   */
  | { readonly kind: "wake"; readonly isHeartbeat: boolean }
  /** What `cut` asked for. */
  | { readonly kind: "cut"; readonly cut: Cut; readonly nowMs: number }
  /** The hub's answer, its seal already checked; `log` is that of a replica that has one. */
  | {
      readonly kind: "answer";
      readonly frame: Uint8Array;
      readonly nowMs: number;
      readonly log?: HeldLog | undefined;
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
  /**
   * The hub holds another history under this name, or has forgotten what follows `heldTo`: begin another
   * life, then go on.
   */
  | { readonly kind: "renew"; readonly heldTo?: number }
  /** Stamps were too far ahead: write them anew by the hub's clock, then begin another life. */
  | { readonly kind: "restamp"; readonly hubNowMs: number }
  | { readonly kind: "set-timer"; readonly delayMs: number }
  /** Everything that is committed is held by the hub, and what it had to tell is held here. */
  | { readonly kind: "at-rest" };

export interface EdgeLinkStep {
  readonly state: EdgeLink;
  readonly effects: readonly EdgeLinkEffect[];
}

/** What a link goes by; `lane` is that of its log, if it has one. */
export interface EdgeLinkOptions extends RetryBounds, Partial<EdgeEncoding> {
  readonly lane?: LogLane;
}

/** The record of a replica's new life, which no hub knows; `before` is that of the one that ends. */
export function newLife(
  replica: ReplicaId,
  replicaEpoch: number,
  clock: HubClock = { offsetMs: 0, heardMs: 0 },
  before?: EdgeLinkRecord,
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
    held: before && heldBefore(before),
  };
}

/** What a replica holds for certain, should it begin to be told the whole state. */
function heldBefore({ isPulling, held, ack }: EdgeLinkRecord): Position | undefined {
  const position = isPulling ? held : ack;
  return position?.seq ? position : undefined;
}

/** The record of a replica that is to be told the whole state. */
export function pullAnew(record: EdgeLinkRecord): EdgeLinkRecord {
  return { ...record, held: heldBefore(record), ack: ORIGIN_POSITION, isPulling: true };
}

/** Opens a link where its record ends. */
export function openEdgeLink(record: EdgeLinkRecord, versions: Versions = VERSIONS): EdgeLink {
  // What of the whole state was told before the crash is not known: it is told again.
  const known = record.isPulling ? { ...record, ack: ORIGIN_POSITION } : record;
  return { record: known, attempt: 0, version: versions.max, keys: noKeys(), phase: IDLE };
}

const IDLE = { kind: "idle" } as const;

function noKeys(): EdgeLink["keys"] {
  return { up: new KeyDictionary(), upBase: 0, down: new KeyDictionary() };
}

/** Takes one event; total: an event that does not fit the phase changes nothing. */
export function stepEdgeLink(
  state: EdgeLink,
  event: EdgeLinkEvent,
  options: EdgeLinkOptions,
): EdgeLinkStep {
  const { phase } = state;
  if (phase.kind === "waiting") {
    if (event.kind === "wake") return to(state, {}, { kind: "send", request: phase.request });
    if (event.kind === "failed") return backOff(state, event.chance, options);
    if (event.kind === "answer")
      return answered(state, phase, event, options) ?? backOff(state, 1, options);
  } else if (event.kind === "wake") return cutAgain(state, event.isHeartbeat);
  else if (event.kind === "cut" && phase.kind === "cutting")
    return send(state, event, phase.mustSend, options);
  return { state, effects: [] };
}

function to(
  state: EdgeLink,
  change: Partial<EdgeLink>,
  ...effects: readonly EdgeLinkEffect[]
): EdgeLinkStep {
  return { state: { ...state, ...change }, effects };
}

/** Goes on by asking what there is to send. */
function cutAgain(
  state: EdgeLink,
  mustSend: boolean,
  ...effects: readonly EdgeLinkEffect[]
): EdgeLinkStep {
  const { record } = state;
  const phase = { kind: "cutting", mustSend: mustSend || isAsking(record) } as const;
  const cut = { kind: "cut", after: record.cursor.seq, isWhole: !record.isPulling } as const;
  return to(state, { phase }, ...effects, cut);
}

/** Whether a frame arrived that was sent before a crash is asked before another is sent. */
function isAsking(record: EdgeLinkRecord): boolean {
  return record.link === 0 || record.sent !== null;
}

/** Goes on from another record, which is stored first. */
function goOn(state: EdgeLink, record: EdgeLinkRecord): EdgeLinkStep {
  return cutAgain({ ...state, record }, true, { kind: "save", record });
}

/** Says nothing. What was written and came to nothing is gone, as entries below a floor are. */
function emptied(cut: Cut, record: EdgeLinkRecord): Cut {
  const { seq } = record.cursor;
  const isGone = !isAsking(record) && cut.to >= cut.head && cut.head > seq;
  const [head, floor] = isGone ? [seq, cut.head + 1] : [cut.head, cut.floor];
  return { floor, head, to: seq, log: [], groups: [], latestMs: 0 };
}

function send(
  state: EdgeLink,
  { cut, nowMs }: Extract<EdgeLinkEvent, { kind: "cut" }>,
  mustSend: boolean,
  { lane, up = encodeUp }: EdgeLinkOptions,
): EdgeLinkStep {
  const { record, keys } = state;
  const { cursor: from, link, replica, replicaEpoch } = record;
  const isEmpty = isAsking(record) || cut.log.length + cut.groups.length === 0;
  if (isEmpty && !mustSend) return ended(state, { kind: "at-rest" });
  const said = isEmpty ? emptied(cut, record) : cut;
  const { log, groups } = said;
  const frame: UpFrame = {
    ...said,
    head: Math.max(said.head, said.to),
    speaker: link === 0 ? { kind: "hello", replica, replicaEpoch } : { kind: "link", link },
    sentMs: Math.max(said.latestMs, hubTime(record.clock, nowMs)),
    from,
    ack: (link === 0 ? heldBefore(record) : record.ack) ?? ORIGIN_POSITION,
    isKeyless: keys.down.size === 0,
  };
  const request = up(frame, keys.up, keys.upBase, state.version, lane);
  const position = isEmpty ? from : endOf(log, said.to, request, lane);
  const phase: Waiting = { kind: "waiting", request, to: position, sentMs: nowMs };
  const effect: EdgeLinkEffect = { kind: "send", request };
  // A log's entries tell by themselves which they are; of state nothing is left to compare.
  if (groups.length === 0) return to(state, { phase }, effect);
  const saved = remember(record, position);
  return to(state, { record: saved, phase }, { kind: "save", record: saved }, effect);
}

type Answer = Extract<EdgeLinkEvent, { kind: "answer" }>;

/** Null: it cannot be read, or understood, and the request is sent again. */
function answered(
  state: EdgeLink,
  phase: Waiting,
  event: Answer,
  { down = decodeDown }: EdgeLinkOptions,
): EdgeLinkStep | null {
  const { record, keys, version } = state;
  const decoded = down(event.frame, keys.down, { min: 0, max: version });
  if (!decoded.ok)
    // The same request would be given the same answer; another says that the keys are gone.
    return decoded.error === "no-dictionary" && keys.down.size > 0 ? forget(state) : null;
  const answer = decoded.value;
  const clock = measure(record.clock, answer, phase, event.nowMs);
  const heard: EdgeLink = { ...state, attempt: 0, record: { ...record, clock } };
  switch (answer.outcome) {
    case "open":
      return opened(heard, answer);
    case "unknown":
      return cutAgain({ ...heard, record: { ...heard.record, link: 0 } }, true);
    case "applied":
      return applied(heard, phase, answer, event.frame);
    case "at":
      return found(heard, answer.at, event);
    case "clock-ahead":
      return ended(heard, { kind: "restamp", hubNowMs: answer.hubNowMs });
    case "unreadable":
      return forget(heard);
    case "unsupported":
      return stepDown(state, answer.link);
  }
}

/** Steps down to a version that the hub reads; null: there is none. */
function stepDown(state: EdgeLink, version: number): EdgeLinkStep | null {
  return version < 1 || version >= state.version ? null : forget({ ...state, version });
}

/** Begins the dictionaries anew. */
function forget(state: EdgeLink): EdgeLinkStep {
  return cutAgain({ ...state, keys: noKeys() }, true);
}

function opened(state: EdgeLink, { link, at }: ReceivedDownFrame): EdgeLinkStep {
  const { record } = state;
  // The hub does not remember this life: what it holds of it may be another's, of a copy.
  if (at.seq < record.cursor.seq && !record.sent)
    return ended(state, { kind: "renew", heldTo: at.seq });
  const next = { ...pullAnew(record), link, cursor: at, sent: null };
  return goOn({ ...state, keys: noKeys() }, next);
}

/** Null: it goes on from where this replica is not. */
function applied(
  state: EdgeLink,
  phase: Waiting,
  { state: told, newKeys }: ReceivedDownFrame,
  frame: Uint8Array,
): EdgeLinkStep | null {
  const { record, keys } = state;
  if (told?.from && told.from !== record.ack.seq) return null;
  if (newKeys) keys.down.take(newKeys);
  const isMore = told !== null && told.to < told.head;
  // More of the whole state is to come.
  const isPulling = isMore && (record.isPulling || !told.from);
  const held = isPulling ? heldBefore(record) : undefined;
  const ack = told ? ackOf(record.ack, told, frame) : record.ack;
  const moved: EdgeLinkRecord = { ...settle(record, phase.to), held, ack, isPulling };
  return cutAgain(
    { ...state, record: moved, keys: { ...keys, upBase: keys.up.size } },
    isMore,
    told ? { kind: "absorb", state: told, record: moved } : { kind: "save", record: moved },
  );
}

/** Nothing new leaves the position as it was, so that a link at rest has nothing to store. */
function ackOf(before: Position, { from, to }: DownState, frame: Uint8Array): Position {
  return to === before.seq && from === to ? before : { seq: to, digest: digestOf(frame) };
}

function found(state: EdgeLink, at: Position, event: Answer): EdgeLinkStep {
  const { record } = state;
  return isOurs(record, at, event)
    ? goOn(state, settle(record, at))
    : ended(state, { kind: "renew" });
}

/** Tells whether the hub's history ends where this replica's was; else, after a hello, it is a twin's. */
function isOurs(record: EdgeLinkRecord, at: Position, { log }: Answer): boolean {
  const { cursor } = record;
  if (wasSent(record, at)) return true;
  if (record.link === 0) return false;
  const isKnown = hasPosition([cursor, ORIGIN_POSITION], at);
  return isKnown || (log?.hasBeenAt(at, cursor) ?? false);
}

function ended(state: EdgeLink, effect: EdgeLinkEffect): EdgeLinkStep {
  return to(state, { phase: IDLE }, effect);
}

function backOff(state: EdgeLink, chance: number, retry: RetryBounds): EdgeLinkStep {
  const { attempt } = state;
  const delayMs = retryDelayMs(attempt, chance, retry);
  return to(state, { attempt: attempt + 1 }, { kind: "set-timer", delayMs });
}
