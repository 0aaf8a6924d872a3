// Where do readings go that no edge will take? Into a file of their own, one JSON a line, for a
// person to look at; it is bounded, and what it has no room for is counted.

import fs from "node:fs";
import type { ReadingError } from "./answer.ts";
import type { Batch, Value } from "./batch.ts";

/** Bytes of the file. */
const BYTES_MAX = 4_194_304;

/** Why a batch, or some of its readings, were set aside. */
export interface SetAsideEntry {
  readonly at: string;
  readonly why: string;
  readonly readings: readonly AsideReading[];
}

interface AsideReading {
  readonly stream: string;
  readonly timeMs: number;
  readonly value: Value;
  readonly code: string | null;
}

/** Finds the readings that `errors` name; all of them if it does not name each of `rejected`. */
export function pickReadings(
  batch: Batch,
  errors: readonly ReadingError[],
  rejected: number,
): readonly AsideReading[] {
  const codes = new Map(errors.map((error) => [`${error.stream}/${error.index}`, error.code]));
  const all = Object.entries(batch.series).flatMap(([stream, column]) =>
    column.flatMap((value, index): AsideReading[] => {
      const timeMs = batch.t[index];
      if (value === null || timeMs === undefined) return [];
      return [{ stream, timeMs, value, code: codes.get(`${stream}/${index}`) ?? null }];
    }),
  );
  const named = all.filter(({ code }) => code !== null);
  return named.length === rejected ? named : all;
}

/** Writes an entry to disk; false if there is no room for it. */
export function setAside(file: string, entry: SetAsideEntry): boolean {
  const line = `${JSON.stringify(entry)}\n`;
  const fd = fs.openSync(file, "a", 0o600);
  try {
    if (fs.fstatSync(fd).size + Buffer.byteLength(line) > BYTES_MAX) return false;
    fs.appendFileSync(fd, line);
    fs.fsyncSync(fd);
    return true;
  } catch {
    return false;
  } finally {
    fs.closeSync(fd);
  }
}
