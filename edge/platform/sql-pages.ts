// How do many small items share a row? Sorted by key, packed into pages like the leaves of a tree:
// a page is a row, found by its first key. Writing a hundred neighbours costs a row or two, and what
// is damaged is an item, not the table.

import { assert } from "../../sync/assert.ts";
import { bytesOf, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { crc32c } from "../segment/crc32c.ts";
import { limits } from "../limits.ts";

/** Keys are ASCII, so that SQLite and JavaScript sort them alike. */
export type Item = readonly [key: string, bytes: Uint8Array];

/** Null drops the item. */
export type Edit = readonly [key: string, bytes: Uint8Array | null];

interface Page {
  readonly first: string;
  readonly mark: number;
  readonly items: readonly Item[];
}

/** The table of a SqlPages; part of a migration. */
export function pagesTable(name: string): string {
  return `create table ${name} (first text primary key, items integer not null, mark integer not null,
    crc integer not null, body blob not null) without rowid;`;
}

/** A page, and where the next one begins; null: it is the last. */
interface ReadPage {
  readonly page: Page;
  readonly end: string | null;
}

/** Whoever looks up neighbours in turn, such as the devices of an hour, comes back to a few pages. */
const PAGES_REMEMBERED = 16;

/** Items in the rows of one table. */
export class SqlPages {
  readonly #sql: Sql;
  readonly #table: string;
  readonly #onDamage: (what: string) => void;
  /** Where something was left out since this was opened: from a key until before another; null: the end. */
  readonly damaged: Map<string, string | null> = new Map();
  /** The pages that were read or written last by their first keys, the latest at the end. */
  readonly #read = new Map<string, ReadPage>();

  /** @param onDamage Told of a page or an item that is left out because its checksum is wrong. */
  constructor(sql: Sql, table: string, onDamage: (what: string) => void) {
    this.#sql = sql;
    this.#table = table;
    this.#onDamage = onDamage;
  }

  count(): number {
    const [row] = this.#sql.exec(`select total(items) as n from ${this.#table}`);
    return numberOf(row?.["n"]);
  }

  bytes(): number {
    const [row] = this.#sql.exec(`select total(length(body)) as n from ${this.#table}`);
    return numberOf(row?.["n"]);
  }

  /** The pages, without what they hold; the first `most` of them. */
  extents(most = -1): { readonly first: string; readonly mark: number; readonly bytes: number }[] {
    return this.#sql
      .exec(
        `select first, mark, length(body) as n from ${this.#table} order by first limit ?`,
        most,
      )
      .map(({ first, mark, n }) => ({
        first: textOf(first),
        mark: numberOf(mark),
        bytes: numberOf(n),
      }));
  }

  /** Where the second page begins; null if there is none. */
  secondKey(): string | null {
    const [, row] = this.#sql.exec(`select first from ${this.#table} order by first limit 2`);
    return row === undefined ? null : textOf(row["first"]);
  }

  get(key: string): Uint8Array | null {
    const page = this.#pageBefore(key);
    return page?.items.find(([held]) => held === key)?.[1] ?? null;
  }

  /** The first item at or after a key. */
  seek(key: string): Item | null {
    for (let page = this.#pageBefore(key) ?? this.#pageAfter(key); page !== null;) {
      const item = page.items.find(([held]) => held >= key);
      if (item !== undefined) return item;
      page = this.#pageAfter(page.first);
    }
    return null;
  }

  /** The last item at or before a key. */
  floor(key: string): Item | null {
    return this.#pageBefore(key)?.items.findLast(([held]) => held <= key) ?? null;
  }

  /** Items from `from` until before `to`, by key. */
  *range(from: string, to: string): Iterable<Item> {
    for (let page = this.#pageBefore(from) ?? this.#pageAfter(from); page !== null;) {
      for (const item of page.items) {
        if (item[0] >= to) return;
        if (item[0] >= from) yield item;
      }
      const next = this.#pageAfter(page.first);
      if (next === null || next.first >= to) return;
      page = next;
    }
  }

  /**
   * Writes items, and each page that they are in once.
   *
   * @param edits By key, ascending.
   * @param mark The page keeps the highest that it was given.
   */
  put(edits: readonly Edit[], mark: number): void {
    for (let at = 0; at < edits.length;) {
      const [key] = edits[at] as Edit;
      const page = this.#pageBefore(key) ?? this.#pageAfter("");
      const end = page === null ? null : this.#firstAfter(page.first);
      let to = at + 1;
      while (to < edits.length && (end === null || (edits[to] as Edit)[0] < end)) to += 1;
      this.#rewrite(page, end, edits.slice(at, to), mark);
      at = to;
    }
  }

  /**
   * Drops the first page if all its keys are below `below` and its mark is at most `markMax`.
   *
   * @returns What it held; null if there is none to drop.
   */
  dropFirst(below: string, markMax: number): readonly Item[] | null {
    const page = this.#pageAfter("");
    if (page === null || page.mark > markMax) return null;
    if ((page.items.at(-1)?.[0] ?? page.first) >= below) return null;
    this.#forget(page);
    this.#sql.exec(`delete from ${this.#table} where first = ?`, page.first);
    return page.items;
  }

  /** Notes that what is between two keys could not be read. */
  noteDamage(from: string, to: string | null): void {
    if (this.damaged.size < limits.damageReportsMax) this.damaged.set(from, to);
  }

  /** Writes a page anew, which goes until before `end`; null: it is the last. */
  #rewrite(page: Page | null, end: string | null, edits: readonly Edit[], mark: number): void {
    if (page !== null) this.#forget(page);
    const items = merge(page?.items ?? [], edits);
    const highest = Math.max(mark, page?.mark ?? 0);
    const chunks = chunksOf(items);
    const first = chunks[0]?.[0]?.[0];
    if (page !== null && page.first !== first)
      this.#sql.exec(`delete from ${this.#table} where first = ?`, page.first);
    this.#insert(chunks, highest, end);
  }

  /** Writes pages that follow each other, until before `end`. */
  #insert(pages: readonly (readonly Item[])[], mark: number, end: string | null): void {
    for (const [at, items] of pages.entries()) {
      const [[first]] = items as [Item];
      const { directory, body } = encodePage(items);
      this.#sql.exec(
        `insert or replace into ${this.#table} values (?, ?, ?, ?, ?)`,
        first,
        items.length,
        mark,
        crc32c(directory),
        body,
      );
      this.#remember({ page: { first, mark, items }, end: pages[at + 1]?.[0]?.[0] ?? end });
    }
  }

  #pageBefore(key: string): Page | null {
    for (const read of this.#read.values())
      if (read.page.first <= key && (read.end === null || key < read.end))
        return this.#remember(read);
    const page = this.#load(`first <= ? order by first desc`, key);
    return page && this.#remember({ page, end: this.#firstAfter(page.first) });
  }

  #remember(read: ReadPage): Page {
    const { page } = read;
    this.#read.delete(page.first);
    this.#read.set(page.first, read);
    const [oldest] = this.#read.keys();
    if (this.#read.size > PAGES_REMEMBERED && oldest !== undefined) this.#read.delete(oldest);
    return page;
  }

  /** A page that is about to change. The one before it may go on saying that it ends there. */
  #forget({ first }: Page): void {
    this.#read.delete(first);
  }

  #pageAfter(key: string): Page | null {
    return this.#load(`first > ? order by first`, key);
  }

  #firstAfter(key: string): string | null {
    const [row] = this.#sql.exec(
      `select first from ${this.#table} where first > ? order by first limit 1`,
      key,
    );
    return row === undefined ? null : textOf(row["first"]);
  }

  #load(where: string, key: string): Page | null {
    const [row] = this.#sql.exec(`select * from ${this.#table} where ${where} limit 1`, key);
    return row === undefined ? null : this.#decode(row);
  }

  #decode(row: SqlRow): Page {
    const first = textOf(row["first"]);
    const items = decodePage(bytesOf(row["body"]), numberOf(row["crc"]), (key) => {
      this.#onDamage(`${this.#table} ${first}: ${key ?? "its directory"}`);
      this.noteDamage(key ?? first, key === null ? this.#firstAfter(first) : behind(key));
    });
    return { first, mark: numberOf(row["mark"]), items };
  }
}

/** The least key behind one. */
export function behind(key: string): string {
  return `${key}0`;
}

/** Adds edits to items; both ascend. */
function merge(items: readonly Item[], edits: readonly Edit[]): Item[] {
  const merged: Item[] = [];
  let at = 0;
  for (const [key, bytes] of edits) {
    for (; at < items.length && (items[at] as Item)[0] < key; at += 1)
      merged.push(items[at] as Item);
    if (items[at]?.[0] === key) at += 1;
    if (bytes !== null) merged.push([key, bytes]);
  }
  merged.push(...items.slice(at));
  return merged;
}

/** Cuts items into pages of at most `pageBytesMax`, unless one item is larger. */
function chunksOf(items: readonly Item[]): Item[][] {
  const chunks: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    const more = item[0].length + item[1].length;
    if (bytes + more > limits.pageBytesMax) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(item);
    bytes += more;
  }
  return chunks;
}

function encodePage(items: readonly Item[]): { directory: Uint8Array; body: Uint8Array } {
  const front = new ByteWriter();
  front.varint(items.length);
  let before = "";
  for (const [key, bytes] of items) {
    let same = 0;
    while (same < before.length && before[same] === key[same]) same += 1;
    front.varint(same);
    front.text(key.slice(same));
    front.varint(bytes.length);
    front.uint32(crc32c(bytes));
    before = key;
  }
  const directory = front.bytes();
  const writer = new ByteWriter();
  writer.block(directory);
  for (const [, bytes] of items) writer.raw(bytes);
  const body = writer.bytes();
  assert(body.length < limits.pageBytesMax || items.length > 0, "A page holds something");
  return { directory, body };
}

function decodePage(body: Uint8Array, crc: number, onDamage: (key: string | null) => void): Item[] {
  const reader = new ByteReader(body);
  const directory = reader.block(body.length);
  if (reader.broken || crc32c(directory) !== crc) {
    onDamage(null);
    return [];
  }
  const front = new ByteReader(directory);
  const count = front.count(body.length, 8);
  const items: Item[] = [];
  let key = "";
  for (let i = 0; i < count; i += 1) {
    key = key.slice(0, front.varint()) + front.text();
    const bytes = reader.raw(front.varint());
    if (crc32c(bytes) === front.uint32() && !reader.broken) items.push([key, bytes]);
    else onDamage(key);
  }
  return items;
}
