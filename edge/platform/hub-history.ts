// What does a hub hold of a device's next stretch of time? As much as one turn may read: from the
// journal what is not sealed, from the segments what is. What cannot be read is told, with its times.

import type { Aggregate } from "../../sync/crdt/aggregate.ts";
import { decodePart } from "../journal/slot-note.ts";
import type { Place } from "../journal/places.ts";
import type {
  CoarserRange,
  FoldedReadings,
  HeldReadings,
  HistoryRead,
  HistorySlice,
  TimeRange,
} from "../ports.ts";
import { decodeColumn, decodeSegment } from "../segment/decode.ts";
import { decodeRollup } from "../../state/rollup.ts";
import { readZoneMap, type ZoneMap } from "../segment/zone-map.ts";
import { damagedOf } from "./hub-damage.ts";
import type { HubMemory } from "./hub-memory.ts";
import { HOUR, MINUTE } from "./hub-retention.ts";
import { readingsOfBatch, readingsOfSegment } from "./hub-readings.ts";
import { behind, type Item, type SqlPages } from "./sql-pages.ts";
import { HOUR_MS, hourKey, hourOf, partsOf, timeDigits, type SqlSegments } from "./sql-segments.ts";

/** What a look at a page costs, in readings. */
const SEEK_WORK = 100;
/** What decoding an aggregate costs, in readings. */
const PART_WORK = 10;
/** Up to so many streams are decoded one by one, and the others not at all. */
const SINGLE_STREAMS_MAX = 2;

interface Found {
  readonly held: HeldReadings[];
  readonly folded: FoldedReadings[];
  readonly coarser: CoarserRange[];
  readonly damaged: TimeRange[];
  work: number;
}

/** Reads what is written of a device from `fromMs` on; staged readings are not told yet. */
export function readSlice(memory: HubMemory, read: HistoryRead): HistorySlice {
  const { device, fromMs } = read;
  const found: Found = { held: [], folded: [], coarser: [], damaged: [], work: 0 };
  const places = memory.places.meeting(device, [[fromMs, read.toMs - 1]]);
  // Each class may end the slice sooner; what was read beyond is left out.
  let toMs = cutOf(places, read);
  toMs = sealedSlice(memory.segments, { ...read, toMs }, found);
  for (const parts of [MINUTES, HOURS]) {
    const pages = parts === MINUTES ? memory.minutes : memory.hours;
    toMs = foldedSlice(pages, parts, { ...read, toMs }, found);
  }
  const inside = places.filter((place) => place.firstMs < toMs && place.lastMs >= fromMs);
  journalSlice(memory, inside, read.streams, found);
  found.damaged.push(
    ...damagedOf(memory.segments.pages, device, HOUR_MS),
    ...damagedOf(memory.minutes, device, MINUTE.spanMs),
    ...damagedOf(memory.hours, device, HOUR.spanMs),
  );
  const isIn = ([firstMs, lastMs]: TimeRange): boolean => lastMs >= fromMs && firstMs < toMs;
  return {
    toMs,
    held: found.held,
    folded: found.folded.filter(({ startMs }) => startMs < toMs),
    coarser: found.coarser.filter(({ range }) => isIn(range)),
    damaged: found.damaged.filter(isIn),
    work: found.work,
  };
}

/** A class of buckets that are left of readings which went. */
const MINUTES = { ...MINUTE, resolution: "1m" } as const;
const HOURS = { ...HOUR, resolution: "1h" } as const;

/** Reads aggregates until the slice has enough of them; returns where it ends. */
function foldedSlice(
  pages: SqlPages,
  { partMs, spanMs, resolution }: typeof MINUTES | typeof HOURS,
  read: HistoryRead,
  found: Found,
): number {
  const { device, streams, fromMs, toMs } = read;
  const isTold = RESOLUTION_MS[read.resolution] >= partMs;
  let work = 0;
  let startMs = Math.floor(fromMs / spanMs) * spanMs;
  while (startMs < toMs && (work < read.readingsTarget || startMs <= fromMs)) {
    const key = hourKey(startMs, device);
    const item = pages.seek(key);
    work += SEEK_WORK;
    if (item === null) startMs = toMs;
    else if (item[0] !== key) startMs = Math.max(startMs + spanMs, partsOf(item[0]).hourMs);
    else {
      const rollup = decodeRollup(item[1], startMs);
      if (rollup === null) pages.noteDamage(key, behind(key));
      const wanted = [...(rollup ?? [])].filter(([stream]) => streams.has(stream));
      for (const [stream, parts] of wanted) work += addParts(stream, parts);
      if (wanted.length > 0 && !isTold)
        found.coarser.push({ range: [startMs, startMs + spanMs - 1], resolution });
      startMs += spanMs;
    }
  }
  found.work += work;
  return Math.min(startMs, toMs);

  function addParts(stream: string, parts: ReadonlyMap<number, Aggregate>): number {
    for (const [part, aggregate] of isTold ? parts : []) {
      const partStartMs = startMs + part * partMs;
      if (partStartMs >= fromMs && partStartMs < toMs)
        found.folded.push({ stream, startMs: partStartMs, aggregate });
    }
    return parts.size * PART_WORK;
  }
}

const RESOLUTION_MS = { raw: 0, "1m": MINUTE.partMs, "1h": HOUR.partMs } as const;

/** Ends the slice where the journal would have too much of it; what spans its begin has to be read. */
function cutOf(places: readonly Place[], { fromMs, toMs, bytesTarget }: HistoryRead): number {
  let bytes = 0;
  for (const { start, end, firstMs } of places.toSorted((a, b) => a.firstMs - b.firstMs)) {
    bytes += end - start;
    if (bytes > bytesTarget && firstMs > fromMs) return firstMs;
  }
  return toMs;
}

function journalSlice(
  { journal }: HubMemory,
  places: readonly Place[],
  streams: ReadonlySet<string>,
  found: Found,
): void {
  let entry: ReturnType<typeof journal.read> = null;
  for (const { seq, start, end, firstMs, lastMs } of places) {
    // A slot has the batches of many; it is read once.
    if (entry?.seq !== seq) entry = journal.read(seq);
    const batch = entry === null ? null : decodePart(entry.body.subarray(start, end));
    if (entry === null || batch === null) {
      found.damaged.push([firstMs, lastMs]);
      continue;
    }
    for (const { rows } of batch.columns) found.work += rows.length;
    for (const readings of readingsOfBatch(batch, entry.stampMs))
      if (streams.has(readings.stream)) found.held.push(readings);
  }
}

/** Reads segments until the slice has enough; returns where it ends. */
function sealedSlice(segments: SqlSegments, read: HistoryRead, found: Found): number {
  for (const { item, zone, nextMs } of walk(segments, read)) {
    if (item === null) found.work += SEEK_WORK;
    else if (!decodeInto(segments, item, zone, read, found)) continue;
    if (found.work >= read.readingsTarget && nextMs > read.fromMs)
      return Math.min(nextMs, read.toMs);
  }
  return read.toMs;
}

/** A look at the sealed segments. */
interface Look {
  /** Null: this is the hour of others. */
  readonly item: Item | null;
  /** Null: it is broken. */
  readonly zone: ZoneMap | null;
  /** What comes next is not before this. */
  readonly nextMs: number;
}

/** Looks at the segments of a device that meet what is asked for, in order. */
function* walk(segments: SqlSegments, read: HistoryRead): Iterable<Look> {
  const { device, fromMs, toMs } = read;
  let from = firstKey(segments, read);
  for (let hourMs = hourOf(fromMs); hourMs < toMs;) {
    const prefix = hourKey(hourMs, device);
    const item = segments.pages.seek(prefix > from ? prefix : from);
    if (item === null) return;
    if (!item[0].startsWith(prefix)) {
      // Whole hours of nobody are stepped over.
      hourMs = Math.max(hourMs + HOUR_MS, partsOf(item[0]).hourMs);
      yield { item: null, zone: null, nextMs: hourMs };
      continue;
    }
    from = behind(item[0]);
    const zone = readZoneMap(item[1]);
    if (!zone.ok) yield { item, zone: null, nextMs: fromMs };
    else if (zone.value.firstMs >= toMs) return;
    else if (zone.value.lastMs >= fromMs)
      yield { item, zone: zone.value, nextMs: zone.value.lastMs + 1 };
  }
}

/** The segment of the first hour that may span `fromMs`, so that those before it are not looked at. */
function firstKey(segments: SqlSegments, { device, fromMs }: HistoryRead): string {
  const prefix = hourKey(hourOf(fromMs), device);
  const before = segments.pages.floor(`${prefix}${timeDigits(fromMs)}`)?.[0] ?? "";
  return before.startsWith(prefix) ? before : prefix;
}

/** Decodes what is asked for of a segment; false if it is broken. */
function decodeInto(
  segments: SqlSegments,
  [key, bytes]: Item,
  zone: ZoneMap | null,
  read: HistoryRead,
  found: Found,
): boolean {
  const wanted = (zone?.columns ?? []).filter(({ stream }) => read.streams.has(stream));
  const names = new Set(wanted.map(({ stream }) => stream));
  const isWhole = zone === null || names.size > SINGLE_STREAMS_MAX;
  const readings = isWhole
    ? (zone?.readings ?? 0)
    : wanted.reduce((sum, { count }) => sum + count, 0);
  found.work += SEEK_WORK + readings;
  const isSound = isWhole
    ? addSegment(bytes, read, found)
    : [...names].every((stream) => addColumn(bytes, stream, read, found));
  if (!isSound) segments.noteBroken(key);
  return isSound;
}

function addSegment(bytes: Uint8Array, { streams }: HistoryRead, { held }: Found): boolean {
  const segment = decodeSegment(bytes);
  for (const readings of segment.ok ? readingsOfSegment(segment.value) : [])
    if (streams.has(readings.stream)) held.push(readings);
  return segment.ok;
}

function addColumn(
  bytes: Uint8Array,
  stream: string,
  { fromMs, toMs }: HistoryRead,
  { held }: Found,
): boolean {
  const slices = decodeColumn(bytes, stream, fromMs, toMs);
  for (const { kind, times, values, stamps } of slices.ok ? slices.value : [])
    held.push({ stream, kind, times, values, stampOf: (at) => stamps[at] as number });
  return slices.ok;
}
