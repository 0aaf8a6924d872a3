// How is the oldest of what waits for the origin given up, so that nothing is lost unsaid and nothing
// is said lost that the origin holds? A frame whose answer did not come may have arrived: what it can
// have held, the entries that follow the cursor, is set aside and stays on its way.

import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX } from "../../sync/limits.ts";
import { decodeBatches, encodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { bytesOf, numberOf, type Sql } from "../../storage/sql.ts";
import { freshOf } from "../journal/committed.ts";
import { decodeSlot } from "../journal/slot-note.ts";
import type { Restamp, SavedLink, ShedGoal } from "../ports.ts";
import type { HubMemory } from "./hub-memory.ts";
import { addGaps } from "./sql-gaps.ts";

export const ASIDE_TABLE = `create table aside (seq integer primary key, stamp_ms integer not null, body blob not null);`;

/** Reads the entries that are set aside. */
export function loadAside(sql: Sql): LogEntry[] {
  return sql.exec("select * from aside order by seq").map((row) => ({
    seq: numberOf(row["seq"]),
    stampMs: numberOf(row["stamp_ms"]),
    body: bytesOf(row["body"]),
  }));
}

/** Writes the entries that are set aside, in the place of those before. */
function saveAside(sql: Sql, memory: HubMemory, entries: readonly LogEntry[]): void {
  sql.exec("delete from aside");
  for (const { seq, stampMs, body } of entries)
    sql.exec("insert into aside values (?, ?, ?)", seq, stampMs, body);
  memory.aside = entries;
}

/** Sets aside what a frame may have held, unless it is set aside already. */
export function setAside(
  sql: Sql,
  memory: HubMemory,
  entriesAfter: (after: number, bytes: number, entries: number) => LogEntry[],
): void {
  const cursor = memory.link.cursor.seq;
  // While some of it is in no journal any more, it is all that is cut from this cursor.
  const { floor } = memory.journal;
  if (memory.aside.some(({ seq }) => seq > cursor && seq < floor)) return;
  saveAside(sql, memory, entriesAfter(cursor, FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX));
}

/**
 * Gives up entries, oldest first, and says so; within a transaction.
 *
 * @returns Bytes of journal that do not wait any more.
 */
export function shedOldest(sql: Sql, memory: HubMemory, goal: ShedGoal): number {
  const { journal, link } = memory;
  const batches: ReadingBatch[] = [];
  let freed = 0;
  while (freed < goal.bytesAtOnce && journal.floor < journal.head) {
    const last = journal.archived === 0 ? journal.floor : journal.firstPageEnd();
    const isNeeded = last > memory.checkpoint || last >= journal.head;
    if (isNeeded || !isGoalAhead(memory, goal)) break;
    const before = memory.unackedBytes;
    for (let seq = journal.floor; seq <= last; seq += 1) batches.push(...giveUp(memory, seq));
    freed += before - memory.unackedBytes;
    if (journal.archived === 0) journal.dropOldest();
    else journal.dropArchived(last);
  }
  addGaps(sql, link.replicaEpoch, goal.policy, batches);
  return freed;
}

/** The readings of an entry that nobody will hold: neither the origin nor what is set aside. */
function giveUp(memory: HubMemory, seq: number): ReadingBatch[] {
  const { journal, link, aside, confirmed } = memory;
  if (seq <= link.cursor.seq) return [];
  memory.unackedBytes -= journal.bytesAt(seq);
  return seq <= Math.max(confirmed, aside.at(-1)?.seq ?? 0) ? [] : readingsAt(memory, seq);
}

/**
 * Remembers across lives what the origin has held, as a link's record is replaced. A cursor that goes
 * back in one life is an origin that lost something: what it asks for again, it lacks.
 */
export function saveConfirmed(sql: Sql, memory: HubMemory, next: SavedLink): void {
  const { link, confirmed } = memory;
  const isOther = next.replicaEpoch !== link.replicaEpoch;
  const isBack = next.cursor.seq < link.cursor.seq;
  if (!isOther && !isBack) return;
  memory.confirmed = isOther ? Math.max(confirmed, link.cursor.seq) : next.cursor.seq;
  if (memory.confirmed !== confirmed) sql.exec("update hub set confirmed = ?", memory.confirmed);
}

/** What is acknowledged goes first, then what is over the goal. */
function isGoalAhead({ journal, link, unackedBytes }: HubMemory, goal: ShedGoal): boolean {
  const oldest = journal.floor;
  if (oldest <= link.cursor.seq || unackedBytes > goal.bytesMax) return true;
  return goal.beforeMs > 0 && (journal.read(oldest)?.stampMs ?? 0) < goal.beforeMs;
}

/** The readings of an entry that count; conflicts were never among those accepted. */
function readingsAt({ journal }: HubMemory, seq: number): ReadingBatch[] {
  const entry = journal.read(seq);
  const committed = entry === null ? null : decodeSlot(entry.stampMs, entry.note, entry.body);
  return (committed ?? []).flatMap(({ kept }) => kept.map(freshOf));
}

/** Stamps anew what is set aside: a hub that refused its stamps does not hold it. */
export function restampAside(sql: Sql, memory: HubMemory, changes: readonly Restamp[]): void {
  const bySeq = new Map(changes.map((change) => [change.seq, change]));
  if (!memory.aside.some(({ seq }) => bySeq.has(seq))) return;
  const entries = memory.aside.map((entry) => {
    const change = bySeq.get(entry.seq);
    const batches = decodeBatches(entry.body);
    if (change === undefined || !batches.ok) return entry;
    const body = encodeBatches(batches.value.map(change.change));
    return { seq: entry.seq, stampMs: change.stampMs, body };
  });
  saveAside(sql, memory, entries);
}
