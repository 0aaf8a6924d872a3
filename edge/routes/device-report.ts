// How does a hub's view of a device look in JSON? Labelled as what it is: one region's.

import { isoTime } from "../../doors/respond.ts";
import { loadAggregate, type StoredAggregate } from "../../sync/crdt/aggregate.ts";
import { formatDecimal } from "../../sync/decimal.ts";
import type { BufferReport, ClassReport } from "../hub-buffer.ts";
import type { DeviceReport, LinkReport } from "../objects/device-hub.ts";
import type { CellReport } from "../objects/region-cell.ts";
import { shareOf } from "./buffer-answer.ts";
import { minuteOf, type DeviceState } from "../telemetry/device-state.ts";

/** Formats the regional view of a device: totals, latest values, the last minute's aggregates, lag. */
export function formatReport(
  device: string,
  region: string,
  state: DeviceState,
  report: Omit<DeviceReport, "state">,
): object {
  const { link } = report;
  const streams = Object.entries(state.streams).map(([name, stream]) => [
    name,
    {
      ...(stream.total === null ? { count: 0 } : formatAggregate(stream.total)),
      latest:
        stream.latest === null
          ? null
          : { time: isoTime(stream.latest[0]), value: typed(stream.kind, stream.latest[1]) },
      quarantined: stream.quarantined,
      lastMinute: lastMinute(report, name, stream.highWaterMs),
    },
  ]);
  return {
    device,
    view: "regional",
    region,
    note: "Distinct readings that this region took in; the origin counts all regions",
    lastCommit: isoTime(state.lastCommitMs),
    clockSkewMs: state.clockSkewMs,
    duplicates: state.duplicates,
    conflicts: state.conflicts,
    late: state.late,
    streams: Object.fromEntries(streams),
    replication: formatLink(link),
  };
}

function lastMinute(
  report: Omit<DeviceReport, "state">,
  name: string,
  atMs: number,
): object | null {
  const minuteMs = minuteOf(atMs);
  const rollup = report.minutes[minuteMs] ?? {};
  const held = Object.hasOwn(rollup, name) ? rollup[name] : undefined;
  return held === undefined ? null : { start: isoTime(minuteMs), ...formatAggregate(held) };
}

function formatAggregate(stored: StoredAggregate): object {
  const { count, sum, min, max, firstMs, lastMs } = loadAggregate(stored);
  return {
    count,
    sum: formatDecimal(sum),
    min,
    max,
    first: isoTime(firstMs),
    last: isoTime(lastMs),
  };
}

function typed(kind: "number" | "boolean", value: number): number | boolean {
  return kind === "boolean" ? value !== 0 : value;
}

/** Formats where a hub's link stands. */
export function formatLink({
  replica,
  head,
  cursor,
  unackedBytes,
  isOriginAway,
  buffer,
  storage,
}: LinkReport): object {
  const behind = head - cursor;
  return {
    replica,
    head,
    cursor,
    behind,
    unackedBytes,
    originAway: isOriginAway,
    buffer: formatBuffer(buffer),
    storage,
  };
}

function formatBuffer(buffer: BufferReport): object {
  const { policy, drainBytesPerS, rollups, events, accounts } = buffer;
  return {
    ...formatClass(buffer),
    policy,
    drainBytesPerS: Math.round(drainBytesPerS),
    rollups: formatClass(rollups),
    events: { ...events, fill: shareOf(events.fill) },
    accounts,
  };
}

function formatClass({ fill, bytes, bytesMax, oldestMs }: ClassReport): object {
  const oldest = oldestMs === null ? null : isoTime(oldestMs);
  return { fill: shareOf(fill), bytes, bytesMax, oldest };
}

/** Formats where the link of a region's cell stands, and which purges it knows. */
export function formatCell(report: CellReport): object {
  const { replica, head, cursor, heardMs, isOriginAway, speech, purgeView } = report;
  const heard = heardMs === 0 ? null : isoTime(heardMs);
  const purges = Object.fromEntries(purgeView);
  const behind = head - cursor;
  return { replica, head, cursor, behind, heard, originAway: isOriginAway, speech, purges };
}
