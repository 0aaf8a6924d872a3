// How does a cell keep bodies? By their SHA-256, each once, whatever refers to it, in parts that a row may
// be. What refers to a body and the body itself are written in one transaction: neither is left alone.

import { bytesOf, numberOf, type Sql } from "../../storage/sql.ts";
import { limits } from "../limits.ts";

/** A migration of the database, for `migrate()`: the tables of bodies. */
export const BODY_TABLES: string = `
  create table stored_body (
    digest text primary key, bytes integer not null, refs integer not null) without rowid;
  create table body_chunk (
    digest text not null, number integer not null, bytes blob not null, primary key (digest, number))`;

/** Bytes of a page of SQLite, of one that a long row goes on in, and of a row that fits one. */
const PAGE_BYTES = 4_096;
const OVERFLOW_BYTES = PAGE_BYTES - 4;
const LOCAL_BYTES_MAX = PAGE_BYTES - 35;
const LOCAL_BYTES_MIN = 489;
/** What of a page is for rows, and what each takes there beside its columns. */
const LEAF_BYTES = PAGE_BYTES - 8;
const CELL_BYTES = 9;

/** Tells what a row of so many bytes takes in a table among its like (sqlite.org/fileformat2.html §1.6). */
export function tableBytesOf(rowBytes: number): number {
  const rest = LOCAL_BYTES_MIN + ((rowBytes - LOCAL_BYTES_MIN) % OVERFLOW_BYTES);
  const longLocal = rest <= LOCAL_BYTES_MAX ? rest : LOCAL_BYTES_MIN;
  const local = rowBytes <= LOCAL_BYTES_MAX ? rowBytes : longLocal;
  const pages = Math.ceil((rowBytes - local) / OVERFLOW_BYTES);
  const rowsOfPage = Math.max(1, Math.floor(LEAF_BYTES / (local + CELL_BYTES)));
  return Math.ceil(PAGE_BYTES / rowsOfPage) + pages * PAGE_BYTES;
}

/** What a chunk takes beside its bytes: its name, twice, and its number. */
const CHUNK_NAME_BYTES = 100;
const BODY_ROW_BYTES = 80;

/** Tells what a body that is kept apart takes on disk. */
export function diskBytesOf(bodyBytes: number): number {
  const whole = Math.floor(bodyBytes / limits.bodyChunkBytes);
  const rest = bodyBytes % limits.bodyChunkBytes;
  const ofChunk = (bytes: number): number => tableBytesOf(bytes + CHUNK_NAME_BYTES / 2);
  const chunks = whole * ofChunk(limits.bodyChunkBytes) + (rest > 0 ? ofChunk(rest) : 0);
  return BODY_ROW_BYTES + chunks + Math.ceil(bodyBytes / limits.bodyChunkBytes) * CHUNK_NAME_BYTES;
}

/** The bodies of one database; `diskBytesOf` each. */
export class SqlBodies {
  readonly #sql: Sql;

  /** @param sql A database to which the migration `BODY_TABLES` has been applied. */
  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Refers to a body once more, and stores one that is not there; gives the bytes that this saves. */
  keep(digest: string, body: Uint8Array): number {
    const known = this.#sql.exec(
      "update stored_body set refs = refs + 1 where digest = ? returning refs",
      digest,
    );
    if (known.length > 0) return diskBytesOf(body.length);
    this.#sql.exec("insert into stored_body values (?, ?, 1)", digest, body.length);
    for (let at = 0; at < body.length; at += limits.bodyChunkBytes) {
      this.#sql.exec(
        "insert into body_chunk values (?, ?, ?)",
        digest,
        at / limits.bodyChunkBytes,
        body.subarray(at, at + limits.bodyChunkBytes),
      );
    }
    return 0;
  }

  /** Refers to a body once less; gives the bytes that others still need. */
  release(digest: string): number {
    const [row] = this.#sql.exec(
      "update stored_body set refs = refs - 1 where digest = ? returning refs, bytes",
      digest,
    );
    if (row === undefined) return 0;
    if (numberOf(row["refs"]) > 0) return diskBytesOf(numberOf(row["bytes"]));
    this.#sql.exec("delete from body_chunk where digest = ?", digest);
    this.#sql.exec("delete from stored_body where digest = ?", digest);
    return 0;
  }

  /** Reads a body; null: some of it is not there. What it says is checked by who serves it. */
  read(digest: string, bodyBytes: number): Uint8Array | null {
    const body = new Uint8Array(bodyBytes);
    let at = 0;
    for (const row of this.#sql.exec(
      "select bytes from body_chunk where digest = ? order by number",
      digest,
    )) {
      const chunk = bytesOf(row["bytes"]);
      if (at + chunk.length > bodyBytes) return null;
      body.set(chunk, at);
      at += chunk.length;
    }
    return at === bodyBytes ? body : null;
  }

  /** What it saves that bodies are stored once. */
  sharedBytes(): number {
    const rows = this.#sql.exec("select bytes, refs from stored_body where refs > 1");
    return rows.reduce(
      (sum, { bytes, refs }) => sum + (numberOf(refs) - 1) * diskBytesOf(numberOf(bytes)),
      0,
    );
  }
}
