// What would the same readings take without the codec? As JSON rows and as columns of doubles, both
// deflated at level 6, and as the journal holds them.

import { deflateRawSync } from "node:zlib";
import type { Segment } from "../../edge/segment/segment.ts";
import { parseDeviceId } from "../../sync/brand.ts";
import { encodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";

const LEVEL = 6;

/** Bytes of a row a reading, deflated. */
export function jsonBytes({ times, columns }: Segment): number {
  const rows = columns.flatMap(({ stream, kind, rows, values }) =>
    Array.from(rows, (row, at) => {
      const value = kind === "boolean" ? values[at] === 1 : values[at];
      return JSON.stringify({ stream, t: times[row], value });
    }),
  );
  return deflateRawSync(rows.join("\n"), { level: LEVEL }).length;
}

/** Bytes of the times and the values as doubles, column by column, deflated. */
export function doublesBytes({ times, columns }: Segment): number {
  const shown = [times, ...columns.map(({ values }) => values)];
  const bytes = shown.flatMap((column) => [...new Uint8Array(column.slice().buffer)]);
  const rows = columns.flatMap((column) =>
    column.rows.length === times.length ? [] : [...new Uint8Array(column.rows.slice().buffer)],
  );
  return deflateRawSync(Uint8Array.from([...bytes, ...rows]), { level: LEVEL }).length;
}

/** Bytes of the batches that a journal has of a segment, one a commit. */
export function journalBytes({ times, columns }: Segment): number {
  const device = parseDeviceId("device-1");
  if (device === null) throw new TypeError("Not a device id");
  const stampOf = new Map(
    columns.flatMap(({ rows, stamps }) => Array.from(rows, (row, at) => [row, stamps[at] ?? 0])),
  );
  const commits = Map.groupBy(times.keys(), (row) => stampOf.get(row) ?? 0);
  let bytes = 0;
  for (const commit of commits.values()) {
    const newRow = new Map(commit.map((row, at) => [row, at]));
    const batch: ReadingBatch = {
      device,
      identity: { kind: "none" },
      contentHash: "0123456789abcdef",
      isTimeAssigned: false,
      times: commit.map((row) => times[row] as number),
      columns: columns.flatMap(({ stream, kind, rows, values }) => {
        const own = [...rows.keys()].filter((at) => newRow.has(rows[at] as number));
        if (own.length === 0) return [];
        return {
          stream,
          kind,
          rows: own.map((at) => newRow.get(rows[at] as number) ?? 0),
          values: own.map((at) => values[at] as number),
        };
      }),
    };
    bytes += encodeBatches([batch]).length;
  }
  return bytes;
}
