// What does a binary message say? One batch in the encoding of the journal (docs/wire-format.md),
// behind a version and the device's clock, so that what a device wrote is what the hub hashes and
// keeps. Bounds are checked before anything of that size is made; anything wrong is a problem.

import type { Problem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { isSummable } from "../../sync/decimal.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { decodeBatches, withHash, type Column, type ReadingBatch } from "../../sync/wire/batch.ts";
import { ByteReader, encodeText } from "../../sync/wire/bytes.ts";
import { limits } from "../limits.ts";
import {
  Cursor,
  isPlainKey,
  malformed,
  noReading,
  type ParsedReadings,
} from "../telemetry/parsed-readings.ts";
import { arePlain, ReadingCollector } from "../telemetry/reading-collector.ts";
import { areTimes, parseTime } from "../telemetry/time.ts";

/** The first byte: the version of the binary message. */
export const BINARY_VERSION = 1;

/** A binary message that decodes. */
export interface BinaryBatch {
  readonly batch: ReadingBatch;
  /** The encoded batch as an entry, its content hash 0: what the hash is taken over. */
  readonly content: Uint8Array;
  /** Where in `content` the content hash stands. */
  readonly hashAt: number;
  readonly sentMs: number | null;
  /** True if every reading is good as it stands; otherwise they are to be collected one by one. */
  readonly isClean: boolean;
}

const HASH_BYTES = 8;
const NO_HASH = "0".repeat(2 * HASH_BYTES);

/** Decodes a binary message of a device. */
export function decodeBinary(bytes: Uint8Array, device: DeviceId): Result<BinaryBatch, Problem> {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  const sent = reader.varint();
  if (reader.broken) return err(malformed("", "The message is too short"));
  if (version !== BINARY_VERSION) {
    return err(malformed("", `A binary message begins with ${BINARY_VERSION}, not ${version}`));
  }
  if (sent > TIME_MS_MAX) return err(malformed("/sent", "sent is epoch milliseconds, or 0"));
  const content = bytes.subarray(bytes.length - reader.remaining);
  const decoded = decodeBatches(content);
  const [batch] = decoded.ok ? decoded.value : [];
  if (!decoded.ok || batch === undefined || decoded.value.length > 1) {
    const why = "Behind sent stands a count of 1, then one batch within its bounds, and no more";
    return err(malformed("", why));
  }
  const problem = problemOf(batch, device);
  if (problem !== null) return err(problem);
  const hashAt = hashOffset(batch);
  const sentMs = sent === 0 ? null : sent;
  return ok({ batch, content, hashAt, sentMs, isClean: isClean(batch) });
}

/** Makes the hub's entry of the content: its hash in its place. */
export function entryOf({ content, hashAt }: BinaryBatch, contentHash: string): Uint8Array {
  return withHash({ bytes: content, hashesAt: [hashAt] }, contentHash);
}

/** Sorts the readings into good and bad, as those of a JSON body are. */
export function collect({ batch, sentMs }: BinaryBatch): ParsedReadings {
  const { identity, isTimeAssigned, times, columns } = batch;
  const readings = new ReadingCollector(identity.kind !== "none");
  for (const { stream, kind, rows, values } of columns) {
    const at = new Cursor(`/series/${stream}`);
    for (const [i, row] of rows.entries()) {
      at.index = row;
      const value = kind === "boolean" ? values[i] === 1 : values[i];
      const timeMs = isTimeAssigned ? null : (parseTime(times[row]) ?? "bad");
      readings.take(stream, value, timeMs, at);
    }
  }
  return { identity, sentMs, readings, isRelative: false };
}

function problemOf(batch: ReadingBatch, device: DeviceId): Problem | null {
  const { contentHash, isTimeAssigned, times, columns } = batch;
  if (batch.device !== device)
    return malformed("/device", `This stream is of device "${device}": send no other's readings`);
  if (contentHash !== NO_HASH) return malformed("", "The content hash is 0 in a message");
  if (!isPlainIdentity(batch))
    return malformed("/boot", "boot, or a key, is printable characters, and seq counts from 1");
  if (isTimeAssigned && (times.length !== 1 || times[0] !== 0))
    return malformed("/t", "A batch whose times the hub assigns has one time, 0");
  return columns.length === 0 || columns.some(({ rows }) => rows.length === 0) ? noReading() : null;
}

function isPlainIdentity({ identity }: ReadingBatch): boolean {
  if (identity.kind === "none") return true;
  if (identity.kind === "key") return isPlainKey(identity.key);
  return isPlainKey(identity.boot) && identity.seq >= 1;
}

function isClean({ identity, isTimeAssigned, times, columns }: ReadingBatch): boolean {
  if (isTimeAssigned && identity.kind === "none") return false;
  if (!isTimeAssigned && !areAllTimes(times)) return false;
  if (columns.length > limits.streamsPerDeviceMax) return false;
  // A time without a reading would not come out of the collector, and so not into the hash.
  if (!columns.some(({ rows }) => rows.length === times.length)) return false;
  return columns.every(isSound);
}

function isSound({ kind, values }: Column): boolean {
  const isFit = (value: number): boolean => isSummable(value) && !Object.is(value, -0);
  const given: readonly unknown[] = values;
  return kind === "boolean" || arePlain(given) || values.every(isFit);
}

function areAllTimes(times: readonly number[]): boolean {
  const given: readonly unknown[] = times;
  return areTimes(given) || times.every((time) => parseTime(time) !== null);
}

/** Count, flags, device and identity stand before the hash. */
function hashOffset({ device, identity }: ReadingBatch): number {
  const before = 2 + textBytes(device) + 1;
  if (identity.kind === "none") return before;
  if (identity.kind === "key") return before + textBytes(identity.key);
  return before + textBytes(identity.boot) + varintBytes(identity.seq);
}

function textBytes(text: string): number {
  const { length } = encodeText(text);
  return varintBytes(length) + length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
