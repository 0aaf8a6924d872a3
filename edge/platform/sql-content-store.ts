// The region's tier of the cache: a ContentStore over SQLite. Every statement of the ContentCell is
// here, behind the Sql port, so that tests run the same ones on another SQLite.

import { bytesOf, migrate, numberOf, textOf, type Sql } from "../../storage/sql.ts";
import { NO_FIELDS, type FieldLines } from "../../http/fields.ts";
import {
  tagOf,
  usableUntilMs,
  weightOf,
  type StoredMeta,
  type StoredResponse,
} from "../cache/stored-response.ts";
import { isSelected, parseVariantId, variantId } from "../cache/variant.ts";
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
  // A cache may lose what it holds: nothing is carried over.
  `drop table stored_response;
   create table stored_variant (
     key text not null,
     variant text not null,
     etag text,
     part integer not null,
     meta text not null,
     body blob not null,
     weight integer not null,
     response_ms integer not null,
     usable_until_ms integer not null,
     used_ms integer not null,
     primary key (key, variant));
   create index stored_variant_by_use on stored_variant (used_ms, weight);
   create index stored_variant_by_end on stored_variant (usable_until_ms, weight)`,
];

/** A use is written down at most this often for each row: a hit must not cost a disk write. */
const TOUCH_MS = 60_000;
/** Rows that one turn of making room looks at. */
const EVICTION_ROWS = 32;

/** What a store may hold. */
export interface SqlContentBounds {
  readonly bytesMax: number;
  /** Variants of one key. */
  readonly variantsMax: number;
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
    const sum = sql.exec("select coalesce(sum(weight), 0) as bytes from stored_variant");
    this.#bytes = numberOf(sum[0]?.["bytes"]);
  }

  get(
    key: string,
    nowMs: number,
    selecting: FieldLines = NO_FIELDS,
  ): StoredResponse<Uint8Array> | null {
    const variants = this.#sql.exec(
      "select variant from stored_variant where key = ? and usable_until_ms >= ? order by part, response_ms desc",
      key,
      nowMs,
    );
    const ids = variants.map((row) => textOf(row["variant"]));
    const id = ids.find((variant) => isSelected(parseVariantId(variant), selecting));
    return id === undefined ? null : this.#load(key, id, nowMs);
  }

  getTagged(key: string, tag: string, nowMs: number): StoredResponse<Uint8Array> | null {
    const [row] = this.#sql.exec(
      "select variant from stored_variant where key = ? and etag = ? and usable_until_ms >= ? order by part, response_ms desc limit 1",
      key,
      tag,
      nowMs,
    );
    return row === undefined ? null : this.#load(key, textOf(row["variant"]), nowMs);
  }

  tags(key: string, nowMs: number): readonly string[] {
    const rows = this.#sql.exec(
      "select etag from stored_variant where key = ? and etag is not null and usable_until_ms >= ? order by response_ms desc",
      key,
      nowMs,
    );
    return rows.map((row) => textOf(row["etag"]));
  }

  #load(key: string, variant: string, nowMs: number): StoredResponse<Uint8Array> | null {
    const [row] = this.#sql.exec(
      "select meta, body, used_ms from stored_variant where key = ? and variant = ?",
      key,
      variant,
    );
    if (row === undefined) return null;
    if (nowMs - numberOf(row["used_ms"]) >= TOUCH_MS) {
      this.#sql.exec(
        "update stored_variant set used_ms = ? where key = ? and variant = ?",
        nowMs,
        key,
        variant,
      );
    }
    return { meta: JSON.parse(textOf(row["meta"])) as StoredMeta, body: bytesOf(row["body"]) };
  }

  put(key: string, stored: StoredResponse<Uint8Array>, nowMs: number): boolean {
    const { meta, body } = stored;
    const weight = weightOf(key, meta);
    if (weight > this.#bounds.bytesMax) return false;
    const variant = variantId(meta.variant);
    return this.#sql.transaction(() => {
      if (!this.#replaces(key, variant, meta.responseMs)) return false;
      this.#makeRoom(weight, nowMs);
      this.#sql.exec(
        "insert into stored_variant values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key,
        variant,
        tagOf(meta),
        meta.part === null ? 0 : 1,
        JSON.stringify(meta),
        body,
        weight,
        meta.responseMs,
        usableUntilMs(meta, this.#bounds.staleMsMax),
        nowMs,
      );
      this.#bytes += weight;
      return true;
    });
  }

  delete(key: string): void {
    this.#drop("key = ?", key);
  }

  /** Makes room among the variants of a key; false if what it has is newer. */
  #replaces(key: string, variant: string, responseMs: number): boolean {
    const kept = this.#sql.exec(
      "select variant, response_ms from stored_variant where key = ? order by response_ms desc",
      key,
    );
    const [same, others] = [
      kept.filter((row) => row["variant"] === variant),
      kept.filter((row) => row["variant"] !== variant),
    ];
    const gone = [...same, ...others.slice(this.#bounds.variantsMax - 1)];
    if (gone.some((row) => numberOf(row["response_ms"]) > responseMs)) return false;
    for (const row of gone) this.#drop("key = ? and variant = ?", key, textOf(row["variant"]));
    return true;
  }

  #drop(condition: string, ...bindings: readonly string[]): void {
    const gone = this.#sql.exec(
      `delete from stored_variant where ${condition} returning weight`,
      ...bindings,
    );
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
        `select key, variant from stored_variant where ${condition} limit ${EVICTION_ROWS}`,
        binding,
      );
      if (rows.length === 0) return;
      for (const row of rows) {
        if (this.#bytes + weight <= this.#bounds.bytesMax) return;
        this.#drop("key = ? and variant = ?", textOf(row["key"]), textOf(row["variant"]));
      }
    }
  }
}
