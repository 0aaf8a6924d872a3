// What is asked of a device's readings, and what is answered? Plain values that travel between the
// Worker and the hub. Everything is in one order: by time, then stream, then what counts before what
// is quarantined; a page goes on behind a position in it.

import type { ToldGaps } from "../../state/gap.ts";
import type { DeviceId, StreamName } from "../../sync/brand.ts";
import type { CoarserRange, Resolution, TimeRange } from "../ports.ts";

/** Milliseconds of a bucket, by what it is called; raw is every reading by itself. */
export const RESOLUTIONS: Readonly<Record<Resolution, number>> = {
  raw: 0,
  "1m": 60_000,
  "1h": 3_600_000,
};

/** Where a page ended: behind a reading, or behind a stream's bucket that begins at `timeMs`. */
export interface Position {
  readonly timeMs: number;
  /** Empty: before every stream. */
  readonly stream: string;
  readonly isQuarantined: boolean;
}

/** A question for one page. */
export interface HistoryQuery {
  readonly device: DeviceId;
  /** Ascending, each once; null: all that the device has. */
  readonly streams: readonly StreamName[] | null;
  /** Event times, epoch milliseconds: from here, until before `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolution: Resolution;
  /** Readings or buckets of a page. */
  readonly limit: number;
  /** True if quarantined readings are told too; raw only. */
  readonly isWithQuarantined: boolean;
  readonly after: Position | null;
}

/** Readings in order, by column. */
export interface RawRows {
  readonly kind: "raw";
  readonly times: readonly number[];
  /** Indexes into the page's streams. */
  readonly streams: readonly number[];
  readonly values: readonly (number | boolean)[];
  /** Positions of the quarantined ones, ascending. */
  readonly quarantined: readonly number[];
}

/** The readings of one stream in one bucket that count; booleans add up as 0 and 1. */
export interface Bucket {
  readonly startMs: number;
  /** Index into the page's streams. */
  readonly stream: number;
  readonly count: number;
  /** Exact, as plain decimal text. */
  readonly sum: string;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** The values with the first and the last event time; null: not known any more. */
  readonly first: number | boolean | null;
  readonly last: number | boolean | null;
}

/** One page. */
export interface HistoryPage {
  /** Those asked for, ascending. */
  readonly streams: readonly string[];
  readonly rows: RawRows | { readonly kind: "buckets"; readonly buckets: readonly Bucket[] };
  /** Where the next page begins; null: this is the last. */
  readonly next: Position | null;
  /** Times of which readings are left only by longer buckets than those asked for. */
  readonly coarser: readonly CoarserRange[];
  /** Times of which something could not be read. */
  readonly damaged: readonly TimeRange[];
  /** Readings of these times that are here and the origin was not given. */
  readonly gaps: ToldGaps;
}

/** Tells whether `left` comes after `right`. */
export function isAfter(left: Position, right: Position): boolean {
  if (left.timeMs !== right.timeMs) return left.timeMs > right.timeMs;
  if (left.stream !== right.stream) return left.stream > right.stream;
  return left.isQuarantined && !right.isQuarantined;
}
