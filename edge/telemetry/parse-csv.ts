// What does a CSV body say? Its first row names the columns: `time,stream,value`, in any order, is a
// reading a row; anything else has a column `time` and a column for each stream.

import type { Problem } from "../../http/problem.ts";
import { err, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import { CsvScanner } from "./csv-scanner.ts";
import { parseNumberText } from "./number-text.ts";
import {
  Cursor,
  escapePointer,
  finishReadings,
  malformed,
  parseKey,
  tooMany,
  type ParsedReadings,
} from "./parsed-readings.ts";
import { ReadingCollector } from "./reading-collector.ts";
import { parseTime } from "./time.ts";

type Take = (cells: readonly string[], at: Cursor) => number;

/** Parses rows below a header; `index` counts the rows below it from 0. */
export function parseCsv(text: string, key: string | null): Result<ParsedReadings, Problem> {
  const identity = parseKey(key);
  if (!identity.ok) return identity;
  const scanner = new CsvScanner(text, limits.csvColumnsMax);
  if (scanner.next() !== "row") return err(malformed("", HEADER));
  const header = [...scanner.cells];
  const problem = headerProblem(header);
  if (problem !== null) return err(malformed("", problem));
  const readings = new ReadingCollector(identity.value.kind !== "none");
  const take = isLong(header) ? longRows(header, readings) : wideRows(header, readings);
  const at = new Cursor("");
  let count = 0;
  for (let row = scanner.next(); row !== "end"; row = scanner.next(), at.index += 1) {
    if (row === "broken") return err(malformed(`/${at.index}`, BROKEN));
    const { cells } = scanner;
    if (cells.length === 1 && cells[0] === "") continue;
    if (cells.length === header.length) count += take(cells, at);
    else {
      count += 1;
      const message = `The row has ${cells.length} cells, the header ${header.length}`;
      readings.reject("row-width", message, at, null);
    }
    if (count > limits.readingsPerRequestMax) return err(tooMany());
  }
  return finishReadings(identity.value, readings, count);
}

function headerProblem(header: readonly string[]): string | null {
  if (header.length > limits.csvColumnsMax)
    return `A row has at most ${limits.csvColumnsMax} columns: the time and a device's streams`;
  if (!header.includes("time") || header.length < 2) return HEADER;
  return new Set(header).size < header.length ? "Two columns have the same name" : null;
}

function isLong(header: readonly string[]): boolean {
  return header.length === 3 && header.includes("stream") && header.includes("value");
}

function longRows(header: readonly string[], readings: ReadingCollector): Take {
  const [time, stream, value] = ["time", "stream", "value"].map((name) => header.indexOf(name));
  return (cells, at) => {
    const cell = (column: number | undefined): string => cells[column ?? 0] ?? "";
    readings.take(cell(stream), valueOf(cell(value)), timeOf(cell(time)), at);
    return 1;
  };
}

/** An empty cell is absent, as null is in a JSON column. */
function wideRows(header: readonly string[], readings: ReadingCollector): Take {
  const time = header.indexOf("time");
  const pointers = header.map((name) => `/${escapePointer(name)}`);
  return (cells, at) => {
    const timeMs = timeOf(cells[time] ?? "");
    let count = 0;
    for (const [column, text] of cells.entries()) {
      if (column === time || text === "") continue;
      count += 1;
      at.rest = pointers[column] ?? "";
      readings.take(header[column], valueOf(text), timeMs, at);
    }
    at.rest = "";
    return count;
  };
}

/** What is neither a number nor a boolean stays text, which is no value. */
function valueOf(text: string): unknown {
  if (text === "") return null;
  if (text === "true" || text === "false") return text === "true";
  return parseNumberText(text) ?? text;
}

function timeOf(text: string): number | null | "bad" {
  if (text === "") return null;
  return parseTime(parseNumberText(text) ?? text) ?? "bad";
}

const HEADER =
  'The first row names the columns: "time,stream,value" for a reading a row, or "time" and the streams, such as "time,depth_m,hatch_open"';
const BROKEN =
  'A cell that begins with " ends with " before the next comma or line end, and has "" for each " in it (RFC 4180)';
