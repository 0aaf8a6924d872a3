// What do the readings of each minute, or hour, add up to? A bucket is told once everything of it was
// read, so that what is told is exact, whatever the slices were.

import { combine, EMPTY, fold, type Aggregate } from "../../sync/crdt/aggregate.ts";
import type { Reading, ReadingSet } from "../../sync/crdt/reading-set.ts";
import { formatDecimal, type Decimal } from "../../sync/decimal.ts";
import { limits } from "../limits.ts";
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

interface Open {
  aggregate: Aggregate;
  readonly first: number | boolean;
  last: number | boolean;
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
  take(lanes: readonly Lane[], upToMs: number): void {
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
    if (startMs <= beganMs) return null;
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
    const { after } = this.#query;
    for (let from = 0; from < readings.length;) {
      const startMs = this.#startOf((readings[from] as Reading).timeMs);
      let to = from + 1;
      while (to < readings.length && (readings[to] as Reading).timeMs < startMs + this.#widthMs)
        to += 1;
      const isTold =
        after !== null && !isAfter({ timeMs: startMs, stream, isQuarantined: false }, after);
      if (!isTold) this.#add(startMs, stream, readings.slice(from, to));
      from = to;
    }
  }

  #add(startMs: number, stream: string, readings: ReadingSet): void {
    const open = this.#open.get(startMs) ?? new Map<string, Open>();
    this.#open.set(startMs, open);
    const added = fold(
      readings.map(({ timeMs }) => timeMs),
      readings.map(({ value }) => value),
    );
    const last = typed(readings.at(-1) as Reading);
    const held = open.get(stream);
    if (held === undefined) {
      const first = typed(readings[0] as Reading);
      open.set(stream, { aggregate: combine(EMPTY, added), first, last });
      return;
    }
    held.aggregate = combine(held.aggregate, added);
    held.last = last;
  }

  #tell(startMs: number): void {
    const open = this.#open.get(startMs) ?? new Map<string, Open>();
    this.#open.delete(startMs);
    for (const stream of [...open.keys()].toSorted()) {
      const { aggregate, first, last } = open.get(stream) as Open;
      const { count, min, max } = aggregate;
      const sum = formatDecimal(aggregate.sum);
      const bytes = BUCKET_BYTES + sum.length;
      this.isFull =
        this.#buckets.length >= this.#query.limit ||
        (this.#buckets.length > 0 && this.#bytes + bytes > limits.historyBytesMax);
      if (this.isFull) return;
      this.#bytes += bytes;
      const index = this.#indexOf.get(stream) ?? 0;
      const mean = meanOf(aggregate.sum, sum, count);
      this.#buckets.push({ startMs, stream: index, count, sum, min, max, mean, first, last });
      this.#last = { timeMs: startMs, stream, isQuarantined: false };
    }
  }
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
