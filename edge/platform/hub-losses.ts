// What of the readings that a hub accepted is lost with entries of which nothing is left? What their rows
// still say, if it comes to as many as the entries around them tell; else how many those tell, of nobody
// knows which device. Written into the gap records in the transaction that empties the entries.

import type { DeviceId } from "../../sync/brand.ts";
import { decodeBatches, readingsOf, type ReadingBatch } from "../../sync/wire/batch.ts";
import type { Sql } from "../../storage/sql.ts";
import { ANY, DAMAGE, DAMAGE_UNCOUNTED } from "../../state/gap.ts";
import { freshOf } from "../journal/committed.ts";
import { acceptedIn, decodeSlot, encodeNote } from "../journal/slot-note.ts";
import { accountOf, accountOfEntry } from "./hub-accounts.ts";
import type { HubMemory } from "./hub-memory.ts";
import { nothingAt, type LostEntry, type SlotEntry } from "./sql-journal-rows.ts";
import { aheadOf } from "./sql-ahead.ts";
import { addGap, addGaps } from "./sql-gaps.ts";
import type { StampedBatch } from "./sql-thinned.ts";

/** Entries that follow each other and are lost, all sealed or none. */
interface Run {
  readonly first: number;
  readonly last: number;
  /** What is left of each row. */
  readonly wrecks: readonly (SlotEntry | null)[];
  /** The entries around them; null: there is none. */
  readonly before: SlotEntry | null;
  readonly after: SlotEntry | null;
}

/** Entries that are lost, until it is written down what was in them. */
export class HubLosses {
  readonly #sql: Sql;
  readonly #waiting = new Map<number, SlotEntry | null>();
  #memory: HubMemory | null = null;
  #isSettling = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** An entry is lost; before open() it is remembered. */
  readonly add = ({ seq, wreck }: LostEntry): void => {
    this.#waiting.set(seq, wreck);
    this.#settle();
  };

  /** What is in memory is whole now. */
  open(memory: HubMemory): void {
    this.#memory = memory;
    this.#settle();
  }

  #settle(): void {
    const memory = this.#memory;
    // Looking at what is around an entry may find that lost as well.
    if (memory === null || this.#isSettling || this.#waiting.size === 0) return;
    this.#isSettling = true;
    try {
      this.#sql.transaction(() => {
        while (this.#waiting.size > 0) settleRun(this.#sql, memory, this.#nextRun(memory));
      });
    } finally {
      this.#isSettling = false;
    }
  }

  #nextRun({ journal, checkpoint }: HubMemory): Run {
    let first = Math.min(...this.#waiting.keys());
    let last = first;
    let before = journal.read(first - 1);
    for (
      ;
      this.#waiting.has(first - 1) && first - 1 !== checkpoint;
      before = journal.read(first - 1)
    )
      first -= 1;
    let after = journal.read(last + 1);
    for (; this.#waiting.has(last + 1) && last !== checkpoint; after = journal.read(last + 1))
      last += 1;
    const wrecks: (SlotEntry | null)[] = [];
    for (let seq = first; seq <= last; seq += 1) {
      wrecks.push(this.#waiting.get(seq) ?? null);
      this.#waiting.delete(seq);
    }
    return { first, last, wrecks, before, after };
  }
}

function settleRun(sql: Sql, memory: HubMemory, run: Run): void {
  const { accounts, journal, link, row } = memory;
  const accepted = acceptedAround(memory, run);
  const count = accepted === null ? null : accepted.upTo - accepted.before;
  const said = whatIsLeft(run, count);
  recall(memory, run, count ?? said?.readings ?? 0);
  if (count !== 0) tell(sql, memory, run, count ?? said?.readings ?? null, said);
  row.save(accounts.asOf());
  const { note } = noteOf(accepted?.upTo ?? null);
  for (let seq = run.first; seq <= run.last; seq += 1)
    journal.replace({ ...nothingAt(seq, stampOf(memory, run)), note });
  memory.unackedBytes = journal.bytesBetween(link.cursor.seq, journal.head);
  memory.unsealedBytes = journal.bytesBetween(memory.checkpoint, journal.head);
}

/** Writes down what the origin will not get. */
function tell(
  sql: Sql,
  memory: HubMemory,
  run: Run,
  readings: number | null,
  said: Said | null,
): void {
  const { accounts } = memory;
  const held = heldOf(memory, run);
  if (held === "all") return;
  // How many of them were in which of the entries nobody knows.
  if (held === "some") return addGap(sql, coarseGap(memory, run, null));
  if (said === null) addGap(sql, coarseGap(memory, run, readings));
  else addKnown(sql, memory, run, said.batches);
  const quarantined = Math.min(said?.quarantined ?? 0, accounts.account.quarantined);
  accounts.gaveUp({ readings: readings ?? 0, quarantined });
}

/** With how many readings accepted the next loss can be counted. */
function noteOf(accepted: number | null): Pick<SlotEntry, "note"> {
  return { note: encodeNote(0, [], [], accepted) };
}

/** Not before the entry in front of them. */
function stampOf({ journal }: HubMemory, { first, before }: Run): number {
  return Math.max(journal.stampAt(first), before?.stampMs ?? 0);
}

/** How many readings the hub had accepted before the run and with it; null: nothing around tells. */
function acceptedAround(
  memory: HubMemory,
  run: Run,
): { readonly before: number; readonly upTo: number } | null {
  const before = acceptedUpTo(memory, run);
  const upTo = acceptedWith(memory, run);
  if (before === null || upTo === null || upTo < before) return null;
  // The last entry of all, found lost at a start: nobody has counted it.
  return run.after === null && upTo === before ? null : { before, upTo };
}

function acceptedUpTo({ accounts, checkpoint }: HubMemory, { first, before }: Run): number | null {
  const said = before === null ? null : acceptedIn(before.note);
  if (said !== null) return said;
  if (first === 1) return 0;
  return first === checkpoint + 1 ? accounts.asOf().accepted : null;
}

function acceptedWith({ accounts, checkpoint, journal }: HubMemory, run: Run): number | null {
  if (run.last === checkpoint) return accounts.asOf().accepted;
  if (run.after !== null) return acceptedBefore(run.after);
  return run.last === journal.head ? accounts.account.accepted : null;
}

function acceptedBefore(entry: SlotEntry): number | null {
  const accepted = acceptedIn(entry.note);
  const committed = decodeSlot(entry.stampMs, entry.note, entry.body);
  if (accepted === null || committed === null) return null;
  return accepted - accountOfEntry(entry.stampMs, committed).readings;
}

/** Puts into the account what only the entries said. */
function recall({ accounts, checkpoint }: HubMemory, { first, last }: Run, count: number): void {
  if (first <= checkpoint) return;
  let known = 0;
  for (let seq = first; seq <= last; seq += 1) known += accounts.emptied(seq).readings;
  accounts.recalled(Math.max(0, count - known));
}

/** Does the origin hold them, or does something else that is still sent? */
function heldOf(memory: HubMemory, { first, last }: Run): "all" | "some" | "none" {
  const { link, row, ahead, aside, kept } = memory;
  let held = 0;
  for (let seq = first; seq <= last; seq += 1) {
    const isThere =
      seq <= Math.max(link.cursor.seq, row.row.confirmed) ||
      aheadOf(ahead, seq) === "held" ||
      aside.some((entry) => entry.seq === seq) ||
      (seq <= kept.last && kept.read(seq) !== null);
    if (isThere) held += 1;
  }
  if (held === 0) return "none";
  return held === last - first + 1 ? "all" : "some";
}

/** What rows still say. */
interface Said {
  readonly batches: readonly ReadingBatch[];
  readonly readings: number;
  readonly quarantined: number;
}

/** The readings that the rows still tell of, if that is all of them. */
function whatIsLeft({ wrecks }: Run, count: number | null): Said | null {
  const stamped: StampedBatch[] = [];
  for (const wreck of wrecks) {
    const batches = wreck === null ? null : batchesOf(wreck);
    if (wreck === null || batches === null) return null;
    stamped.push(...batches.map((batch) => ({ stampMs: wreck.stampMs, batch })));
  }
  const batches = stamped.map(({ batch }) => batch);
  const readings = batches.reduce((sum, batch) => sum + readingsOf(batch), 0);
  if (readings !== (count ?? readings)) return null;
  const quarantined = stamped.reduce(
    (sum, { stampMs, batch }) => sum + accountOf(stampMs, [batch]).quarantined,
    0,
  );
  return { batches, readings, quarantined };
}

function batchesOf({ stampMs, note, body }: SlotEntry): ReadingBatch[] | null {
  const committed = decodeSlot(stampMs, note, body);
  if (committed !== null) return committed.flatMap(({ kept }) => kept.map(freshOf));
  const batches = decodeBatches(body);
  return batches.ok && batches.value.length > 0 ? [...batches.value] : null;
}

/** A name that nobody ever sent is a damaged one: its readings are told of any device. */
function addKnown(sql: Sql, memory: HubMemory, run: Run, batches: readonly ReadingBatch[]): void {
  const known = batches.filter((batch) => isKnown(memory, batch));
  addGaps(sql, memory.start, DAMAGE, memory.gapBytesMax, known);
  const left = batches.filter((batch) => !known.includes(batch));
  const readings = left.reduce((sum, batch) => sum + readingsOf(batch), 0);
  if (readings > 0) addGap(sql, coarseGap(memory, run, readings));
}

function isKnown({ devices }: HubMemory, { device, columns }: ReadingBatch): boolean {
  const streams = devices.get(device satisfies DeviceId)?.state.streams ?? {};
  return columns.every(({ stream }) => Object.hasOwn(streams, stream));
}

/** @param readings Null: nobody knows how many. */
function coarseGap(
  memory: HubMemory,
  run: Run,
  readings: number | null,
): Parameters<typeof addGap>[1] {
  const firstMs = stampOf(memory, run);
  return {
    epoch: memory.start,
    device: ANY,
    stream: ANY,
    policy: readings === null ? DAMAGE_UNCOUNTED : DAMAGE,
    hourMs: -1,
    firstMs,
    lastMs: Math.max(firstMs, run.after?.stampMs ?? memory.journal.lastStampMs),
    readings: readings ?? 0,
  };
}
