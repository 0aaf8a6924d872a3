// What is left, for the origin, of readings that were thinned? Their minutes, until it holds them: an
// item for the hour of a device and the entries that were given up together, which never changes.

import { fold } from "../../sync/crdt/aggregate.ts";
import { isQuarantined } from "../../sync/quarantine.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import type { Sql } from "../../storage/sql.ts";
import { addPart, encodeRollup, type Rollup } from "../../state/rollup.ts";
import { THINNED_PER_MESSAGE_MAX, type ThinnedItem } from "../../state/thinned.ts";
import { limits } from "../limits.ts";
import type { ThinnedStore } from "../ports.ts";
import { MINUTE_MS, minuteOf } from "../telemetry/device-state.ts";
import type { Item, SqlPages } from "./sql-pages.ts";
import { hourKey, hourOf, partsOf } from "./sql-segments.ts";

/** Readings of an entry that was committed at `stampMs`. */
export interface StampedBatch {
  readonly stampMs: number;
  readonly batch: ReadingBatch;
}

const EPOCH_DIGITS = 8;
const QUARANTINED = "q";

/** Minutes that wait for the origin. */
export class SqlThinned implements ThinnedStore {
  readonly #sql: Sql;
  readonly #pages: SqlPages;
  /** What the origin has taken: one that is restored from a copy is told it again. */
  readonly #taken: SqlPages;
  bytes = 0;
  oldestMs: number | null = null;

  constructor(sql: Sql, pages: SqlPages, taken: SqlPages) {
    this.#sql = sql;
    this.#pages = pages;
    this.#taken = taken;
    this.#look();
  }

  /** Adds the minutes of readings of entries from `seq` on, given up since this `start`; within a transaction. */
  add(start: number, seq: number, batches: readonly StampedBatch[]): void {
    const items = new Map<string, Rollup>();
    for (const { batch, stampMs } of batches)
      foldBatch(items, batch, stampMs, `${hex(start)}/${seq.toString(16)}`);
    const edits = [...items.keys()].toSorted().map((key): Item => {
      return [key, encodeRollup(items.get(key) ?? new Map(), partsOf(key).hourMs)];
    });
    this.#pages.put(edits, 0);
    this.#look();
  }

  /** Lists the first items, about `bytesTarget` of them. */
  unsent(bytesTarget: number): ThinnedItem[] {
    const items: ThinnedItem[] = [];
    let bytes = 0;
    for (const [key, body] of this.#pages.range("", "~")) {
      if (items.length >= THINNED_PER_MESSAGE_MAX || bytes >= bytesTarget) break;
      bytes += key.length + body.length;
      items.push(itemOf(key, body));
    }
    return items;
  }

  sent(items: readonly ThinnedItem[]): void {
    const taken = items
      .map((item): Item => [keyOf(item), item.body])
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    this.#sql.transaction(() => {
      this.#taken.put(taken, 0);
      this.#pages.put(
        taken.map(([key]) => [key, null]),
        0,
      );
      while (this.#taken.bytes() > limits.thinnedTakenBytesMax)
        this.#taken.dropFirst("~", Infinity);
    });
    this.#look();
  }

  /** Tells all again that is still there. */
  tellAgain(): void {
    this.#sql.transaction(() => {
      let items = this.#taken.dropFirst("~", Infinity);
      for (; items !== null; items = this.#taken.dropFirst("~", Infinity))
        this.#pages.put(items, 0);
    });
    this.#look();
  }

  #look(): void {
    const [first] = this.#pages.extents(1);
    this.bytes = this.#pages.bytes();
    this.oldestMs = first === undefined ? null : partsOf(first.first).hourMs;
  }
}

function foldBatch(
  items: Map<string, Rollup>,
  batch: ReadingBatch,
  stampMs: number,
  name: string,
): void {
  for (const { stream, rows, values } of batch.columns) {
    const minutes = new Map<string, { times: number[]; values: number[] }>();
    for (const [at, row] of rows.entries()) {
      const timeMs = batch.times[row] ?? 0;
      const key = `${minuteOf(timeMs)}/${isQuarantined(timeMs, stampMs) ? QUARANTINED : ""}`;
      const minute = minutes.get(key) ?? { times: [], values: [] };
      minutes.set(key, minute);
      minute.times.push(timeMs);
      minute.values.push(values[at] ?? 0);
    }
    for (const [minute, readings] of minutes) {
      const [start = "0", lane = ""] = minute.split("/");
      const hourMs = hourOf(Number(start));
      const key = `${hourKey(hourMs, batch.device)}${name}${lane}`;
      const rollup = items.get(key) ?? new Map();
      items.set(key, rollup);
      const folded = fold(readings.times, readings.values);
      addPart(rollup, stream, (Number(start) - hourMs) / MINUTE_MS, folded);
    }
  }
}

function keyOf({ epoch, seq, device, hourMs, isQuarantined: isOutside }: ThinnedItem): string {
  return `${hourKey(hourMs, device)}${hex(epoch)}/${seq.toString(16)}${isOutside ? QUARANTINED : ""}`;
}

function itemOf(key: string, body: Uint8Array): ThinnedItem {
  const [, , epoch = "", seq = ""] = key.split("/");
  return {
    ...partsOf(key),
    epoch: parseInt(epoch, 16),
    seq: parseInt(seq, 16),
    isQuarantined: seq.endsWith(QUARANTINED),
    body,
  };
}

function hex(epoch: number): string {
  return epoch.toString(16).padStart(EPOCH_DIGITS, "0");
}
