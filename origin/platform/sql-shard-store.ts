// The ShardStore over SQLite: every statement of the DeviceShard is here.

import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import { assert } from "../../sync/assert.ts";
import {
  bottom,
  decodeReadingSet,
  encodeReadingSet,
  type ReadingSet,
} from "../../sync/crdt/reading-set.ts";
import type { Aggregate, StoredAggregate } from "../../sync/crdt/aggregate.ts";
import { bytesOf, migrate, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { ORIGIN_POSITION } from "../../sync/wire/frame.ts";
import type { GapMessage, GapRecord } from "../../state/gap.ts";
import type { ThinnedMessage } from "../../state/thinned.ts";
import { limits } from "../limits.ts";
import { GAP_TABLE, gapsOf, joinGaps } from "./sql-gaps.ts";
import { POISON_MIGRATION, POISON_ROOM, SqlPoison } from "./sql-poison.ts";
import { joinThinned, thinnedHour, THINNED_TABLES, thinnedTotals } from "./sql-thinned.ts";
import type {
  AbsorbedThinned,
  Lane,
  PoisonRoom,
  ReplicaStatus,
  SegmentSummary,
  ShardStore,
  ThinnedHour,
} from "../ports.ts";

/** Numbered migrations; the newest applied one is in `schema_version`. */
const MIGRATIONS: readonly string[] = [
  `create table replica (id text not null, epoch integer not null, cursor integer not null, head integer not null,
     last_stamp_ms integer not null, last_crc integer not null, last_frame_ms integer not null, lost_entries integer not null,
     primary key (id, epoch)) without rowid;
   create table segment (device text not null, stream text not null, quarantined integer not null,
     start_ms integer not null, contested integer not null, total text, body blob not null,
     primary key (device, stream, quarantined, start_ms));
   create table timeless (device text not null, batch text not null, stamp_ms integer not null, streams text not null,
     primary key (device, batch)) without rowid;
   create index timeless_by_stamp on timeless (device, stamp_ms);
   create table timeless_count (device text primary key, batches integer not null, forgotten_ms integer not null) without rowid;
   create table poison (replica text not null, epoch integer not null, seq integer not null, body blob not null,
     primary key (replica, epoch, seq))`,
  // Hubs say hello once more and send what they hold; what is known of it is not counted again.
  `drop table replica;
   create table link (id integer primary key, replica text not null, epoch integer not null,
     cursor_seq integer not null, cursor_digest integer not null, head integer not null,
     last_stamp_ms integer not null, seen_ms integer not null, lost_entries integer not null);
   create index link_by_replica on link (replica, seen_ms)`,
  GAP_TABLE,
  THINNED_TABLES,
  POISON_MIGRATION,
];

/** The durable state of one DeviceShard. */
export class SqlShardStore implements ShardStore {
  readonly #sql: Sql;
  readonly #timelessBatchesMax: number;
  readonly #replicasMax: number;
  readonly poison: SqlPoison;

  constructor(
    sql: Sql,
    timelessBatchesMax: number = limits.timelessBatchesPerDeviceMax,
    replicasMax: number = limits.replicasMax,
    poisonRoom: PoisonRoom = POISON_ROOM,
  ) {
    this.#sql = sql;
    this.#timelessBatchesMax = timelessBatchesMax;
    this.#replicasMax = replicasMax;
    migrate(sql, MIGRATIONS);
    this.poison = new SqlPoison(sql, poisonRoom);
  }

  transaction<T>(run: () => T): T {
    return this.#sql.transaction(run);
  }

  joinGaps(message: GapMessage): void {
    joinGaps(this.#sql, message);
  }

  gapsOf(device: DeviceId): GapRecord[] {
    return gapsOf(this.#sql, device);
  }

  joinThinned(message: ThinnedMessage): AbsorbedThinned {
    return joinThinned(this.#sql, message);
  }

  thinnedTotals(device: DeviceId): { readonly lane: Lane; readonly total: Aggregate }[] {
    return thinnedTotals(this.#sql, device);
  }

  thinnedHour(device: DeviceId, fromMs: number, toMs: number): ThinnedHour | null {
    return thinnedHour(this.#sql, device, fromMs, toMs);
  }

  loadReplica(link: number): ReplicaStatus | null {
    const [row] = this.#sql.exec("select * from link where id = ?", link);
    return row === undefined ? null : toStatus(row);
  }

  findReplica(replica: ReplicaId, replicaEpoch: number): ReplicaStatus | null {
    const [row] = this.#sql.exec(
      "select * from link where replica = ? and epoch = ? order by seen_ms desc limit 1",
      replica,
      replicaEpoch,
    );
    return row === undefined ? null : toStatus(row);
  }

  saveReplica(status: ReplicaStatus): void {
    this.#sql.exec(
      "insert or replace into link values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      status.link,
      status.replica,
      status.replicaEpoch,
      status.cursor.seq,
      status.cursor.digest,
      status.head,
      status.lastStampMs,
      status.seenMs,
      status.lostEntries,
    );
    // The life that speaks now stays, also if the clock was set back: without it the link would
    // begin anew with every frame.
    this.#sql.exec(
      `delete from link where replica = ?1 and id in (select id from link where replica = ?1
         order by id = ?2 desc, seen_ms desc, id limit -1 offset ?3)`,
      status.replica,
      status.link,
      limits.livesPerReplicaMax,
    );
  }

  makeRoomFor(replica: ReplicaId, silentSinceMs: number): boolean {
    const [held] = this.#sql.exec("select 1 from link where replica = ? limit 1", replica);
    if (held !== undefined || this.#countReplicas() < this.#replicasMax) return true;
    this.#sql.exec(
      `delete from link where replica in
         (select replica from link group by replica having max(seen_ms) < ?)`,
      silentSinceMs,
    );
    return this.#countReplicas() < this.#replicasMax;
  }

  listReplicas(): ReplicaStatus[] {
    return this.#sql.exec("select * from link order by replica, seen_ms").map(toStatus);
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

  timelessStreams(device: DeviceId, batch: string): readonly string[] {
    const row = this.#sql.exec(
      "select streams from timeless where device = ? and batch = ?",
      device,
      batch,
    )[0];
    return row === undefined ? [] : textOf(row["streams"]).split(",");
  }

  rememberTimeless(
    device: DeviceId,
    batch: string,
    stampMs: number,
    streams: readonly string[],
  ): void {
    const text = streams.join(",");
    const updated = this.#sql.exec(
      "update timeless set streams = ? where device = ? and batch = ? returning 1",
      text,
      device,
      batch,
    );
    if (updated.length > 0) return;
    this.#sql.exec("insert into timeless values (?, ?, ?, ?)", device, batch, stampMs, text);
    const [row] = this.#sql.exec(
      `insert into timeless_count values (?, 1, 0)
         on conflict do update set batches = batches + 1 returning batches`,
      device,
    );
    if (numberOf(row?.["batches"]) > this.#timelessBatchesMax) this.#forgetTimeless(device);
  }

  forgottenMs(device: DeviceId): number {
    const row = this.#sql.exec(
      "select forgotten_ms from timeless_count where device = ?",
      device,
    )[0];
    return numberOf(row?.["forgotten_ms"]);
  }

  /** Forgets the tenth of a device's batches that was committed first. */
  #forgetTimeless(device: DeviceId): void {
    const [last] = this.#sql.exec(
      "select stamp_ms from timeless where device = ? order by stamp_ms limit 1 offset ?",
      device,
      Math.floor(this.#timelessBatchesMax / 10),
    );
    const stampMs = numberOf(last?.["stamp_ms"]);
    const gone = this.#sql.exec(
      "delete from timeless where device = ? and stamp_ms <= ? returning 1",
      device,
      stampMs,
    );
    this.#sql.exec(
      "update timeless_count set batches = batches - ?, forgotten_ms = max(forgotten_ms, ?) where device = ?",
      gone.length,
      stampMs,
      device,
    );
  }

  #countReplicas(): number {
    const [row] = this.#sql.exec("select count(distinct replica) as replicas from link");
    return numberOf(row?.["replicas"]);
  }
}

function keyOf(lane: Lane): [string, string, number] {
  return [lane.device, lane.stream, lane.isQuarantined ? 1 : 0];
}

function toStatus(row: SqlRow): ReplicaStatus {
  return {
    link: numberOf(row["id"]),
    replica: textOf(row["replica"]) as ReplicaId,
    replicaEpoch: numberOf(row["epoch"]),
    cursor: { seq: numberOf(row["cursor_seq"]), digest: numberOf(row["cursor_digest"]) },
    head: numberOf(row["head"]),
    acked: ORIGIN_POSITION,
    told: ORIGIN_POSITION,
    lastStampMs: numberOf(row["last_stamp_ms"]),
    seenMs: numberOf(row["seen_ms"]),
    lostEntries: numberOf(row["lost_entries"]),
  };
}
