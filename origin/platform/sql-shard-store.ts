// The ShardStore over SQLite: every statement of the DeviceShard is here.

import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import { assert } from "../../sync/assert.ts";
import {
  bottom,
  decodeReadingSet,
  encodeReadingSet,
  type ReadingSet,
} from "../../sync/crdt/reading-set.ts";
import type { StoredAggregate } from "../../sync/crdt/aggregate.ts";
import { bytesOf, migrate, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { limits } from "../limits.ts";
import type { Lane, ReplicaStatus, SegmentSummary, ShardStore } from "../ports.ts";
import { NO_MEMORY, type BatchMemory } from "../replica/batch-memory.ts";

/** Numbered migrations; the newest applied one is in `schema_version`. */
const MIGRATIONS: readonly string[] = [
  `create table replica (id text not null, epoch integer not null, cursor integer not null, head integer not null,
     last_stamp_ms integer not null, last_frame_ms integer not null, lost_entries integer not null,
     primary key (id, epoch)) without rowid;
   create table segment (device text not null, stream text not null, quarantined integer not null,
     start_ms integer not null, contested integer not null, total text, body blob not null,
     primary key (device, stream, quarantined, start_ms));
   create table memory (device text primary key, body text not null) without rowid;
   create table poison (replica text not null, epoch integer not null, seq integer not null, body blob not null,
     primary key (replica, epoch, seq))`,
];

/** The durable state of one DeviceShard. */
export class SqlShardStore implements ShardStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    migrate(sql, MIGRATIONS);
  }

  transaction<T>(run: () => T): T {
    return this.#sql.transaction(run);
  }

  loadReplica(replica: ReplicaId, replicaEpoch: number): ReplicaStatus | null {
    const row = this.#sql.exec(
      "select * from replica where id = ? and epoch = ?",
      replica,
      replicaEpoch,
    )[0];
    return row === undefined ? null : toStatus(row);
  }

  saveReplica(status: ReplicaStatus): void {
    this.#sql.exec(
      "insert or replace into replica values (?, ?, ?, ?, ?, ?, ?)",
      status.replica,
      status.replicaEpoch,
      status.cursor,
      status.head,
      status.lastStampMs,
      status.lastFrameMs,
      status.lostEntries,
    );
  }

  listReplicas(): ReplicaStatus[] {
    return this.#sql.exec("select * from replica order by id, last_frame_ms").map(toStatus);
  }

  segmentStarts(lane: Lane, fromMs: number, toMs: number): number[] {
    return this.#sql
      .exec(
        `select start_ms from segment where device = ?1 and stream = ?2 and quarantined = ?3 and start_ms <= ?5
           and start_ms >= coalesce((select max(start_ms) from segment
             where device = ?1 and stream = ?2 and quarantined = ?3 and start_ms <= ?4), 0)
           order by start_ms`,
        ...keyOf(lane),
        fromMs,
        toMs,
      )
      .map((row) => numberOf(row["start_ms"]));
  }

  loadSegment(lane: Lane, startMs: number): ReadingSet {
    const row = this.#sql.exec(
      "select body from segment where device = ? and stream = ? and quarantined = ? and start_ms = ?",
      ...keyOf(lane),
      startMs,
    )[0];
    if (row === undefined) return bottom;
    const readings = decodeReadingSet(bytesOf(row["body"]), limits.segmentReadingsMax);
    assert(readings.ok, "A stored segment decodes");
    return readings.value;
  }

  saveSegment(lane: Lane, startMs: number, readings: ReadingSet, summary: SegmentSummary): void {
    this.#sql.exec(
      "insert or replace into segment values (?, ?, ?, ?, ?, ?, ?)",
      ...keyOf(lane),
      startMs,
      summary.contested,
      summary.total === null ? null : JSON.stringify(summary.total),
      encodeReadingSet(readings),
    );
  }

  summaries(device: DeviceId): { readonly lane: Lane; readonly summary: SegmentSummary }[] {
    return this.#sql
      .exec(
        "select stream, quarantined, contested, total from segment where device = ? order by stream",
        device,
      )
      .map((row) => ({
        lane: { device, stream: textOf(row["stream"]), isQuarantined: row["quarantined"] === 1 },
        summary: {
          contested: numberOf(row["contested"]),
          total:
            row["total"] === null ? null : (JSON.parse(textOf(row["total"])) as StoredAggregate),
        },
      }));
  }

  loadMemory(device: DeviceId): BatchMemory {
    const row = this.#sql.exec("select body from memory where device = ?", device)[0];
    return row === undefined ? NO_MEMORY : (JSON.parse(textOf(row["body"])) as BatchMemory);
  }

  saveMemory(device: DeviceId, memory: BatchMemory): void {
    this.#sql.exec("insert or replace into memory values (?, ?)", device, JSON.stringify(memory));
  }

  savePoison(replica: ReplicaId, replicaEpoch: number, seq: number, body: Uint8Array): void {
    this.#sql.exec(
      "insert or replace into poison values (?, ?, ?, ?)",
      replica,
      replicaEpoch,
      seq,
      body,
    );
  }
}

function keyOf(lane: Lane): [string, string, number] {
  return [lane.device, lane.stream, lane.isQuarantined ? 1 : 0];
}

function toStatus(row: SqlRow): ReplicaStatus {
  return {
    replica: textOf(row["id"]),
    replicaEpoch: numberOf(row["epoch"]),
    cursor: numberOf(row["cursor"]),
    head: numberOf(row["head"]),
    lastStampMs: numberOf(row["last_stamp_ms"]),
    lastFrameMs: numberOf(row["last_frame_ms"]),
    lostEntries: numberOf(row["lost_entries"]),
  };
}
