// What does a hub know of its journal as a whole? One row, with a checksum: a number in it that is wrong
// would be believed, and readings counted, sealed or given up by it.

import { crc32c } from "../segment/crc32c.ts";
import { numberOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { encodeText } from "../../sync/wire/bytes.ts";

/** The row; what a release did not write is null. */
export interface HubRow {
  /** Up to here the journal is sealed, and every device on disk is folded. */
  readonly checkpoint: number;
  /** Up to here the origin held the entries in an earlier life of the hub, or as of the checkpoint. */
  readonly confirmed: number;
  /** Readings, as of the checkpoint. */
  readonly accepted: number | null;
  readonly present: number | null;
  readonly quarantined: number | null;
}

/** A release before wrote a row that has no checksum yet. */
const UNSEALED = -1;

export const HUB_CRC_MIGRATION = `alter table hub add column crc integer not null default ${UNSEALED}`;

/** The row of one hub, as it is on disk. */
export class SqlHubRow {
  readonly #sql: Sql;
  #row: HubRow;

  private constructor(sql: Sql, row: HubRow) {
    this.#sql = sql;
    this.#row = row;
  }

  /** Reads the row; null if it is damaged, or gone. */
  static read(sql: Sql): SqlHubRow | null {
    const [row] = sql.exec("select * from hub where id = 1");
    if (row === undefined) return null;
    const read = new SqlHubRow(sql, rowOf(row));
    if (row["crc"] === UNSEALED) read.save({});
    else if (row["crc"] !== crcOf(read.#row)) return null;
    return read;
  }

  /** Writes a row in the place of one that is damaged. */
  static write(sql: Sql, row: HubRow): SqlHubRow {
    const written = new SqlHubRow(sql, row);
    sql.exec("delete from hub");
    sql.exec("insert into hub (id, checkpoint) values (1, 0)");
    written.save({});
    return written;
  }

  get row(): HubRow {
    return this.#row;
  }

  /** Writes what has changed; within the transaction that changes it. */
  save(changes: Partial<HubRow>): void {
    this.#row = { ...this.#row, ...changes };
    this.#sql.exec(
      "update hub set checkpoint = ?, confirmed = ?, accepted = ?, present = ?, quarantined = ?, crc = ?",
      ...columnsOf(this.#row),
      crcOf(this.#row),
    );
  }
}

function columnsOf(row: HubRow): (number | null)[] {
  return [row.checkpoint, row.confirmed, row.accepted, row.present, row.quarantined];
}

function crcOf(row: HubRow): number {
  return crc32c(encodeText(JSON.stringify(columnsOf(row))));
}

function rowOf(row: SqlRow): HubRow {
  const countOf = (name: string): number | null => (row[name] == null ? null : numberOf(row[name]));
  return {
    checkpoint: numberOf(row["checkpoint"]),
    confirmed: numberOf(row["confirmed"]),
    accepted: countOf("accepted"),
    present: countOf("present"),
    quarantined: countOf("quarantined"),
  };
}
