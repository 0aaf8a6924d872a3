// Which cells does a row of CSV (RFC 4180) have? Quoted cells, doubled quotes, and either line end.

import { TextScanner } from "./text-scanner.ts";

const PLAIN = /[^,\r\n]*/y;
const QUOTED = /"(?:[^"]|"")*"/y;
const LINE_END = /\r?\n/y;

/** Reads one row after the other; a row's cells are gone with the next row. */
export class CsvScanner {
  /** The cells of the row that was read. */
  readonly cells: string[] = [];
  readonly #text: TextScanner;
  readonly #cellsMax: number;

  /** @param cellsMax Cells of a row that are kept; one more is kept of a longer row, to tell. */
  constructor(text: string, cellsMax: number) {
    this.#text = new TextScanner(text);
    this.#cellsMax = cellsMax;
  }

  /** Reads the next row; `broken` if a quoted cell does not end as it must, and nothing goes on. */
  next(): "row" | "end" | "broken" {
    const text = this.#text;
    this.cells.length = 0;
    if (text.isAtEnd) return "end";
    do {
      const quoted = text.take(QUOTED);
      const cell =
        quoted === null
          ? (text.take(PLAIN) ?? "").trim()
          : quoted.slice(1, -1).replaceAll('""', '"');
      if (quoted === null && cell.startsWith('"')) return "broken";
      if (this.cells.length <= this.#cellsMax) this.cells.push(cell);
    } while (text.skip(","));
    return text.isAtEnd || text.take(LINE_END) !== null ? "row" : "broken";
  }
}
