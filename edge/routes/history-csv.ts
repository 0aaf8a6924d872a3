// How does a page look in CSV (RFC 4180)? Readings with a column for each stream, as the door for CSV
// takes them; with quarantined ones, and of buckets, one a row. No cell needs quotes: names of
// streams, times and numbers have neither commas nor quotes in them.

import type { Bucket, HistoryPage, RawRows } from "../history/query.ts";
import { timeText } from "./history-json.ts";

const LINE_END = "\r\n";

/** Writes a page, with its header. */
export function writeCsv({ streams, rows }: HistoryPage, isWithQuarantined: boolean): string {
  const lines =
    rows.kind === "buckets"
      ? bucketLines(streams, rows.buckets)
      : isWithQuarantined
        ? longLines(streams, rows)
        : wideLines(streams, rows);
  return lines.map((cells) => cells.join(",") + LINE_END).join("");
}

type Cells = readonly (string | number | boolean | null)[];

function wideLines(
  streams: readonly string[],
  { times, streams: indexes, values }: RawRows,
): Cells[] {
  const lines: (string | number | boolean)[][] = [];
  let lastMs = -1;
  for (let at = 0; at < times.length; at += 1) {
    const timeMs = times[at] as number;
    if (timeMs !== lastMs) lines.push([timeText(timeMs), ...streams.map(() => "")]);
    lastMs = timeMs;
    const line = lines.at(-1);
    if (line !== undefined) line[1 + (indexes[at] as number)] = values[at] as number | boolean;
  }
  return [["time", ...streams], ...lines];
}

function longLines(streams: readonly string[], rows: RawRows): Cells[] {
  const outside = new Set(rows.quarantined);
  return [
    ["time", "stream", "value", "quarantined"],
    ...rows.times.map((timeMs, at) => [
      timeText(timeMs),
      streams[rows.streams[at] as number] ?? "",
      rows.values[at] as number | boolean,
      outside.has(at),
    ]),
  ];
}

function bucketLines(streams: readonly string[], buckets: readonly Bucket[]): Cells[] {
  return [
    ["time", "stream", "count", "sum", "min", "max", "mean", "first", "last"],
    ...buckets.map(({ startMs, stream, count, sum, min, max, mean, first, last }) => [
      timeText(startMs),
      streams[stream] ?? "",
      count,
      sum,
      min,
      max,
      mean,
      first,
      last,
    ]),
  ];
}
