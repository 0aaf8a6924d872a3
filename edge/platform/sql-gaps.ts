// Where does a hub keep what it gave up? A row for each stream, policy and hour; past a bound one for a
// stream, and then for a device, so that what is missing is always told and never grows without end.

import { numberOf, type Sql } from "../../storage/sql.ts";
import { ANY, columnsOf, gapOfRow, HOUR_MS, THIN, type GapRecord } from "../../state/gap.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import type { GapReadings, GapStore } from "../ports.ts";

/** `unsent` is 1 until the origin holds the row as it is. */
export const GAP_TABLE = `create table gap (epoch integer not null, device text not null, stream text not null,
  policy text not null, hour_ms integer not null, first_ms integer not null, last_ms integer not null,
  readings integer not null, unsent integer not null,
  primary key (device, stream, policy, hour_ms, epoch)) without rowid;
  create index gap_unsent on gap (unsent) where unsent = 1`;

/** Adds readings that are given up; within a transaction of whoever gives them up. */
export function addGaps(
  sql: Sql,
  epoch: number,
  policy: string,
  bytesMax: number,
  batches: readonly ReadingBatch[],
): void {
  if (batches.length === 0) return;
  const grain = Math.floor(bytesOf(sql) / bytesMax);
  const sums = new Map<string, GapRecord>();
  for (const batch of batches)
    for (const { stream, rows } of batch.columns)
      for (const at of rows) {
        const timeMs = batch.times[at] ?? 0;
        const of = { epoch, policy, device: batch.device, ...placeOf(stream, timeMs, grain) };
        const key = `${of.device}/${of.stream}/${of.hourMs}`;
        sums.set(key, widened(sums.get(key) ?? { ...of, ...NONE }, timeMs));
      }
  for (const gap of sums.values()) addGap(sql, gap);
}

function bytesOf(sql: Sql): number {
  const [row] = sql.exec("select count(*) as n from gap");
  return numberOf(row?.["n"]) * limits.gapRecordBytes;
}

const NONE = { firstMs: Infinity, lastMs: 0, readings: 0 };

/** The finest record that there is room for: an hour of a stream, a stream, or a device. */
function placeOf(
  stream: string,
  timeMs: number,
  grain: number,
): Pick<GapRecord, "stream" | "hourMs"> {
  return {
    stream: grain >= 2 ? "*" : stream,
    hourMs: grain >= 1 ? -1 : Math.floor(timeMs / HOUR_MS) * HOUR_MS,
  };
}

function widened(gap: GapRecord, timeMs: number): GapRecord {
  const firstMs = Math.min(gap.firstMs, timeMs);
  const lastMs = Math.max(gap.lastMs, timeMs);
  return { ...gap, firstMs, lastMs, readings: gap.readings + 1 };
}

/** Adds one record; within a transaction as well. */
export function addGap(sql: Sql, gap: GapRecord): void {
  sql.exec(
    `insert into gap values (?, ?, ?, ?, ?, ?, ?, ?, 1) on conflict do update set
       first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms),
       readings = readings + excluded.readings, unsent = 1`,
    ...columnsOf(gap),
  );
}

/** Has all records told again. */
export function forgetSent(sql: Sql): void {
  sql.exec("update gap set unsent = 1 where unsent = 0");
}

/** What a hub gave up. */
export class SqlGaps implements GapStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  of(device: DeviceId): GapRecord[] {
    return this.#sql.exec("select * from gap where device in (?, ?)", device, ANY).map(gapOfRow);
  }

  unsent(countMax: number): GapRecord[] {
    return this.#sql.exec("select * from gap where unsent = 1 limit ?", countMax).map(gapOfRow);
  }

  /** One that has grown meanwhile is sent again. */
  sent(gaps: readonly GapRecord[]): void {
    this.#sql.transaction(() => {
      for (const gap of gaps)
        this.#sql.exec(
          `update gap set unsent = 0 where device = ? and stream = ? and policy = ? and hour_ms = ?
             and epoch = ? and readings = ? and first_ms = ? and last_ms = ?`,
          gap.device,
          gap.stream,
          gap.policy,
          gap.hourMs,
          gap.epoch,
          gap.readings,
          gap.firstMs,
          gap.lastMs,
        );
    });
  }

  untold(): number {
    const [row] = this.#sql.exec("select count(*) as n from gap where unsent = 1");
    return numberOf(row?.["n"]);
  }

  bytes(): number {
    return bytesOf(this.#sql);
  }

  readings(): GapReadings {
    const [row] = this.#sql.exec(
      `select total(readings) as n, total(case policy when ? then readings end) as thinned from gap`,
      THIN,
    );
    const thinned = numberOf(row?.["thinned"]);
    return { thinned, gapped: numberOf(row?.["n"]) - thinned };
  }
}
