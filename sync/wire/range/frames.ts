// What of a frame do both ends know already? Who speaks, from where, and what was held: all of it the
// exchange before has left them with, and the checksum stands on it. The rest is coded as numbers.

import { LOGICAL_MAX } from "../../clock/hlc.ts";
import { FRAME_BYTES_MAX, TIME_MS_MAX } from "../../limits.ts";
import { ByteWriter } from "../bytes.ts";
import { crc32c } from "../crc32c.ts";
import type { DownFrame, DownState, Horizon, ReceivedDownFrame } from "../down-frame.ts";
import { digestOf, isSamePosition, type Group, type Position } from "../frame.ts";
import type { ReceivedUpFrame, UpFrame } from "../up-frame.ts";
import { RangeCoder } from "./coder.ts";
import { GroupCoder } from "./groups.ts";
import type { LinkMemory } from "./memory.ts";
import { codeNumber, codeSigned } from "./numbers.ts";
import { Surroundings } from "./surroundings.ts";

/** The first byte of a frame of this encoding, by its way. */
export const UP_MAGIC = 0x75;
export const DOWN_MAGIC = 0x64;
/** An up-frame says beside it the lower half of its link's number, and a byte of what it stands on. */
export const UP_HEAD_BYTES = 4;
const DOWN_HEAD_BYTES = 1;
const CRC_BYTES = 4;
/** Bytes of names, texts and bodies that a byte of a frame may stand for, and so many more. */
const EXPANSION_MAX = 1_024;
const EXPANSION_FREE = 4_096;

const FLOOR = 5;
const HEAD = 6;
const SENT = 7;
const LENGTH = 8;
const KEYLESS = 9;
const NOW = 10;
const FROM = 11;
const TOLD = 12;
const REST = 13;
const STABLE = 14;
const HORIZON = 15;

/** The lower half of a link's number. */
export function shortOf(link: number): number {
  return link % 0x10000;
}

/** Bytes that a frame may stand for. */
function bytesMaxOf(length: number): number {
  return Math.min(FRAME_BYTES_MAX, EXPANSION_FREE + length * EXPANSION_MAX);
}

/** Writes an up-frame of a link without a log; null: it has no form in this encoding. */
export function writeUp(memory: LinkMemory, frame: UpFrame): Uint8Array | null {
  const { link, digest } = memory.exchanged;
  const short = shortOf(link);
  const head = Uint8Array.of(UP_MAGIC, short & 0xff, short >> 8, digest & 0xff);
  const coder = new RangeCoder(memory.models);
  const { sum, groups } = codeUp(coder, memory, frame, FRAME_BYTES_MAX);
  return sealed(coder, head, digest, sum, groups);
}

/** Reads one that stands on the memory's last exchange; null: it does not. */
export function readUp(memory: LinkMemory, bytes: Uint8Array): ReceivedUpFrame | null {
  const { link, version, digest } = memory.exchanged;
  const coder = opened(memory, bytes, UP_HEAD_BYTES);
  const bytesMax = bytesMaxOf(bytes.length);
  const { sum, ...said } = codeUp(coder, memory, null, bytesMax);
  if (!isSound(coder, bytes, digest, sum)) return null;
  return { ...said, speaker: { kind: "link", link }, log: [], version, newKeys: null };
}

/** Stands for what is read. */
const NOTHING_UP = { floor: 0, to: 0, head: 0, sentMs: 0, isKeyless: false };
const NOTHING_DOWN: Told = {
  hubNowMs: 0,
  state: { from: 0, to: 0, head: 0, stable: 0, horizon: null, groups: [] },
};

type SaidUp = Omit<UpFrame, "speaker" | "log"> & Coded;

function codeUp(
  coder: RangeCoder,
  memory: LinkMemory,
  frame: UpFrame | null,
  bytesMax: number,
): SaidUp {
  const { at: from, told: ack, hubNowMs } = memory.exchanged;
  const given = frame ?? NOTHING_UP;
  const number = (field: number, value: number): number =>
    codeNumber(coder, memory.field(field), value);
  const floor = number(FLOOR, given.floor);
  const to = from.seq + number(LENGTH, given.to - from.seq);
  const head = to + number(HEAD, given.head - to);
  const sentMs = hubNowMs + codeSigned(coder, memory.field(SENT), given.sentMs - hubNowMs);
  const isKeyless = coder.bit(memory.field(KEYLESS), Number(given.isKeyless)) === 1;
  const isSound = Number.isSafeInteger(head) && floor >= 1 && sentMs >= 0 && sentMs <= TIME_MS_MAX;
  if (!isSound) coder.fail();
  const around = new Surroundings("up", sentMs, ack.seq, bytesMax);
  around.noteNumbers(floor, to, head, sentMs, Number(isKeyless));
  const coded = codeGroups(coder, memory, around, frame?.groups);
  return { floor, head, sentMs, from, to, ack, isKeyless, ...coded };
}

/** Groups, and a sum of what they say. */
interface Coded {
  readonly groups: readonly Group[];
  readonly sum: number;
}

function codeGroups(
  coder: RangeCoder,
  memory: LinkMemory,
  around: Surroundings,
  given: readonly Group[] | undefined,
): Coded {
  const groups = coder.broken ? [] : new GroupCoder(coder, memory, around).code(given ?? null);
  return { groups, sum: around.sum };
}

/** What an answer is coded behind. */
export interface Asked {
  /** The checksum of the request, and where the hub is once it has applied it. */
  readonly digest: number;
  readonly at: Position;
  readonly ack: Position;
  readonly sentMs: number;
  /** What the answer is: one to a frame with state, or to one that says nothing. */
  readonly side: "reply" | "down";
}

/** What was asked by an up-frame, of `bytes`. */
export function askedBy(frame: UpFrame, digest: number): Asked {
  const { from, to, ack, sentMs } = frame;
  const at = to === from.seq ? from : { seq: to, digest };
  return { digest, at, ack, sentMs, side: to === from.seq ? "down" : "reply" };
}

/** Writes the answer to an up-frame that was applied; null: it has no form in this encoding. */
export function writeDown(
  memory: LinkMemory,
  asked: Asked,
  { outcome, link, at, hubNowMs, state }: DownFrame,
): Uint8Array | null {
  const isPlain =
    outcome !== "applied" || link !== memory.exchanged.link || !isSamePosition(at, asked.at);
  if (isPlain || !state) return null;
  const coder = new RangeCoder(memory.models);
  const told = codeDown(coder, memory, asked, { hubNowMs, state }, FRAME_BYTES_MAX);
  return sealed(coder, Uint8Array.of(DOWN_MAGIC), asked.digest, told.sum, state.groups);
}

/** Reads the answer to a request; null: it is not that. */
export function readDown(
  memory: LinkMemory,
  asked: Asked,
  bytes: Uint8Array,
): ReceivedDownFrame | null {
  const coder = opened(memory, bytes, DOWN_HEAD_BYTES);
  const { sum, ...told } = codeDown(coder, memory, asked, null, bytesMaxOf(bytes.length));
  if (!isSound(coder, bytes, asked.digest, sum)) return null;
  const { link } = memory.exchanged;
  return { outcome: "applied", link, at: asked.at, ...told, newKeys: null };
}

interface Told {
  readonly hubNowMs: number;
  readonly state: DownState;
}

function codeDown(
  coder: RangeCoder,
  memory: LinkMemory,
  { sentMs, ack, side }: Asked,
  told: Told | null,
  bytesMax: number,
): Told & Pick<Coded, "sum"> {
  const { state: given, hubNowMs: givenMs } = told ?? NOTHING_DOWN;
  const number = (field: number, value: number): number =>
    codeNumber(coder, memory.field(field), value);
  const signed = (field: number, from: number, value: number): number =>
    from + codeSigned(coder, memory.field(field), value - from);
  const hubNowMs = signed(NOW, sentMs, givenMs);
  const from = signed(FROM, ack.seq, given.from);
  const to = from + number(TOLD, given.to - from);
  const head = to + number(REST, given.head - to);
  const stable = signed(STABLE, from, given.stable);
  const horizon = from === 0 ? codeHorizon(number, given.horizon ?? NO_HORIZON) : null;
  const isSound = Number.isSafeInteger(head) && from >= 0 && stable >= 0;
  if (!isSound || hubNowMs < 0 || hubNowMs > TIME_MS_MAX) coder.fail();
  const around = new Surroundings(side, hubNowMs, from, bytesMax);
  around.noteNumbers(hubNowMs, from, to, head, stable);
  if (horizon && !isNoted(horizon, around)) coder.fail();
  const { groups, sum } = codeGroups(coder, memory, around, told?.state.groups);
  return { hubNowMs, sum, state: { from, to, head, stable, horizon, groups } };
}

function codeHorizon(number: (field: number, value: number) => number, horizon: Horizon): Horizon {
  const seq = number(HORIZON, horizon.seq);
  const wallMs = number(HORIZON, horizon.stamp.wallMs);
  const logical = number(HORIZON, horizon.stamp.logical);
  return { seq, stamp: { wallMs, logical }, known: number(HORIZON, horizon.known) };
}

/** Adds a horizon to the sum, and tells whether it is one. */
function isNoted({ seq, stamp, known }: Horizon, around: Surroundings): boolean {
  const { wallMs, logical } = stamp;
  around.noteNumbers(seq, wallMs, logical, known);
  return wallMs <= TIME_MS_MAX && logical <= LOGICAL_MAX;
}

const NO_HORIZON: Horizon = { seq: 0, stamp: { wallMs: 0, logical: 0 }, known: 0 };

/** Ends a frame: its checksum is of what it stands on, its bytes, and what they are to say. */
function sealed(
  coder: RangeCoder,
  head: Uint8Array,
  before: number,
  sum: number,
  groups: readonly Group[],
): Uint8Array | null {
  if (coder.broken) return null;
  const writer = new ByteWriter();
  writer.raw(head);
  writer.raw(coder.finish());
  writer.uint32(checksumOf(writer.bytes(), before, sum));
  const stands = groups.reduce((bytes, { body }) => bytes + body.length, 0);
  const isFrame = writer.length <= FRAME_BYTES_MAX && stands <= bytesMaxOf(writer.length);
  return isFrame ? writer.bytes() : null;
}

function opened(memory: LinkMemory, bytes: Uint8Array, headBytes: number): RangeCoder {
  const coder = new RangeCoder(memory.models, bytes.subarray(headBytes, -CRC_BYTES));
  if (bytes.length < headBytes + CRC_BYTES || bytes.length > FRAME_BYTES_MAX) coder.fail();
  return coder;
}

function isSound(coder: RangeCoder, bytes: Uint8Array, before: number, sum: number): boolean {
  return coder.isDone && digestOf(bytes) === checksumOf(bytes.subarray(0, -CRC_BYTES), before, sum);
}

function checksumOf(bytes: Uint8Array, before: number, sum: number): number {
  const writer = new ByteWriter();
  writer.uint32(sum >>> 0);
  return crc32c(writer.bytes(), crc32c(bytes, before));
}
