// Where does the origin keep entries that it could not count? In so much room; what finds none any
// more is counted, and gone.

import type { ReplicaId } from "../../sync/brand.ts";
import { bytesOf, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { limits } from "../limits.ts";
import type {
  ListedPoison,
  PoisonedEntry,
  PoisonId,
  PoisonRoom,
  PoisonStore,
  PoisonSummary,
} from "../ports.ts";

/** The table of before had no stamps: 0 is not known. */
export const POISON_MIGRATION = `alter table poison add column stamp_ms integer not null default 0;
  alter table poison add column since_ms integer not null default 0;
  alter table poison add column reason text not null default 'broken-batch';
  create table poison_dropped (id integer primary key check (id = 1), entries integer not null);
  insert into poison_dropped values (1, 0)`;

export const POISON_ROOM: PoisonRoom = {
  entriesMax: limits.poisonEntriesMax,
  bytesMax: limits.poisonBytesMax,
};

/** The entries that one shard could not count. */
export class SqlPoison implements PoisonStore {
  readonly #sql: Sql;
  readonly #room: PoisonRoom;

  constructor(sql: Sql, room: PoisonRoom) {
    this.#sql = sql;
    this.#room = room;
  }

  keep({ replica, replicaEpoch, seq, stampMs, body, sinceMs, reason }: PoisonedEntry): boolean {
    if (this.get({ replica, replicaEpoch, seq }) !== null) return true;
    const { entries, bytes } = this.summary();
    if (entries >= this.#room.entriesMax || bytes + body.length > this.#room.bytesMax) {
      this.#sql.exec("update poison_dropped set entries = entries + 1");
      return false;
    }
    this.#sql.exec(
      `insert into poison (replica, epoch, seq, body, stamp_ms, since_ms, reason) values (?, ?, ?, ?, ?, ?, ?)`,
      replica,
      replicaEpoch,
      seq,
      body,
      stampMs,
      sinceMs,
      reason,
    );
    return true;
  }

  list(after: PoisonId | null, countMax: number): ListedPoison[] {
    const { replica, replicaEpoch, seq } = after ?? { replica: "", replicaEpoch: 0, seq: 0 };
    return this.#sql
      .exec(
        `select replica, epoch, seq, stamp_ms, since_ms, reason, length(body) as bytes from poison
           where (replica, epoch, seq) > (?, ?, ?) order by replica, epoch, seq limit ?`,
        replica,
        replicaEpoch,
        seq,
        countMax,
      )
      .map((row) => ({ ...toListed(row), bytes: numberOf(row["bytes"]) }));
  }

  get({ replica, replicaEpoch, seq }: PoisonId): PoisonedEntry | null {
    const [row] = this.#sql.exec(
      "select * from poison where replica = ? and epoch = ? and seq = ?",
      replica,
      replicaEpoch,
      seq,
    );
    return row === undefined ? null : toEntry(row);
  }

  drop({ replica, replicaEpoch, seq }: PoisonId): boolean {
    const gone = this.#sql.exec(
      "delete from poison where replica = ? and epoch = ? and seq = ? returning 1",
      replica,
      replicaEpoch,
      seq,
    );
    return gone.length > 0;
  }

  summary(): PoisonSummary {
    const [held] = this.#sql.exec(
      "select count(*) as entries, total(length(body)) as bytes from poison",
    );
    const [gone] = this.#sql.exec("select entries from poison_dropped");
    return {
      entries: numberOf(held?.["entries"]),
      bytes: numberOf(held?.["bytes"]),
      dropped: numberOf(gone?.["entries"]),
      ...this.#room,
    };
  }

  perLife(): Map<string, number> {
    const rows = this.#sql.exec(
      "select replica, epoch, count(*) as n from poison group by replica, epoch",
    );
    return new Map(
      rows.map(({ replica, epoch, n }) => [`${textOf(replica)} ${numberOf(epoch)}`, numberOf(n)]),
    );
  }
}

function toEntry(row: SqlRow): PoisonedEntry {
  return { ...toListed(row), body: bytesOf(row["body"]) };
}

function toListed(row: SqlRow): Omit<PoisonedEntry, "body"> {
  return {
    replica: textOf(row["replica"]) as ReplicaId,
    replicaEpoch: numberOf(row["epoch"]),
    seq: numberOf(row["seq"]),
    stampMs: numberOf(row["stamp_ms"]),
    sinceMs: numberOf(row["since_ms"]),
    reason: textOf(row["reason"]) as PoisonedEntry["reason"],
  };
}
