// Where does the origin keep the minutes of what edges thinned? An item is held once, by the name that
// its hub gave it; what all items of a device add up to stands beside them.

import {
  combine,
  EMPTY,
  loadAggregate,
  storeAggregate,
  type Aggregate,
  type StoredAggregate,
} from "../../sync/crdt/aggregate.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { bytesOf, numberOf, textOf, type Sql, type SqlValue } from "../../storage/sql.ts";
import { addPart, decodeRollup, type Rollup } from "../../state/rollup.ts";
import type { ThinnedItem, ThinnedMessage } from "../../state/thinned.ts";
import type { AbsorbedThinned, Lane, ThinnedHour } from "../ports.ts";

export const THINNED_TABLES = `create table thinned (device text not null, hour_ms integer not null,
    quarantined integer not null, replica text not null, epoch integer not null, seq integer not null,
    body blob not null, primary key (device, hour_ms, quarantined, replica, epoch, seq)) without rowid;
  create table thinned_total (device text not null, stream text not null, quarantined integer not null,
    total text not null, primary key (device, stream, quarantined)) without rowid`;

/** Adds items that are not held; one that says nothing that can be read is left out, and counted. */
export function joinThinned(sql: Sql, { replica, items }: ThinnedMessage): AbsorbedThinned {
  return sql.transaction(() => {
    const absorbed = { readings: 0, broken: 0 };
    for (const item of items) {
      const rollup = decodeRollup(item.body, item.hourMs);
      if (rollup === null) absorbed.broken += 1;
      else if (insert(sql, replica, item)) absorbed.readings += addTotals(sql, item, rollup);
    }
    return absorbed;
  });
}

function insert(sql: Sql, replica: string, item: ThinnedItem): boolean {
  const { device, hourMs, isQuarantined, epoch, seq, body } = item;
  const key = [device, hourMs, Number(isQuarantined), replica, epoch, seq] as const;
  // A hub that was restored from a copy gives up what it gave up before, and does not know it.
  const [same] = sql.exec(
    `select 1 from thinned where device = ? and hour_ms = ? and quarantined = ? and replica = ?
       and seq = ? and body = ? limit 1`,
    device,
    hourMs,
    Number(isQuarantined),
    replica,
    seq,
    body,
  );
  if (same !== undefined) return false;
  const added = sql.exec(
    "insert or ignore into thinned values (?, ?, ?, ?, ?, ?, ?) returning 1",
    ...key,
    body,
  );
  return added.length > 0;
}

function addTotals(sql: Sql, { device, isQuarantined }: ThinnedItem, rollup: Rollup): number {
  let readings = 0;
  for (const [stream, parts] of rollup) {
    const key = [device, stream, Number(isQuarantined)] as const;
    const [row] = sql.exec(
      "select total from thinned_total where device = ? and stream = ? and quarantined = ?",
      ...key,
    );
    let total = row === undefined ? EMPTY : stored(row["total"]);
    for (const part of parts.values()) {
      total = combine(total, part);
      readings += part.count;
    }
    const text = JSON.stringify(storeAggregate(total));
    sql.exec("insert or replace into thinned_total values (?, ?, ?, ?)", ...key, text);
  }
  return readings;
}

/** What was thinned of a device in all. */
export function thinnedTotals(
  sql: Sql,
  device: DeviceId,
): { readonly lane: Lane; readonly total: Aggregate }[] {
  return sql
    .exec("select * from thinned_total where device = ? order by stream", device)
    .map((row) => ({
      lane: { device, stream: textOf(row["stream"]), isQuarantined: row["quarantined"] === 1 },
      total: stored(row["total"]),
    }));
}

/** The first hour of a device, from `fromMs` until before `toMs`, of which something is held; null: none. */
export function thinnedHour(
  sql: Sql,
  device: DeviceId,
  fromMs: number,
  toMs: number,
): ThinnedHour | null {
  const [first] = sql.exec(
    `select min(hour_ms) as hour_ms from thinned where device = ? and quarantined = 0 and hour_ms >= ? and hour_ms < ?`,
    device,
    fromMs,
    toMs,
  );
  if (first?.["hour_ms"] == null) return null;
  const hourMs = numberOf(first["hour_ms"]);
  const rollup: Rollup = new Map();
  for (const row of sql.exec(
    "select body from thinned where device = ? and quarantined = 0 and hour_ms = ?",
    device,
    hourMs,
  ))
    for (const [stream, parts] of decodeRollup(bytesOf(row["body"]), hourMs) ?? [])
      for (const [minute, aggregate] of parts) addPart(rollup, stream, minute, aggregate);
  return { hourMs, rollup };
}

function stored(value: SqlValue | undefined): Aggregate {
  return loadAggregate(JSON.parse(textOf(value)) as StoredAggregate);
}
