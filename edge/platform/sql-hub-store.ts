// The HubStore over SQLite. A commit writes one row, a slot of the journal; devices are in memory,
// and written with many others once in a while, because the slots since then say what they became.

import { assert } from "../../sync/assert.ts";
import type { DeviceId, ReplicaId } from "../../sync/brand.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { newLife } from "../../sync/link/edge.ts";
import { migrate, type Sql } from "../../storage/sql.ts";
import type { Committed } from "../journal/committed.ts";
import { OpenSlot } from "../journal/open-slot.ts";
import { decodePart, type EncodedParts } from "../journal/slot-note.ts";
import { limits } from "../limits.ts";
import type {
  FoldedReadings,
  HeldReadings,
  HistoryRead,
  HistorySlice,
  HubAccount,
  HubStore,
  JournalExtent,
  Restamp,
  SavedLink,
  ShedGoal,
  TimeRange,
} from "../ports.ts";
import type { DeviceState } from "../telemetry/device-state.ts";
import {
  indexSlot,
  loadMemory,
  replaceBrokenLink,
  replaceNumberless,
  storedLink,
  type HubMemory,
  type HubStoreOptions,
} from "./hub-memory.ts";
import { accountOfEntry } from "./hub-accounts.ts";
import { readingsOfBatch } from "./hub-readings.ts";
import { readSlice } from "./hub-history.ts";
import { HUB_MIGRATIONS, takeOver } from "./hub-schema.ts";
import { foldedIn, HOUR, MINUTE, retain, RETENTION } from "./hub-retention.ts";
import { areSlow, sealAll } from "./seal-journal.ts";
import { entriesAfter, floorAfter, readHeld } from "./hub-entries.ts";
import { restampEntries } from "./hub-restamp.ts";
import {
  dropKept,
  oldestWaiting,
  saveConfirmed,
  shedEntries,
  waitingBytes,
} from "./hub-shedding.ts";
import { dropAhead, sendAhead, settleAhead } from "./sql-ahead.ts";
import type { SqlAlerts } from "./sql-alerts.ts";
import { SqlGaps } from "./sql-gaps.ts";
import type { SlotEntry } from "./sql-journal-rows.ts";
import type { SqlThinned } from "./sql-thinned.ts";

/** A saved link leaves out whose it is. */
const NOBODY = "-/-" as ReplicaId;

/** The durable state of one hub. */
export class SqlHubStore implements HubStore {
  readonly #sql: Sql;
  readonly #options: HubStoreOptions;
  readonly #journalBytesMax: number;
  readonly gaps: SqlGaps;
  #damaged = 0;
  readonly #reported = new Set<string>();
  #reloads = 0;
  /** Another number means that a sealing under way is of what no longer is so. */
  #sealing = 0;
  #memory: HubMemory;
  #oldest: { readonly seq: number; readonly stampMs: number } | null = null;

  readonly #onDamage = (what: string): void => {
    if (this.#reported.has(what) || this.#reported.size >= limits.damageReportsMax) return;
    this.#reported.add(what);
    this.#damaged += 1;
    this.#options.onDamage?.(what);
  };

  /** @param newEpoch Drawn at this start: names it, and is the replicaEpoch if the storage is new. */
  constructor(sql: Sql, newEpoch: number, options: HubStoreOptions = {}) {
    this.#sql = sql;
    this.#options = options;
    this.#journalBytesMax = options.journalBytesMax ?? limits.journalBytesMax;
    this.gaps = new SqlGaps(sql);
    migrate(sql, HUB_MIGRATIONS);
    const { replica: _, ...link } = newLife(NOBODY, newEpoch);
    sql.exec("insert or ignore into link_record values (1, ?)", JSON.stringify(link));
    const isBroken = replaceBrokenLink(sql, link);
    if (isBroken) this.#onDamage("the link's record");
    takeOver(sql, storedLink(sql).cursor.seq);
    replaceNumberless(sql, link);
    this.#memory = loadMemory(sql, this.#options, this.#onDamage, newEpoch);
    if (isBroken) this.#memory.thinned.tellAgain();
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

  stage(stampMs: number, committed: Committed, state: DeviceState, encoded?: EncodedParts): void {
    const memory = this.#memory;
    assert(stampMs >= this.stampFor(0), "Commit stamps never go back");
    if (memory.open !== null && (memory.open.isFull || memory.open.stampMs !== stampMs))
      this.write();
    memory.open ??= new OpenSlot(stampMs);
    memory.open.add(committed, encoded);
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
      const added = accountOfEntry(open.stampMs, open.batches);
      const accepted = this.#memory.accounts.account.accepted + added.readings;
      const entry = { seq, stampMs: open.stampMs, ...open.encode(accepted) };
      journal.append(entry, this.#isOldestFree(entry));
      indexSlot(this.#memory, seq, open.placed());
      this.#memory.accounts.written(seq, added);
      this.#memory.unackedBytes += journal.bytesAt(seq);
      this.#memory.unsealedBytes += journal.bytesAt(seq);
      this.#memory.alerts.write();
      this.#memory.open = null;
      this.#memory.devices.trim(seq);
    });
    const isOver = (): boolean => this.#memory.unsealedBytes >= limits.unsealedBytesMax;
    if (isOver()) for (const _ of this.#seal(false)) if (!isOver()) break;
  }

  reload(): void {
    this.#oldest = null;
    this.#reloads += 1;
    this.#sealing += 1;
    this.#memory = loadMemory(this.#sql, this.#options, this.#onDamage, this.#memory.start);
  }

  get reloads(): number {
    return this.#reloads;
  }

  extent(): JournalExtent {
    const { floor, head } = this.#memory.journal;
    return { floor, head };
  }

  lastStampMs(): number {
    return this.#memory.journal.lastStampMs;
  }

  unackedBytes(): number {
    return waitingBytes(this.#memory);
  }

  floorAfter(after: number): number {
    return floorAfter(this.#memory, after);
  }

  shed(goal: ShedGoal): void {
    const memory = this.#memory;
    // What is not sealed is held by the journal alone. The newest come and go while few are sealed.
    const sealed = goal.policy === "drop-newest" ? 0 : limits.dropRowsMax;
    if (memory.journal.floor > memory.checkpoint - sealed) for (const _ of this.seal());
    this.transaction(() => {
      this.#sealing += 1;
      this.#oldest = null;
      shedEntries(this.#sql, memory, goal);
    });
  }

  account(): HubAccount {
    return this.#memory.accounts.account;
  }

  get alerts(): SqlAlerts {
    return this.#memory.alerts;
  }

  get thinned(): SqlThinned {
    return this.#memory.thinned;
  }

  sendAhead(first: number, last: number): boolean {
    const ahead = sendAhead(this.#sql, this.#memory.ahead, first, last);
    if (ahead !== null) this.#memory.ahead = ahead;
    return ahead !== null;
  }

  settleAhead(first: number, last: number, isHeld: boolean): void {
    this.#memory.ahead = settleAhead(this.#sql, this.#memory.ahead, { first, last, isHeld });
  }

  oldestUnackedMs(): number | null {
    const seq = oldestWaiting(this.#memory);
    if (seq === null) return null;
    // What is archived has to be read for it, and is asked for with each batch.
    if (this.#oldest?.seq !== seq)
      this.#oldest = { seq, stampMs: readHeld(this.#memory, seq)?.stampMs ?? 0 };
    return this.#oldest.stampMs;
  }

  entriesAfter(after: number, bytesTarget: number, entriesMax: number): LogEntry[] {
    return entriesAfter(this.#memory, after, bytesTarget, entriesMax);
  }

  *held(device: DeviceId, ranges: readonly TimeRange[], bytesMax: number): Iterable<HeldReadings> {
    const { journal, places, open, segments } = this.#memory;
    yield* segments.held(device, ranges, bytesMax);
    let bytes = 0;
    for (const { seq, start, end } of places.meeting(device, ranges)) {
      if (bytes > bytesMax) return;
      bytes += end - start;
      const entry = journal.read(seq);
      const batch = entry === null ? null : decodePart(entry.body.subarray(start, end));
      if (entry !== null && batch !== null) yield* readingsOfBatch(batch, entry.stampMs);
    }
    const staged = open?.batches.filter((committed) => committed.device === device) ?? [];
    for (const { batch } of staged.flatMap(({ kept }) => kept))
      yield* readingsOfBatch(batch, open?.stampMs ?? 0);
  }

  history(read: HistoryRead): HistorySlice {
    return readSlice(this.#memory, read);
  }

  makeRoom(): boolean {
    const { journal } = this.#memory;
    let dropped = 0;
    this.#sql.transaction(() => {
      dropKept(this.#memory, this.#keptBytes(), journal.lastStampMs - limits.journalKeptMs);
      for (; dropped < limits.dropRowsMax && this.#isOver(); dropped += 1) {
        if (journal.archived === 0) journal.dropOldest();
        else if (!journal.dropArchived(this.#heldElsewhere())) break;
      }
    });
    return dropped === limits.dropRowsMax;
  }

  restamp(changes: readonly Restamp[]): void {
    this.write();
    this.transaction(() => {
      this.#sealing += 1;
      this.#oldest = null;
      restampEntries(this.#sql, this.#memory, changes);
    });
  }

  loadLink(): SavedLink {
    return this.#memory.link;
  }

  saveLink(link: SavedLink, heldTo?: number): void {
    const memory = this.#memory;
    const before = memory.link.cursor.seq;
    const after = link.cursor.seq;
    if (JSON.stringify(link) === JSON.stringify(memory.link)) return;
    saveConfirmed(this.#sql, memory, link, heldTo);
    this.#sql.exec("update link_record set record = ?", JSON.stringify(link));
    memory.link = link;
    memory.ahead = dropAhead(this.#sql, memory.ahead, after);
    const { journal } = memory;
    // Only what is newly acknowledged is added up: draining a backlog must not read it each time.
    if (after === journal.head) memory.unackedBytes = 0;
    else if (after > before) memory.unackedBytes -= journal.bytesBetween(before, after);
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

  amend(states: ReadonlyMap<DeviceId, DeviceState>): void {
    this.write();
    const { devices, journal } = this.#memory;
    this.transaction(() => {
      for (const [device, state] of states) devices.set(device, state, journal.head);
      devices.write([...states.keys()].toSorted(), journal.head);
    });
  }

  isSealDue(nowMs: number): boolean {
    const { journal, checkpoint, unsealedBytes } = this.#memory;
    if (journal.head <= checkpoint) return false;
    const oldestMs = journal.stampAt(Math.max(checkpoint + 1, journal.floor));
    if (oldestMs < nowMs - limits.sealAfterMs || unsealedBytes >= limits.sealBytes) return true;
    if (unsealedBytes < limits.sealSlowBytes) return false;
    return areSlow(journal, checkpoint, journal.head, unsealedBytes);
  }

  sealPressure(): number {
    const over = this.#memory.unsealedBytes - limits.sealPressingBytes;
    return Math.max(0, Math.min(1, over / (limits.unsealedBytesMax - limits.sealPressingBytes)));
  }

  seal(): Iterable<number> {
    return this.#seal(true);
  }

  *#seal(isPacked: boolean): Generator<number> {
    this.#sealing += 1;
    const mine = this.#sealing;
    for (const readings of sealAll(this, this.#memory, isPacked)) {
      yield readings;
      if (this.#sealing !== mine) return;
    }
  }

  *retain(nowMs: number): Iterable<number> {
    const { link } = this.#memory;
    const retention = this.#options.retention ?? RETENTION;
    this.#sealing += 1;
    const mine = this.#sealing;
    const steps = retain(this.#memory, retention, nowMs, link.cursor.seq, (run) =>
      this.transaction(run),
    );
    for (const step of steps) {
      yield step;
      if (this.#sealing !== mine) return;
    }
  }

  folded(device: DeviceId, by: "minute" | "hour", range: TimeRange): Iterable<FoldedReadings> {
    const { minutes, hours } = this.#memory;
    return by === "minute"
      ? foldedIn(minutes, device, range, MINUTE)
      : foldedIn(hours, device, range, HOUR);
  }

  damaged(): number {
    return this.#damaged;
  }

  /** Tells whether the slot of the oldest entry may be overwritten by `next`. */
  #isOldestFree(next: SlotEntry): boolean {
    const { journal } = this.#memory;
    const { floor } = journal;
    if (floor > journal.head || floor > this.#heldElsewhere()) return false;
    return (
      journal.stampAt(floor) < next.stampMs - limits.journalKeptMs ||
      journal.totalBytes + next.body.length > this.#keptBytes()
    );
  }

  /** Tells whether the journal is over its bound by what may go; the newest entry always stays. */
  #isOver(): boolean {
    const { journal } = this.#memory;
    if (journal.floor >= journal.head || journal.floor > this.#heldElsewhere()) return false;
    if (journal.archived === 0) return journal.totalBytes > this.#journalBytesMax;
    if (journal.totalBytes > this.#keptBytes()) return true;
    const newest = journal.read(journal.firstPageEnd());
    return newest !== null && newest.stampMs < journal.lastStampMs - limits.journalKeptMs;
  }

  /** Up to here the origin holds the entries, and the segments their readings. */
  #heldElsewhere(): number {
    return Math.min(this.#memory.link.cursor.seq, this.#memory.checkpoint);
  }

  #keptBytes(): number {
    return this.#journalBytesMax * limits.journalKeptShare;
  }
}
