// What does an edge say of readings that it accepted and gave up? A record for each stream and hour,
// whose count only grows: however often and in what order it is told, it comes to the same.

import { parseDeviceId, parseReplicaId, type ReplicaId } from "../sync/brand.ts";
import { decodeText, encodeText } from "../sync/wire/bytes.ts";

/** Readings of one stream in one hour that were given up, or lost, before the origin held them. */
export interface GapRecord {
  /**
   * Names the start of the hub that gave them up: a number drawn at random, which no copy of its disk
   * goes on with. (Records of older releases have the replicaEpoch.)
   */
  readonly epoch: number;
  /** "*": of any device of the hub; what was lost no longer says of which. */
  readonly device: string;
  /** "*": of any stream; many streams had gaps already. */
  readonly stream: string;
  readonly policy: string;
  /** The start of the hour of their event times, epoch milliseconds; -1: of any hour. */
  readonly hourMs: number;
  /** First and last event time, epoch milliseconds; of any device: when they were committed. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly readings: number;
}

export const HOUR_MS = 3_600_000;
/** Under this policy the minutes of what goes remain, and reach the origin (state/thinned.ts). */
export const THIN = "thin";
/** No policy: the hub's storage damaged what it had accepted. */
export const DAMAGE = "damage";
/** The same, and nobody knows of how many readings: the record says 0. */
export const DAMAGE_UNCOUNTED = "damage-uncounted";
/** In the place of a device, or a stream. */
export const ANY = "*";
const THINNED = { reason: "thinned", rollups: "1m" };
/** Records of one message. */
export const GAPS_PER_MESSAGE_MAX = 1_000;

/** A stretch of a stream's time in which readings are missing. */
export interface Gap {
  readonly device: string;
  readonly stream: string;
  readonly policy: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly readings: number;
}

/** Adds up the records of a device: hours that follow each other are one gap. */
export function mergeNeighbours(records: readonly GapRecord[]): Gap[] {
  const ordered = records.toSorted(
    (a, b) =>
      compare(a.device, b.device) ||
      compare(a.stream, b.stream) ||
      compare(a.policy, b.policy) ||
      a.hourMs - b.hourMs,
  );
  const gaps: (Gap & { readonly hourMs: number })[] = [];
  for (const { device, stream, policy, hourMs, firstMs, lastMs, readings } of ordered) {
    const last = gaps.at(-1);
    const isNext =
      last !== undefined &&
      last.device === device &&
      last.stream === stream &&
      last.policy === policy &&
      (last.hourMs === hourMs || (last.hourMs >= 0 && last.hourMs + HOUR_MS === hourMs));
    if (!isNext) {
      gaps.push({ device, stream, policy, hourMs, fromMs: firstMs, toMs: lastMs, readings });
      continue;
    }
    const fromMs = Math.min(last.fromMs, firstMs);
    const toMs = Math.max(last.toMs, lastMs);
    gaps[gaps.length - 1] = { ...last, hourMs, fromMs, toMs, readings: last.readings + readings };
  }
  return gaps;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Reads a record as tables hold it, a column a field. */
export function gapOfRow(row: Readonly<Record<string, unknown>>): GapRecord {
  return {
    epoch: Number(row["epoch"]),
    device: String(row["device"]),
    stream: String(row["stream"]),
    policy: String(row["policy"]),
    hourMs: Number(row["hour_ms"]),
    firstMs: Number(row["first_ms"]),
    lastMs: Number(row["last_ms"]),
    readings: Number(row["readings"]),
  };
}

/** A record's columns, in this order. */
export function columnsOf(gap: GapRecord): (string | number)[] {
  const { epoch, device, stream, policy, hourMs, firstMs, lastMs, readings } = gap;
  return [epoch, device, stream, policy, hourMs, firstMs, lastMs, readings];
}

/** What a hub tells of its gaps at once. */
export interface GapMessage {
  readonly replica: ReplicaId;
  readonly gaps: readonly GapRecord[];
}

/** Writes a message: JSON, a record as an array. */
export function encodeGaps({ replica, gaps }: GapMessage): Uint8Array {
  return encodeText(JSON.stringify({ replica, gaps: gaps.map(columnsOf) }));
}

/** Reads a message; null if it is none. */
export function decodeGaps(bytes: Uint8Array): GapMessage | null {
  const json = parseJson(bytes);
  if (typeof json !== "object" || json === null) return null;
  const { replica, gaps } = json as { readonly replica?: unknown; readonly gaps?: unknown };
  const named = typeof replica === "string" ? parseReplicaId(replica) : null;
  if (named === null || !Array.isArray(gaps) || gaps.length > GAPS_PER_MESSAGE_MAX) return null;
  const read = gaps.map(readGap);
  return read.includes(null) ? null : { replica: named, gaps: read as GapRecord[] };
}

const STREAM = /^(\*|[a-z][a-z0-9_]{0,63})$/;
const isDevice = (name: string): boolean => name === ANY || parseDeviceId(name) !== null;
const POLICY = /^[a-z-]{1,32}$/;

function readGap(row: unknown): GapRecord | null {
  if (!Array.isArray(row) || row.length !== 8) return null;
  const [epoch, device, stream, policy, hourMs, firstMs, lastMs, readings] = row as unknown[];
  const numbers = [epoch, hourMs, firstMs, lastMs, readings];
  if (!numbers.every((value) => Number.isSafeInteger(value) && Number(value) >= -1)) return null;
  const names = [device, stream, policy];
  if (!names.every((name) => typeof name === "string")) return null;
  const [name, of, by] = names as [string, string, string];
  if (!isDevice(name) || !STREAM.test(of) || !POLICY.test(by)) return null;
  const [e, hour, first, last, count] = numbers as [number, number, number, number, number];
  return {
    epoch: e,
    device: name,
    stream: of,
    policy: by,
    hourMs: hour,
    firstMs: first,
    lastMs: last,
    readings: count,
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(bytes) ?? "");
  } catch {
    return null;
  }
}

/** The records that have to do with streams (null: any), from a time on until before another. */
export function gapsWithin(
  records: readonly GapRecord[],
  streams: readonly string[] | null,
  fromMs: number,
  toMs: number,
): GapRecord[] {
  const isOf = ({ stream }: GapRecord): boolean =>
    streams === null || stream === "*" || streams.includes(stream);
  return records.filter((gap) => gap.firstMs < toMs && gap.lastMs >= fromMs && isOf(gap));
}

/** Gaps as an answer tells them: the newest of them. */
export interface ToldGaps {
  readonly listed: readonly Gap[];
  /** True if there are more. */
  readonly isTruncated: boolean;
}

/** Lists the newest `countMax` gaps. */
export function tellGaps(records: readonly GapRecord[], countMax: number): ToldGaps {
  const gaps = mergeNeighbours(records);
  const listed = gaps.toSorted((a, b) => b.toMs - a.toMs).slice(0, countMax);
  return { listed, isTruncated: gaps.length > countMax };
}

/** A gap as an answer has it; `iso` writes a time, epoch milliseconds, as RFC 3339. */
export function formatGap(
  { device, stream, policy, fromMs, toMs, readings }: Gap,
  iso: (timeMs: number) => string,
): object {
  const span = { from: iso(fromMs), to: iso(toMs) };
  if (policy === DAMAGE_UNCOUNTED || policy === DAMAGE)
    return {
      ...(device === ANY ? { device } : {}),
      stream,
      ...span,
      readings: policy === DAMAGE ? readings : null,
      reason: "damaged",
    };
  const why = policy === THIN ? THINNED : { reason: "buffer-full" };
  return { stream, ...span, readings, ...why, policy };
}

/** The gaps of a device as its door tells them, the newest `countMax`. */
export function formatGaps(
  device: string,
  records: readonly GapRecord[],
  countMax: number,
  iso: (timeMs: number) => string,
): object {
  const { listed, isTruncated } = tellGaps(records, countMax);
  return {
    device,
    readings: records.reduce((sum, gap) => sum + (gap.device === device ? gap.readings : 0), 0),
    gaps: listed.map((gap) => formatGap(gap, iso)),
    truncated: isTruncated,
  };
}
