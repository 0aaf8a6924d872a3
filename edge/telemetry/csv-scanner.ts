// Which cells does a row of CSV (RFC 4180) have? Quoted cells, doubled quotes, and either line end.

const QUOTE = 34;
const COMMA = 44;
const LF = 10;
const CR = 13;

/** Reads one row after the other; a row's cells are gone with the next row. */
export class CsvScanner {
  /** The cells of the row that was read. */
  readonly cells: string[] = [];
  readonly #text: string;
  readonly #cellsMax: number;
  #at = 0;

  /** @param cellsMax Cells of a row that are kept; one more is kept of a longer row, to tell. */
  constructor(text: string, cellsMax: number) {
    this.#text = text;
    this.#cellsMax = cellsMax;
  }

  /** Reads the next row; `broken` if a quoted cell does not end as it must, and nothing goes on. */
  next(): "row" | "end" | "broken" {
    this.cells.length = 0;
    if (this.#at >= this.#text.length) return "end";
    for (;;) {
      const isQuoted = this.#text.charCodeAt(this.#at) === QUOTE;
      const cell = isQuoted ? this.#quoted() : this.#plain();
      if (cell === null) return "broken";
      if (this.cells.length <= this.#cellsMax) this.cells.push(cell);
      if (this.#text.charCodeAt(this.#at) !== COMMA) break;
      this.#at += 1;
    }
    return this.#endLine() ? "row" : "broken";
  }

  #endLine(): boolean {
    if (this.#at >= this.#text.length) return true;
    if (this.#text.charCodeAt(this.#at) === CR) this.#at += 1;
    const isEnd = this.#at >= this.#text.length || this.#text.charCodeAt(this.#at) === LF;
    this.#at += 1;
    return isEnd;
  }

  #plain(): string {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === COMMA || code === LF || code === CR) break;
    }
    return this.#text.slice(start, this.#at).trim();
  }

  #quoted(): string | null {
    const start = this.#at + 1;
    let isDoubled = false;
    for (let at = start; ; at += 2) {
      at = this.#text.indexOf('"', at);
      if (at === -1) return null;
      if (this.#text.charCodeAt(at + 1) === QUOTE) {
        isDoubled = true;
        continue;
      }
      this.#at = at + 1;
      const cell = this.#text.slice(start, at);
      return isDoubled ? cell.replaceAll('""', '"') : cell;
    }
  }
}
