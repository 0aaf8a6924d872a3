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
 * @param cursor  From the page before; null: from the newest. Its purge may have been forgotten since.
 */
export function listPurges(replica: RecordReader, most: number, cursor: string | null): PurgePage {
  const records = [...replica.readAll(purgeRecords)].flatMap(([key, { value }]) => {
    const record = parseRecord(key, value);
    return record === null ? [] : [record];
  });
  const after = cursor === null ? null : placeOf(cursor);
  const rest = records
    .filter((record) => after === null || compare(after, record) < 0)
    .toSorted(compare);
  const purges = rest.slice(0, most);
  const last = purges.at(-1);
  return { purges, cursor: last === undefined || rest.length <= most ? null : cursorOf(last) };
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

/** What a cursor looks like: the id of a purge. */
export const PURGE_CURSOR: RegExp = /^[a-z0-9-]{1,32}-\d{1,16}$/;

type Place = Pick<PurgeRecord, "writer" | "seq">;

/** Orders the newest first. */
function compare(a: Place, b: Place): number {
  return b.seq - a.seq || (a.writer < b.writer ? -1 : Number(a.writer > b.writer));
}

function placeOf(cursor: string): Place {
  const dash = cursor.lastIndexOf("-");
  return { writer: cursor.slice(0, dash), seq: Number(cursor.slice(dash + 1)) };
}

function cursorOf({ writer, seq }: Place): string {
  return `${writer}-${seq}`;
}
