// What does a row of the journal say, and what does it say if it is damaged?

import { encodeBatches } from "../../sync/wire/batch.ts";
import { ByteWriter } from "../../sync/wire/bytes.ts";
import { bytesOf, numberOf, type SqlRow, type SqlValue } from "../../storage/sql.ts";
import { crc32c } from "../segment/crc32c.ts";

/** An entry with what stands beside it. */
export interface SlotEntry {
  readonly seq: number;
  readonly stampMs: number;
  readonly note: Uint8Array;
  readonly body: Uint8Array;
}

/** An entry of which nothing is left, and what its row still says: none of it may be so. */
export interface LostEntry {
  readonly seq: number;
  readonly wreck: SlotEntry | null;
}

export const JOURNAL_TABLE = `create table journal (slot integer primary key, seq integer not null,
  stamp_ms integer not null, crc integer not null, note blob not null, body blob not null);`;

/** What an entry of which nothing is left holds. */
const NOTHING: Uint8Array = encodeBatches([]);

/** An entry of nothing. */
export function nothingAt(seq: number, stampMs: number): SlotEntry {
  return { seq, stampMs, note: NOTHING, body: NOTHING };
}

/** What has to be put together again, and what of it is lost. */
interface RepairPlan {
  readonly first: number;
  /** Less than `first`: there is nothing. */
  readonly last: number;
  readonly lost: readonly LostEntry[];
}

/**
 * Says which entries there were, from those that are whole and rows of which the checksum is wrong.
 *
 * @param archived The highest seq of the archive, which the journal goes on from; 0: there is none.
 * @param emptyHead The seq of the last entry, if none is held.
 */
export function planRepair(
  whole: ReadonlyMap<number, SlotEntry>,
  wrecks: readonly SlotEntry[],
  archived: number,
  emptyHead: number,
): RepairPlan {
  const seqs = [...whole.keys()].toSorted((a, b) => a - b);
  const from = archived > 0 ? archived + 1 : (seqs[0] ?? emptyHead + 1);
  // Of slots whose entries are archived nothing is needed.
  const broken = wrecks.filter(({ seq }) => seq > archived);
  const { first, last } = withEnds(
    from,
    seqs.at(-1) ?? from - 1,
    whole,
    broken,
    archived > 0 ? from : 1,
  );
  return { first, last, lost: lostBetween(first, last, whole, broken) };
}

/** More rows than are missing in between were at an end: where their seq says, or their stamp. */
function withEnds(
  from: number,
  to: number,
  whole: ReadonlyMap<number, SlotEntry>,
  broken: readonly SlotEntry[],
  lowest: number,
): { readonly first: number; readonly last: number } {
  let [first, last] = [from, to];
  const extra = (): number => broken.length - (last - first + 1 - whole.size);
  for (const { seq } of broken) {
    const more = extra();
    if (seq > last && seq <= last + more) last = seq;
    else if (isWithin(seq, Math.max(lowest, first - more), first)) first = seq;
  }
  const oldestMs = whole.get(first)?.stampMs ?? 0;
  const isOld = broken.some(
    ({ seq, stampMs }) => !isWithin(seq, first, last + 1) && stampMs < oldestMs,
  );
  if (isOld && first > lowest && extra() > 0) first -= 1;
  return { first, last: last + Math.max(0, extra()) };
}

function isWithin(seq: number, from: number, to: number): boolean {
  return seq >= from && seq < to;
}

function lostBetween(
  first: number,
  last: number,
  whole: ReadonlyMap<number, SlotEntry>,
  broken: readonly SlotEntry[],
): LostEntry[] {
  const missing: number[] = [];
  for (let seq = first; seq <= last; seq += 1) if (!whole.has(seq)) missing.push(seq);
  const bySeq = new Map(broken.map((wreck) => [wreck.seq, wreck]));
  const named = missing.filter((seq) => bySeq.has(seq));
  const nameless = broken.filter(({ seq }) => !named.includes(seq));
  // Which is which of several that do not say it nobody knows.
  const only = missing.length - named.length === 1 && nameless.length === 1 ? nameless[0] : null;
  return missing.map((seq) => ({ seq, wreck: bySeq.get(seq) ?? only ?? null }));
}

export function slotOf(row: SqlRow): { readonly slot: number } {
  return { slot: numberOf(row["slot"]) };
}

export function isOrdered(rows: readonly SqlRow[]): boolean {
  return rows.every((row, at) => {
    const before = rows[at - 1];
    return (
      before === undefined ||
      (numberOf(row["seq"]) === numberOf(before["seq"]) + 1 &&
        numberOf(row["stamp_ms"]) >= numberOf(before["stamp_ms"]))
    );
  });
}

export function sizeOf({ note, body }: SlotEntry): number {
  return note.length + body.length;
}

/** What a row says, whatever its checksum says of that. */
export function wreckOf(row: SqlRow): SlotEntry {
  return {
    seq: numberOf(row["seq"]),
    stampMs: numberOf(row["stamp_ms"]),
    note: blobOf(row["note"]),
    body: blobOf(row["body"]),
  };
}

/** Damage may have changed what kind of value it is. */
function blobOf(value: SqlValue | undefined): Uint8Array {
  return value == null || typeof value !== "object" ? new Uint8Array(0) : bytesOf(value);
}

/** Null if the row's checksum is wrong. */
export function toEntry(row: SqlRow): SlotEntry | null {
  const entry = wreckOf(row);
  return crcOf(entry) === numberOf(row["crc"]) ? entry : null;
}

export function crcOf({ seq, stampMs, note, body }: SlotEntry): number {
  const writer = new ByteWriter();
  writer.varint(seq);
  writer.varint(stampMs);
  return crc32c(body, crc32c(note, crc32c(writer.bytes())));
}
