// How do readings get into a lane's segments? Each segment is joined with what falls into it, and
// its totals are folded anew from what is then distinct, so nothing is ever counted twice (P2).

import { fold, storeAggregate } from "../../sync/crdt/aggregate.ts";
import { join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { limits } from "../limits.ts";
import type { Lane, SegmentSummary, ShardStore } from "../ports.ts";

/** Joins `incoming` into the lane's segments; returns how many readings are new. */
export function mergeReadings(lane: Lane, incoming: ReadingSet, store: ShardStore): number {
  const [first, last] = [incoming[0], incoming.at(-1)];
  if (first === undefined || last === undefined) return 0;
  const found = store.segmentStarts(lane, first.timeMs, last.timeMs);
  const starts = found.length === 0 ? [0] : found;
  let added = 0;
  let from = 0;
  for (const [at, startMs] of starts.entries()) {
    const endMs = starts[at + 1] ?? Infinity;
    const to = incoming.findIndex((reading, i) => i >= from && reading.timeMs >= endMs);
    const part = incoming.slice(from, to === -1 ? incoming.length : to);
    from += part.length;
    if (part.length > 0) added += mergeSegment(lane, startMs, part, store);
  }
  return added;
}

/** Folds what a segment adds to its lane's totals. */
export function summarize(readings: ReadingSet): SegmentSummary {
  if (readings.length === 0) return { total: null, contested: 0 };
  const times = readings.map((reading) => reading.timeMs);
  const total = storeAggregate(
    fold(
      times,
      readings.map((reading) => reading.value),
    ),
  );
  return { total, contested: readings.filter((reading) => reading.isContested).length };
}

function mergeSegment(
  lane: Lane,
  startMs: number,
  incoming: ReadingSet,
  store: ShardStore,
): number {
  const held = store.loadSegment(lane, startMs);
  const joined = join(held, incoming);
  for (const [at, part] of split(joined, isAppend(held, incoming)).entries()) {
    store.saveSegment(
      lane,
      at === 0 ? startMs : (part[0]?.timeMs ?? startMs),
      part,
      summarize(part),
    );
  }
  return joined.length - held.length;
}

/** Splits a segment that is too full: appended ones are left full, others are halved. */
function split(readings: ReadingSet, isAppended: boolean): ReadingSet[] {
  const most = limits.segmentReadingsMax;
  if (readings.length <= most) return [readings];
  const size = isAppended ? most : Math.ceil(most / 2);
  const parts: Reading[][] = [];
  for (let at = 0; at < readings.length; at += size) parts.push(readings.slice(at, at + size));
  return parts;
}

function isAppend(held: ReadingSet, incoming: ReadingSet): boolean {
  return (held.at(-1)?.timeMs ?? -1) < (incoming[0]?.timeMs ?? 0);
}
