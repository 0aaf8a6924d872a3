// The region's tier of the cache: a ContentStore over SQLite. Every statement of the ContentCell is
// here, behind the Sql port, so that tests run the same ones on another SQLite.

import { bytesOf, migrate, numberOf, textOf, type Sql } from "../../storage/sql.ts";
import {
  usableUntilMs,
  weightOf,
  type StoredMeta,
  type StoredResponse,
} from "../cache/stored-response.ts";
import type { ContentStore } from "../content-ports.ts";

/** Numbered migrations; the newest applied one is in `schema_version`. */
const MIGRATIONS: readonly string[] = [
  `create table stored_response (
     key text primary key,
     meta text not null,
     body blob not null,
     weight integer not null,
     response_ms integer not null,
     usable_until_ms integer not null,
     used_ms integer not null);
   create index stored_response_by_use on stored_response (used_ms, weight);
   create index stored_response_by_end on stored_response (usable_until_ms, weight)`,
];

/** A use is written down at most this often for each row: a hit must not cost a disk write. */
const TOUCH_MS = 60_000;
/** Rows that one turn of making room looks at. */
const EVICTION_ROWS = 32;

/** What a store may hold. */
export interface SqlContentBounds {
  readonly bytesMax: number;
  /** How long after its freshness a stored response is of use, in milliseconds. */
  readonly staleMsMax: number;
}

/** Stored responses in one SQLite database; the weight of all is counted in memory. */
export class SqlContentStore implements ContentStore<Uint8Array> {
  readonly #sql: Sql;
  readonly #bounds: SqlContentBounds;
  #bytes: number;

  constructor(sql: Sql, bounds: SqlContentBounds) {
    this.#sql = sql;
    this.#bounds = bounds;
    migrate(sql, MIGRATIONS);
    const sum = sql.exec("select coalesce(sum(weight), 0) as bytes from stored_response");
    this.#bytes = numberOf(sum[0]?.["bytes"]);
  }

  get(key: string, nowMs: number): StoredResponse<Uint8Array> | null {
    const [row] = this.#sql.exec(
      "select meta, body, used_ms from stored_response where key = ? and usable_until_ms >= ?",
      key,
      nowMs,
    );
    if (row === undefined) return null;
    if (nowMs - numberOf(row["used_ms"]) >= TOUCH_MS) {
      this.#sql.exec("update stored_response set used_ms = ? where key = ?", nowMs, key);
    }
    return { meta: JSON.parse(textOf(row["meta"])) as StoredMeta, body: bytesOf(row["body"]) };
  }

  put(key: string, stored: StoredResponse<Uint8Array>, nowMs: number): boolean {
    const weight = weightOf(key, stored.meta);
    if (weight > this.#bounds.bytesMax) return false;
    return this.#sql.transaction(() => {
      const [before] = this.#sql.exec("select response_ms from stored_response where key = ?", key);
      if (before !== undefined && numberOf(before["response_ms"]) > stored.meta.responseMs)
        return false;
      this.delete(key);
      this.#makeRoom(weight, nowMs);
      this.#sql.exec(
        "insert into stored_response values (?, ?, ?, ?, ?, ?, ?)",
        key,
        JSON.stringify(stored.meta),
        stored.body,
        weight,
        stored.meta.responseMs,
        usableUntilMs(stored.meta, this.#bounds.staleMsMax),
        nowMs,
      );
      this.#bytes += weight;
      return true;
    });
  }

  delete(key: string): void {
    const gone = this.#sql.exec("delete from stored_response where key = ? returning weight", key);
    for (const row of gone) this.#bytes -= numberOf(row["weight"]);
  }

  bytes(): number {
    return this.#bytes;
  }

  /** Drops what nobody may use any more, then what was used longest ago. */
  #makeRoom(weight: number, nowMs: number): void {
    this.#dropWhile(weight, "usable_until_ms < ? order by usable_until_ms", nowMs);
    this.#dropWhile(weight, "used_ms <= ? order by used_ms", Number.MAX_SAFE_INTEGER);
  }

  #dropWhile(weight: number, condition: string, binding: number): void {
    while (this.#bytes + weight > this.#bounds.bytesMax) {
      const rows = this.#sql.exec(
        `select key, weight from stored_response where ${condition} limit ${EVICTION_ROWS}`,
        binding,
      );
      if (rows.length === 0) return;
      for (const row of rows) {
        if (this.#bytes + weight <= this.#bounds.bytesMax) return;
        this.delete(textOf(row["key"]));
      }
    }
  }
}
