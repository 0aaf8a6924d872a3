// The HubStore over SQLite: every statement of the hub is here. A commit writes one journal row,
// one span a batch, one device row and one rollup row a minute, however many readings it has.

import { assert } from "../../sync/assert.ts";
import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { newLife } from "../../sync/link/edge.ts";
import { limits } from "../limits.ts";
import { bytesOf, migrate, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import type { HubStore, JournalExtent, SavedLink, Span, TimeRange } from "../ports.ts";
import type { DeviceState, MinuteRollup } from "../telemetry/device-state.ts";

/** Numbered migrations; the newest applied one is in `schema_version`. */
const MIGRATIONS: readonly string[] = [
  `create table link (id integer primary key check (id = 1), replica_epoch integer not null, cursor integer not null);
   create table journal (seq integer primary key, stamp_ms integer not null, body blob not null);
   create table span (device text not null, last_ms integer not null, seq integer not null, first_ms integer not null,
     primary key (device, last_ms, seq)) without rowid;
   create index span_by_seq on span (seq);
   create table device (id text primary key, state text not null) without rowid;
   create table rollup (device text not null, minute_ms integer not null, body text not null,
     primary key (device, minute_ms)) without rowid;`,
  // A link that has to say hello sends its journal once more, and the origin knows what it holds.
  `create table link_record (id integer primary key check (id = 1), record text not null);
   insert into link_record select 1, json_object('replicaEpoch', replica_epoch, 'link', 0,
     'cursor', json_object('seq', 0, 'digest', 0), 'sent', null, 'ack', json_object('seq', 0, 'digest', 0),
     'isPulling', json('true'), 'clock', json_object('offsetMs', 0, 'heardMs', 0)) from link;
   drop table link`,
];

interface Marks {
  floor: number;
  head: number;
  link: SavedLink;
  lastStampMs: number;
  bytes: number;
  unackedBytes: number;
  devices: number;
}

/** A saved link leaves out whose it is. */
const NOBODY = "-/-" as ReplicaId;

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
    const { replica: _, ...link } = newLife(NOBODY, newEpoch);
    sql.exec("insert or ignore into link_record values (1, ?)", JSON.stringify(link));
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
    assert(stampMs >= marks.lastStampMs, "Commit stamps never go back");
    this.#sql.exec("insert into journal values (?, ?, ?)", seq, stampMs, body);
    this.#insertSpans(seq, spans);
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

  *overlapping(
    device: DeviceId,
    ranges: readonly TimeRange[],
    longestSpanMs: number,
    bytesMax: number,
  ): Iterable<LogEntry> {
    const seqs = new Set<number>();
    for (const [firstMs, lastMs] of ranges) {
      // The upper bound of last_ms keeps newer spans out, which may be all the others.
      const met = this.#sql.exec(
        "select seq from span where device = ? and last_ms >= ? and last_ms <= ? and first_ms <= ?",
        device,
        firstMs,
        lastMs + longestSpanMs,
        lastMs,
      );
      for (const row of met) seqs.add(numberOf(row["seq"]));
    }
    let bytes = 0;
    for (const seq of [...seqs].toSorted((a, b) => a - b)) {
      const [row] = this.#sql.exec("select seq, stamp_ms, body from journal where seq = ?", seq);
      if (row === undefined) continue;
      const entry = toEntry(row);
      bytes += entry.body.length;
      yield entry;
      if (bytes > bytesMax) return;
    }
  }

  dropAcknowledged(): boolean {
    const marks = this.#marks;
    if (marks.bytes <= this.#journalBytesMax) return false;
    const rows = this.#sql.exec(
      "select seq, length(body) as n from journal where seq <= ? order by seq limit ?",
      marks.link.cursor.seq,
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
    marks.bytes = this.#journalBytesMax + excess;
    marks.floor = upTo + 1;
    return excess > 0 && rows.length === limits.dropRowsMax;
  }

  replace({ seq, stampMs, body }: LogEntry, spans: readonly Span[]): void {
    const marks = this.#marks;
    const more = body.length - this.#bytesBetween(seq - 1, seq);
    this.#sql.exec("update journal set stamp_ms = ?, body = ? where seq = ?", stampMs, body, seq);
    this.#sql.exec("delete from span where seq = ?", seq);
    this.#insertSpans(seq, spans);
    marks.bytes += more;
    if (seq > marks.link.cursor.seq) marks.unackedBytes += more;
    if (seq === marks.head) marks.lastStampMs = stampMs;
  }

  loadLink(): SavedLink {
    return this.#marks.link;
  }

  saveLink(link: SavedLink): void {
    const marks = this.#marks;
    const before = marks.link.cursor.seq;
    const after = link.cursor.seq;
    if (JSON.stringify(link) === JSON.stringify(marks.link)) return;
    this.#sql.exec("update link_record set record = ?", JSON.stringify(link));
    marks.link = link;
    // Only what is newly acknowledged is added up: draining a backlog must not read it each time.
    if (after > before) marks.unackedBytes -= this.#bytesBetween(before, after);
    else if (after < before) marks.unackedBytes = this.#bytesBetween(after, marks.head);
  }

  deviceCount(): number {
    return this.#marks.devices;
  }

  deviceIds(): DeviceId[] {
    return this.#sql.exec("select id from device").map((row) => textOf(row["id"]) as DeviceId);
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

  loadRollup(device: DeviceId, minuteMs: number): MinuteRollup {
    const row = this.#sql.exec(
      "select body from rollup where device = ? and minute_ms = ?",
      device,
      minuteMs,
    )[0];
    return row === undefined ? {} : (JSON.parse(textOf(row["body"])) as MinuteRollup);
  }

  saveRollup(device: DeviceId, minuteMs: number, rollup: MinuteRollup): void {
    const body = JSON.stringify(rollup);
    this.#sql.exec("insert or replace into rollup values (?, ?, ?)", device, minuteMs, body);
  }

  dropRollups(device: DeviceId, beforeMs: number): void {
    this.#sql.exec("delete from rollup where device = ? and minute_ms < ?", device, beforeMs);
  }

  #insertSpans(seq: number, spans: readonly Span[]): void {
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
  }

  #bytesBetween(after: number, upTo: number): number {
    const [row] = this.#sql.exec(
      "select total(length(body)) as n from journal where seq > ? and seq <= ?",
      after,
      upTo,
    );
    return numberOf(row?.["n"]);
  }

  #loadMarks(): Marks {
    const [saved] = this.#sql.exec("select record from link_record");
    const link = JSON.parse(textOf(saved?.["record"])) as SavedLink;
    const { seq: cursor } = link.cursor;
    const [row] = this.#sql.exec(
      "select min(seq) as floor, max(seq) as head, max(stamp_ms) as stamp, total(length(body)) as bytes from journal",
    );
    const head = row?.["head"] == null ? cursor : numberOf(row["head"]);
    return {
      floor: row?.["floor"] == null ? head + 1 : numberOf(row["floor"]),
      head,
      link,
      lastStampMs: numberOf(row?.["stamp"]),
      bytes: numberOf(row?.["bytes"]),
      unackedBytes: this.#bytesBetween(cursor, head),
      devices: numberOf(this.#sql.exec("select count(*) as n from device")[0]?.["n"]),
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
