// The journal as a ring of slots: a commit overwrites the oldest slot that nobody needs any more, or
// takes a new one. A row a commit, and none is deleted for it.

import { assert } from "../../sync/assert.ts";
import { bytesOf, numberOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { ByteWriter } from "../../sync/wire/bytes.ts";
import { encodeBatches } from "../../sync/wire/batch.ts";

/** An entry with what stands beside it. */
export interface SlotEntry {
  readonly seq: number;
  readonly stampMs: number;
  readonly note: Uint8Array;
  readonly body: Uint8Array;
}

export const JOURNAL_TABLE = `create table journal (slot integer primary key, seq integer not null,
  stamp_ms integer not null, crc integer not null, note blob not null, body blob not null);`;

/** What an entry of which nothing is left holds. */
const NOTHING: Uint8Array = encodeBatches([]);

/** Which slot holds which entry: a queue of columns, so that a long journal stays small. */
class SlotQueue {
  #slots: number[] = [];
  #bytes: number[] = [];
  #stamps: number[] = [];
  /** How many at the front are gone. */
  #gone = 0;
  first = 1;

  get length(): number {
    return this.#slots.length - this.#gone;
  }

  push(slot: number, bytes: number, stampMs: number): void {
    this.#slots.push(slot);
    this.#bytes.push(bytes);
    this.#stamps.push(stampMs);
  }

  shift(): void {
    this.#gone += 1;
    this.first += 1;
    if (this.#gone < 1_024 || this.#gone < this.length) return;
    for (const column of [this.#slots, this.#bytes, this.#stamps]) column.splice(0, this.#gone);
    this.#gone = 0;
  }

  set(seq: number, bytes: number, stampMs: number): void {
    const at = this.#at(seq);
    this.#bytes[at] = bytes;
    this.#stamps[at] = stampMs;
  }

  slotOf(seq: number): number | undefined {
    return seq < this.first ? undefined : this.#slots[this.#at(seq)];
  }

  bytesOf(seq: number): number {
    return seq < this.first ? 0 : (this.#bytes[this.#at(seq)] ?? 0);
  }

  stampOf(seq: number): number {
    return seq < this.first ? 0 : (this.#stamps[this.#at(seq)] ?? 0);
  }

  #at(seq: number): number {
    return seq - this.first + this.#gone;
  }
}

/** The entries of one hub. */
export class SqlJournal {
  readonly #sql: Sql;
  readonly #onDamage: (what: string) => void;
  readonly #queue = new SlotQueue();
  #slotCount = 0;
  totalBytes = 0;

  /**
   * @param emptyHead The seq of the last entry, if none is held.
   * @param onDamage Told of an entry whose checksum is wrong.
   */
  constructor(sql: Sql, emptyHead: number, onDamage: (what: string) => void) {
    this.#sql = sql;
    this.#onDamage = onDamage;
    this.#queue.first = emptyHead + 1;
    this.#load();
  }

  get floor(): number {
    return this.#queue.first;
  }

  get head(): number {
    return this.#queue.first + this.#queue.length - 1;
  }

  get lastStampMs(): number {
    return this.#queue.stampOf(this.head);
  }

  bytesAt(seq: number): number {
    return this.#queue.bytesOf(seq);
  }

  stampAt(seq: number): number {
    return this.#queue.stampOf(seq);
  }

  /** Bytes of the entries after `after` up to `upTo`. */
  bytesBetween(after: number, upTo: number): number {
    let sum = 0;
    for (let seq = Math.max(after + 1, this.floor); seq <= upTo; seq += 1) sum += this.bytesAt(seq);
    return sum;
  }

  /** Writes the next entry; with `overOldest` into the slot of the oldest, which is gone then. */
  append(entry: SlotEntry, overOldest: boolean): void {
    assert(entry.seq === this.head + 1, "Entries ascend by 1");
    const free = overOldest ? this.#queue.slotOf(this.floor) : undefined;
    if (free !== undefined) this.#forgetOldest();
    this.#insert(free ?? this.#slotCount + 1, entry);
  }

  /** Reads an entry; null if it is not held. One that is damaged is replaced by one of nothing. */
  read(seq: number): SlotEntry | null {
    const slot = this.#queue.slotOf(seq);
    if (slot === undefined) return null;
    const [row] = this.#sql.exec(
      "select seq, stamp_ms, crc, note, body from journal where slot = ?",
      slot,
    );
    const entry = row === undefined ? null : toEntry(row);
    if (entry?.seq === seq) return entry;
    this.#onDamage(`journal ${seq}`);
    const nothing = { seq, stampMs: this.#queue.stampOf(seq), note: NOTHING, body: NOTHING };
    this.replace(nothing);
    return nothing;
  }

  /** Puts an entry into the slot of the one of its seq. */
  replace(entry: SlotEntry): void {
    const slot = this.#queue.slotOf(entry.seq);
    assert(slot !== undefined, "An entry that is replaced is held");
    this.#write(slot, entry);
    this.totalBytes += sizeOf(entry) - this.bytesAt(entry.seq);
    this.#queue.set(entry.seq, sizeOf(entry), entry.stampMs);
  }

  /** Drops the oldest entry, and its slot. */
  dropOldest(): void {
    this.#sql.exec("delete from journal where seq = ?", this.floor);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    this.totalBytes -= this.bytesAt(this.floor);
    this.#queue.shift();
  }

  #insert(slot: number, entry: SlotEntry): void {
    this.#write(slot, entry);
    this.#slotCount = Math.max(this.#slotCount, slot);
    this.#queue.push(slot, sizeOf(entry), entry.stampMs);
    this.totalBytes += sizeOf(entry);
  }

  #write(slot: number, entry: SlotEntry): void {
    const { seq, stampMs, note, body } = entry;
    this.#sql.exec(
      "insert or replace into journal values (?, ?, ?, ?, ?, ?)",
      slot,
      seq,
      stampMs,
      crcOf(entry),
      note,
      body,
    );
  }

  #load(): void {
    const rows = this.#sql.exec(
      "select slot, seq, stamp_ms, length(note) + length(body) as n from journal order by seq",
    );
    for (const row of rows) this.#slotCount = Math.max(this.#slotCount, numberOf(row["slot"]));
    if (!isOrdered(rows) || !this.#isWhole(rows.at(-1))) {
      this.#repair();
      return;
    }
    this.#queue.first = numberOf(rows[0]?.["seq"] ?? this.#queue.first);
    for (const row of rows) {
      const bytes = numberOf(row["n"]);
      this.#queue.push(numberOf(row["slot"]), bytes, numberOf(row["stamp_ms"]));
      this.totalBytes += bytes;
    }
  }

  #isWhole(row: SqlRow | undefined): boolean {
    if (row === undefined) return true;
    const [read] = this.#sql.exec("select * from journal where slot = ?", numberOf(row["slot"]));
    return read !== undefined && toEntry(read) !== null;
  }

  /** Slots are overwritten oldest first, so a gap is a row that does not say the truth. */
  #repair(): void {
    const held = new Map<number, SlotEntry>();
    for (const { slot } of this.#sql.exec("select slot from journal").map(slotOf)) {
      const [row] = this.#sql.exec("select * from journal where slot = ?", slot);
      const entry = row === undefined ? null : toEntry(row);
      if (entry !== null) held.set(entry.seq, entry);
      else this.#onDamage(`journal slot ${slot}`);
    }
    const seqs = [...held.keys()].toSorted((a, b) => a - b);
    const last = seqs.at(-1);
    if (last === undefined) return;
    this.#queue.first = seqs[0] ?? 1;
    this.#sql.transaction(() => {
      this.#sql.exec("delete from journal");
      this.#slotCount = 0;
      for (let seq = this.floor; seq <= last; seq += 1) {
        const stampMs = this.lastStampMs;
        const nothing = { seq, stampMs, note: NOTHING, body: NOTHING };
        this.#insert(this.#slotCount + 1, held.get(seq) ?? nothing);
      }
    });
  }
}

function slotOf(row: SqlRow): { readonly slot: number } {
  return { slot: numberOf(row["slot"]) };
}

function isOrdered(rows: readonly SqlRow[]): boolean {
  return rows.every((row, at) => {
    const before = rows[at - 1];
    return (
      before === undefined ||
      (numberOf(row["seq"]) === numberOf(before["seq"]) + 1 &&
        numberOf(row["stamp_ms"]) >= numberOf(before["stamp_ms"]))
    );
  });
}

function sizeOf({ note, body }: SlotEntry): number {
  return note.length + body.length;
}

/** Null if the row's checksum is wrong. */
function toEntry(row: SqlRow): SlotEntry | null {
  const entry = {
    seq: numberOf(row["seq"]),
    stampMs: numberOf(row["stamp_ms"]),
    note: bytesOf(row["note"]),
    body: bytesOf(row["body"]),
  };
  return crcOf(entry) === numberOf(row["crc"]) ? entry : null;
}

function crcOf({ seq, stampMs, note, body }: SlotEntry): number {
  const writer = new ByteWriter();
  writer.varint(seq);
  writer.varint(stampMs);
  return crc32c(body, crc32c(note, crc32c(writer.bytes())));
}
