// What does a hub send of its newest readings while older ones wait? Entries of its journal, as they
// are, outside the link's order: the origin joins readings by their identity, so that each counts once
// though it comes again when its turn has come (P2).

import type { LogEntry } from "../sync/crdt/batch-log.ts";
import { ENTRY_BYTES_MAX } from "../sync/limits.ts";
import { decodeBatches } from "../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../sync/wire/bytes.ts";

/** Entries of one message. */
export const LIVE_ENTRIES_MAX = 64;
/** Bytes of their bodies after which a message takes no more; one entry may be longer. */
export const LIVE_BYTES_TARGET: number = 64 * 1024;
/** The form's number, the first byte. */
const VERSION = 1;

/** Tells whether an entry has readings that were given no time by their device. */
export function hasTimeless(body: Uint8Array): boolean {
  const batches = decodeBatches(body);
  return batches.ok && batches.value.some(({ isTimeAssigned }) => isTimeAssigned);
}

/** Writes a message: the entries' seqs and stamps as differences, then their bodies. */
export function encodeLiveEntries(entries: readonly LogEntry[]): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(VERSION);
  writer.varint(entries.length);
  let [seq, stampMs] = [0, 0];
  for (const entry of entries) {
    writer.varint(entry.seq - seq);
    writer.zigzag(entry.stampMs - stampMs);
    writer.block(entry.body);
    ({ seq, stampMs } = entry);
  }
  return writer.bytes();
}

/** Reads a message; null if it is none. */
export function decodeLiveEntries(bytes: Uint8Array): LogEntry[] | null {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return null;
  const count = reader.count(LIVE_ENTRIES_MAX, 24);
  const entries: LogEntry[] = [];
  let [seq, stampMs] = [0, 0];
  for (let at = 0; at < count && !reader.broken; at += 1) {
    seq += reader.varint();
    stampMs += reader.zigzag();
    entries.push({ seq, stampMs, body: reader.block(ENTRY_BYTES_MAX) });
  }
  const isPast = !Number.isSafeInteger(seq) || !Number.isSafeInteger(stampMs) || stampMs < 0;
  return reader.broken || reader.remaining > 0 || isPast ? null : entries;
}
