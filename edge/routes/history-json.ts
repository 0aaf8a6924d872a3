// How does a page look in JSON? By column: readings as they are sent, one column of times for all
// streams; buckets with times of their own for each stream.

import type { Bucket, HistoryPage, RawRows } from "../history/query.ts";

/** The columns of a page, as JSON has them. */
export function pageColumns({ streams, rows }: HistoryPage, isWithQuarantined: boolean): object {
  if (rows.kind === "buckets") return { series: bucketSeries(streams, rows.buckets) };
  const outside = new Set(rows.quarantined);
  const inside = readingSeries(streams, rows, (at) => !outside.has(at));
  if (!isWithQuarantined) return inside;
  return { ...inside, quarantined: readingSeries(streams, rows, (at) => outside.has(at)) };
}

/** Formats a time as RFC 3339. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function readingSeries(
  streams: readonly string[],
  { times, streams: indexes, values }: RawRows,
  isIn: (at: number) => boolean,
): object {
  const t: string[] = [];
  const columns = new Map<number, (number | boolean | null)[]>();
  let lastMs = -1;
  for (let at = 0; at < times.length; at += 1) {
    if (!isIn(at)) continue;
    const timeMs = times[at] as number;
    if (timeMs !== lastMs) t.push(timeText(timeMs));
    lastMs = timeMs;
    const index = indexes[at] as number;
    const column = columns.get(index) ?? [];
    columns.set(index, column);
    while (column.length < t.length - 1) column.push(null);
    column.push(values[at] as number | boolean);
  }
  for (const column of columns.values()) while (column.length < t.length) column.push(null);
  return { t, series: byName(streams, columns) };
}

function bucketSeries(streams: readonly string[], buckets: readonly Bucket[]): object {
  const columns = new Map<number, Record<string, unknown[]>>();
  for (const { startMs, stream, ...rest } of buckets) {
    const column = columns.get(stream) ?? {};
    columns.set(stream, column);
    for (const [name, value] of Object.entries({ t: timeText(startMs), ...rest }))
      (column[name] ??= []).push(value);
  }
  return byName(streams, columns);
}

function byName<T>(streams: readonly string[], columns: ReadonlyMap<number, T>): object {
  return Object.fromEntries(
    streams.flatMap((stream, index) => {
      const column = columns.get(index);
      return column === undefined ? [] : [[stream, column]];
    }),
  );
}
