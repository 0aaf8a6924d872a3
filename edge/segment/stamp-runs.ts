// When was each reading committed? A segment is made of a few commits, each of many instants, so the
// stamps are runs: how long, and how long after its first event time.

import type { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { readWholeNumbers, writeWholeNumbers } from "./whole-numbers.ts";

/** Writes the stamps of readings with these times. */
export function writeStampRuns(
  writer: ByteWriter,
  stamps: Float64Array,
  times: Float64Array,
): void {
  const starts: number[] = [];
  for (let at = 0; at < stamps.length; at += 1)
    if (at === 0 || stamps[at] !== stamps[at - 1]) starts.push(at);
  writer.varint(starts.length);
  if (starts.length === 0) return;
  writeWholeNumbers(
    writer,
    Float64Array.from(starts, (start, run) => (starts[run + 1] ?? stamps.length) - start),
  );
  writeWholeNumbers(
    writer,
    Float64Array.from(starts, (start) => (stamps[start] as number) - (times[start] as number)),
  );
}

/** Reads a stamp for each time, or breaks the reader. */
export function readStampRuns(reader: ByteReader, times: Float64Array): Float64Array {
  const stamps = new Float64Array(times.length);
  const runs = reader.count(times.length, 0);
  if (runs === 0) {
    if (times.length > 0) reader.fail();
    return stamps;
  }
  const lengths = readWholeNumbers(reader, runs);
  const delays = readWholeNumbers(reader, runs);
  let at = 0;
  for (let run = 0; run < runs && !reader.broken; run += 1) {
    const length = lengths[run] as number;
    if (length < 1 || length > times.length - at) {
      reader.fail();
      break;
    }
    stamps.fill((times[at] as number) + (delays[run] as number), at, at + length);
    at += length;
  }
  if (at !== times.length) reader.fail();
  return stamps;
}
