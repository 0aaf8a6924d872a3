// What do two segments of one device say together? What joining their readings says: the same rule
// decides as everywhere (sync/crdt/reading-set.ts), the one committed first wins.

import type { StreamName } from "../../sync/brand.ts";
import { join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import type { Segment, SegmentColumn } from "./segment.ts";

/** The readings of a device by stream. */
export type StreamReadings = ReadonlyMap<StreamName, ReadingSet>;

/**
 * Joins two segments. The result may hold more than a segment's bounds allow: whoever seals it cuts
 * its readings by time first.
 */
export function joinSegments(left: Segment, right: Segment): Segment {
  const joined = new Map(readingsOf(left));
  for (const [stream, readings] of readingsOf(right))
    joined.set(stream, join(joined.get(stream) ?? [], readings));
  return segmentOf(joined);
}

/** Lists a segment's readings, stream by stream. */
export function readingsOf({ times, columns }: Segment): StreamReadings {
  const byStream = new Map<StreamName, ReadingSet>();
  for (const column of columns) {
    const readings = readingsOfColumn(times, column);
    const before = byStream.get(column.stream);
    byStream.set(column.stream, before === undefined ? readings : join(before, readings));
  }
  return byStream;
}

/** Puts readings together to a segment. */
export function segmentOf(byStream: StreamReadings): Segment {
  const all = [...byStream.values()].flat();
  const times = Float64Array.from(new Set(all.map(({ timeMs }) => timeMs))).sort();
  const rowOf = new Map(Array.from(times, (time, row) => [time, row]));
  const columns = [...byStream.keys()].toSorted().flatMap((stream) => {
    const readings = byStream.get(stream) ?? [];
    return (["boolean", "number"] as const).flatMap((kind) => {
      const own = readings.filter((reading) => reading.kind === kind);
      return own.length === 0 ? [] : [columnOf(stream, kind, own, rowOf)];
    });
  });
  return { times, columns };
}

function columnOf(
  stream: StreamName,
  kind: "number" | "boolean",
  readings: ReadingSet,
  rowOf: ReadonlyMap<number, number>,
): SegmentColumn {
  const contested = readings.flatMap(({ isContested }, at) => (isContested ? [at] : []));
  return {
    stream,
    kind,
    rows: Uint16Array.from(readings, ({ timeMs }) => rowOf.get(timeMs) ?? 0),
    values: Float64Array.from(readings, ({ value }) => value),
    stamps: Float64Array.from(readings, ({ stampMs }) => stampMs),
    contested: Uint16Array.from(contested),
  };
}

function readingsOfColumn(times: Float64Array, column: SegmentColumn): Reading[] {
  const contested = new Set(column.contested);
  return Array.from(column.rows, (row, at) => ({
    timeMs: times[row] as number,
    stampMs: column.stamps[at] as number,
    kind: column.kind,
    value: column.values[at] as number,
    isContested: contested.has(at),
  }));
}
