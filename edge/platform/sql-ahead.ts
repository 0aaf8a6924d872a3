// Which entries beyond the link's cursor may the origin hold? Those that went ahead of a backlog:
// ranges of seqs, few, because what follows each other is one.

import { numberOf, type Sql } from "../../storage/sql.ts";
import { limits } from "../limits.ts";

export const AHEAD_TABLE = `create table ahead (first_seq integer not null, last_seq integer not null,
  held integer not null, primary key (first_seq, held)) without rowid`;

/** Entries from the first to the last, both inside. */
export interface AheadRange {
  readonly first: number;
  readonly last: number;
  /** False while it is not known whether they arrived. */
  readonly isHeld: boolean;
}

/** What is known of an entry. */
export type Ahead = "held" | "in-doubt" | "not-sent";

/** Reads the ranges, in the order in which they went. */
export function loadAhead(sql: Sql): AheadRange[] {
  return sql.exec("select * from ahead order by first_seq, held").map((row) => ({
    first: numberOf(row["first_seq"]),
    last: numberOf(row["last_seq"]),
    isHeld: row["held"] === 1,
  }));
}

/** Notes that entries are about to go ahead; null: there is no room for another stretch. */
export function sendAhead(
  sql: Sql,
  ranges: readonly AheadRange[],
  first: number,
  last: number,
): AheadRange[] | null {
  const same = ranges.find((range) => range.first === first && !range.isHeld);
  const others = ranges.filter((range) => range !== same);
  if (others.length >= limits.aheadRangesMax) return null;
  const added = { first, last: Math.max(last, same?.last ?? 0), isHeld: false };
  return replace(sql, ranges, [...others, added]);
}

/** Notes what became of entries that went ahead: held by the origin from here on, or not at all. */
export function settleAhead(
  sql: Sql,
  ranges: readonly AheadRange[],
  { first, last, isHeld }: AheadRange,
): AheadRange[] {
  const others = ranges.filter((range) => range.isHeld || range.first !== first);
  if (!isHeld) return replace(sql, ranges, others);
  const before = others.find(
    (range) => range.isHeld && range.first <= first && range.last + 1 >= first,
  );
  const joined = {
    first: before?.first ?? first,
    last: Math.max(before?.last ?? last, last),
    isHeld,
  };
  return replace(sql, ranges, [...others.filter((range) => range !== before), joined]);
}

/** Forgets what the link's cursor has passed; `Infinity`: all. */
export function dropAhead(sql: Sql, ranges: readonly AheadRange[], cursor: number): AheadRange[] {
  return replace(
    sql,
    ranges,
    ranges.filter(({ last }) => last > cursor),
  );
}

/** Tells whether an entry went ahead, and arrived. */
export function aheadOf(ranges: readonly AheadRange[], seq: number): Ahead {
  const of = ranges.filter(({ first, last }) => first <= seq && seq <= last);
  if (of.some(({ isHeld }) => isHeld)) return "held";
  return of.length > 0 ? "in-doubt" : "not-sent";
}

/** Writes what differs. */
function replace(
  sql: Sql,
  before: readonly AheadRange[],
  after: readonly AheadRange[],
): AheadRange[] {
  for (const { first, isHeld } of before.filter((range) => !after.includes(range)))
    sql.exec("delete from ahead where first_seq = ? and held = ?", first, Number(isHeld));
  for (const { first, last, isHeld } of after.filter((range) => !before.includes(range)))
    sql.exec("insert or replace into ahead values (?, ?, ?)", first, last, Number(isHeld));
  return [...after];
}
