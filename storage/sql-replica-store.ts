// How does a replica's state lie in an object's database? As the rows and pages that it hands over,
// in parts where one is larger than a value may be. The port is sync/replica/store.ts, which this
// room does not know: the class has its shape, and its contract is tested.

import { bytesOf, numberOf, type Sql } from "./sql.ts";

/** A migration of the object's database, for `migrate()`: the tables of one replica. */
export const REPLICA_TABLES: string = `
  create table replica_page (number integer, part integer, body blob not null, primary key (number, part)) without rowid;
  create table replica_row (id integer primary key, is_end integer not null, body blob not null)`;

/** Bytes of a part: half of what Cloudflare stores as one row. */
export const REPLICA_PART_BYTES_MAX = 1_000_000;

/** The state of the one replica whose tables are in the database. */
export class SqlReplicaStore {
  readonly #sql: Sql;

  /** @param sql A database to which the migration `REPLICA_TABLES` has been applied. */
  constructor(sql: Sql) {
    this.#sql = sql;
  }

  load(): { readonly pages: Iterable<Uint8Array>; readonly rows: Iterable<Uint8Array> } {
    const pages = this.#sql.exec(
      "select part = max(part) over (partition by number) as is_end, body from replica_page order by number, part",
    );
    const rows = this.#sql.exec("select is_end, body from replica_row order by id");
    return { pages: joinParts(pages), rows: joinParts(rows) };
  }

  append(row: Uint8Array): void {
    // A statement is whole by itself, as most rows are.
    if (row.length <= REPLICA_PART_BYTES_MAX) this.#appendPart(row, true);
    else
      this.#sql.transaction(() => {
        const parts = splitParts(row);
        for (const [at, part] of parts.entries()) this.#appendPart(part, at === parts.length - 1);
      });
  }

  #appendPart(part: Uint8Array, isEnd: boolean): void {
    this.#sql.exec("insert into replica_row (is_end, body) values (?, ?)", Number(isEnd), part);
  }

  checkpoint(pages: ReadonlyMap<number, Uint8Array | null>): void {
    this.#sql.transaction(() => {
      for (const [number, page] of pages) this.#writePage(number, page);
      this.#sql.exec("delete from replica_row");
    });
  }

  #writePage(number: number, page: Uint8Array | null): void {
    const parts = page === null ? [] : splitParts(page);
    for (const [at, part] of parts.entries())
      this.#sql.exec("insert or replace into replica_page values (?, ?, ?)", number, at, part);
    this.#sql.exec("delete from replica_page where number = ? and part >= ?", number, parts.length);
  }
}

/** At least one part, so that what is empty is there too. */
function splitParts(bytes: Uint8Array): Uint8Array[] {
  const parts = Math.max(1, Math.ceil(bytes.length / REPLICA_PART_BYTES_MAX));
  return Array.from({ length: parts }, (_, i) =>
    bytes.subarray(i * REPLICA_PART_BYTES_MAX, (i + 1) * REPLICA_PART_BYTES_MAX),
  );
}

function joinParts(stored: ReturnType<Sql["exec"]>): Uint8Array[] {
  const whole: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  for (const { is_end, body } of stored) {
    parts.push(bytesOf(body));
    if (numberOf(is_end) === 0) continue;
    whole.push(concat(parts));
    parts = [];
  }
  return whole;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
