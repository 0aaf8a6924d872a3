// Where does the origin keep what edges gave up? A row for each record of each hub, joined with what
// comes again: as wide and as many as the hub has ever said.

import type { Sql } from "../../storage/sql.ts";
import { ANY, gapOfRow, type GapMessage, type GapRecord } from "../../state/gap.ts";

export const GAP_TABLE = `create table gap (device text not null, stream text not null, policy text not null,
  hour_ms integer not null, replica text not null, epoch integer not null, first_ms integer not null,
  last_ms integer not null, readings integer not null,
  primary key (device, stream, policy, hour_ms, replica, epoch)) without rowid`;

/** Joins records with what is held. */
export function joinGaps(sql: Sql, { replica, gaps }: GapMessage): void {
  sql.transaction(() => {
    for (const gap of gaps)
      sql.exec(
        `insert into gap values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set
           first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms),
           readings = max(readings, excluded.readings)`,
        gap.device,
        gap.stream,
        gap.policy,
        gap.hourMs,
        replica,
        gap.epoch,
        gap.firstMs,
        gap.lastMs,
        gap.readings,
      );
  });
}

/** Lists the records of a device, of all hubs, and those that may be of it. */
export function gapsOf(sql: Sql, device: string): GapRecord[] {
  return sql.exec("select * from gap where device in (?, ?)", device, ANY).map(gapOfRow);
}
