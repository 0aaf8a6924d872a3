// What is held of each stream in a slice of time, each identity once? Of one that is held twice, or
// with two values, the rule that decides everywhere decides here (sync/crdt/reading-set.ts). What is
// quarantined is apart: it does not count, and must not stand in the way of what does.

import { join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import type { HeldReadings, HistorySlice } from "../ports.ts";

/** The readings of a stream that count, or those that are quarantined. */
export interface Lane {
  readonly stream: string;
  readonly isQuarantined: boolean;
  readonly readings: ReadingSet;
}

/** Sorts what is in a slice from `fromMs` on; by stream, then what counts first. */
export function lanesOf({ held, toMs }: HistorySlice, fromMs: number): Lane[] {
  const lanes = new Map<string, { inside: Reading[]; outside: Reading[] }>();
  for (const readings of held) {
    const lane = lanes.get(readings.stream) ?? { inside: [], outside: [] };
    lanes.set(readings.stream, lane);
    addTo(lane, readings, fromMs, toMs);
  }
  return [...lanes.keys()].toSorted().flatMap((stream) => {
    const lane = lanes.get(stream);
    const inside = onceEach(lane?.inside ?? []);
    const outside = without(onceEach(lane?.outside ?? []), inside);
    return [inside, outside].map((readings, at) => ({ stream, isQuarantined: at === 1, readings }));
  });
}

function addTo(
  lane: { readonly inside: Reading[]; readonly outside: Reading[] },
  { kind, times, values, stampOf }: HeldReadings,
  fromMs: number,
  toMs: number,
): void {
  for (let at = firstAt(times, fromMs); at < times.length; at += 1) {
    const timeMs = times[at] as number;
    if (timeMs >= toMs) return;
    const stampMs = stampOf(at);
    const value = values[at] as number;
    const reading: Reading = { timeMs, stampMs, kind, value, isContested: false };
    (isQuarantined(timeMs, stampMs) ? lane.outside : lane.inside).push(reading);
  }
}

/** The position of the first of ascending times that is not before `timeMs`. */
function firstAt(times: ArrayLike<number>, timeMs: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function onceEach(readings: Reading[]): ReadingSet {
  if (isAscending(readings)) return readings;
  const set: Reading[] = [];
  for (const reading of readings.toSorted((a, b) => a.timeMs - b.timeMs)) {
    const last = set.at(-1);
    if (last?.timeMs === reading.timeMs) set.splice(-1, 1, ...join([last], [reading]));
    else set.push(reading);
  }
  return set;
}

/** What came again in time counts, and is quarantined no more. */
function without(outside: ReadingSet, inside: ReadingSet): ReadingSet {
  if (outside.length === 0) return outside;
  const counted = new Set(inside.map(({ timeMs }) => timeMs));
  return outside.filter(({ timeMs }) => !counted.has(timeMs));
}

function isAscending(readings: ReadingSet): boolean {
  for (let at = 1; at < readings.length; at += 1)
    if ((readings[at] as Reading).timeMs <= (readings[at - 1] as Reading).timeMs) return false;
  return true;
}
