// How does a log travel beside state? Its entries in their order, each as what follows the one before.
// A link that has no log goes without: what has only state does not carry this along.

import type { LogEntry } from "../crdt/batch-log.ts";
import { ENTRY_BYTES_MAX, FRAME_ENTRIES_MAX, TIME_MS_MAX } from "../limits.ts";
import { ByteWriter, type ByteReader } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";

/** What a link needs for its log. */
export interface LogLane {
  /** Writes the entries after seq `from`. */
  readonly write: (writer: ByteWriter, log: readonly LogEntry[], from: number) => void;
  /** Reads entries after `from` and up to `to`; breaks the reader on anything else. */
  readonly read: (reader: ByteReader, from: number, to: number) => LogEntry[];
  /** The checksum of the last entry, if it is that of `seq`. */
  readonly digestAt: (log: readonly LogEntry[], seq: number) => number | null;
  /** Tells whether an entry is stamped later than `limitMs`. */
  readonly isAhead: (log: readonly LogEntry[], limitMs: number) => boolean;
}

/** The checksum of a log's entry, with its stamp. */
export function entryDigest({ stampMs, body }: Pick<LogEntry, "stampMs" | "body">): number {
  const writer = new ByteWriter();
  writer.varint(stampMs);
  return crc32c(body, crc32c(writer.bytes()));
}

function write(writer: ByteWriter, log: readonly LogEntry[], from: number): void {
  writer.varint(log.length);
  let seq = from;
  let stampMs = 0;
  for (const entry of log) {
    writer.varint(entry.seq - seq - 1);
    writer.zigzag(entry.stampMs - stampMs);
    writer.block(entry.body);
    ({ seq, stampMs } = entry);
  }
}

function read(reader: ByteReader, from: number, to: number): LogEntry[] {
  let seq = from;
  let stampMs = 0;
  return reader.times(reader.count(FRAME_ENTRIES_MAX, 24), () => {
    seq += reader.varint() + 1;
    stampMs += reader.zigzag();
    if (seq > to || stampMs < 0 || stampMs > TIME_MS_MAX) reader.fail();
    return { seq, stampMs, body: reader.block(ENTRY_BYTES_MAX) };
  });
}

/** The lane of a log of batches. */
export const LOG_LANE: LogLane = {
  write,
  read,
  digestAt(log, seq) {
    const last = log.at(-1);
    return last?.seq === seq ? entryDigest(last) : null;
  },
  isAhead: (log, limitMs) => log.some((entry) => entry.stampMs > limitMs),
};
