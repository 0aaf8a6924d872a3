// How is a page of a device's readings put together? Slice by slice of time: what the journal and the
// segments hold of each is joined, in one turn, so that sealing in between changes nothing. It stops
// when the page is full, or has taken as much work as one page may.

import { gapsWithin, tellGaps } from "../../state/gap.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import { limits } from "../limits.ts";
import type { CoarserRange, HubStore, TimeRange } from "../ports.ts";
import { streamOf, type DeviceState } from "../telemetry/device-state.ts";
import { BucketPage } from "./bucket-page.ts";
import { lanesOf } from "./lanes.ts";
import { RESOLUTIONS, type HistoryPage, type HistoryQuery, type Position } from "./query.ts";
import { RawPage } from "./raw-page.ts";

/** What one page, and one turn of it, may take. */
export interface HistoryBounds {
  readonly sliceReadings: number;
  readonly sliceBytes: number;
  /** Readings that a page may decode; it may exceed them by a slice, and one bucket is finished. */
  readonly work: number;
}

const BOUNDS: HistoryBounds = {
  sliceReadings: limits.historySliceReadings,
  sliceBytes: limits.historySliceBytes,
  work: limits.historyWorkMax,
};

/**
 * Reads a page; null if the device is not known. Yields after each slice with what it took, in
 * readings; between two the store may be written to.
 */
export function* readHistory(
  query: HistoryQuery,
  store: Pick<HubStore, "loadDevice" | "history" | "gaps">,
  bounds: HistoryBounds = BOUNDS,
): Generator<number, HistoryPage | null> {
  const state = store.loadDevice(query.device);
  if (state === null) return null;
  const streams = query.streams ?? Object.keys(state.streams).toSorted();
  const span = spanOf(query, extentOf(state, streams));
  const page = openPage(query, streams);
  const damaged: TimeRange[] = [];
  const coarser: CoarserRange[] = [];
  let [fromMs, work] = [span.fromMs, 0];
  let next: Position | null = null;
  while (fromMs < span.toMs && next === null) {
    const slice = store.history({
      device: query.device,
      streams: new Set(streams),
      fromMs,
      toMs: span.toMs,
      resolution: query.resolution,
      readingsTarget: bounds.sliceReadings,
      bytesTarget: bounds.sliceBytes,
    });
    const lanes = lanesOf(slice, fromMs);
    fromMs = slice.toMs;
    page.take(lanes, slice.folded, fromMs < span.toMs ? fromMs : Infinity);
    damaged.push(...slice.damaged);
    coarser.push(...slice.coarser);
    work += slice.work;
    if (page.isFull) next = page.last;
    else if (fromMs >= span.toMs) break;
    else if (work >= bounds.work) next = page.endAt(fromMs);
    if (next === null) yield slice.work;
  }
  const told = toldRange(query, next);
  const gaps = gapsWithin(store.gaps.of(query.device), query.streams, told[0], told[1] + 1);
  return {
    streams,
    rows: page.rows(),
    next,
    ...rangesOf(told, coarser, damaged),
    gaps: tellGaps(gaps, limits.historyGapsListedMax),
  };
}

/** The times that a page is of. */
function toldRange(
  { fromMs, toMs, after, resolution }: HistoryQuery,
  next: Position | null,
): TimeRange {
  return [
    Math.max(fromMs, after?.timeMs ?? 0),
    next === null ? toMs - 1 : next.timeMs + RESOLUTIONS[resolution],
  ];
}

/** What a page says of the times that it is of. */
function rangesOf(
  told: TimeRange,
  coarser: readonly CoarserRange[],
  damaged: readonly TimeRange[],
): Pick<HistoryPage, "coarser" | "damaged"> {
  const left = (["1m", "1h"] as const).flatMap((finest) => {
    const own = coarser.filter((each) => each.resolution === finest);
    return merged(own, told).map((range) => ({ range, resolution: finest }));
  });
  return {
    coarser: left,
    damaged: merged(
      damaged.map((range) => ({ range })),
      told,
    ),
  };
}

function openPage(query: HistoryQuery, streams: readonly string[]): RawPage | BucketPage {
  return query.resolution === "raw" ? new RawPage(query, streams) : new BucketPage(query, streams);
}

/** What of the time asked for is left, and may have readings, or buckets of them. */
function spanOf(
  { fromMs, toMs, after }: HistoryQuery,
  [firstMs, lastMs]: TimeRange,
): { readonly fromMs: number; readonly toMs: number } {
  return {
    fromMs: Math.max(fromMs, after?.timeMs ?? 0, firstMs - (firstMs % RESOLUTIONS["1h"])),
    toMs: Math.min(toMs, lastMs + 1),
  };
}

/** The first and the last event time that there can be. */
function extentOf(state: DeviceState, streams: readonly string[]): TimeRange {
  let [firstMs, lastMs] = [TIME_MS_MAX, -1];
  for (const stream of streams) {
    const { total, quarantined, highWaterMs, quarantineHighWaterMs } = streamOf(
      state.streams,
      stream,
    );
    if (total !== null) firstMs = Math.min(firstMs, total[4]);
    // Of what is quarantined only the latest is known.
    if (quarantined > 0) firstMs = 0;
    if (total !== null || quarantined > 0)
      lastMs = Math.max(lastMs, highWaterMs, quarantineHighWaterMs);
  }
  return [firstMs, lastMs];
}

/**
 * Puts ranges together that meet, as far as a page tells of them; at most so many, of which the last
 * one covers the rest.
 */
function merged(
  ranges: readonly { readonly range: TimeRange }[],
  [fromMs, toMs]: TimeRange,
): TimeRange[] {
  const all: [number, number][] = [];
  const ascending = ranges.map(({ range }) => range).toSorted((a, b) => a[0] - b[0]);
  for (const [firstMs, lastMs] of ascending) {
    if (firstMs > toMs) break;
    const last = all.at(-1);
    const endMs = Math.min(lastMs, toMs);
    const isJoined =
      last !== undefined && (firstMs <= last[1] + 1 || all.length >= limits.historyRangesListedMax);
    if (isJoined) last[1] = Math.max(last[1], endMs);
    else all.push([Math.max(firstMs, fromMs), endMs]);
  }
  return all;
}
