// What does a body of newline-delimited JSON say? One { stream, value, time } a line. A line that is
// no JSON is one bad reading: the others are kept.

import type { Problem } from "../../http/problem.ts";
import { err, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import { takeRow } from "./parse-readings.ts";
import {
  Cursor,
  finishReadings,
  parseKey,
  tooMany,
  type ParsedReadings,
} from "./parsed-readings.ts";
import { ReadingCollector } from "./reading-collector.ts";

/** Parses the lines; empty ones are skipped, and `index` counts all of them from 0. */
export function parseNdjson(text: string, key: string | null): Result<ParsedReadings, Problem> {
  const identity = parseKey(key);
  if (!identity.ok) return identity;
  const readings = new ReadingCollector(identity.value.kind !== "none");
  const at = new Cursor("");
  let count = 0;
  for (let start = 0; start < text.length; at.index += 1) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line === "") continue;
    count += 1;
    if (count > limits.readingsPerRequestMax) return err(tooMany());
    takeLine(readings, line, at);
  }
  return finishReadings(identity.value, readings, count);
}

function takeLine(readings: ReadingCollector, line: string, at: Cursor): void {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    const message = `Line ${at.index + 1} is not JSON: a line is one { "stream", "value", "time" }`;
    return readings.reject("line-json", message, at, null);
  }
  takeRow(readings, row, at);
}
