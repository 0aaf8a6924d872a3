// Which millisecond is left for a reading that was given none? The one that its region assigned, or the
// next that no other reading of the lane has: regions do not see each other's, and two readings of
// one time would count as one (P2).

import type { ReadingSet } from "../../sync/crdt/reading-set.ts";
import type { Lane, ShardStore } from "../ports.ts";

/** Times are looked up in the store by spans of so many milliseconds. */
const SPAN_MS = 1_024;

/** The times of a lane that are taken, as far as they have been looked at. */
interface Taken {
  /** A taken time, and one after it up to which all are taken. */
  readonly next: Map<number, number>;
  readonly spans: Set<number>;
  readonly segments: Set<number>;
}

/**
 * Hands out the free times of the lanes of one frame, each once. What a search has passed over is
 * passed over at once by the next one, so that a frame's searches cost what its lanes hold, once.
 */
export class FreeTimes {
  readonly #store: Pick<ShardStore, "segmentStarts" | "loadSegment">;
  readonly #lanes = new Map<string, Taken>();

  constructor(store: Pick<ShardStore, "segmentStarts" | "loadSegment">) {
    this.#store = store;
  }

  /**
   * Takes the first free time of a lane at or after `fromMs`, epoch milliseconds.
   *
   * @param waiting Readings of the lane that are not in the store yet.
   */
  take(lane: Lane, fromMs: number, waiting: () => ReadingSet): number {
    const key = laneKey(lane);
    let taken = this.#lanes.get(key);
    if (taken === undefined) {
      taken = { next: new Map(), spans: new Set(), segments: new Set() };
      this.#lanes.set(key, taken);
      note(taken, waiting());
    }
    const passed: number[] = [];
    let timeMs = fromMs;
    for (;;) {
      this.#look(lane, taken, timeMs);
      const next = taken.next.get(timeMs);
      if (next === undefined) break;
      passed.push(timeMs);
      timeMs = next;
    }
    for (const passedMs of [...passed, timeMs]) taken.next.set(passedMs, timeMs + 1);
    return timeMs;
  }

  /** Takes the times of readings that wait to be stored, in a lane that times are taken in. */
  note(lane: Lane, readings: ReadingSet): void {
    const taken = this.#lanes.get(laneKey(lane));
    if (taken !== undefined) note(taken, readings);
  }

  #look(lane: Lane, { next, spans, segments }: Taken, timeMs: number): void {
    const span = Math.floor(timeMs / SPAN_MS);
    if (spans.has(span)) return;
    spans.add(span);
    const starts = this.#store.segmentStarts(lane, span * SPAN_MS, (span + 1) * SPAN_MS - 1);
    for (const startMs of starts) {
      if (segments.has(startMs)) continue;
      segments.add(startMs);
      note({ next }, this.#store.loadSegment(lane, startMs));
    }
  }
}

function note({ next }: Pick<Taken, "next">, readings: ReadingSet): void {
  for (const { timeMs } of readings) if (!next.has(timeMs)) next.set(timeMs, timeMs + 1);
}

/** Names a lane within its shard. */
export function laneKey({ device, stream, isQuarantined }: Lane): string {
  return `${device}/${stream}/${isQuarantined ? 1 : 0}`;
}
