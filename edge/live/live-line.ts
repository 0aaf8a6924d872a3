// What does a hub tell a listener? Lines of JSON, each an event with where the listener stands after
// it. The Worker in front makes server-sent events or messages of them.

import type { RaisedAlert } from "../../state/alert.ts";
import { alertView } from "../../state/alert-view.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import type { LivePosition } from "./position.ts";
import { wantedColumns, wantsDevice, type LiveQuery } from "./query.ts";

/** Why something is missing. */
export type GapReason =
  /** The position lies further back than the hub replays, or keeps. */
  | "too-old"
  /** The listener was too slow. */
  | "slow"
  /** The position is not one of this hub's history: it was restored, or stamped its readings anew. */
  | "other-history";

/** One event. */
export interface LiveLine {
  readonly at: LivePosition;
  readonly event: "readings" | "alert" | "status" | "gap" | "heartbeat";
  readonly data: object | null;
}

/** What is told of a hub's link. */
export interface LiveStatus {
  readonly originAway: boolean;
  /** Commits that the origin does not hold yet, and their bytes. */
  readonly behind: number;
  readonly unackedBytes: number;
}

/** Makes what is told of an alert. Who has seen it, only the region's cell knows. */
export function alertData(raised: RaisedAlert, iso: (ms: number) => string): object {
  const { device, rule, sinceMs, reason, end } = raised;
  const state = end === null ? "firing" : "resolved";
  const note = end === null ? reason : { ...reason, end };
  const view = alertView({ device, rule, sinceMs, state, changedMs: sinceMs, note }, iso);
  return Object.fromEntries(
    Object.entries(view).filter(([name]) => name !== "since" && name !== "acknowledged"),
  );
}

/** Makes the line of a batch; null: the listener does not want to hear it. */
export function readingsLine(
  batch: ReadingBatch,
  stampMs: number,
  at: LivePosition,
  query: LiveQuery,
): LiveLine | null {
  if (!wantsDevice(query, batch.device)) return null;
  const columns = wantedColumns(query, batch.columns);
  if (columns.length === 0) return null;
  const rows = [...new Set(columns.flatMap((column) => column.rows))].toSorted((a, b) => a - b);
  const series = columns.map((column) => [column.stream, valuesOf(column, rows)] as const);
  const { device, times } = batch;
  const data = {
    device,
    committedMs: stampMs,
    t: rows.map((row) => times[row] ?? 0),
    series: Object.fromEntries(series),
  };
  return { at, event: "readings", data };
}

/** Lists a column's values at rows; null where it has none. */
function valuesOf(
  { kind, rows, values }: ReadingBatch["columns"][number],
  shown: readonly number[],
): (number | boolean | null)[] {
  let next = 0;
  return shown.map((row) => {
    if (rows[next] !== row) return null;
    const value = values[next] ?? 0;
    next += 1;
    return kind === "boolean" ? value !== 0 : value;
  });
}
