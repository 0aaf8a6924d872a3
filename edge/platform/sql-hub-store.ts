// The HubStore over SQLite. A commit writes one row, a slot of the journal; devices are in memory,
// and written with many others once in a while, because the slots since then say what they became.

import { assert } from "../../sync/assert.ts";
import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { newLife } from "../../sync/link/edge.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { migrate, numberOf, textOf, type Sql } from "../../storage/sql.ts";
import type { Committed } from "../journal/committed.ts";
import { OpenSlot, type PlacedBatch } from "../journal/open-slot.ts";
import { Places } from "../journal/places.ts";
import { decodeNote, decodePart, decodeSlot } from "../journal/slot-note.ts";
import { limits } from "../limits.ts";
import type { HeldReadings, HubStore, JournalExtent, SavedLink, TimeRange } from "../ports.ts";
import { NEW_DEVICE, type DeviceState } from "../telemetry/device-state.ts";
import { foldCommitted } from "../telemetry/fold-committed.ts";
import { DeviceCache } from "./device-cache.ts";
import { HUB_MIGRATIONS, takeOver } from "./hub-schema.ts";
import { SqlJournal, type SlotEntry } from "./sql-journal.ts";
import { SqlPages } from "./sql-pages.ts";

/** What a store may be bounded by, and whom it tells. */
export interface HubStoreOptions {
  readonly journalBytesMax?: number;
  readonly devicesInMemoryBytesMax?: number;
  /** Told of an entry, a page or an item that is left out because its checksum is wrong. */
  readonly onDamage?: (what: string) => void;
}

/** What is in memory: gone with a restart, and with a disk that fails. */
interface Memory {
  readonly journal: SqlJournal;
  readonly devices: DeviceCache;
  readonly places: Places;
  link: SavedLink;
  unackedBytes: number;
  /** Up to here every device on disk is folded. */
  checkpoint: number;
  open: OpenSlot | null;
}

/** A saved link leaves out whose it is. */
const NOBODY = "-/-" as ReplicaId;

/** The durable state of one hub. */
export class SqlHubStore implements HubStore {
  readonly #sql: Sql;
  readonly #options: HubStoreOptions;
  readonly #journalBytesMax: number;
  #damaged = 0;
  #memory: Memory;

  /** @param newEpoch The replicaEpoch to take if the storage is new. */
  constructor(sql: Sql, newEpoch: number, options: HubStoreOptions = {}) {
    this.#sql = sql;
    this.#options = options;
    this.#journalBytesMax = options.journalBytesMax ?? limits.journalBytesMax;
    migrate(sql, HUB_MIGRATIONS);
    const { replica: _, ...link } = newLife(NOBODY, newEpoch);
    sql.exec("insert or ignore into link_record values (1, ?)", JSON.stringify(link));
    takeOver(sql, this.#storedLink().cursor.seq);
    this.#memory = this.#load();
  }

  transaction<T>(run: () => T): T {
    try {
      return this.#sql.transaction(run);
    } catch (error) {
      this.reload();
      throw error;
    }
  }

  stampFor(nowMs: number): number {
    const { open, journal } = this.#memory;
    if (open !== null && !open.isFull) return open.stampMs;
    return Math.max(nowMs, open?.stampMs ?? 0, journal.lastStampMs);
  }

  stage(stampMs: number, committed: Committed, state: DeviceState): void {
    const memory = this.#memory;
    assert(stampMs >= this.stampFor(0), "Commit stamps never go back");
    if (memory.open !== null && (memory.open.isFull || memory.open.stampMs !== stampMs))
      this.write();
    memory.open ??= new OpenSlot(stampMs);
    memory.open.add(committed);
    memory.devices.set(committed.device, state, memory.journal.head + 1);
  }

  get isStaged(): boolean {
    return this.#memory.open !== null;
  }

  write(): void {
    const { open, journal } = this.#memory;
    if (open === null) return;
    this.transaction(() => {
      const seq = journal.head + 1;
      const entry = { seq, stampMs: open.stampMs, ...open.encode() };
      journal.append(entry, this.#isOldestFree(entry));
      this.#index(seq, open.placed());
      this.#memory.unackedBytes += journal.bytesAt(seq);
      this.#memory.open = null;
      this.#memory.devices.trim(seq);
      if (journal.bytesBetween(this.#memory.checkpoint, seq) >= limits.checkpointBytes)
        this.#checkpoint();
    });
  }

  reload(): void {
    this.#memory = this.#load();
  }

  extent(): JournalExtent {
    const { floor, head } = this.#memory.journal;
    return { floor, head };
  }

  lastStampMs(): number {
    return this.#memory.journal.lastStampMs;
  }

  unackedBytes(): number {
    return this.#memory.unackedBytes;
  }

  entriesAfter(after: number, bytesTarget: number, entriesMax: number): LogEntry[] {
    const { journal } = this.#memory;
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (let seq = Math.max(after + 1, journal.floor); seq <= journal.head; seq += 1) {
      bytes += journal.bytesAt(seq);
      if (entries.length > 0 && (bytes > bytesTarget || entries.length >= entriesMax)) break;
      const entry = journal.read(seq);
      if (entry !== null) entries.push(logEntry(entry));
    }
    return entries;
  }

  *held(device: DeviceId, ranges: readonly TimeRange[], bytesMax: number): Iterable<HeldReadings> {
    const { journal, places, open } = this.#memory;
    let bytes = 0;
    for (const { seq, start, end } of places.meeting(device, ranges)) {
      if (bytes > bytesMax) return;
      bytes += end - start;
      const entry = journal.read(seq);
      const batch = entry === null ? null : decodePart(entry.body.subarray(start, end));
      if (entry !== null && batch !== null) yield* readingsOf(batch, entry.stampMs);
    }
    const staged = open?.batches.filter((committed) => committed.device === device) ?? [];
    for (const { batch } of staged.flatMap(({ kept }) => kept))
      yield* readingsOf(batch, open?.stampMs ?? 0);
  }

  makeRoom(): boolean {
    const { journal } = this.#memory;
    let dropped = 0;
    this.#sql.transaction(() => {
      while (dropped < limits.dropRowsMax && this.#isOver(0)) {
        journal.dropOldest();
        dropped += 1;
      }
    });
    return dropped === limits.dropRowsMax;
  }

  restamp(seq: number, stampMs: number, change: (batch: ReadingBatch) => ReadingBatch): void {
    const { journal, places, link } = this.#memory;
    const entry = journal.read(seq);
    const committed = entry === null ? null : decodeSlot(entry.stampMs, entry.note, entry.body);
    if (committed === null) return;
    const slot = new OpenSlot(stampMs);
    for (const each of committed) {
      const kept = each.kept.map((one) => ({ ...one, batch: change(one.batch) }));
      slot.add({ ...each, kept });
    }
    const before = journal.bytesAt(seq);
    const changed = { seq, stampMs, ...slot.encode() };
    journal.replace(changed);
    if (seq > link.cursor.seq) this.#memory.unackedBytes += journal.bytesAt(seq) - before;
    places.forget(seq);
    this.#index(seq, slot.placed());
  }

  loadLink(): SavedLink {
    return this.#memory.link;
  }

  saveLink(link: SavedLink): void {
    const memory = this.#memory;
    const before = memory.link.cursor.seq;
    const after = link.cursor.seq;
    if (JSON.stringify(link) === JSON.stringify(memory.link)) return;
    this.#sql.exec("update link_record set record = ?", JSON.stringify(link));
    memory.link = link;
    const { journal } = memory;
    // Only what is newly acknowledged is added up: draining a backlog must not read it each time.
    if (after > before) memory.unackedBytes -= journal.bytesBetween(before, after);
    else if (after < before) memory.unackedBytes = journal.bytesBetween(after, journal.head);
  }

  deviceCount(): number {
    return this.#memory.devices.count;
  }

  deviceIds(): DeviceId[] {
    return this.#memory.devices.ids();
  }

  loadDevice(device: DeviceId): DeviceState | null {
    return this.#memory.devices.get(device)?.state ?? null;
  }

  checkpoint(amended: ReadonlyMap<DeviceId, DeviceState>): void {
    this.write();
    const { devices, journal } = this.#memory;
    this.transaction(() => {
      for (const [device, state] of amended) devices.set(device, state, journal.head);
      this.#checkpoint();
    });
  }

  damaged(): number {
    return this.#damaged;
  }

  #checkpoint(): void {
    const { devices, journal } = this.#memory;
    devices.write(journal.head);
    this.#sql.exec("update hub set checkpoint = ?", journal.head);
    this.#memory.checkpoint = journal.head;
  }

  /** Tells whether the slot of the oldest entry may be overwritten by `next`. */
  #isOldestFree(next: SlotEntry): boolean {
    const { journal, link, checkpoint } = this.#memory;
    const { floor } = journal;
    if (floor > journal.head || floor > Math.min(link.cursor.seq, checkpoint)) return false;
    return (
      journal.stampAt(floor) < next.stampMs - limits.journalKeptMs ||
      journal.totalBytes + next.body.length > this.#keptBytes()
    );
  }

  /** Tells whether the journal is over its bound by what may go; the newest entry always stays. */
  #isOver(bytes: number): boolean {
    const { journal, link, checkpoint } = this.#memory;
    const { floor } = journal;
    return (
      floor < journal.head &&
      floor <= Math.min(link.cursor.seq, checkpoint) &&
      journal.totalBytes + bytes > this.#journalBytesMax
    );
  }

  #keptBytes(): number {
    return this.#journalBytesMax * limits.journalKeptShare;
  }

  #index(seq: number, placed: Iterable<PlacedBatch>): void {
    for (const { batch, start, end } of placed) this.#memory.places.add(seq, batch, start, end);
  }

  #storedLink(): SavedLink {
    const [saved] = this.#sql.exec("select record from link_record");
    return JSON.parse(textOf(saved?.["record"])) as SavedLink;
  }

  #load(): Memory {
    const link = this.#storedLink();
    const [hub] = this.#sql.exec("select checkpoint from hub");
    const checkpoint = numberOf(hub?.["checkpoint"]);
    const onDamage = (what: string): void => {
      this.#damaged += 1;
      this.#options.onDamage?.(what);
    };
    const emptyHead = Math.max(link.cursor.seq, checkpoint);
    const journal = new SqlJournal(this.#sql, emptyHead, onDamage);
    const memory: Memory = {
      journal,
      devices: new DeviceCache(
        new SqlPages(this.#sql, "device", onDamage),
        this.#options.devicesInMemoryBytesMax,
      ),
      places: new Places(),
      link,
      unackedBytes: journal.bytesBetween(link.cursor.seq, journal.head),
      checkpoint,
      open: null,
    };
    this.#memory = memory;
    this.#replay();
    return memory;
  }

  /** Folds what was written after the checkpoint. */
  #replay(): void {
    const { journal, devices, checkpoint } = this.#memory;
    for (let seq = journal.floor; seq <= journal.head; seq += 1) {
      const entry = journal.read(seq);
      if (entry === null) continue;
      this.#index(seq, placedIn(entry));
      if (seq <= checkpoint) continue;
      for (const committed of decodeSlot(entry.stampMs, entry.note, entry.body) ?? []) {
        const known = devices.get(committed.device);
        if (known !== null && known.seq >= seq) continue;
        const { state } = foldCommitted(known?.state ?? NEW_DEVICE, committed, entry.stampMs);
        devices.set(committed.device, state, seq);
      }
    }
  }
}

/** The batches of a slot; what is broken is left out. */
function* placedIn({ stampMs, note, body }: SlotEntry): Iterable<PlacedBatch> {
  const noted = decodeNote(stampMs, note);
  for (const { start, end } of noted.ok ? noted.value.flatMap(({ placed }) => placed) : []) {
    const batch = decodePart(body.subarray(start, end));
    if (batch !== null) yield { batch, start, end };
  }
}

function logEntry({ seq, stampMs, body }: SlotEntry): LogEntry {
  return { seq, stampMs, body };
}

function* readingsOf(batch: ReadingBatch, stampMs: number): Iterable<HeldReadings> {
  const stampOf = (): number => stampMs;
  for (const { stream, kind, rows, values } of batch.columns)
    yield {
      stream,
      kind,
      times:
        rows.length === batch.times.length ? batch.times : rows.map((row) => batch.times[row] ?? 0),
      values,
      stampOf,
    };
}
