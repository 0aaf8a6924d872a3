// What does the hub answer? What it holds of the edge's history, and what of its own the edge lacks.

import type { Hlc } from "../clock/hlc.ts";
import type { Result } from "../result.ts";
import type { ByteReader } from "./bytes.ts";
import { KeyDictionary, type NewKeys } from "./dictionary.ts";
import {
  closeFrame,
  decodeFrame,
  DOWN,
  HAS_EXTENSION,
  HAS_HELLO,
  HAS_STATE,
  NO_GROUPS,
  openFrame,
  positionCodec,
  PROTOCOL_VERSION,
  readGroups,
  VERSIONS,
  writeGroups,
  type FrameError,
  type Group,
  type Position,
  type Versions,
} from "./frame.ts";
import { naturalCodec, oneOfCodec, recordCodec, timeCodec } from "./values.ts";
import { logicalCodec } from "./values/scalars.ts";

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
/** Those that are known. */
const FLAGS: number = HAS_GROUPS | HAS_STATE | HAS_EXTENSION;

const FIELDS = /* @__PURE__ */ recordCodec({
  outcome: /* @__PURE__ */ oneOfCodec<Outcome>([
    "open",
    "unknown",
    "applied",
    "at",
    "clock-ahead",
    "unreadable",
    "unsupported",
  ]),
  link: naturalCodec,
  at: positionCodec,
  hubNowMs: timeCodec,
});

/** Of a state: `length` is how far it reaches, `rest` how much is left. */
const TOLD = /* @__PURE__ */ recordCodec({
  from: naturalCodec,
  length: naturalCodec,
  rest: naturalCodec,
  stable: naturalCodec,
});

const HORIZON = /* @__PURE__ */ recordCodec<Horizon>({
  seq: naturalCodec,
  stamp: /* @__PURE__ */ recordCodec({
    wallMs: timeCodec,
    logical: logicalCodec,
  }),
  known: naturalCodec,
});

/** Encodes a down-frame, by itself if no keys are given; see encodeDown(). */
export function encodeDownFrame(
  frame: DownFrame,
  keys?: KeyDictionary,
  base?: number,
  version: number = PROTOCOL_VERSION,
): Uint8Array {
  return encodeDown(frame, version, keys, base);
}

/** Decodes a down-frame, one by itself if no keys are given; see decodeDown(). */
export function decodeDownFrame(
  bytes: Uint8Array,
  keys: KeyDictionary = new KeyDictionary(),
  versions: Versions = VERSIONS,
): Result<ReceivedDownFrame, FrameError> {
  return decodeDown(bytes, keys, versions);
}

/** Encodes a down-frame; `base` keys of the dictionary of the way down are known to the edge. */
export function encodeDown(
  frame: DownFrame,
  version: number,
  keys: KeyDictionary = new KeyDictionary(),
  base = 0,
): Uint8Array {
  const { state } = frame;
  const hasGroups = (state?.groups.length ?? 0) > 0;
  const writer = openFrame(DOWN, (state ? HAS_STATE : 0) | (hasGroups ? HAS_GROUPS : 0), version);
  FIELDS.write(writer, [frame]);
  if (state) {
    const { from, to, head, stable, horizon } = state;
    TOLD.write(writer, [{ from, length: to - from, rest: head - to, stable }]);
    if (horizon) HORIZON.write(writer, [horizon]);
    if (hasGroups) writeGroups(writer, state.groups, keys, base);
  }
  return closeFrame(writer);
}

/** Decodes a down-frame; `keys` is not changed. */
export function decodeDown(
  bytes: Uint8Array,
  keys: KeyDictionary,
  versions: Versions,
): Result<ReceivedDownFrame, FrameError> {
  return decodeFrame(bytes, DOWN, FLAGS, versions, ({ reader, flags }) => {
    const [fields] = FIELDS.read(reader, 1);
    const told = flags & HAS_STATE ? readState(reader, flags, keys) : NOTHING;
    return fields && told && { ...fields, ...told };
  });
}

const NOTHING = { state: null, newKeys: null };

function readState(
  reader: ByteReader,
  flags: number,
  keys: KeyDictionary,
): Pick<ReceivedDownFrame, "state" | "newKeys"> | null | undefined {
  const [told] = TOLD.read(reader, 1);
  if (!told) return undefined;
  const { from, length, rest, stable } = told;
  const to = from + length;
  const head = to + rest;
  if (!Number.isSafeInteger(head)) reader.fail();
  const [horizon = null] = from === 0 ? HORIZON.read(reader, 1) : [];
  const read = flags & HAS_GROUPS ? readGroups(reader, keys) : NO_GROUPS;
  if (!read) return null;
  const { groups, newKeys } = read;
  return { state: { from, to, head, stable, horizon, groups }, newKeys };
}
