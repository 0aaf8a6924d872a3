// The HubStore over SQLite: every statement of the hub is here. A commit writes one journal row,
// one span a batch, one device row and one rollup row a device-hour, however many readings it has.

import { assert } from "../../sync/assert.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import type { JournalExtent } from "../../sync/link/edge.ts";
import { limits } from "../limits.ts";
import { bytesOf, migrate, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import type { HubStore, SavedLink, Span } from "../ports.ts";
import type { DeviceState, HourRollup } from "../telemetry/device-state.ts";

/** Numbered migrations; the newest applied one is in `schema_version`. */
const MIGRATIONS: readonly string[] = [
  `create table link (id integer primary key check (id = 1), replica_epoch integer not null, cursor integer not null);
   create table journal (seq integer primary key, stamp_ms integer not null, body blob not null);
   create table span (device text not null, last_ms integer not null, seq integer not null, first_ms integer not null,
     primary key (device, last_ms, seq)) without rowid;
   create index span_by_seq on span (seq);
   create table device (id text primary key, state text not null) without rowid;
   create table rollup (device text not null, hour_ms integer not null, body text not null,
     primary key (device, hour_ms)) without rowid;`,
];

interface Marks {
  floor: number;
  head: number;
  cursor: number;
  lastStampMs: number;
  bytes: number;
  unackedBytes: number;
  devices: number;
  replicaEpoch: number;
}

/** The durable state of one hub; keeps marks and recently used devices in memory. */
export class SqlHubStore implements HubStore {
  readonly #sql: Sql;
  readonly #devices = new Map<string, DeviceState>();
  readonly #journalBytesMax: number;
  #marks: Marks;

  /** @param newEpoch The replicaEpoch to take if the storage is new. */
  constructor(sql: Sql, newEpoch: number, journalBytesMax: number = limits.journalBytesMax) {
    this.#sql = sql;
    this.#journalBytesMax = journalBytesMax;
    migrate(sql, MIGRATIONS);
    sql.exec("insert or ignore into link values (1, ?, 0)", newEpoch);
    this.#marks = this.#loadMarks();
  }

  transaction<T>(run: () => T): T {
    const before = { ...this.#marks };
    try {
      return this.#sql.transaction(run);
    } catch (error) {
      this.#marks = before;
      this.#devices.clear();
      throw error;
    }
  }

  append(stampMs: number, body: Uint8Array, spans: readonly Span[]): void {
    const marks = this.#marks;
    const seq = marks.head + 1;
    assert(stampMs > marks.lastStampMs, "Commit stamps ascend");
    this.#sql.exec("insert into journal values (?, ?, ?)", seq, stampMs, body);
    for (const { device, firstMs, lastMs } of spans) {
      // A batch with assigned times may end where its other part does: one row spans both.
      this.#sql.exec(
        "insert into span values (?, ?, ?, ?) on conflict do update set first_ms = min(first_ms, excluded.first_ms)",
        device,
        lastMs,
        seq,
        firstMs,
      );
    }
    Object.assign(marks, {
      head: seq,
      lastStampMs: stampMs,
      bytes: marks.bytes + body.length,
      unackedBytes: marks.unackedBytes + body.length,
    });
  }

  extent(): JournalExtent {
    return { floor: this.#marks.floor, head: this.#marks.head };
  }

  lastStampMs(): number {
    return this.#marks.lastStampMs;
  }

  unackedBytes(): number {
    return this.#marks.unackedBytes;
  }

  entriesAfter(after: number, bytesTarget: number, entriesMax: number): LogEntry[] {
    const sizes = this.#sql.exec(
      "select seq, length(body) as n from journal where seq > ? order by seq limit ?",
      after,
      entriesMax,
    );
    let bytes = 0;
    let last = 0;
    for (const row of sizes) {
      bytes += numberOf(row["n"]);
      if (last > 0 && bytes > bytesTarget) break;
      last = numberOf(row["seq"]);
    }
    if (last === 0) return [];
    return this.#sql
      .exec(
        "select seq, stamp_ms, body from journal where seq > ? and seq <= ? order by seq",
        after,
        last,
      )
      .map(toEntry);
  }

  overlapping(device: DeviceId, fromMs: number, toMs: number, rowsMax: number): LogEntry[] {
    return this.#sql
      .exec(
        `select journal.seq, stamp_ms, body from journal join
           (select distinct seq from span where device = ? and last_ms >= ? and first_ms <= ?) as met
           on journal.seq = met.seq order by journal.seq limit ?`,
        device,
        fromMs,
        toMs,
        rowsMax,
      )
      .map(toEntry);
  }

  dropAcknowledged(): void {
    const marks = this.#marks;
    if (marks.bytes <= this.#journalBytesMax) return;
    const rows = this.#sql.exec(
      "select seq, length(body) as n from journal where seq <= ? order by seq limit ?",
      marks.cursor,
      limits.dropRowsMax,
    );
    let excess = marks.bytes - this.#journalBytesMax;
    let upTo = marks.floor - 1;
    for (const row of rows) {
      if (excess <= 0) break;
      excess -= numberOf(row["n"]);
      upTo = numberOf(row["seq"]);
    }
    this.#sql.transaction(() => {
      this.#sql.exec("delete from span where seq <= ?", upTo);
      this.#sql.exec("delete from journal where seq <= ?", upTo);
    });
    this.#marks = this.#loadMarks();
  }

  loadLink(): SavedLink {
    return { replicaEpoch: this.#marks.replicaEpoch, cursor: this.#marks.cursor };
  }

  saveCursor(cursor: number): void {
    if (cursor === this.#marks.cursor) return;
    this.#sql.exec("update link set cursor = ?", cursor);
    this.#marks.cursor = cursor;
    this.#marks.unackedBytes = this.#bytesAfter(cursor);
  }

  renewEpoch(replicaEpoch: number): void {
    this.#sql.exec("update link set replica_epoch = ?, cursor = 0", replicaEpoch);
    this.#marks = this.#loadMarks();
  }

  deviceCount(): number {
    return this.#marks.devices;
  }

  loadDevice(device: DeviceId): DeviceState | null {
    const held = this.#devices.get(device);
    if (held !== undefined) return held;
    const row = this.#sql.exec("select state from device where id = ?", device)[0];
    return row === undefined ? null : (JSON.parse(textOf(row["state"])) as DeviceState);
  }

  saveDevice(device: DeviceId, state: DeviceState): void {
    if (this.loadDevice(device) === null) this.#marks.devices += 1;
    this.#sql.exec("insert or replace into device values (?, ?)", device, JSON.stringify(state));
    this.#devices.delete(device);
    this.#devices.set(device, state);
    if (this.#devices.size <= limits.devicesInMemoryMax) return;
    const oldest = this.#devices.keys().next();
    if (oldest.done !== true) this.#devices.delete(oldest.value);
  }

  loadRollup(device: DeviceId, hourMs: number): HourRollup {
    const row = this.#sql.exec(
      "select body from rollup where device = ? and hour_ms = ?",
      device,
      hourMs,
    )[0];
    return row === undefined ? {} : (JSON.parse(textOf(row["body"])) as HourRollup);
  }

  saveRollup(device: DeviceId, hourMs: number, rollup: HourRollup): void {
    const body = JSON.stringify(rollup);
    const updated = this.#sql.exec(
      "update rollup set body = ? where device = ? and hour_ms = ? returning 1",
      body,
      device,
      hourMs,
    );
    if (updated.length > 0) return;
    this.#sql.exec("insert into rollup values (?, ?, ?)", device, hourMs, body);
    // Only a new hour can be one too many, so the rows are counted once an hour.
    this.#sql.exec(
      `delete from rollup where device = ?1 and hour_ms <
         (select hour_ms from rollup where device = ?1 order by hour_ms desc limit 1 offset ?2)`,
      device,
      limits.rollupHoursPerDeviceMax - 1,
    );
  }

  #bytesAfter(seq: number): number {
    return numberOf(
      this.#sql.exec("select total(length(body)) as n from journal where seq > ?", seq)[0]?.["n"],
    );
  }

  #loadMarks(): Marks {
    const link = this.#sql.exec("select cursor, replica_epoch from link")[0];
    const cursor = numberOf(link?.["cursor"]);
    const [row] = this.#sql.exec(
      "select min(seq) as floor, max(seq) as head, max(stamp_ms) as stamp, total(length(body)) as bytes from journal",
    );
    const head = row?.["head"] == null ? cursor : numberOf(row["head"]);
    return {
      floor: row?.["floor"] == null ? head + 1 : numberOf(row["floor"]),
      head,
      cursor,
      lastStampMs: numberOf(row?.["stamp"]),
      bytes: numberOf(row?.["bytes"]),
      unackedBytes: this.#bytesAfter(cursor),
      devices: numberOf(this.#sql.exec("select count(*) as n from device")[0]?.["n"]),
      replicaEpoch: numberOf(link?.["replica_epoch"]),
    };
  }
}

function toEntry(row: SqlRow): LogEntry {
  return {
    seq: numberOf(row["seq"]),
    stampMs: numberOf(row["stamp_ms"]),
    body: bytesOf(row["body"]),
  };
}
