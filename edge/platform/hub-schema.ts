// What are the tables of a hub, and how does an older release's become one of today's? Each step is
// numbered; the newest applied one is in `schema_version`.

import { bytesOf, numberOf, textOf, type Sql } from "../../storage/sql.ts";
import { encodeText } from "../../sync/wire/bytes.ts";
import { decodeBatches } from "../../sync/wire/batch.ts";
import type { Committed } from "../journal/committed.ts";
import { encodeNote, encodePart, placedIn } from "../journal/slot-note.ts";
import { addPart, encodeRollup, type Rollup } from "../../state/rollup.ts";
import { loadAggregate } from "../../sync/crdt/aggregate.ts";
import { MINUTE_MS, minuteOf, type MinuteRollup } from "../telemetry/device-state.ts";
import { ACCOUNTS_MIGRATION } from "./hub-accounts.ts";
import { ASIDE_MIGRATION, ASIDE_TABLE } from "./hub-shedding.ts";
import { AHEAD_TABLE } from "./sql-ahead.ts";
import { ALERT_TABLES } from "./sql-alerts.ts";
import { GAP_TABLE } from "./sql-gaps.ts";
import { JOURNAL_TABLE } from "./sql-journal-rows.ts";
import { SqlJournal } from "./sql-journal.ts";
import { HUB_CRC_MIGRATION } from "./sql-hub-row.ts";
import { pagesTable, SqlPages, type Edit } from "./sql-pages.ts";
import { hourKey, hourOf, partsOf } from "./sql-segments.ts";

export const HUB_MIGRATIONS: readonly string[] = [
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
  `alter table journal rename to journal_2;
   alter table device rename to device_2;
   drop table span;
   ${JOURNAL_TABLE}
   ${pagesTable("device")}
   create table hub (id integer primary key check (id = 1), checkpoint integer not null);
   insert into hub values (1, 0)`,
  // Everything that the journal holds is sealed, once.
  `${pagesTable("segment")}
   update hub set checkpoint = 0`,
  pagesTable("archive"),
  `alter table rollup rename to rollup_2;
   ${pagesTable("rollup_minute")}
   ${pagesTable("rollup_hour")}`,
  `${ASIDE_TABLE}
   ${GAP_TABLE};
   alter table hub add column confirmed integer not null default 0`,
  `${pagesTable("kept")}
   ${pagesTable("thinned")}`,
  AHEAD_TABLE,
  `${ACCOUNTS_MIGRATION};
   ${ASIDE_MIGRATION}`,
  pagesTable("thinned_taken"),
  ALERT_TABLES,
  HUB_CRC_MIGRATION,
];

/** Takes over what a release with rows for each commit and device has left; nothing is lost (P1). */
export function takeOver(sql: Sql, cursor: number): void {
  takeOverCommits(sql, cursor);
  const [old] = sql.exec("select name from sqlite_master where name = 'rollup_2'");
  if (old !== undefined) sql.transaction(() => takeOverMinutes(sql));
}

function takeOverCommits(sql: Sql, cursor: number): void {
  const [old] = sql.exec("select name from sqlite_master where name = 'journal_2'");
  if (old === undefined) return;
  sql.transaction(() => {
    const head = takeOverJournal(sql, cursor);
    const edits = sql
      .exec("select id, state from device_2 order by id")
      .map(({ id, state }): Edit => [
        textOf(id),
        encodeText(JSON.stringify({ seq: head, state: stateOf(textOf(state)) })),
      ]);
    new SqlPages(sql, "device", () => undefined).put(edits, head);
    sql.exec("drop table journal_2");
    sql.exec("drop table device_2");
  });
}

/** What a lookup had to reach is known of each batch now. */
function stateOf(text: string): unknown {
  const { longestSpanMs: _, ...state } = JSON.parse(text) as Record<string, unknown>;
  return state;
}

function takeOverJournal(sql: Sql, cursor: number): number {
  const [first] = sql.exec("select min(seq) as n from journal_2");
  const before = first?.["n"] == null ? cursor : numberOf(first["n"]) - 1;
  const journal = new SqlJournal(sql, before, () => undefined);
  for (const { n } of sql.exec("select seq as n from journal_2 order by seq")) {
    const seq = numberOf(n);
    const [row] = sql.exec("select stamp_ms, body from journal_2 where seq = ?", seq);
    const stampMs = numberOf(row?.["stamp_ms"]);
    const body = bytesOf(row?.["body"] ?? null);
    journal.append({ seq, stampMs, note: noteOf(stampMs, body), body }, false);
  }
  return journal.head;
}

/** Its devices were written with it, so of what stands beside it only the places are asked for. */
function noteOf(stampMs: number, body: Uint8Array): Uint8Array {
  const decoded = decodeBatches(body);
  const batches = decoded.ok ? decoded.value : [];
  const committed = batches.map((batch): Committed => {
    const { device, identity, contentHash } = batch;
    const kept = [{ batch, conflicts: [] }];
    return { device, identity, contentHash, arrivedMs: stampMs, sentMs: null, duplicates: 0, kept };
  });
  return encodeNote(
    stampMs,
    committed,
    batches.map((batch) => encodePart(batch).length),
    null,
  );
}

/** Minutes of readings that the journal holds are folded from them, when they go. */
function takeOverMinutes(sql: Sql): void {
  const journal = new SqlJournal(sql, 0, () => undefined);
  const held = new Set<string>();
  for (let seq = journal.floor; seq <= journal.head; seq += 1) {
    const entry = journal.read(seq);
    for (const { batch } of entry === null ? [] : placedIn(entry))
      for (const timeMs of batch.times) held.add(`${batch.device} ${minuteOf(timeMs)}`);
  }
  const hours = new Map<string, Rollup>();
  for (const row of sql.exec("select device, minute_ms, body from rollup_2")) {
    const [device, minuteMs] = [textOf(row["device"]), numberOf(row["minute_ms"])];
    if (held.has(`${device} ${minuteMs}`)) continue;
    const hourMs = hourOf(minuteMs);
    const key = hourKey(hourMs, device);
    const rollup = hours.get(key) ?? new Map();
    hours.set(key, rollup);
    const streams = JSON.parse(textOf(row["body"])) as MinuteRollup;
    for (const [stream, stored] of Object.entries(streams))
      addPart(rollup, stream, (minuteMs - hourMs) / MINUTE_MS, loadAggregate(stored));
  }
  const edits = [...hours]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, rollup]): Edit => [key, encodeRollup(rollup, partsOf(key).hourMs)]);
  new SqlPages(sql, "rollup_minute", () => undefined).put(edits, 0);
  sql.exec("drop table rollup_2");
}
