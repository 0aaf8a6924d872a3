// How is some of what waits for the origin given up, so that nothing is lost unsaid and nothing is said
// lost that the origin holds? A frame whose answer did not come may have arrived: what it can have
// held, the entries that follow the cursor, is set aside, or kept, and stays on its way.

import { FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX } from "../../sync/limits.ts";
import { bytesOf, numberOf, type Sql } from "../../storage/sql.ts";
import { THIN } from "../../state/gap.ts";
import { freshOf } from "../journal/committed.ts";
import { decodeSlot } from "../journal/slot-note.ts";
import type { SavedLink, ShedGoal } from "../ports.ts";
import { heldFloor, nextHeld, readHeld, slotsAfter } from "./hub-entries.ts";
import { accountOf } from "./hub-accounts.ts";
import type { HubMemory } from "./hub-memory.ts";
import { aheadOf, dropAhead } from "./sql-ahead.ts";
import { addGaps, forgetSent } from "./sql-gaps.ts";
import type { SlotEntry } from "./sql-journal-rows.ts";
import { packEntry, type Packed } from "./sql-journal.ts";
import type { StampedBatch } from "./sql-thinned.ts";

export const ASIDE_TABLE = `create table aside (seq integer primary key, stamp_ms integer not null, body blob not null);`;

/** What stands beside its batches; nothing: a release wrote it that did not say. */
export const ASIDE_MIGRATION = `alter table aside add column note blob`;

/** Reads the entries that are set aside. */
export function loadAside(sql: Sql): SlotEntry[] {
  return sql.exec("select * from aside order by seq").map((row) => ({
    seq: numberOf(row["seq"]),
    stampMs: numberOf(row["stamp_ms"]),
    note: row["note"] == null ? new Uint8Array(0) : bytesOf(row["note"]),
    body: bytesOf(row["body"]),
  }));
}

/** Writes the entries that are set aside, in the place of those before. */
export function saveAside(sql: Sql, memory: HubMemory, entries: readonly SlotEntry[]): void {
  sql.exec("delete from aside");
  for (const { seq, stampMs, note, body } of entries)
    sql.exec("insert into aside values (?, ?, ?, ?)", seq, stampMs, body, note);
  memory.aside = entries;
}

/** Sets aside what a frame may have held, unless it is set aside already. */
function setAside(sql: Sql, memory: HubMemory): void {
  const cursor = memory.link.cursor.seq;
  // While some of it is held nowhere else any more, it is all that is cut from this cursor.
  const floor = heldFloor(memory);
  if (memory.aside.some(({ seq }) => seq > cursor && seq < floor)) return;
  const entries = slotsAfter(memory, cursor, FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX);
  const last = entries.at(-1)?.seq ?? cursor;
  // Some of what went ahead may be set aside further on.
  saveAside(sql, memory, [...entries, ...memory.aside.filter(({ seq }) => seq > last)]);
}

/** Bytes that the origin does not hold. */
export function waitingBytes({ unackedBytes, kept, link }: HubMemory): number {
  return unackedBytes + kept.bytesAfter(link.cursor.seq);
}

/** Gives up entries, and says so; within a transaction. */
export function shedEntries(sql: Sql, memory: HubMemory, goal: ShedGoal): void {
  const { aside } = memory;
  giveUp(sql, memory, goal);
  if (memory.aside !== aside) saveAside(sql, memory, memory.aside);
}

function giveUp(sql: Sql, memory: HubMemory, goal: ShedGoal): void {
  if (goal.policy === "drop-newest") shedNewest(sql, memory, goal);
  else if (goal.policy === "drop-oldest" || memory.thinned.bytes < goal.thinnedBytesMax)
    shedOldest(sql, memory, goal);
}

/** Gives up the oldest; where it is thinned, its minutes stay. */
function shedOldest(sql: Sql, memory: HubMemory, goal: ShedGoal): void {
  setAside(sql, memory);
  const from = heldFloor(memory);
  const before = waitingBytes(memory);
  const batches: StampedBatch[] = [];
  while (before - waitingBytes(memory) < goal.bytesAtOnce && isGoalAhead(memory, goal)) {
    const given = giveUpOldest(memory);
    if (given === null) break;
    batches.push(...given);
  }
  record(sql, memory, goal, from, batches);
}

function record(
  sql: Sql,
  { start, thinned, gapBytesMax, accounts, row }: HubMemory,
  { policy }: ShedGoal,
  from: number,
  batches: readonly StampedBatch[],
): void {
  if (batches.length === 0) return;
  for (const { stampMs, batch } of batches) accounts.gaveUp(accountOf(stampMs, [batch]));
  row.save(accounts.asOf());
  addGaps(
    sql,
    start,
    policy,
    gapBytesMax,
    batches.map(({ batch }) => batch),
  );
  if (policy === THIN) thinned.add(start, from, batches);
}

/** Gives up the first page of what is kept, or of the journal; null: there is none that may go. */
function giveUpOldest(memory: HubMemory): StampedBatch[] | null {
  const { kept, journal } = memory;
  if (kept.first !== null)
    return kept.dropFirst().flatMap((entry) => {
      // One that the journal holds too goes with the journal's.
      return entry.seq >= journal.floor ? [] : readingsNobodyHolds(memory, entry);
    });
  const last = journalPageEnd(memory);
  return last === null
    ? null
    : dropFromJournal(memory, last, (entry) => readingsNobodyHolds(memory, entry));
}

/** The last entry of the journal's oldest page, or its oldest; null if it is needed. */
function journalPageEnd({ journal, checkpoint }: HubMemory): number | null {
  const last = journal.archived === 0 ? journal.floor : journal.firstPageEnd();
  return last > checkpoint || last >= journal.head ? null : last;
}

/** Drops the journal's entries up to `last`; what does something else with them is told of each. */
function dropFromJournal<T>(
  memory: HubMemory,
  last: number,
  each: (entry: SlotEntry) => readonly T[],
): T[] {
  const { journal, link } = memory;
  const found: T[] = [];
  for (let seq = journal.floor; seq <= last; seq += 1) {
    if (seq <= link.cursor.seq) continue;
    const entry = journal.read(seq);
    if (entry !== null) found.push(...each(entry));
    memory.unackedBytes -= journal.bytesAt(seq);
  }
  if (journal.archived === 0) journal.dropOldest();
  else journal.dropArchived(last);
  return found;
}

/**
 * The readings of an entry that neither the origin holds nor what is set aside; conflicts never
 * counted. One that went ahead without an answer may have arrived, and is set aside as well.
 */
function readingsNobodyHolds(
  memory: HubMemory,
  { seq, stampMs, note, body }: SlotEntry,
): StampedBatch[] {
  const { aside, row, link, ahead } = memory;
  if (seq <= Math.max(link.cursor.seq, row.row.confirmed)) return [];
  const where = aheadOf(ahead, seq);
  if (where === "held" || aside.some((entry) => entry.seq === seq)) return [];
  if (where === "in-doubt") {
    memory.aside = [...aside, { seq, stampMs, note, body }].toSorted((a, b) => a.seq - b.seq);
    return [];
  }
  const committed = decodeSlot(stampMs, note, body) ?? [];
  return committed.flatMap(({ kept }) => kept.map((one) => ({ stampMs, batch: freshOf(one) })));
}

/**
 * Gives up the newest: the oldest that waits is moved out of the journal and kept, until that is as
 * much as may be; then the journal gives up what came behind.
 */
function shedNewest(sql: Sql, memory: HubMemory, goal: ShedGoal): void {
  const { kept, link } = memory;
  if (waitingBytes(memory) <= goal.bytesMax) return;
  // A frame may have held these: they are kept however much that is.
  if (kept.last <= link.cursor.seq) keepFrame(memory);
  const room = (): number => goal.keptBytesMax - kept.bytesAfter(link.cursor.seq);
  if (room() > 0) keepOldest(memory, Math.min(room(), goal.bytesAtOnce));
  if (room() > 0) return;
  const before = waitingBytes(memory);
  const batches: StampedBatch[] = [];
  const from = memory.journal.floor;
  while (before - waitingBytes(memory) < goal.bytesAtOnce) {
    const last = journalPageEnd(memory);
    if (last === null) break;
    const isKept = ({ seq }: SlotEntry): boolean => seq <= kept.last;
    const given = dropFromJournal(memory, last, (entry) =>
      isKept(entry) ? [] : readingsNobodyHolds(memory, entry),
    );
    batches.push(...given);
  }
  record(sql, memory, goal, from, batches);
}

/** Keeps what the next frame would be cut from; the newest entry the journal has as well. */
function keepFrame(memory: HubMemory): void {
  const { link, journal, kept } = memory;
  const entries = slotsAfter(memory, link.cursor.seq, FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX);
  kept.add(entries.filter(({ seq }) => seq >= journal.floor).map(packEntry));
  for (let last = journalPageEnd(memory); last !== null && last <= kept.last;) {
    dropFromJournal(memory, last, () => []);
    last = journalPageEnd(memory);
  }
}

/** Moves the journal's oldest entries to those that are kept. */
function keepOldest(memory: HubMemory, bytesMax: number): void {
  const { kept } = memory;
  const packed: Packed[] = [];
  let bytes = 0;
  while (bytes < bytesMax) {
    const last = journalPageEnd(memory);
    if (last === null) break;
    const moved = dropFromJournal(memory, last, (entry) => [packEntry(entry)]);
    packed.push(...moved.filter(({ seq }) => seq > kept.last));
    bytes += moved.reduce((sum, one) => sum + one.bytes.length, 0);
  }
  kept.add(packed);
}

/**
 * Drops what is kept and the origin holds: oldest first, while that is more than `bytesMax` or was
 * committed before.
 */
export function dropKept(
  { kept, link, journal }: HubMemory,
  bytesMax: number,
  beforeMs: number,
): void {
  while (kept.first !== null && kept.firstPageEnd() <= link.cursor.seq) {
    const isOver = kept.bytes + journal.totalBytes > bytesMax;
    if (!isOver && (kept.read(kept.first)?.stampMs ?? 0) >= beforeMs) return;
    kept.dropFirst();
  }
}

/**
 * Remembers across lives what the origin has held, as a link's record is replaced. A cursor that goes
 * back in one life, or a life of which it holds less than was acknowledged, is an origin that lost
 * something: what it asks for again, it lacks.
 */
export function saveConfirmed(
  sql: Sql,
  memory: HubMemory,
  next: SavedLink,
  heldTo: number | undefined,
): void {
  const { link, row } = memory;
  const { confirmed } = row.row;
  const isOther = next.replicaEpoch !== link.replicaEpoch;
  const isBack = next.cursor.seq < link.cursor.seq;
  if (!isOther && !isBack) return;
  const isLost = heldTo !== undefined || !isOther;
  const held = isLost ? (heldTo ?? next.cursor.seq) : Math.max(confirmed, link.cursor.seq);
  if (isLost) memory.ahead = dropAhead(sql, memory.ahead, Infinity);
  if (held !== confirmed) row.save({ confirmed: held });
  // It may have lost what it was told of gaps as well; told twice, they are the same.
  forgetSent(sql);
  memory.thinned.tellAgain();
}

/** What is acknowledged goes first, then what is over the goal. */
function isGoalAhead(memory: HubMemory, goal: ShedGoal): boolean {
  const oldest = heldFloor(memory);
  if (oldest <= memory.link.cursor.seq || waitingBytes(memory) > goal.bytesMax) return true;
  return goal.beforeMs > 0 && (readHeld(memory, oldest)?.stampMs ?? 0) < goal.beforeMs;
}

/** The oldest entry that the origin does not hold; null if it holds all. */
export function oldestWaiting({ journal, kept, link }: HubMemory): number | null {
  const seq = nextHeld({ journal, kept, aside: [] }, link.cursor.seq);
  return seq > journal.head ? null : seq;
}
