// The region's tier of the cache: a ContentStore over SQLite. Every statement of the ContentCell is
// here or in sql-bodies.ts, behind the Sql port, so that tests run the same ones on another SQLite.
//
// What is given up is decided by two queues on disk (segmented LRU): who comes waits in probation; who is
// asked for again there goes to the main one. While probation has more than its share its oldest goes, else
// the oldest of the main one. So a scan pushes out a scan, and nothing is held in memory for each row.

import { bytesOf, migrate, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import { NO_FIELDS, type FieldLines } from "../../http/fields.ts";
import {
  tagOf,
  usableUntilMs,
  type StoredMeta,
  type StoredResponse,
} from "../cache/stored-response.ts";
import { isSelected, parseVariantId, variantId } from "../cache/variant.ts";
import type { ContentStore } from "../content-ports.ts";
import { limits } from "../limits.ts";
import { BUCKET_TABLES, SqlBucket } from "./sql-bucket.ts";
import { BODY_TABLES, diskBytesOf, SqlBodies, tableBytesOf } from "./sql-bodies.ts";

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
  `drop table stored_variant;
   create table stored_variant (
     key text not null,
     variant text not null,
     etag text,
     part integer not null,
     meta text not null,
     digest text,
     body blob,
     weight integer not null,
     response_ms integer not null,
     usable_until_ms integer not null,
     is_main integer not null,
     used_ms integer not null,
     primary key (key, variant));
   create index stored_variant_by_use on stored_variant (is_main, used_ms, weight);
   create index stored_variant_by_end on stored_variant (usable_until_ms);
   create index stored_variant_by_body on stored_variant (digest) where digest is not null;
   ${BODY_TABLES}`,
  BUCKET_TABLES,
];

/** What a row takes beside its texts: its other columns, and its entries in the indexes. */
const COLUMNS_BYTES = 40;
const INDEXES_BYTES = 100;

/** A use is written down at most this often for each row: a hit must not cost a disk write. */
const TOUCH_MS = 60_000;
/** Rows that one turn of making room looks at. */
const EVICTION_ROWS = 32;

/** What a store may hold. */
export interface SqlContentBounds {
  /** Bytes on disk, about; those of fields, keys and indexes count. */
  readonly bytesMax: number;
  /** Variants of one key. */
  readonly variantsMax: number;
  /** How long after its freshness a stored response is of use, in milliseconds. */
  readonly staleMsMax: number;
}

/** What a stored response is told by besides its key. */
interface Row {
  readonly key: string;
  readonly variant: string;
}

/** How many bytes are in each queue, by what its rows weigh; a body counts for each that refers to it. */
interface Queued {
  probation: number;
  main: number;
}

/** Weighs a stored response as this store does, in bytes on disk; with a body of its own. */
export function diskWeightOf(key: string, meta: StoredMeta): number {
  return weigh(key, meta, JSON.stringify(meta), isApart(meta) ? 0 : meta.bodyBytes);
}

/** To make one costs more than to use it. */
const ENCODER = new TextEncoder();

/** Tells whether a body is kept apart from its row: one that is long, of which the digest is known. */
function isApart({ bodyBytes, bodyDigest, isInBucket }: StoredMeta): boolean {
  if (isInBucket === true) return false;
  return bodyDigest !== undefined && bodyBytes > limits.inlineBodyBytesMax;
}

/** @param inline  Bytes that are in the row beside its fields. */
function weigh(key: string, meta: StoredMeta, text: string, inline: number): number {
  const bytesOfText = (chars: string): number => ENCODER.encode(chars).length;
  const named = bytesOfText(key) + bytesOfText(variantId(meta.variant));
  const inRow = COLUMNS_BYTES + named + bytesOfText(text) + inline;
  // The primary key is an index of its own, two thirds full.
  const bytes = tableBytesOf(inRow) + Math.ceil(1.5 * named) + INDEXES_BYTES;
  return isApart(meta) ? bytes + diskBytesOf(meta.bodyBytes) : bytes;
}

/** Stored responses in one SQLite database; what all of it takes is counted in memory. */
export class SqlContentStore implements ContentStore<Uint8Array> {
  readonly #sql: Sql;
  readonly #bodies: SqlBodies;
  /** What of it is in the bucket, if there is one. */
  readonly bucket: SqlBucket;
  readonly #bounds: SqlContentBounds;
  readonly #queued: Queued = { probation: 0, main: 0 };
  /** On disk: of bodies each once. */
  #bytes = 0;
  #damaged = 0;
  /** Where the search for what was purged has come; null: nothing is new since it was through. */
  #sweptTo: number | null = null;

  constructor(sql: Sql, bounds: SqlContentBounds) {
    this.#sql = sql;
    this.#bounds = bounds;
    migrate(sql, MIGRATIONS);
    this.#bodies = new SqlBodies(sql);
    this.bucket = new SqlBucket(sql);
    this.#count();
  }

  /** Counts what is on disk, off an index: at the start, and when a transaction was undone. */
  #count(): void {
    const sums = "select is_main, sum(weight) as weight from stored_variant group by is_main";
    Object.assign(this.#queued, { probation: 0, main: 0 });
    for (const { is_main, weight } of this.#sql.exec(sums)) this.#queue(is_main, numberOf(weight));
    this.#bytes = this.#queued.probation + this.#queued.main - this.#bodies.sharedBytes();
  }

  /** Runs a transaction; one that fails, as on a disk that is full, leaves the account as the disk is. */
  #transaction<T>(run: () => T): T {
    try {
      return this.#sql.transaction(run);
    } catch (error) {
      this.#count();
      this.bucket.count();
      throw error;
    }
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
      "select variant from stored_variant where key = ? and etag = ? and part = 0 and usable_until_ms >= ? order by response_ms desc limit 1",
      key,
      tag,
      nowMs,
    );
    return row === undefined ? null : this.#load(key, textOf(row["variant"]), nowMs);
  }

  tags(key: string, nowMs: number): readonly string[] {
    const rows = this.#sql.exec(
      "select etag from stored_variant where key = ? and etag is not null and part = 0 and usable_until_ms >= ? order by response_ms desc",
      key,
      nowMs,
    );
    return rows.map((row) => textOf(row["etag"]));
  }

  #load(key: string, variant: string, nowMs: number): StoredResponse<Uint8Array> | null {
    const [row] = this.#sql.exec(
      "select meta, digest, body, weight, is_main, used_ms from stored_variant where key = ? and variant = ?",
      key,
      variant,
    );
    if (row === undefined) return null;
    if (this.#use({ key, variant }, row, nowMs) && row["digest"] !== null)
      this.bucket.use(textOf(row["digest"]), nowMs);
    const meta = JSON.parse(textOf(row["meta"])) as StoredMeta;
    if (row["body"] !== null) return { meta, body: bytesOf(row["body"]) };
    const digest = textOf(row["digest"]);
    const body = this.#bodies.read(digest, meta.bodyBytes);
    if (body !== null) return { meta, body };
    this.#damaged += 1;
    this.deleteBody(digest);
    return null;
  }

  /**
   * Notes a use: the first one moves it to the main queue, later ones are written down once a while. Tells
   * whether it was.
   */
  #use({ key, variant }: Row, row: SqlRow, nowMs: number): boolean {
    const isMain = numberOf(row["is_main"]) === 1;
    if (isMain && nowMs - numberOf(row["used_ms"]) < TOUCH_MS) return false;
    this.#sql.exec(
      "update stored_variant set is_main = 1, used_ms = ? where key = ? and variant = ?",
      nowMs,
      key,
      variant,
    );
    this.#queue(row["is_main"], -numberOf(row["weight"]));
    this.#queue(1, numberOf(row["weight"]));
    return true;
  }

  put(
    key: string,
    stored: StoredResponse<Uint8Array>,
    nowMs: number,
    isPurged?: (key: string, meta: StoredMeta) => boolean,
  ): boolean {
    const { meta, body } = stored;
    const text = JSON.stringify(meta);
    const inline = isApart(meta) ? null : body;
    const isReferring = inline === null || meta.isInBucket === true;
    const digest = isReferring ? (meta.bodyDigest ?? null) : null;
    const weight = weigh(key, meta, text, inline?.length ?? 0);
    if (weight > this.#bounds.bytesMax) return false;
    const variant = variantId(meta.variant);
    return this.#transaction(() => {
      // Referred to before what is replaced refers to it no more.
      const isLarge = meta.isInBucket === true && digest !== null;
      if (isLarge && !this.bucket.refer(digest, nowMs)) return false;
      const replaced = this.#replaces(key, variant, meta.responseMs);
      if (replaced === "older") {
        if (isLarge) this.bucket.release(digest);
        return false;
      }
      this.#makeRoom(weight, nowMs, isPurged);
      // What is stored again was asked for again.
      const isMain = replaced === "same" ? 1 : 0;
      this.#sql.exec(
        "insert into stored_variant values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key,
        variant,
        tagOf(meta),
        meta.part === null ? 0 : 1,
        text,
        digest,
        inline,
        weight,
        meta.responseMs,
        usableUntilMs(meta, this.#bounds.staleMsMax),
        isMain,
        nowMs,
      );
      this.#queue(isMain, weight);
      this.#bytes += weight;
      if (digest !== null && inline === null) this.#bytes -= this.#bodies.keep(digest, body);
      return true;
    });
  }

  delete(key: string): void {
    this.#transaction(() => this.#drop("key = ?", key));
  }

  /** Deletes a body, and whatever refers to it: it is not what its digest says. */
  deleteBody(digest: string): void {
    this.#transaction(() => this.#drop("digest = ?", digest));
  }

  /** Makes room among the variants of a key; tells what was there. */
  #replaces(key: string, variant: string, responseMs: number): "nothing" | "same" | "older" {
    const kept = this.#sql.exec(
      "select variant, response_ms from stored_variant where key = ? order by response_ms desc",
      key,
    );
    const [same, others] = [
      kept.filter((row) => row["variant"] === variant),
      kept.filter((row) => row["variant"] !== variant),
    ];
    const gone = [...same, ...others.slice(this.#bounds.variantsMax - 1)];
    if (gone.some((row) => numberOf(row["response_ms"]) > responseMs)) return "older";
    for (const row of gone) this.#drop("key = ? and variant = ?", key, textOf(row["variant"]));
    return same.length > 0 ? "same" : "nothing";
  }

  #drop(condition: string, ...bindings: readonly (string | number)[]): void {
    const gone = this.#sql.exec(
      `delete from stored_variant where ${condition} returning weight, is_main, digest, body is null as is_apart`,
      ...bindings,
    );
    for (const row of gone) {
      const weight = numberOf(row["weight"]);
      this.#queue(row["is_main"], -weight);
      this.#bytes -= weight;
      if (row["digest"] === null) continue;
      const digest = textOf(row["digest"]);
      if (row["is_apart"] === 1) this.#bytes += this.#bodies.release(digest);
      else this.bucket.release(digest);
    }
  }

  #queue(isMain: unknown, bytes: number): void {
    this.#queued[isMain === 1 ? "main" : "probation"] += bytes;
  }

  bytes(): number {
    return this.#bytes;
  }

  /** Bodies of which some was missing when they were read; they were deleted. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Has the next `put`s that need room look for what was purged, from the beginning. */
  sweepAnew(): void {
    this.#sweptTo = 0;
  }

  /** Drops what nobody may use any more, then what was purged, then what the queues say. */
  #makeRoom(
    weight: number,
    nowMs: number,
    isPurged?: (key: string, meta: StoredMeta) => boolean,
  ): void {
    const isOver = (): boolean => this.#bytes + weight > this.#bounds.bytesMax;
    this.#dropWhile(isOver, "usable_until_ms < ? order by usable_until_ms", nowMs);
    if (isPurged !== undefined && isOver()) this.#sweep(isPurged);
    const probationMax = limits.cellProbationShare * this.#bounds.bytesMax;
    while (isOver()) {
      const isFromMain = this.#queued.probation <= probationMax && this.#queued.main > 0;
      const isDue = isFromMain
        ? isOver
        : () => isOver() && (this.#queued.probation > probationMax || this.#queued.main <= 0);
      const dropped = this.#dropWhile(isDue, "is_main = ? order by used_ms", isFromMain ? 1 : 0);
      if (dropped === 0) return;
    }
  }

  /** Gives up rows in their order while something is due; tells how many. */
  #dropWhile(isDue: () => boolean, condition: string, binding: number): number {
    let dropped = 0;
    while (isDue()) {
      const rows = this.#sql.exec(
        `select rowid as id from stored_variant where ${condition} limit ${EVICTION_ROWS}`,
        binding,
      );
      if (rows.length === 0) return dropped;
      for (const row of rows) {
        if (!isDue()) return dropped;
        this.#drop("rowid = ?", numberOf(row["id"]));
        dropped += 1;
      }
    }
    return dropped;
  }

  /** Looks on for what was purged, a few rows for each `put`. */
  #sweep(isPurged: (key: string, meta: StoredMeta) => boolean): void {
    if (this.#sweptTo === null) return;
    const rows = this.#sql.exec(
      `select rowid as id, key, meta from stored_variant where rowid > ? order by rowid limit ${EVICTION_ROWS}`,
      this.#sweptTo,
    );
    for (const row of rows) {
      const id = numberOf(row["id"]);
      this.#sweptTo = id;
      const meta = JSON.parse(textOf(row["meta"])) as StoredMeta;
      if (isPurged(textOf(row["key"]), meta)) this.#drop("rowid = ?", id);
    }
    if (rows.length < EVICTION_ROWS) this.#sweptTo = null;
  }
}
