// Which bodies lie in the bucket, and which objects there are nobody's? A bucket and a database do not
// commit together: an object is written down as nobody's before it is sent, claimed by the row that refers
// to it, and nobody's again once nothing does. What is nobody's is deleted when its time has come, so what
// a crash leaves behind is found here and not by listing the bucket.

import { numberOf, textOf, type Sql } from "../../storage/sql.ts";

/** A migration of the database, for `migrate()`: the tables of what is in the bucket. */
export const BUCKET_TABLES: string = `
  create table bucket_body (
    digest text primary key, object text not null, bytes integer not null, refs integer not null,
    used_ms integer not null) without rowid;
  create index bucket_body_by_use on bucket_body (used_ms, bytes);
  create table bucket_orphan (
    object text primary key, key text not null, due_ms integer not null) without rowid;
  create index bucket_orphan_by_due on bucket_orphan (due_ms)`;

/** What no key is called: an object that may not be claimed any more. */
const NOBODYS = "";
/** Bodies that one look for room considers. */
const SURPLUS_ROWS = 32;

/** What one database knows of the bucket. */
export class SqlBucket {
  readonly #sql: Sql;
  #bytes = 0;

  /** @param sql A database to which the migration `BUCKET_TABLES` has been applied. */
  constructor(sql: Sql) {
    this.#sql = sql;
    this.count();
  }

  /** Counts the bodies' bytes anew, as after a transaction that was undone. */
  count(): void {
    const [sum] = this.#sql.exec("select sum(bytes) as bytes from bucket_body");
    this.#bytes = numberOf(sum?.["bytes"]);
  }

  /** Bytes of all bodies, each once. */
  bytes(): number {
    return this.#bytes;
  }

  /** Notes an object that is about to be sent for a key; past `dueMs` it is nobody's. */
  begin(object: string, key: string, dueMs: number): void {
    this.#sql.exec("insert into bucket_orphan values (?, ?, ?)", object, key, dueMs);
  }

  /** Takes an object that was sent; false: it came too late, or its key was written meanwhile. */
  claim(object: string, key: string): boolean {
    const claimed = this.#sql.exec(
      "delete from bucket_orphan where object = ? and key = ? returning object",
      object,
      key,
    );
    return claimed.length > 0;
  }

  /** Ends what was begun and did not come to its end. */
  abandon(object: string): void {
    this.#sql.exec(
      "update bucket_orphan set key = ?, due_ms = 0 where object = ?",
      NOBODYS,
      object,
    );
  }

  /** Lets nothing that is being sent for a key be claimed: it may be under way until its time has come. */
  forget(key: string): void {
    this.#sql.exec("update bucket_orphan set key = ? where key = ?", NOBODYS, key);
  }

  /** Adds a body that nothing refers to yet, unless there is one like it; gives the object that has it. */
  add(digest: string, object: string, bytes: number, nowMs: number): string {
    const [known] = this.#sql.exec("select object from bucket_body where digest = ?", digest);
    if (known !== undefined) {
      this.#orphan(object);
      return textOf(known["object"]);
    }
    this.#sql.exec("insert into bucket_body values (?, ?, ?, 0, ?)", digest, object, bytes, nowMs);
    this.#bytes += bytes;
    return object;
  }

  /** Refers to a body once more; false: there is none. */
  refer(digest: string, nowMs: number): boolean {
    const known = this.#sql.exec(
      "update bucket_body set refs = refs + 1, used_ms = ? where digest = ? returning refs",
      nowMs,
      digest,
    );
    return known.length > 0;
  }

  /** Refers to a body once less, or drops one that nothing refers to. */
  release(digest: string): void {
    const [row] = this.#sql.exec(
      "update bucket_body set refs = max(refs - 1, 0) where digest = ? returning refs, object, bytes",
      digest,
    );
    if (row === undefined || numberOf(row["refs"]) > 0) return;
    this.#sql.exec("delete from bucket_body where digest = ?", digest);
    this.#bytes -= numberOf(row["bytes"]);
    this.#orphan(textOf(row["object"]));
  }

  /** Drops a body to which nothing came to refer. */
  settle(digest: string): void {
    const unused = this.#sql.exec(
      "select digest from bucket_body where digest = ? and refs = 0",
      digest,
    );
    if (unused.length > 0) this.release(digest);
  }

  /** Notes a use. */
  use(digest: string, nowMs: number): void {
    this.#sql.exec("update bucket_body set used_ms = ? where digest = ?", nowMs, digest);
  }

  /** The bodies that were used longest ago, as many as have so many bytes; none if they are too few. */
  oldest(bytes: number): readonly string[] {
    const digests: string[] = [];
    let freed = 0;
    for (const row of this.#sql.exec(
      `select digest, bytes from bucket_body order by used_ms limit ${SURPLUS_ROWS}`,
    )) {
      if (freed >= bytes) break;
      digests.push(textOf(row["digest"]));
      freed += numberOf(row["bytes"]);
    }
    return freed >= bytes ? digests : [];
  }

  /** Objects that are to be deleted, at most so many. */
  due(nowMs: number, countMax: number): readonly string[] {
    const rows = this.#sql.exec(
      "select object from bucket_orphan where due_ms <= ? order by due_ms limit ?",
      nowMs,
      countMax,
    );
    return rows.map((row) => textOf(row["object"]));
  }

  /** Notes that objects were deleted. */
  deleted(objects: readonly string[]): void {
    for (const object of objects)
      this.#sql.exec("delete from bucket_orphan where object = ?", object);
  }

  /** When the next is to be deleted; null: there is none. */
  nextDueMs(): number | null {
    const [row] = this.#sql.exec("select min(due_ms) as due from bucket_orphan");
    return row === undefined || row["due"] === null ? null : numberOf(row["due"]);
  }

  #orphan(object: string): void {
    this.#sql.exec("insert or replace into bucket_orphan values (?, ?, 0)", object, NOBODYS);
  }
}
