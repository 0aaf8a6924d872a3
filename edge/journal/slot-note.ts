// What stands beside a slot's batches? What the journal's reader at the origin need not know, and a
// restart does: docs/storage-schema.md describes every byte.

import { err, ok, type Result } from "../../sync/result.ts";
import {
  decodeBatch,
  decodeBatches,
  encodeBatches,
  type BatchIdentity,
  type ReadingBatch,
} from "../../sync/wire/batch.ts";
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from "../../sync/limits.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import type { Committed, Kept } from "./committed.ts";

/** A kept batch, and where its bytes are in the slot's body. */
export interface Placed {
  readonly start: number;
  readonly end: number;
  readonly conflicts: readonly number[];
}

/** A batch, and where its bytes are in its slot's body. */
export interface PlacedBatch {
  readonly batch: ReadingBatch;
  readonly start: number;
  readonly end: number;
}

/** What a note says of one batch; `name` is null if the first that is kept of it has its name. */
export interface Noted {
  readonly arrivedMs: number;
  readonly sentMs: number | null;
  readonly duplicates: number;
  readonly name: Uint8Array | null;
  readonly placed: readonly Placed[];
}

/** A kept batch is one of at most two: with times, and without. */
const KEPT_MAX = 2;
const HAS_SENT = 4;
const IS_NAMED = 8;
const HAS_CONFLICTS = 16;

/** Batches with what encodePart() makes of them. */
export type EncodedParts = ReadonlyMap<ReadingBatch, Uint8Array>;

/** Encodes one batch as a slot's body has it: without the count before it. */
export function encodePart(batch: ReadingBatch): Uint8Array {
  return encodeBatches([batch]).subarray(1);
}

/** Finds the encoded parts of an entry of one batch, which are the whole of it. */
export function partsOfEntry(entry: Uint8Array, batches: readonly ReadingBatch[]): EncodedParts {
  const [only, more] = batches;
  return new Map(only === undefined || more !== undefined ? [] : [[only, entry.subarray(1)]]);
}

/** Decodes what encodePart() wrote; null if it is broken. */
export function decodePart(part: Uint8Array): ReadingBatch | null {
  return decodeBatch(part);
}

/** Joins encoded batches to a slot's body. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(parts.length);
  for (const part of parts) writer.raw(part);
  return writer.bytes();
}

/**
 * Encodes what stands beside the batches.
 *
 * @param lengths Those of the kept ones in the body.
 * @param accepted Readings that the hub has accepted with these; null: it is not known.
 */
export function encodeNote(
  stampMs: number,
  batches: readonly Committed[],
  lengths: readonly number[],
  accepted: number | null,
): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(batches.length);
  let part = 0;
  for (const committed of batches) {
    writeNoted(writer, stampMs, committed, lengths.slice(part, part + committed.kept.length));
    part += committed.kept.length;
  }
  if (accepted !== null) writer.varint(accepted);
  return writer.bytes();
}

function writeNoted(
  writer: ByteWriter,
  stampMs: number,
  committed: Committed,
  lengths: readonly number[],
): void {
  const { arrivedMs, sentMs, kept, duplicates } = committed;
  const name = nameOf(committed);
  const hasConflicts = kept.some(({ conflicts }) => conflicts.length > 0);
  writer.byte(
    kept.length |
      (sentMs === null ? 0 : HAS_SENT) |
      (name === null ? 0 : IS_NAMED) |
      (hasConflicts ? HAS_CONFLICTS : 0),
  );
  writer.zigzag(arrivedMs - stampMs);
  if (sentMs !== null) writer.zigzag(sentMs - arrivedMs);
  writer.varint(duplicates);
  if (name !== null) writer.block(name);
  for (const length of lengths) writer.varint(length);
  if (!hasConflicts) return;
  for (const { conflicts } of kept) {
    writer.varint(conflicts.length);
    conflicts.forEach((position, at) => writer.varint(position - (conflicts[at - 1] ?? 0)));
  }
}

/** The name of a batch of which nothing is kept, or which is kept under another. */
function nameOf({ device, identity, contentHash, kept }: Committed): Uint8Array | null {
  const first = kept[0]?.batch;
  const isSaid =
    first !== undefined &&
    first.contentHash === contentHash &&
    isSameIdentity(first.identity, identity);
  if (isSaid) return null;
  const empty = { device, identity, contentHash, isTimeAssigned: false, times: [], columns: [] };
  return encodePart(empty);
}

/** Tells whether two batches have the same name. */
function isSameIdentity(left: BatchIdentity, right: BatchIdentity): boolean {
  if (left.kind === "boot")
    return right.kind === "boot" && left.boot === right.boot && left.seq === right.seq;
  if (left.kind === "key") return right.kind === "key" && left.key === right.key;
  return right.kind === "none";
}

/** Decodes a note; nothing of the body is looked at. */
export function decodeNote(
  stampMs: number,
  note: Uint8Array,
): Result<readonly Noted[], "broken-note"> {
  const reader = new ByteReader(note);
  const count = reader.count(ENTRY_BATCHES_MAX, 24);
  const noted: Noted[] = [];
  // The body begins with the number of its batches.
  let start = 0;
  for (let i = 0; i < count && !reader.broken; i += 1) {
    const one = readNoted(reader, stampMs, start);
    start = one.placed.at(-1)?.end ?? start;
    noted.push(one);
  }
  if (reader.remaining > 0) reader.varint();
  if (reader.broken || reader.remaining > 0) return err("broken-note");
  const parts = noted.reduce((sum, { placed }) => sum + placed.length, 0);
  const countBytes = parts < 0x80 ? 1 : 2;
  return ok(
    noted.map((one) => ({ ...one, placed: one.placed.map((at) => moved(at, countBytes)) })),
  );
}

/** How many readings the hub had accepted with an entry; null: a release wrote it that did not say. */
export function acceptedIn(note: Uint8Array): number | null {
  const reader = new ByteReader(note);
  const count = reader.count(ENTRY_BATCHES_MAX, 24);
  for (let i = 0; i < count && !reader.broken; i += 1) readNoted(reader, 0, 0);
  if (reader.remaining === 0) return null;
  const accepted = reader.varint();
  return reader.broken || reader.remaining > 0 ? null : accepted;
}

function readNoted(reader: ByteReader, stampMs: number, from: number): Noted {
  const flags = reader.byte();
  const arrivedMs = stampMs + reader.zigzag();
  const sentMs = (flags & HAS_SENT) === 0 ? null : arrivedMs + reader.zigzag();
  const duplicates = reader.varint();
  const name = (flags & IS_NAMED) === 0 ? null : reader.block(ENTRY_BYTES_MAX);
  const kept = flags & (HAS_SENT - 1);
  if (kept > KEPT_MAX || flags >= 2 * HAS_CONFLICTS) reader.fail();
  let start = from;
  const places = Array.from({ length: kept }, () => {
    const place = { start, end: start + reader.varint(), conflicts: [] as number[] };
    start = place.end;
    return place;
  });
  if ((flags & HAS_CONFLICTS) !== 0)
    for (const place of places) place.conflicts.push(...readPositions(reader));
  return { arrivedMs, sentMs, duplicates, name, placed: places };
}

function readPositions(reader: ByteReader): number[] {
  const count = reader.count(ENTRY_BYTES_MAX, 8);
  const positions: number[] = [];
  for (let i = 0; i < count && !reader.broken; i += 1)
    positions.push((positions[i - 1] ?? 0) + reader.varint());
  return positions;
}

function moved({ start, end, conflicts }: Placed, by: number): Placed {
  return { start: start + by, end: end + by, conflicts };
}

/** Puts a slot's note and its body together again; null if they are broken. */
export function decodeSlot(
  stampMs: number,
  note: Uint8Array,
  body: Uint8Array,
): Committed[] | null {
  const noted = decodeNote(stampMs, note);
  const batches = decodeBatches(body);
  if (!noted.ok || !batches.ok) return null;
  const left = batches.value.values();
  const committed: Committed[] = [];
  for (const { arrivedMs, sentMs, duplicates, name, placed } of noted.value) {
    const kept: Kept[] = [];
    for (const { conflicts } of placed) {
      const batch = left.next().value;
      if (batch === undefined) return null;
      kept.push({ batch, conflicts });
    }
    const named = name === null ? kept[0]?.batch : decodePart(name);
    if (named === null || named === undefined) return null;
    const { device, identity, contentHash } = named;
    committed.push({ device, identity, contentHash, arrivedMs, sentMs, duplicates, kept });
  }
  return left.next().done === true ? committed : null;
}

/** The batches of a slot, with their places in its body; what is broken is left out. */
export function* placedIn(slot: {
  readonly stampMs: number;
  readonly note: Uint8Array;
  readonly body: Uint8Array;
}): Iterable<PlacedBatch> {
  const noted = decodeNote(slot.stampMs, slot.note);
  for (const { start, end } of noted.ok ? noted.value.flatMap(({ placed }) => placed) : []) {
    const batch = decodePart(slot.body.subarray(start, end));
    if (batch !== null) yield { batch, start, end };
  }
}
