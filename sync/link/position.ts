// How does a hub know that it speaks with the replica it knows? Each position in a history has a
// checksum of what was committed there; a replica that was restored from a copy, or cloned, has the
// same numbers for other commits.

import type { LogEntry } from "../crdt/batch-log.ts";
import { ByteWriter } from "../wire/bytes.ts";
import { crc32c } from "../wire/crc32c.ts";
import { digestOf } from "../wire/frame.ts";

/** The checksum of a log's entry, with its stamp. */
export function entryDigest({ stampMs, body }: Pick<LogEntry, "stampMs" | "body">): number {
  const writer = new ByteWriter();
  writer.varint(stampMs);
  return crc32c(body, crc32c(writer.bytes()));
}

/** The checksum of the position that a frame ends at: of its last log entry, or of itself. */
export function endDigest(log: readonly LogEntry[], to: number, frame: Uint8Array): number {
  const last = log.at(-1);
  return last?.seq === to ? entryDigest(last) : digestOf(frame);
}
