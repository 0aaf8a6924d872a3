// What does the hub answer? What it holds of the edge's history, and what of its own the edge lacks.

import { LOGICAL_MAX, type Hlc } from "../clock/hlc.ts";
import { TIME_MS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { KeyDictionary } from "./dictionary.ts";
import {
  closeFrame,
  DOWN,
  HAS_HELLO,
  HAS_STATE,
  NO_GROUPS,
  openFrame,
  PROTOCOL_VERSION,
  readFrame,
  readGroups,
  readPosition,
  VERSIONS,
  writeGroups,
  writePosition,
  type FrameError,
  type Group,
  type NewKeys,
  type Position,
  type Versions,
} from "./frame.ts";

/**
 * What became of an up-frame:
 *
 * - `open`: nothing was applied; `link` is the number of a new link, which begins at `at`.
 * - `unknown`: nothing was applied, because the hub does not know the link: say hello.
 * - `applied`: the hub holds everything up to `at`.
 * - `at`: nothing was applied, because the hub's history of this link ends at `at`.
 * - `clock-ahead`: nothing was applied, because a stamp lies too far ahead of `hubNowMs`.
 * - `unreadable`: nothing was applied, because the frame builds on keys that the hub does not hold.
 * - `unsupported`: nothing was applied; `link` is the newest version that the hub reads.
 */
export type Outcome =
  | "open"
  | "unknown"
  | "applied"
  | "at"
  | "clock-ahead"
  | "unreadable"
  | "unsupported";

const OUTCOMES: readonly Outcome[] = [
  "open",
  "unknown",
  "applied",
  "at",
  "clock-ahead",
  "unreadable",
  "unsupported",
];

/** What a link that was away, or that the hub has forgotten, has to know to find itself again. */
export interface Horizon {
  /** Deletions up to this seq of the hub may have been collected, the latest of them written at. */
  readonly seq: number;
  readonly stamp: Hlc;
  /** The hub's seq up to which it knows the replica to have had the same history. */
  readonly known: number;
}

/** The delta-interval `(from, to]` of the hub's history. */
export interface DownState {
  readonly from: number;
  readonly to: number;
  /** The highest seq of the hub. */
  readonly head: number;
  /** Every link has acknowledged the hub's history up to this seq. */
  readonly stable: number;
  /** Given with the whole state (`from` 0), else null. */
  readonly horizon: Horizon | null;
  readonly groups: readonly Group[];
}

/** Hub to edge. */
export interface DownFrame {
  readonly outcome: Outcome;
  readonly link: number;
  readonly at: Position;
  /** The hub's clock, epoch milliseconds. */
  readonly hubNowMs: number;
  /** Null if the hub has no state for its edges, or nothing was applied. */
  readonly state: DownState | null;
}

/** A frame as received, with what it adds to the dictionary. */
export interface ReceivedDownFrame extends DownFrame {
  readonly newKeys: NewKeys | null;
}

const HAS_GROUPS = HAS_HELLO;

/** Encodes a down-frame; `base` keys of the dictionary of the way down are known to the edge. */
export function encodeDownFrame(
  frame: DownFrame,
  keys: KeyDictionary = new KeyDictionary(),
  base = 0,
  version: number = PROTOCOL_VERSION,
): Uint8Array {
  const { state } = frame;
  const hasGroups = state !== null && state.groups.length > 0;
  const writer = openFrame(DOWN, (state ? HAS_STATE : 0) | (hasGroups ? HAS_GROUPS : 0), version);
  writer.byte(OUTCOMES.indexOf(frame.outcome));
  writer.varint(frame.link);
  writePosition(writer, frame.at);
  writer.varint(frame.hubNowMs);
  if (state !== null) {
    writer.varint(state.from);
    writer.varint(state.to - state.from);
    writer.varint(state.head - state.to);
    writer.varint(state.stable);
    if (state.horizon !== null) writeHorizon(writer, state.horizon);
    if (hasGroups) writeGroups(writer, state.groups, keys, base);
  }
  return closeFrame(writer);
}

/** Decodes a down-frame; `keys` is not changed. */
export function decodeDownFrame(
  bytes: Uint8Array,
  keys: KeyDictionary = new KeyDictionary(),
  versions: Versions = VERSIONS,
): Result<ReceivedDownFrame, FrameError> {
  const opened = readFrame(bytes, DOWN, versions);
  if (!opened.ok) return opened;
  const { reader, flags } = opened.value;
  const outcome = OUTCOMES[reader.byte()];
  const link = reader.varint();
  const at = readPosition(reader);
  const hubNowMs = reader.varint();
  const told = (flags & HAS_STATE) === 0 ? NOTHING : readState(reader, flags, keys);
  if (told === null) return err("no-dictionary");
  const isWhole = !reader.broken && reader.remaining === 0 && isTold(told.state);
  if (!isWhole || outcome === undefined || hubNowMs > TIME_MS_MAX) return err("broken-frame");
  return ok({ outcome, link, at, hubNowMs, ...told });
}

/** Tells whether the numbers of what was told are ones that could have been written. */
function isTold(state: DownState | null): boolean {
  const isCounted = state === null || Number.isSafeInteger(state.head);
  return isCounted && (state?.horizon?.stamp.wallMs ?? 0) <= TIME_MS_MAX;
}

const NOTHING = { state: null, newKeys: null };

function readState(
  reader: ByteReader,
  flags: number,
  keys: KeyDictionary,
): Pick<ReceivedDownFrame, "state" | "newKeys"> | null {
  const from = reader.varint();
  const to = from + reader.varint();
  const head = to + reader.varint();
  const stable = reader.varint();
  const horizon = from === 0 ? readHorizon(reader) : null;
  const read = flags & HAS_GROUPS ? readGroups(reader, keys) : NO_GROUPS;
  if (read === null) return null;
  return { state: { from, to, head, stable, horizon, groups: read.groups }, newKeys: read.newKeys };
}

function writeHorizon(writer: ByteWriter, { seq, stamp, known }: Horizon): void {
  writer.varint(seq);
  writer.varint(stamp.wallMs);
  writer.varint(stamp.logical);
  writer.varint(known);
}

function readHorizon(reader: ByteReader): Horizon {
  const seq = reader.varint();
  const stamp = { wallMs: reader.varint(), logical: reader.varint() };
  if (stamp.logical > LOGICAL_MAX) reader.fail();
  return { seq, stamp, known: reader.varint() };
}
