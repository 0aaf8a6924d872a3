// What of a hub is in memory, and how does it come there? Marks, which entry is in which slot, the
// devices of late, and where the readings are that are in the journal alone.

import type { FindReadings } from "../journal/packed-body.ts";
import type { PlacedBatch } from "../journal/slot-note.ts";
import { acceptedIn, decodeSlot, placedIn } from "../journal/slot-note.ts";
import type { OpenSlot } from "../journal/open-slot.ts";
import { Places } from "../journal/places.ts";
import { limits } from "../limits.ts";
import { textOf, type Sql } from "../../storage/sql.ts";
import type { HubAccount, Restamp, SavedLink } from "../ports.ts";
import { NEW_DEVICE } from "../telemetry/device-state.ts";
import { foldCommitted } from "../telemetry/fold-committed.ts";
import { DeviceCache } from "./device-cache.ts";
import type { Retention } from "./hub-retention.ts";
import { accountOfEntry, HubAccounts, storedAccount } from "./hub-accounts.ts";
import { HubLosses } from "./hub-losses.ts";
import { loadAside } from "./hub-shedding.ts";
import { loadAhead, type AheadRange } from "./sql-ahead.ts";
import { SqlAlerts } from "./sql-alerts.ts";
import { forgetSent, SqlGaps } from "./sql-gaps.ts";
import type { SlotEntry } from "./sql-journal-rows.ts";
import { SqlHubRow } from "./sql-hub-row.ts";
import { SqlJournal } from "./sql-journal.ts";
import { SqlKept } from "./sql-kept.ts";
import { SqlPages } from "./sql-pages.ts";
import { hourKey, hourOf, SqlSegments } from "./sql-segments.ts";
import { SqlThinned } from "./sql-thinned.ts";

/** What a store may be bounded by, and whom it tells. */
export interface HubStoreOptions {
  readonly journalBytesMax?: number;
  readonly devicesInMemoryBytesMax?: number;
  readonly archiveBytes?: number;
  readonly gapBytesMax?: number;
  readonly retention?: Retention;
  /** Told of an entry, a page or an item that is left out because its checksum is wrong. */
  readonly onDamage?: (what: string) => void;
}

/** What is in memory: gone with a restart, and with a disk that fails. */
export interface HubMemory {
  readonly journal: SqlJournal;
  readonly devices: DeviceCache;
  readonly segments: SqlSegments;
  readonly minutes: SqlPages;
  readonly hours: SqlPages;
  /** Entries in front of the journal, which gives up what came behind them. */
  readonly kept: SqlKept;
  /** Minutes of what was thinned, which the origin does not hold yet. */
  readonly thinned: SqlThinned;
  readonly places: Places;
  /** Sealed bytes that wait for the origin, after which they are packed. */
  readonly archiveBytes: number;
  /** Bytes of gap records past which they are coarser. */
  readonly gapBytesMax: number;
  link: SavedLink;
  /** Of the journal. */
  unackedBytes: number;
  /** Up to here the journal is sealed, and every device on disk is folded. */
  checkpoint: number;
  unsealedBytes: number;
  open: OpenSlot | null;
  readonly accounts: HubAccounts;
  readonly alerts: SqlAlerts;
  readonly row: SqlHubRow;
  /** Drawn when the hub started: what it gives up is named by it, and by no copy of its disk. */
  readonly start: number;
  /** Entries that a frame may have held, and the journal has given up. */
  aside: readonly SlotEntry[];
  /** Entries beyond the cursor that the origin holds. */
  ahead: readonly AheadRange[];
}

/** Reads where the link stands. */
export function storedLink(sql: Sql): SavedLink {
  const [saved] = sql.exec("select record from link_record");
  return JSON.parse(textOf(saved?.["record"])) as SavedLink;
}

/**
 * Puts a new life in the place of a link's record that cannot be read: the origin is sent again what
 * the journal holds, and counts it once. Without it the hub would never start again.
 *
 * @returns True if that was so.
 */
export function replaceBrokenLink(sql: Sql, life: SavedLink): boolean {
  try {
    if (isLink(storedLink(sql))) return false;
  } catch {
    // It is no text, or not JSON.
  }
  replaceLife(sql, life);
  return true;
}

function replaceLife(sql: Sql, life: SavedLink): void {
  sql.exec("update link_record set record = ?", JSON.stringify(life));
  // What was told of gaps is told again: told twice, they are the same.
  forgetSent(sql);
}

/**
 * Puts a new life in the place of one whose next number nobody knows: no entry is left, and the row that
 * told of the last is damaged. A number that was used already would be taken for what it was then.
 */
export function replaceNumberless(sql: Sql, life: SavedLink): void {
  if (SqlHubRow.read(sql) !== null) return;
  const isLeft = `select 1 from journal union all select 1 from archive union all select 1 from kept limit 1`;
  if (sql.exec(isLeft).length > 0) return;
  replaceLife(sql, life);
}

function isLink(link: Partial<SavedLink> | null): boolean {
  const { replicaEpoch, link: id, cursor, sent, ack, clock } = link ?? {};
  const isWhole = [replicaEpoch, id, cursor?.seq, ack?.seq].every(
    (number) => Number.isSafeInteger(number) && Number(number) >= 0,
  );
  const isFinite = [cursor?.digest, ack?.digest, clock?.offsetMs, clock?.heardMs].every(
    Number.isFinite,
  );
  return isWhole && isFinite && typeof sent === "object";
}

/**
 * Loads what is on disk, and folds again what was committed since the last checkpoint.
 *
 * @param start Drawn at random when the hub started.
 */
export function loadMemory(
  sql: Sql,
  options: HubStoreOptions,
  onDamage: (what: string) => void,
  start: number,
): HubMemory {
  const link = storedLink(sql);
  const row = SqlHubRow.read(sql);
  const segments = new SqlSegments(new SqlPages(sql, "segment", onDamage), onDamage);
  const find: FindReadings = (device, range) => segments.held(device, [range], Infinity);
  const losses = new HubLosses(sql);
  const devices = new SqlPages(sql, "device", onDamage);
  const last = row?.row.checkpoint ?? lastMark(devices, segments.pages);
  const emptyHead = Math.max(link.cursor.seq, last);
  const journal = new SqlJournal(sql, emptyHead, onDamage, find, losses.add);
  if (row === null) onDamage("the hub's row");
  // What is packed is sealed; the rest is sealed once more, which changes nothing.
  const checkpoint = row?.row.checkpoint ?? Math.max(journal.archived, journal.floor - 1);
  const stored = row === null ? null : storedAccount(row.row);
  const memory: HubMemory = {
    journal,
    devices: new DeviceCache(devices, options.devicesInMemoryBytesMax),
    segments,
    minutes: new SqlPages(sql, "rollup_minute", onDamage),
    hours: new SqlPages(sql, "rollup_hour", onDamage),
    kept: new SqlKept(new SqlPages(sql, "kept", onDamage)),
    thinned: new SqlThinned(
      sql,
      new SqlPages(sql, "thinned", onDamage),
      new SqlPages(sql, "thinned_taken", onDamage),
    ),
    places: new Places(),
    archiveBytes: options.archiveBytes ?? limits.archiveBytes,
    gapBytesMax: options.gapBytesMax ?? limits.gapBytesMax,
    link,
    unackedBytes: journal.bytesBetween(link.cursor.seq, journal.head),
    checkpoint,
    unsealedBytes: journal.bytesBetween(checkpoint, journal.head),
    open: null,
    accounts: new HubAccounts(stored ?? NO_ACCOUNT),
    alerts: new SqlAlerts(sql),
    start,
    row: row ?? SqlHubRow.write(sql, { ...NO_ROW, checkpoint }),
    aside: loadAside(sql),
    ahead: loadAhead(sql),
  };
  replay(memory);
  const whole = stored === null ? { ...memory, accounts: takeOverAccounts(sql, memory) } : memory;
  losses.open(whole);
  return whole;
}

/** The highest entry that a page was written for. */
function lastMark(...tables: readonly SqlPages[]): number {
  return Math.max(0, ...tables.flatMap((pages) => pages.extents().map(({ mark }) => mark)));
}

const NO_ROW = { confirmed: 0, accepted: null, present: null, quarantined: null };
const NO_NOTE = new Uint8Array(0);
const NO_ACCOUNT: HubAccount = { accepted: 0, present: 0, quarantined: 0 };

/**
 * A hub of a release without accounts, or with a damaged row, knows what it accepted from its newest
 * entry, or else from its devices.
 */
function takeOverAccounts(sql: Sql, memory: HubMemory): HubAccounts {
  const { devices, journal, checkpoint, row } = memory;
  let [accepted, quarantined] = [0, 0];
  for (const id of devices.ids())
    for (const stream of Object.values(devices.get(id)?.state.streams ?? {})) {
      accepted += (stream.total?.[0] ?? 0) + stream.quarantined;
      quarantined += stream.quarantined;
    }
  accepted = acceptedIn(journal.read(journal.head)?.note ?? NO_NOTE) ?? accepted;
  const { thinned, gapped } = new SqlGaps(sql).readings();
  const accounts = new HubAccounts({ accepted, present: accepted - thinned - gapped, quarantined });
  unsealedAccounts(accounts, journal, checkpoint, journal.head);
  row.save(accounts.asOf());
  return accounts;
}

function unsealedAccounts(
  accounts: HubAccounts,
  journal: SqlJournal,
  after: number,
  upTo: number,
): void {
  for (let seq = Math.max(after + 1, journal.floor); seq <= upTo; seq += 1) {
    const entry = journal.read(seq);
    const committed = entry === null ? null : decodeSlot(entry.stampMs, entry.note, entry.body);
    accounts.unsealed(seq, accountOfEntry(entry?.stampMs ?? 0, committed ?? []));
  }
}

function replay(memory: HubMemory): void {
  const { journal, devices, checkpoint } = memory;
  for (let seq = Math.max(checkpoint + 1, journal.floor); seq <= journal.head; seq += 1) {
    const entry = journal.read(seq);
    if (entry === null) continue;
    indexSlot(memory, seq, placedIn(entry));
    const batches = decodeSlot(entry.stampMs, entry.note, entry.body) ?? [];
    memory.accounts.written(seq, accountOfEntry(entry.stampMs, batches));
    // A slot may have several batches of a device: whether it has seen them is asked before them all.
    const isFolded = batches.map(({ device }) => (devices.get(device)?.seq ?? 0) >= seq);
    for (const [at, committed] of batches.entries()) {
      if (isFolded[at] === true) continue;
      const before = devices.get(committed.device)?.state ?? NEW_DEVICE;
      const { state } = foldCommitted(before, committed, entry.stampMs);
      devices.set(committed.device, state, seq);
    }
  }
}

/** Remembers where the batches of a slot are. */
export function indexSlot({ places }: HubMemory, seq: number, placed: Iterable<PlacedBatch>): void {
  for (const { batch, start, end } of placed) places.add(seq, batch, start, end);
}

/** Says up to where the journal is sealed. */
export function setCheckpoint(memory: HubMemory, seq: number): void {
  const { accounts, journal, checkpoint, row, link } = memory;
  if (seq < checkpoint) unsealedAccounts(accounts, journal, seq, checkpoint);
  // Should the link's record be damaged, this is what is known of where the link stood.
  const confirmed = Math.max(row.row.confirmed, link.cursor.seq);
  row.save({ ...accounts.asOf(seq), checkpoint: seq, confirmed });
  accounts.sealedUpTo(seq);
  memory.checkpoint = seq;
  memory.unsealedBytes = journal.bytesBetween(seq, journal.head);
}

/** Takes out of the segments what is about to be stamped anew; it is sealed again. */
export function unseal(memory: HubMemory, changes: readonly Restamp[]): void {
  const { journal, segments, checkpoint } = memory;
  const stamps = new Map<string, Set<number>>();
  const sealed = changes.filter(({ seq }) => seq <= checkpoint && seq >= journal.floor);
  for (const entry of sealed.map(({ seq }) => journal.read(seq))) {
    for (const { batch } of entry === null ? [] : placedIn(entry)) {
      for (const hourMs of new Set(batch.times.map(hourOf))) {
        const key = hourKey(hourMs, batch.device);
        stamps.set(key, (stamps.get(key) ?? new Set()).add(entry?.stampMs ?? 0));
      }
    }
  }
  for (const key of [...stamps.keys()].toSorted())
    segments.pages.put(segments.without(key, stamps.get(key) ?? new Set()), checkpoint);
  const [first] = sealed;
  if (first !== undefined) setCheckpoint(memory, first.seq - 1);
}
