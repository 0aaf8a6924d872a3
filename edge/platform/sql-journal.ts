// The journal as a ring of slots: a commit overwrites the oldest slot that nobody needs any more, or
// takes a new one. A row a commit, and none is deleted for it.

import { assert } from "../../sync/assert.ts";
import { numberOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { limits } from "../limits.ts";
import { packSteps, referSteps, unpackBody, type FindReadings } from "../journal/packed-body.ts";
import { ARCHIVED, SlotQueue } from "../journal/slot-queue.ts";
import { finish } from "../steps.ts";
import {
  crcOf,
  isOrdered,
  nothingAt,
  planRepair,
  sizeOf,
  slotOf,
  toEntry,
  wreckOf,
  type LostEntry,
  type SlotEntry,
} from "./sql-journal-rows.ts";
import { SqlPages, type Item } from "./sql-pages.ts";

/** An entry as the archive has it. */
export interface Packed {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

const SEQ_DIGITS = 14;

/** The entries of one hub: the older ones in an archive, if they wait for long, the rest in slots. */
export class SqlJournal {
  readonly #sql: Sql;
  readonly #archive: SqlPages;
  readonly #onDamage: (what: string) => void;
  readonly #find: FindReadings;
  readonly #onLost: (lost: LostEntry) => void;
  readonly #queue = new SlotQueue();
  #slotCount = 0;
  /** Slots of entries that are archived. */
  #free: number[] = [];
  /** The highest seq that is archived; 0 if none is. */
  #archived = 0;
  totalBytes = 0;

  /**
   * @param emptyHead The seq of the last entry, if none is held.
   * @param onDamage Told of an entry whose checksum is wrong.
   * @param find Finds what is sealed of the readings of archived entries.
   * @param onLost Told of an entry that holds nothing from now on, in the transaction in which it does.
   */
  constructor(
    sql: Sql,
    emptyHead: number,
    onDamage: (what: string) => void,
    find: FindReadings = FINDS_NOTHING,
    onLost: (lost: LostEntry) => void = () => undefined,
  ) {
    this.#find = find;
    this.#onLost = onLost;
    this.#sql = sql;
    this.#archive = new SqlPages(sql, "archive", onDamage);
    this.#onDamage = onDamage;
    this.#queue.first = emptyHead + 1;
    this.#loadArchive();
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
    let slot = this.#free.pop();
    // What is archived is older: the slots have no oldest then that may go.
    if (slot === undefined && overOldest && this.#archived === 0) {
      slot = this.#queue.slotOf(this.floor);
      if (slot !== undefined) this.#forgetOldest();
    }
    this.#insert(slot ?? this.#slotCount + 1, entry);
  }

  /** The highest seq of the archive; what follows is in slots. */
  get archived(): number {
    return this.#archived;
  }

  /** Moves the oldest entries that are in slots into the archive: all up to the last of `packed`. */
  archive(packed: readonly Packed[]): void {
    const last = packed.at(-1)?.seq ?? this.#archived;
    this.#archive.put(
      packed.map(({ seq, bytes }): Item => [seqKey(seq), bytes]),
      last,
    );
    for (const { seq, bytes } of packed) {
      const slot = this.#queue.slotOf(seq);
      if (slot !== undefined && slot !== ARCHIVED) this.#free.push(slot);
      this.totalBytes += bytes.length - this.bytesAt(seq);
      this.#queue.setArchived(seq, bytes.length);
    }
    this.#archived = last;
  }

  /** The last entry of the archive's oldest page. */
  firstPageEnd(): number {
    const next = this.#archive.secondKey();
    return next === null ? this.#archived : seqOfKey(next) - 1;
  }

  /** Drops the oldest page of the archive if all in it is at most `upTo`; false if it is not. */
  dropArchived(upTo: number): boolean {
    const last = this.firstPageEnd();
    if (this.#archived === 0 || last > upTo) return false;
    if (this.#archive.dropFirst("~", Infinity) === null) return false;
    while (this.floor <= last) this.#forgetOldest();
    if (last < this.#archived) return true;
    // What their slots still hold would be taken for entries, once no archive says otherwise.
    this.#sql.exec("delete from journal where seq <= ?", last);
    this.#archived = 0;
    return true;
  }

  /** Reads an entry; null if it is not held. One that is damaged is replaced by one of nothing. */
  read(seq: number): SlotEntry | null {
    const slot = this.#queue.slotOf(seq);
    if (slot === undefined) return null;
    if (slot === ARCHIVED) return this.#readArchived(seq);
    const [row] = this.#sql.exec(
      "select seq, stamp_ms, crc, note, body from journal where slot = ?",
      slot,
    );
    const entry = row === undefined ? null : toEntry(row);
    if (entry?.seq === seq) return entry;
    return this.#nothing(seq, row === undefined ? null : wreckOf(row));
  }

  #readArchived(seq: number): SlotEntry {
    const item = this.#archive.get(seqKey(seq));
    const entry = item === null ? null : unpackEntry(seq, item, this.#find);
    return entry ?? this.#nothing(seq, null);
  }

  /** Keeps an entry as a whole that was kept by what names its readings. */
  holdWhole(seq: number): void {
    if (this.#queue.slotOf(seq) !== ARCHIVED) return;
    const entry = this.#readArchived(seq);
    this.#archive.put([[seqKey(seq), packEntry(entry).bytes]], this.#archived);
  }

  /** Puts an entry of nothing in the place of one that is damaged. */
  #nothing(seq: number, wreck: SlotEntry | null): SlotEntry {
    this.#onDamage(`journal ${seq}`);
    const nothing = nothingAt(seq, this.#queue.stampOf(seq));
    this.#sql.transaction(() => {
      this.replace(nothing);
      this.#onLost({ seq, wreck });
    });
    return nothing;
  }

  /** Puts an entry into the slot of the one of its seq. */
  replace(entry: SlotEntry): void {
    const slot = this.#queue.slotOf(entry.seq);
    assert(slot !== undefined, "An entry that is replaced is held");
    if (slot === ARCHIVED) {
      this.#archive.put([[seqKey(entry.seq), packEntry(entry).bytes]], this.#archived);
      return;
    }
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

  /** What a page takes is shared among its entries. */
  #loadArchive(): void {
    const pages = this.#archive.extents();
    this.#archived = pages.at(-1)?.mark ?? 0;
    const [first] = pages;
    if (first === undefined) return;
    this.#queue.first = seqOfKey(first.first);
    for (const [at, page] of pages.entries()) {
      const from = seqOfKey(page.first);
      const next = pages[at + 1];
      const to = next === undefined ? this.#archived : seqOfKey(next.first) - 1;
      const bytes = Math.ceil(page.bytes / Math.max(1, to - from + 1));
      for (let seq = from; seq <= to; seq += 1) {
        this.#queue.push(ARCHIVED, bytes, 0);
        this.totalBytes += bytes;
      }
    }
  }

  #load(): void {
    for (const { slot } of this.#sql
      .exec("select slot from journal where seq <= ?", this.#archived)
      .map(slotOf)) {
      this.#free.push(slot);
      this.#slotCount = Math.max(this.#slotCount, slot);
    }
    const rows = this.#sql.exec(
      "select slot, seq, stamp_ms, length(note) + length(body) as n from journal where seq > ? order by seq",
      this.#archived,
    );
    for (const row of rows) this.#slotCount = Math.max(this.#slotCount, numberOf(row["slot"]));
    if (!this.#follows(rows[0]) || !isOrdered(rows) || !this.#isWhole(rows.at(-1))) {
      this.#repair();
      return;
    }
    if (this.#archived === 0) this.#queue.first = numberOf(rows[0]?.["seq"] ?? this.#queue.first);
    for (const row of rows) {
      const bytes = numberOf(row["n"]);
      this.#queue.push(numberOf(row["slot"]), bytes, numberOf(row["stamp_ms"]));
      this.totalBytes += bytes;
    }
  }

  #follows(row: SqlRow | undefined): boolean {
    return row === undefined || this.#archived === 0 || numberOf(row["seq"]) === this.#archived + 1;
  }

  #isWhole(row: SqlRow | undefined): boolean {
    if (row === undefined) return true;
    const [read] = this.#sql.exec("select * from journal where slot = ?", numberOf(row["slot"]));
    return read !== undefined && toEntry(read) !== null;
  }

  /** Slots are overwritten oldest first, so a gap is a row that does not say the truth. */
  #repair(): void {
    const whole = new Map<number, SlotEntry>();
    const wrecks: SlotEntry[] = [];
    for (const { slot } of this.#sql.exec("select slot from journal").map(slotOf)) {
      const [row] = this.#sql.exec("select * from journal where slot = ?", slot);
      const entry = row === undefined ? null : toEntry(row);
      if (entry !== null && entry.seq > this.#archived) whole.set(entry.seq, entry);
      else if (entry === null) this.#onDamage(`journal slot ${slot}`);
      if (entry === null && row !== undefined) wrecks.push(wreckOf(row));
    }
    const { first, last, lost } = planRepair(whole, wrecks, this.#archived, this.head);
    if (last < first) return;
    if (this.#archived === 0) this.#queue.first = first;
    this.#sql.transaction(() => {
      this.#sql.exec("delete from journal");
      this.#slotCount = 0;
      this.#free = [];
      for (let seq = first; seq <= last; seq += 1)
        this.#insert(this.#slotCount + 1, whole.get(seq) ?? nothingAt(seq, this.lastStampMs));
      for (const each of lost) this.#onLost(each);
    });
  }
}

/** Names an entry in pages. */
export function seqKey(seq: number): string {
  return seq.toString(16).padStart(SEQ_DIGITS, "0");
}

export function seqOfKey(key: string): number {
  return parseInt(key, 16);
}

/** Packs an entry, for the archive or to be kept. */
export function packEntry(entry: SlotEntry): Packed {
  return finish(packEntrySteps(entry));
}

/** Packs an entry, as packEntry() does; yields how many readings a step took. */
export function* packEntrySteps(entry: SlotEntry): Generator<number, Packed> {
  return packed(entry, yield* packSteps(entry.body));
}

/**
 * Packs an entry by what names its readings, which are sealed; as any other where that does not do.
 * Yields how many readings a step took.
 */
export function* referEntrySteps(entry: SlotEntry, find: FindReadings): Generator<number, Packed> {
  const sinceMs = entry.stampMs - limits.rawKeptMs + 2 * limits.journalKeptMs;
  const referred = yield* referSteps(entry.body, entry.stampMs, find, sinceMs);
  return referred === null ? yield* packEntrySteps(entry) : packed(entry, referred);
}

function packed({ seq, stampMs, note }: SlotEntry, body: Uint8Array): Packed {
  const writer = new ByteWriter();
  writer.varint(stampMs);
  writer.block(note);
  writer.raw(body);
  return { seq, bytes: writer.bytes() };
}

const FINDS_NOTHING: FindReadings = () => [];

/** Reads what packEntry() or, with a way to find readings, referEntry() wrote; null if it is broken. */
export function unpackEntry(
  seq: number,
  bytes: Uint8Array,
  find: FindReadings = FINDS_NOTHING,
): SlotEntry | null {
  const reader = new ByteReader(bytes);
  const stampMs = reader.varint();
  const note = reader.block(bytes.length);
  const body = unpackBody(reader.raw(reader.remaining), stampMs, find);
  return reader.broken || body === null ? null : { seq, stampMs, note, body };
}
