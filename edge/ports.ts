// What does the edge need from the outside, and what may it rely on? Interfaces with their
// guarantees; edge/platform has one adapter each, and a simulator may have others.

import type { AlertReason, RaisedAlert } from "../state/alert.ts";
import type { GapRecord } from "../state/gap.ts";
import type { ThinnedItem } from "../state/thinned.ts";
import type { DeviceId } from "../sync/brand.ts";
import type { Aggregate } from "../sync/crdt/aggregate.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import type { EdgeLinkRecord } from "../sync/link/edge.ts";
import type { ReadingBatch } from "../sync/wire/batch.ts";
import type { BufferPolicy } from "./buffer/quota.ts";
import type { Committed } from "./journal/committed.ts";
import type { EncodedParts } from "./journal/slot-note.ts";
import type { DeviceState } from "./telemetry/device-state.ts";

/** Event times from the first to the last, both inside. */
export type TimeRange = readonly [firstMs: number, lastMs: number];

/** The journal's extent: the lowest and the highest seq that it holds. Empty: floor = head + 1. */
export interface JournalExtent {
  readonly floor: number;
  readonly head: number;
}

/** Where the hub's link stands; whose it is, the hub knows. */
export type SavedLink = Omit<EdgeLinkRecord, "replica">;

/** Readings of one stream that a hub holds; times ascend. */
export interface HeldReadings {
  readonly stream: string;
  readonly kind: "number" | "boolean";
  readonly times: ArrayLike<number>;
  /** Booleans as 0 and 1. */
  readonly values: ArrayLike<number>;
  /** When the reading at a position was committed, epoch milliseconds. */
  readonly stampOf: (position: number) => number;
}

/** What readings of one stream and span of time added up to. */
export interface FoldedReadings {
  readonly stream: string;
  readonly startMs: number;
  readonly aggregate: Aggregate;
}

/** How readings are told: one by one, or by bucket. */
export type Resolution = "raw" | "1m" | "1h";

/** Times of which only buckets are left. */
export interface CoarserRange {
  readonly range: TimeRange;
  readonly resolution: Resolution;
}

/** A stretch of a device's time that is asked for: from here, until before `toMs`. */
export interface HistoryRead {
  readonly device: DeviceId;
  readonly streams: ReadonlySet<string>;
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolution: Resolution;
  /** It ends when so many readings are decoded; one segment may be more. */
  readonly readingsTarget: number;
  /** Bytes of the journal, unless batches that overlap have more at one time. */
  readonly bytesTarget: number;
}

/** As much of it as one turn may read. */
export interface HistorySlice {
  /** Until before this time it is read; more than `fromMs`. */
  readonly toMs: number;
  /** What is written of the streams, in any order; some of it twice, and some outside the slice. */
  readonly held: readonly HeldReadings[];
  /** What is left, by minute or hour, of readings that went; begins in the slice. */
  readonly folded: readonly FoldedReadings[];
  /** Times that meet the slice, of which readings are left only by parts too long to be told. */
  readonly coarser: readonly CoarserRange[];
  /** Times that meet the slice, of which something could not be read. */
  readonly damaged: readonly TimeRange[];
  /** What it took, in readings decoded. */
  readonly work: number;
}

/** Readings that were given up, ever: with their minutes, and without. */
export interface GapReadings {
  readonly thinned: number;
  readonly gapped: number;
}

/**
 * What became of readings, ever: accepted = present + what was given up. Present are those that the
 * origin holds or that wait for it, quarantined ones among them; conflicts were never accepted.
 */
export interface HubAccount {
  readonly accepted: number;
  readonly present: number;
  readonly quarantined: number;
}

/** The records of what a hub gave up. */
export interface GapStore {
  of(device: DeviceId): GapRecord[];
  readings(): GapReadings;
  /** Of all records, estimated. */
  bytes(): number;
  /** How many the origin does not hold as they are. */
  untold(): number;
  /** Records that the origin does not hold as they are. */
  unsent(countMax: number): GapRecord[];
  /** Notes that the origin holds records as they were sent. */
  sent(gaps: readonly GapRecord[]): void;
}

/** Minutes that the origin does not hold yet. */
export interface ThinnedStore {
  readonly bytes: number;
  /** The hour of the earliest event time, epoch milliseconds; null if there is none. */
  readonly oldestMs: number | null;
  /** Some of them, about `bytesTarget`; at least one if there is one. */
  unsent(bytesTarget: number): ThinnedItem[];
  /** Notes what the origin has taken: it is told again only if the origin goes back. */
  sent(items: readonly ThinnedItem[]): void;
}

/** A stretch of event time in which a rule holds for a device. */
export interface Episode {
  /** The reading that began it, epoch milliseconds. */
  readonly sinceMs: number;
  /** Names the text of the rule that it is of. */
  readonly version: string;
  /** Why it fires; null: it has not lasted for long enough. */
  readonly reason: AlertReason | null;
}

/** An episode, and whose it is. */
export interface HeldEpisode {
  readonly device: string;
  readonly rule: string;
  readonly episode: Episode;
}

/**
 * What rules have begun, and the alerts that the region's cell has not taken yet. What is put and
 * raised is seen at once, and written with what is staged.
 */
export interface AlertStore {
  episodes(): HeldEpisode[];
  /** By rule; undefined: there is none. */
  episodesOf(device: string): ReadonlyMap<string, Episode> | undefined;
  /** Null: it is over. Past `episodesMax` one more is not kept, and counted. */
  put(device: string, rule: string, episode: Episode | null): void;
  /** Whether `put` would keep an episode; one that finds no room is counted. */
  hasRoom(device: string, rule: string): boolean;
  /** False, and counted: past `alertsWaitingMax` nothing more begins. What ends is always taken. */
  raise(alert: RaisedAlert): boolean;
  /** Alerts that the cell has not taken, written and not. */
  readonly waiting: number;
  /** Of those that are written the first so many. */
  unsent(countMax: number): RaisedAlert[];
  /** Notes that the cell has taken alerts as they were sent. */
  sent(alerts: readonly RaisedAlert[]): void;
  /** Episodes and alerts that found no room since the hub started. */
  readonly refused: number;
}

/** How much of what waits for the origin is to be given up. */
export interface ShedGoal {
  /** Named in the gap records: which of what waits goes, and whether its minutes stay. */
  readonly policy: Exclude<BufferPolicy, "reject">;
  /** Give up while more bytes than this wait. */
  readonly bytesMax: number;
  /** Of `drop-newest`: bytes of the oldest that are kept whatever comes. */
  readonly keptBytesMax: number;
  /** Of `thin`: give up nothing while the minutes that wait have more bytes. */
  readonly thinnedBytesMax: number;
  /** And while the oldest was committed before, epoch milliseconds; 0: no matter when. */
  readonly beforeMs: number;
  /** Bytes that one call gives up, about: a page of entries more at most. */
  readonly bytesAtOnce: number;
}

/** What an entry becomes. */
export interface Restamp {
  readonly seq: number;
  readonly stampMs: number;
  readonly change: (batch: ReadingBatch) => ReadingBatch;
}

/**
 * The state of one DeviceHub. Synchronous, one writer. What a batch does is staged in memory, where
 * every later question sees it; write() puts all that is staged into one row of the journal.
 *
 * - Order: journal entries ascend by 1 from 1 within a replicaEpoch; gaps never appear in the middle.
 * - Atomicity: what is staged together is written together; everything inside one `transaction`
 *   commits together or not at all.
 * - Durability: what was written before an answer left survives kill, restart and eviction; devices
 *   are rebuilt from their last checkpoint and the entries after it.
 * - Damage: an entry whose checksum is wrong is as one that holds nothing, and counted; if the origin
 *   lacks it, what was in it is in the gap records, as far as anything still tells.
 * - Failure: throws if the disk does, and then has loaded anew what is on it.
 */
export interface HubStore {
  transaction<T>(run: () => T): T;
  /** The commit stamp of a batch that is staged now: never less than one before. */
  stampFor(nowMs: number): number;
  /**
   * Adds a batch to what will be written, and makes `state` that of its device.
   *
   * @param encoded What is encoded already of what is kept.
   */
  stage(stampMs: number, committed: Committed, state: DeviceState, encoded?: EncodedParts): void;
  /** True if there is something to write. */
  readonly isStaged: boolean;
  /** Writes what is staged as the journal's next entry. */
  write(): void;
  /** Forgets what is in memory, also what is staged, and loads what is on disk. */
  reload(): void;
  /** How often that was done: what was staged under another number is gone. */
  readonly reloads: number;
  extent(): JournalExtent;
  /** Commit stamp of the newest entry; 0 if there never was one. */
  lastStampMs(): number;
  /** Bytes of entries that the origin does not hold yet. */
  unackedBytes(): number;
  /** When the oldest of them was committed, epoch milliseconds; null if there is none. */
  oldestUnackedMs(): number | null;
  /** The lowest seq after `after` that is held, or held again further on: what is between is gone. */
  floorAfter(after: number): number;
  /**
   * Gives up some of what waits for the origin, in one transaction with the records that say so. What
   * a frame may have held already is kept; so is the newest entry.
   */
  shed(goal: ShedGoal): void;
  /** What became of the readings that were accepted and written. */
  account(): HubAccount;
  /** What was given up. */
  readonly gaps: GapStore;
  /** What rules have come to. */
  readonly alerts: AlertStore;
  /** The minutes of what was thinned. */
  readonly thinned: ThinnedStore;
  /**
   * Notes that entries are about to go ahead of the link's cursor. False: too many stretches of them
   * are known already, and they must not go.
   */
  sendAhead(first: number, last: number): boolean;
  /** Notes that the origin holds what went ahead; or that it has none of it. */
  settleAhead(first: number, last: number, isHeld: boolean): void;
  /** Entries after `after`, until `bytesTarget` is reached; at least one if there is one. */
  entriesAfter(after: number, bytesTarget: number, entriesMax: number): LogEntry[];
  /**
   * What is held of the device with times in one of `ranges`, which ascend, or near: oldest commit
   * first, also what is staged. While it is sealed a reading may come twice. Ends behind what goes
   * over `bytesMax`.
   */
  held(device: DeviceId, ranges: readonly TimeRange[], bytesMax: number): Iterable<HeldReadings>;
  /** Reads the next slice of a device's history: what is written, nothing that is staged. */
  history(read: HistoryRead): HistorySlice;
  /** Drops some of the oldest acknowledged entries if the journal is over its bound; true: go on. */
  makeRoom(): boolean;
  /** Stamps written entries anew, with other batches in the place of theirs; stamps keep ascending. */
  restamp(changes: readonly Restamp[]): void;
  loadLink(): SavedLink;
  /**
   * Saves where the link stands; entries up to its cursor are acknowledged.
   *
   * @param heldTo With another life: up to where the origin holds the one before, if it is known to
   *   have lost some; unless told, up to the cursor.
   */
  saveLink(link: SavedLink, heldTo?: number): void;
  deviceCount(): number;
  deviceIds(): DeviceId[];
  loadDevice(device: DeviceId): DeviceState | null;
  /** Puts states in the place of those of devices. */
  amend(states: ReadonlyMap<DeviceId, DeviceState>): void;
  /** True if there is so much in the journal, or so long, that it should be sealed. */
  isSealDue(nowMs: number): boolean;

  /** How near the journal is to where a commit waits until it is sealed: 0 if far, 1 there. */
  sealPressure(): number;

  /**
   * Moves what the journal holds alone into segments, and writes the devices: then its entries are
   * needed for the link only. Each step says how many readings it took; between two the store may be
   * written to, and whoever stops leaves it whole.
   */
  seal(): Iterable<number>;
  /**
   * Folds what is older than its class is kept, or over its bytes, into the next class, and drops it:
   * never what the origin does not hold. In steps, as seal().
   */
  retain(nowMs: number): Iterable<number>;
  /**
   * What is left of the device's readings that are gone: aggregates by minute, or by hour, whose span
   * begins in the range; what is held one by one is not among them.
   */
  folded(device: DeviceId, by: "minute" | "hour", range: TimeRange): Iterable<FoldedReadings>;
  /** Entries and pages whose checksum was wrong since the store was opened. */
  damaged(): number;
}

/** What one exchange with the origin came to. */
export type ExchangeOutcome =
  | { readonly kind: "answered"; readonly frame: Uint8Array }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * The way to the origin's end of the link.
 *
 * - Repetition: a request may arrive although no answer came; sending it again is harmless.
 * - Authenticity: an answer whose seal is not the origin's, for this very request, is a failure.
 * - Limits: fails after `exchangeTimeoutMs`; never throws.
 */
export interface OriginLink {
  exchange(request: Uint8Array): Promise<ExchangeOutcome>;
}
