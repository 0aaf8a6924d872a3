// Who purged what, and when? Each writer keeps its last purges in as many places, of which the next one
// takes that of the oldest; replicated, so that every region and the origin can tell of all of them.

import { write } from "../sync/crdt/lww-register.ts";
import type { Draft } from "../sync/replica/draft.ts";
import type { Collection } from "../sync/replica/kind.ts";
import { parseRecord, PURGES_REMEMBERED, type PurgeRecord } from "./purge-record.ts";
import { purgeRecords } from "./region.ts";

/** Scopes that a record names; of the others it says how many. */
const SCOPES_NAMED_MAX = 8;
/** Characters of a scope in a record. */
const SCOPE_CHARS_MAX = 120;

/** A page of purges, the newest first; `cursor` is null on the last one. */
export interface PurgePage {
  readonly purges: readonly PurgeRecord[];
  readonly cursor: string | null;
}

/** What of a replica its records are read from. */
export interface RecordReader {
  readAll<View>(collection: Collection<never, View>): ReadonlyMap<string, View>;
}

/** Writes down a purge, in the commit of its marks. */
export function rememberPurge(draft: Draft, record: Omit<PurgeRecord, "more">): void {
  const { writer, seq, atMs, by } = record;
  const places = Array.from({ length: PURGES_REMEMBERED }, (_, i) => `${writer}/${i}`);
  const seqs = places.map(
    (key) => parseRecord(key, draft.read(purgeRecords, key)?.value)?.seq ?? 0,
  );
  const oldest = seqs.indexOf(Math.min(...seqs));
  const named = record.scopes.slice(0, SCOPES_NAMED_MAX);
  const scopes = named.map((scope) => scope.slice(0, SCOPE_CHARS_MAX));
  const text = JSON.stringify([seq, atMs, by, record.scopes.length - named.length, ...scopes]);
  draft.write(purgeRecords, places[oldest] ?? "", write(text, draft.stamp));
}

/**
 * Lists purges, the newest first: seqs are near the clock, so that they are in order across writers too.
 *
 * @param cursor  From the page before; null: from the newest. One that is not understood lists nothing.
 */
export function listPurges(replica: RecordReader, most: number, cursor: string | null): PurgePage {
  const records = [...replica.readAll(purgeRecords)].flatMap(([key, { value }]) => {
    const record = parseRecord(key, value);
    return record === null ? [] : [record];
  });
  const ordered = records.toSorted((a, b) => b.seq - a.seq || (a.writer < b.writer ? -1 : 1));
  const at = ordered.findIndex((record) => cursorOf(record) === cursor);
  const from = cursor === null ? 0 : at < 0 ? ordered.length : at + 1;
  const purges = ordered.slice(from, from + most);
  const last = purges.at(-1);
  const isLast = from + most >= ordered.length || last === undefined;
  return { purges, cursor: isLast ? null : cursorOf(last) };
}

/** Purges of a page unless told, and at most. */
const LISTED = 100;
const LISTED_MAX = 1_000;

/** Reads what a page is asked for with; null: `limit` is not a number of 1 to 1,000. */
export function readPurgesQuery(
  limit: string = String(LISTED),
  cursor: string | null = null,
): { readonly most: number; readonly cursor: string | null } | null {
  const most = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  return most < 1 || most > LISTED_MAX ? null : { most, cursor };
}

/** Formats a page for an answer; `iso` makes RFC 3339 of epoch milliseconds. */
export function formatPurges(
  { purges, cursor }: PurgePage,
  iso: (timeMs: number) => string,
): object {
  const shown = purges.map((record) => ({
    id: cursorOf(record),
    writer: record.writer,
    at: iso(record.atMs),
    by: record.by,
    scopes: record.scopes,
    more: record.more,
  }));
  return { purges: shown, cursor };
}

function cursorOf({ writer, seq }: PurgeRecord): string {
  return `${writer}-${seq}`;
}
