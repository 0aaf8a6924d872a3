// What is replayed? The log of a boat: 65,202 real readings of 11 streams (examples/data). Its
// totals are added up here from the file's own text with BigInt, apart from the code that is shown.

import { readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";

/** One row of the log. */
export interface LogRow {
  readonly second: number;
  readonly stream: string;
  readonly text: string;
}

/** The totals of one stream. */
export interface StreamTruth {
  readonly count: number;
  /** Exact decimal text. */
  readonly sum: string;
  readonly min: number;
  readonly max: number;
}

/** One batch as the boat sends it: half a minute of readings, columnar. */
export interface BoatBatch {
  readonly seq: number;
  readonly readings: number;
  readonly body: string;
}

const BATCH_S = 30;
/** Decimals that every value of the log fits in. */
const DECIMALS = 12;

/** Reads the log. */
export function readLog(): LogRow[] {
  const file = path.join(import.meta.dirname, "../../examples/data/boat.csv.gz");
  const [, ...lines] = gunzipSync(readFileSync(file)).toString("utf8").trim().split("\n");
  return lines.map((line) => {
    const [second = "", stream = "", text = ""] = line.split(",");
    return { second: Number(second), stream, text };
  });
}

/** Adds up the log's own text. */
export function truthOf(rows: readonly LogRow[]): Map<string, StreamTruth> {
  const sums = new Map<string, { count: number; sum: bigint; min: number; max: number }>();
  for (const { stream, text } of rows) {
    const held = sums.get(stream) ?? { count: 0, sum: 0n, min: Infinity, max: -Infinity };
    held.count += 1;
    held.sum += scaled(text);
    held.min = Math.min(held.min, Number(text));
    held.max = Math.max(held.max, Number(text));
    sums.set(stream, held);
  }
  return new Map(
    [...sums].map(([stream, { sum, ...rest }]) => [stream, { ...rest, sum: formatScaled(sum) }]),
  );
}

/** Cuts the log into batches, moved in time so that its last reading is at `lastMs`. */
export function batchesOf(rows: readonly LogRow[], boot: string, lastMs: number): BoatBatch[] {
  const shiftMs = lastMs - (rows.at(-1)?.second ?? 0) * 1000;
  const groups = Map.groupBy(rows, (row) => Math.floor(row.second / BATCH_S));
  return [...groups.values()].map((group, i) => toBatch(group, boot, i + 1, shiftMs));
}

function toBatch(rows: readonly LogRow[], boot: string, seq: number, shiftMs: number): BoatBatch {
  const seconds = [...new Set(rows.map((row) => row.second))];
  const rowOf = new Map(seconds.map((second, row) => [second, row]));
  const series: Record<string, (number | null)[]> = {};
  for (const { second, stream, text } of rows) {
    const column = (series[stream] ??= seconds.map(() => null));
    column[rowOf.get(second) ?? 0] = Number(text);
  }
  const t = seconds.map((second) => second * 1000 + shiftMs);
  return { seq, readings: rows.length, body: JSON.stringify({ boot, seq, t, series }) };
}

function scaled(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(DECIMALS, "0"));
}

function formatScaled(sum: bigint): string {
  const sign = sum < 0n ? "-" : "";
  const digits = String(sum < 0n ? -sum : sum).padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -DECIMALS)}${fraction === "" ? "" : `.${fraction}`}`;
}
