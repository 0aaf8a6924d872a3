// How does a hub know that it speaks with the replica it knows? Each position in a history has a
// checksum of what was committed there; a replica that was restored from a copy, or cloned, has the
// same numbers for other commits.

import type { LogEntry } from "../crdt/batch-log.ts";
import { ByteWriter } from "../wire/bytes.ts";
import { crc32c } from "../wire/crc32c.ts";
import { digestOf, type Position } from "../wire/frame.ts";

/** The checksum of a log's entry, with its stamp. */
export function entryDigest({ stampMs, body }: Pick<LogEntry, "stampMs" | "body">): number {
  const writer = new ByteWriter();
  writer.varint(stampMs);
  return crc32c(body, crc32c(writer.bytes()));
}

/** The position that a frame ends at: with the checksum of its last log entry, or its own. */
export function endOf(log: readonly LogEntry[], seq: number, frame: Uint8Array): Position {
  const last = log.at(-1);
  return { seq, digest: last?.seq === seq ? entryDigest(last) : digestOf(frame) };
}
