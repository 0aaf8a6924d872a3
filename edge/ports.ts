// What does the edge need from the outside, and what may it rely on? Interfaces with their
// guarantees; edge/platform has one adapter each, and a simulator may have others.

import type { DeviceId } from "../sync/brand.ts";
import type { LogEntry } from "../sync/crdt/batch-log.ts";
import type { EdgeLinkRecord } from "../sync/link/edge.ts";
import type { DeviceState, MinuteRollup } from "./telemetry/device-state.ts";

/** What of a journal row is looked up by: one device's span of event times. */
export interface Span {
  readonly device: DeviceId;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Event times from the first to the last, both inside. */
export type TimeRange = readonly [firstMs: number, lastMs: number];

/** The journal's extent: the lowest and the highest seq that it holds. Empty: floor = head + 1. */
export interface JournalExtent {
  readonly floor: number;
  readonly head: number;
}

/** Where the hub's link stands; whose it is, the hub knows. */
export type SavedLink = Omit<EdgeLinkRecord, "replica">;

/**
 * The durable state of one DeviceHub. Synchronous, one writer.
 *
 * - Order: journal rows ascend by 1 from 1 within a replicaEpoch; gaps never appear in the middle.
 * - Atomicity: everything inside one `transaction` commits together or not at all.
 * - Durability: what was written before an answer left survives kill, restart and eviction.
 * - Failure: throws if the disk does; the caller answers nothing and its memory is reloaded.
 */
export interface HubStore {
  transaction<T>(run: () => T): T;
  append(stampMs: number, body: Uint8Array, spans: readonly Span[]): void;
  extent(): JournalExtent;
  /** Commit stamp of the newest row; 0 if there never was one. */
  lastStampMs(): number;
  /** Bytes of rows that the origin does not hold yet. */
  unackedBytes(): number;
  /** Rows after `after`, until `bytesTarget` is reached; at least one if there is one. */
  entriesAfter(after: number, bytesTarget: number, entriesMax: number): LogEntry[];
  /**
   * Rows that hold times of the device in one of `ranges`, oldest first, each once. `longestSpanMs`
   * is that of the device's batches. Ends behind the row that goes over `bytesMax`.
   */
  overlapping(
    device: DeviceId,
    ranges: readonly TimeRange[],
    longestSpanMs: number,
    bytesMax: number,
  ): Iterable<LogEntry>;
  /** Drops some of the oldest acknowledged rows if the journal is over its bound; true: go on. */
  dropAcknowledged(): boolean;
  /** Puts a row in the place of the one of its seq; stamps keep ascending. */
  replace(entry: LogEntry, spans: readonly Span[]): void;
  loadLink(): SavedLink;
  /** Saves where the link stands; rows up to its cursor are acknowledged. */
  saveLink(link: SavedLink): void;
  deviceCount(): number;
  deviceIds(): DeviceId[];
  loadDevice(device: DeviceId): DeviceState | null;
  saveDevice(device: DeviceId, state: DeviceState): void;
  loadRollup(device: DeviceId, minuteMs: number): MinuteRollup;
  saveRollup(device: DeviceId, minuteMs: number, rollup: MinuteRollup): void;
  /** Drops the device's rollups of minutes before `beforeMs`. */
  dropRollups(device: DeviceId, beforeMs: number): void;
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
