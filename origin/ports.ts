// What does the origin need from the outside, and what may it rely on?

import type { GapMessage, GapRecord } from "../state/gap.ts";
import type { Rollup } from "../state/rollup.ts";
import type { ThinnedMessage } from "../state/thinned.ts";
import type { DeviceId, ReplicaId } from "../sync/brand.ts";
import type { Aggregate, StoredAggregate } from "../sync/crdt/aggregate.ts";
import type { ReadingSet } from "../sync/crdt/reading-set.ts";
import type { HubLinkRecord } from "../sync/link/hub.ts";

/** The readings of one stream that are counted, or that are quarantined. */
export interface Lane {
  readonly device: DeviceId;
  readonly stream: string;
  readonly isQuarantined: boolean;
}

/** What a segment adds to its lane's totals. */
export interface SegmentSummary {
  /** Null if the segment is empty. */
  readonly total: StoredAggregate | null;
  /** Readings for which more than one value was seen. */
  readonly contested: number;
}

/** What a message of minutes came to. */
export interface AbsorbedThinned {
  /** Readings that were not told of before. */
  readonly readings: number;
  /** Items that cannot be read. */
  readonly broken: number;
}

/** The minutes of one hour of a device's thinned readings that count, of all hubs. */
export interface ThinnedHour {
  readonly hourMs: number;
  readonly rollup: Rollup;
}

/** Names an entry of one life of a replica. */
export interface PoisonId {
  readonly replica: ReplicaId;
  readonly replicaEpoch: number;
  readonly seq: number;
}

/** An entry that could not be counted; times are epoch milliseconds, 0: not known. */
export interface PoisonedEntry extends PoisonId {
  readonly stampMs: number;
  readonly body: Uint8Array;
  readonly sinceMs: number;
  readonly reason: "broken-batch" | "cannot-be-stored";
}

/** An entry without what it holds, but how many bytes that is. */
export type ListedPoison = Omit<PoisonedEntry, "body"> & { readonly bytes: number };

/** How many such entries there may be, and bytes of them. */
export interface PoisonRoom {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

export interface PoisonSummary extends PoisonRoom {
  readonly entries: number;
  readonly bytes: number;
  /** Entries that found no room, ever. */
  readonly dropped: number;
}

/** The entries that could not be counted. */
export interface PoisonStore {
  /** Keeps an entry, once; false: there is no room, and it is counted as dropped. */
  keep(entry: PoisonedEntry): boolean;
  /** Those behind one, or all, by replica, replicaEpoch and seq. */
  list(after: PoisonId | null, countMax: number): ListedPoison[];
  get(id: PoisonId): PoisonedEntry | null;
  /** False if it is not there. */
  drop(id: PoisonId): boolean;
  summary(): PoisonSummary;
  /** How many are of each life, by "replica replicaEpoch". */
  perLife(): ReadonlyMap<string, number>;
}

/** What the origin knows of one life of a replica. */
export interface ReplicaStatus extends HubLinkRecord {
  /** Commit stamp of the newest entry held, epoch milliseconds; 0 if there is none. */
  readonly lastStampMs: number;
}

/**
 * The durable state of one DeviceShard. Synchronous, one writer.
 *
 * - Atomicity: everything inside one `transaction` commits together or not at all, so readings and
 *   the cursor that says they are here never part.
 * - Durability: what was written before an answer left survives kill, restart and eviction.
 * - Segments of a lane are disjoint and ascend by `startMs`; the first one starts at 0, each holds
 *   the readings from its start up to the next one's.
 */
export interface ShardStore {
  transaction<T>(run: () => T): T;
  loadReplica(link: number): ReplicaStatus | null;
  /** Finds the newest link of a life. */
  findReplica(replica: ReplicaId, replicaEpoch: number): ReplicaStatus | null;
  /** Saves one life; past `livesPerReplicaMax` the replica's longest silent ones are forgotten. */
  saveReplica(status: ReplicaStatus): void;
  /**
   * Tells whether a replica is known, or finds room among `replicasMax`. Where there is none, those
   * that have been silent since before `silentSinceMs` are forgotten for it.
   */
  makeRoomFor(replica: ReplicaId, silentSinceMs: number): boolean;
  listReplicas(): ReplicaStatus[];
  /** Starts of the lane's segments that hold times in [fromMs, toMs], ascending. */
  segmentStarts(lane: Lane, fromMs: number, toMs: number): number[];
  loadSegment(lane: Lane, startMs: number): ReadingSet;
  saveSegment(lane: Lane, startMs: number, readings: ReadingSet, summary: SegmentSummary): void;
  summaries(device: DeviceId): { readonly lane: Lane; readonly summary: SegmentSummary }[];
  /** Streams of a batch without times that have been counted; none if the batch is not known. */
  timelessStreams(device: DeviceId, batch: string): readonly string[];
  /** Remembers them. Past `timelessBatchesPerDeviceMax` the batches committed first are forgotten. */
  rememberTimeless(
    device: DeviceId,
    batch: string,
    stampMs: number,
    streams: readonly string[],
  ): void;
  /** Latest commit stamp of a batch of the device that was forgotten; 0 if none was. */
  forgottenMs(device: DeviceId): number;
  /** Joins what a hub says it gave up with what it said before. */
  joinGaps(message: GapMessage): void;
  /** What all hubs gave up of a device. */
  gapsOf(device: DeviceId): GapRecord[];
  /** Takes in the minutes of what a hub thinned; what is held already changes nothing. */
  joinThinned(message: ThinnedMessage): AbsorbedThinned;
  /** What was thinned of a device in all; times and values as of readings. */
  thinnedTotals(device: DeviceId): { readonly lane: Lane; readonly total: Aggregate }[];
  /** The first hour that begins from `fromMs` until before `toMs` of which there is something. */
  thinnedHour(device: DeviceId, fromMs: number, toMs: number): ThinnedHour | null;
  /** Entries that could not be counted: they are not lost, and do not block their links. */
  readonly poison: PoisonStore;
}
