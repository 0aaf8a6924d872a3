// What do the readings of each minute, or hour, add up to? A bucket is told once everything of it was
// read, so that what is told is exact, whatever the slices were.

import { combine, fold, type Aggregate } from "../../sync/crdt/aggregate.ts";
import type { Reading, ReadingSet } from "../../sync/crdt/reading-set.ts";
import { formatDecimal, type Decimal } from "../../sync/decimal.ts";
import { limits } from "../limits.ts";
import type { FoldedReadings } from "../ports.ts";
import type { Lane } from "./lanes.ts";
import {
  isAfter,
  RESOLUTIONS,
  type Bucket,
  type HistoryPage,
  type HistoryQuery,
  type Position,
} from "./query.ts";

/** Bytes that a bucket takes in an answer beside its sum, at most. */
const BUCKET_BYTES = 220;

/** What is known of a bucket so far. */
interface Open {
  aggregate: Aggregate;
  /** The readings with the first and the last event time, of those that are there. */
  first: Reading | null;
  last: Reading | null;
}

/** A page of buckets. */
export class BucketPage {
  readonly #query: HistoryQuery;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #widthMs: number;
  /** By start, then stream: what is not complete yet. */
  readonly #open = new Map<number, Map<string, Open>>();
  readonly #buckets: Bucket[] = [];
  #bytes = 0;
  #last: Position | null = null;
  isFull = false;

  constructor(query: HistoryQuery, streams: readonly string[]) {
    this.#query = query;
    this.#indexOf = new Map(streams.map((stream, index) => [stream, index]));
    this.#widthMs = RESOLUTIONS[query.resolution];
  }

  /** Takes the readings of a slice; everything before `upToMs` was given then. */
  take(lanes: readonly Lane[], folded: readonly FoldedReadings[], upToMs: number): void {
    for (const { stream, startMs, aggregate } of folded)
      this.#add(this.#startOf(startMs), stream, { aggregate, first: null, last: null });
    for (const { stream, isQuarantined, readings } of lanes)
      if (!isQuarantined) this.#fold(stream, readings);
    for (const startMs of [...this.#open.keys()].toSorted((a, b) => a - b)) {
      if (this.isFull || startMs + this.#widthMs > upToMs) return;
      this.#tell(startMs);
    }
  }

  /** A page of buckets ends where one does: null where that would be where it began. */
  endAt(timeMs: number): Position | null {
    const startMs = this.#startOf(timeMs);
    const beganMs = this.#query.after?.timeMs ?? this.#startOf(this.#query.fromMs);
    // The first bucket with readings is told whole, whatever it takes.
    if (startMs <= beganMs || (this.#last === null && this.#open.has(startMs))) return null;
    return { timeMs: startMs, stream: "", isQuarantined: false };
  }

  get last(): Position | null {
    return this.#last;
  }

  rows(): HistoryPage["rows"] {
    return { kind: "buckets", buckets: this.#buckets };
  }

  #startOf(timeMs: number): number {
    return Math.floor(timeMs / this.#widthMs) * this.#widthMs;
  }

  #fold(stream: string, readings: ReadingSet): void {
    for (let from = 0; from < readings.length;) {
      const startMs = this.#startOf((readings[from] as Reading).timeMs);
      let to = from + 1;
      while (to < readings.length && (readings[to] as Reading).timeMs < startMs + this.#widthMs)
        to += 1;
      this.#add(startMs, stream, openOf(readings.slice(from, to)));
      from = to;
    }
  }

  #add(startMs: number, stream: string, added: Open): void {
    const { after } = this.#query;
    if (after !== null && !isAfter({ timeMs: startMs, stream, isQuarantined: false }, after))
      return;
    const open = this.#open.get(startMs) ?? new Map<string, Open>();
    this.#open.set(startMs, open);
    const held = open.get(stream);
    if (held === undefined) {
      open.set(stream, added);
      return;
    }
    held.aggregate = combine(held.aggregate, added.aggregate);
    held.first ??= added.first;
    held.last = added.last ?? held.last;
  }

  #tell(startMs: number): void {
    const open = this.#open.get(startMs) ?? new Map<string, Open>();
    this.#open.delete(startMs);
    for (const stream of [...open.keys()].toSorted()) {
      const { aggregate, first, last } = open.get(stream) as Open;
      const { count, min, max, firstMs, lastMs } = aggregate;
      const sum = formatDecimal(aggregate.sum);
      const bytes = BUCKET_BYTES + sum.length;
      this.isFull =
        this.#buckets.length >= this.#query.limit ||
        (this.#buckets.length > 0 && this.#bytes + bytes > limits.historyBytesMax);
      if (this.isFull) return;
      this.#bytes += bytes;
      const index = this.#indexOf.get(stream) ?? 0;
      const mean = meanOf(aggregate.sum, sum, count);
      this.#buckets.push({
        startMs,
        stream: index,
        count,
        sum,
        min,
        max,
        mean,
        first: first?.timeMs === firstMs ? typed(first) : null,
        last: last?.timeMs === lastMs ? typed(last) : null,
      });
      this.#last = { timeMs: startMs, stream, isQuarantined: false };
    }
  }
}

function openOf(readings: ReadingSet): Open {
  const aggregate = fold(
    readings.map(({ timeMs }) => timeMs),
    readings.map(({ value }) => value),
  );
  return { aggregate, first: readings[0] ?? null, last: readings.at(-1) ?? null };
}

/** A sum may be beyond a double's range; a mean is not. */
function meanOf({ mantissa, scale }: Decimal, sum: string, count: number): number {
  const whole = Number(sum);
  if (Number.isFinite(whole)) return whole / count;
  return Number(formatDecimal({ mantissa: mantissa / BigInt(count), scale }));
}

function typed({ kind, value }: Reading): number | boolean {
  return kind === "boolean" ? value !== 0 : value;
}
