// How is a segment sealed? A header with the zone map, the times and the stamps that the columns
// share, then the columns, then a checksum. Equal segments have equal bytes. docs/storage-schema.md
// describes every byte.

import { assert } from "../../sync/assert.ts";
import { ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "./crc32c.ts";
import { finish } from "../steps.ts";
import { ALL, AS_BEFORE, presenceOf } from "./presence.ts";
import { scalings, type Scaled } from "./scale.ts";
import { isLegal, type Segment, type SegmentColumn } from "./segment.ts";
import { writeStampRuns } from "./stamp-runs.ts";
import { writeTimeColumn } from "./time-column.ts";
import { writeValueColumn, type Deflate } from "./value-column.ts";
import { writeHeader } from "./zone-map.ts";

/** Set in a column's flags beside the form of its presence. */
export const HAS_STAMPS = 8;
export const HAS_CONTESTED = 16;

/** What the columns before have said about rows and stamps. */
interface Shared {
  readonly times: Float64Array;
  readonly stamps: Float64Array;
  readonly columns: readonly SegmentColumn[];
}

/**
 * Encodes a segment.
 *
 * @param deflate Tried on differences of decimals if given (RFC 1951); whoever decodes needs its
 * inverse.
 */
export function encodeSegment(segment: Segment, deflate?: Deflate): Uint8Array {
  return finish(encodeSteps(segment, deflate));
}

/** Encodes a segment as encodeSegment() does, column by column; yields how many values one has. */
export function* encodeSteps(
  segment: Segment,
  deflate?: Deflate,
): Generator<number, Uint8Array, undefined> {
  assert(isLegal(segment), "A segment is within its bounds, in order and complete");
  const { times, columns } = segment;
  const shared: Shared = { times, stamps: stampsOf(segment), columns };
  const front = new ByteWriter();
  writeTimeColumn(front, times);
  writeStampRuns(front, shared.stamps, times);
  yield times.length;
  const blocks = [front.bytes()];
  const scaled: (readonly Scaled[])[] = [];
  for (const [at, column] of columns.entries()) {
    const found = column.kind === "number" ? scalings(column.values) : [];
    scaled.push(found);
    blocks.push(encodeColumn(column, at, shared, found, deflate));
    yield column.rows.length;
  }
  const writer = new ByteWriter();
  writeHeader(
    writer,
    times,
    columns,
    scaled,
    blocks.map(({ length }) => length),
  );
  for (const block of blocks) writer.raw(block);
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

/** The stamp of each instant: that of the first column that has it. */
function stampsOf({ times, columns }: Segment): Float64Array {
  const stamps = new Float64Array(times.length).fill(-1);
  for (const column of columns) {
    for (let at = 0; at < column.rows.length; at += 1) {
      const row = column.rows[at] as number;
      if (stamps[row] === -1) stamps[row] = column.stamps[at] as number;
    }
  }
  return stamps;
}

function encodeColumn(
  column: SegmentColumn,
  at: number,
  shared: Shared,
  scaled: readonly Scaled[],
  deflate: Deflate | undefined,
): Uint8Array {
  const { kind, rows, values, stamps, contested } = column;
  const writer = new ByteWriter();
  const before = rows.length === shared.times.length ? -1 : sameRows(shared.columns, at);
  const presence =
    before < 0 ? presenceOf(rows, shared.times.length) : { form: AS_BEFORE, bytes: null };
  const hasStamps = !areShared(column, shared.stamps);
  writer.byte(
    presence.form | (hasStamps ? HAS_STAMPS : 0) | (contested.length > 0 ? HAS_CONTESTED : 0),
  );
  if (presence.bytes === null) writer.varint(before);
  else if (presence.form !== ALL) writer.raw(presence.bytes);
  if (hasStamps)
    writeStampRuns(
      writer,
      stamps,
      Float64Array.from(rows, (row) => shared.times[row] as number),
    );
  if (contested.length > 0) writeContested(writer, contested);
  writeValueColumn(writer, kind, values, scaled, deflate);
  return writer.bytes();
}

/** The first column that has the rows of column `at`; -1 if that is itself. */
function sameRows(columns: readonly SegmentColumn[], at: number): number {
  const rows = columns[at]?.rows ?? new Uint16Array(0);
  const first = columns.findIndex((column) => areEqual(column.rows, rows));
  return first < at ? first : -1;
}

function areEqual(left: Uint16Array, right: Uint16Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

function areShared({ rows, stamps }: SegmentColumn, shared: Float64Array): boolean {
  for (let at = 0; at < rows.length; at += 1)
    if (stamps[at] !== shared[rows[at] as number]) return false;
  return true;
}

function writeContested(writer: ByteWriter, contested: Uint16Array): void {
  writer.varint(contested.length);
  let before = -1;
  for (const position of contested) {
    writer.varint(position - before - 1);
    before = position;
  }
}
