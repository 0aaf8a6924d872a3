// Which readings are on a page? Slice by slice, in order, until one more would be too many.

import type { Reading } from "../../sync/crdt/reading-set.ts";
import { limits } from "../limits.ts";
import type { Lane } from "./lanes.ts";
import { isAfter, type HistoryQuery, type Position, type RawRows } from "./query.ts";

/** Bytes that a time, a cell of its row, and a value take in an answer, at most. */
const TIME_BYTES = 27;
const CELL_BYTES = 5;
const VALUE_BYTES = 26;

interface Entry extends Position {
  readonly reading: Reading;
}

/** A page of readings. */
export class RawPage {
  readonly #query: HistoryQuery;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #times: number[] = [];
  readonly #indexes: number[] = [];
  readonly #values: (number | boolean)[] = [];
  readonly #quarantined: number[] = [];
  #bytes = 0;
  #last: Position | null = null;
  /** True if something is left over. */
  isFull = false;

  constructor(query: HistoryQuery, streams: readonly string[]) {
    this.#query = query;
    this.#indexOf = new Map(streams.map((stream, index) => [stream, index]));
  }

  /** Takes the readings of a slice. */
  take(lanes: readonly Lane[]): void {
    const { after, isWithQuarantined } = this.#query;
    const entries: Entry[] = [];
    for (const { stream, isQuarantined, readings } of lanes) {
      if (isQuarantined && !isWithQuarantined) continue;
      for (const reading of readings) {
        const entry = { timeMs: reading.timeMs, stream, isQuarantined, reading };
        if (after === null || isAfter(entry, after)) entries.push(entry);
      }
    }
    // Those of one time stay as they stand: by stream, and quarantined ones last.
    for (const entry of entries.toSorted((a, b) => a.timeMs - b.timeMs)) {
      if (!this.#fits(entry)) return;
      this.#add(entry);
    }
  }

  /** A page of readings may end anywhere. */
  endAt(timeMs: number): Position {
    return { timeMs, stream: "", isQuarantined: false };
  }

  get last(): Position | null {
    return this.#last;
  }

  rows(): RawRows {
    return {
      kind: "raw",
      times: this.#times,
      streams: this.#indexes,
      values: this.#values,
      quarantined: this.#quarantined,
    };
  }

  #fits(entry: Entry): boolean {
    const isFirst = this.#times.length === 0;
    this.isFull =
      this.#times.length >= this.#query.limit ||
      (!isFirst && this.#bytes + this.#bytesOf(entry) > limits.historyBytesMax);
    return !this.isFull;
  }

  #bytesOf({ timeMs }: Entry): number {
    const row = timeMs === this.#last?.timeMs ? 0 : TIME_BYTES + CELL_BYTES * this.#indexOf.size;
    return row + VALUE_BYTES;
  }

  #add(entry: Entry): void {
    const { reading, timeMs, stream, isQuarantined } = entry;
    this.#bytes += this.#bytesOf(entry);
    if (isQuarantined) this.#quarantined.push(this.#times.length);
    this.#times.push(timeMs);
    this.#indexes.push(this.#indexOf.get(stream) ?? 0);
    this.#values.push(reading.kind === "boolean" ? reading.value !== 0 : reading.value);
    this.#last = { timeMs, stream, isQuarantined };
  }
}
