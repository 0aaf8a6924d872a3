// How are entries stamped anew? Wherever they are: in the journal, set aside, or kept in front of it.

import type { Sql } from "../../storage/sql.ts";
import { decodeBatches, encodeBatches } from "../../sync/wire/batch.ts";
import { OpenSlot } from "../journal/open-slot.ts";
import { acceptedIn, decodeSlot } from "../journal/slot-note.ts";
import type { Restamp } from "../ports.ts";
import { accountOf, accountOfEntry } from "./hub-accounts.ts";
import { indexSlot, unseal, type HubMemory } from "./hub-memory.ts";
import { readHeld } from "./hub-entries.ts";
import { saveAside } from "./hub-shedding.ts";
import type { SlotEntry } from "./sql-journal-rows.ts";
import { packEntry, type Packed } from "./sql-journal.ts";

/** Puts other stamps, and batches, in the place of those of entries; within a transaction. */
export function restampEntries(sql: Sql, memory: HubMemory, changes: readonly Restamp[]): void {
  const { journal, devices, places } = memory;
  // What the entries were folded to is written first: under other stamps they would fold otherwise.
  devices.write(devices.dirty(), journal.head);
  // Their readings leave the segments: what is kept by their names has to be held whole.
  for (const { seq } of changes) journal.holdWhole(seq);
  unseal(memory, changes);
  places.forget(new Set(changes.map(({ seq }) => seq)));
  restampKept(memory, changes);
  for (const change of changes) restampEntry(memory, change);
  restampAside(sql, memory, changes);
  memory.row.save(memory.accounts.asOf());
}

function restampEntry(memory: HubMemory, change: Restamp): void {
  const { journal, link } = memory;
  const { seq, stampMs } = change;
  const entry = journal.read(seq);
  const slot = changed(memory, entry, change);
  if (entry === null || slot === null) return;
  const before = journal.bytesAt(seq);
  journal.replace({ seq, stampMs, ...slot.encode(acceptedIn(entry.note)) });
  const more = journal.bytesAt(seq) - before;
  if (seq > link.cursor.seq) memory.unackedBytes += more;
  if (seq > memory.checkpoint) memory.unsealedBytes += more;
  indexSlot(memory, seq, slot.placed());
}

function restampKept(memory: HubMemory, changes: readonly Restamp[]): void {
  const { kept, journal } = memory;
  const packed = changes.flatMap((change): Packed[] => {
    const { seq, stampMs } = change;
    // One that the journal holds too is of the journal's account.
    const of = seq >= journal.floor ? null : memory;
    const entry = seq <= kept.last ? kept.read(seq) : null;
    const slot = changed(of, entry, change);
    if (entry === null || slot === null) return [];
    return [packEntry({ seq, stampMs, ...slot.encode(acceptedIn(entry.note)) })];
  });
  kept.replace(packed);
}

/** A hub that refused the stamps of what is set aside does not hold it. */
function restampAside(sql: Sql, memory: HubMemory, changes: readonly Restamp[]): void {
  const bySeq = new Map(changes.map((change) => [change.seq, change]));
  if (!memory.aside.some(({ seq }) => bySeq.has(seq))) return;
  const entries = memory.aside.map((entry) => {
    const change = bySeq.get(entry.seq);
    if (change === undefined) return entry;
    const { seq, stampMs } = change;
    if (entry.note.length === 0) return withoutNote(memory, entry, change);
    // One that is held elsewhere too is of that account.
    const of = readHeld(memory, seq) === null ? memory : null;
    const slot = changed(of, entry, change);
    return slot === null ? entry : { seq, stampMs, ...slot.encode(acceptedIn(entry.note)) };
  });
  saveAside(sql, memory, entries);
}

/** What an older release set aside: its conflicts are not known, and taken for readings. */
function withoutNote(
  { accounts }: HubMemory,
  entry: SlotEntry,
  { seq, stampMs, change }: Restamp,
): SlotEntry {
  const batches = decodeBatches(entry.body);
  if (!batches.ok) return entry;
  const after = batches.value.map(change);
  accounts.restamped(seq, accountOf(entry.stampMs, batches.value), accountOf(stampMs, after));
  return { ...entry, stampMs, body: encodeBatches(after) };
}

/** @param memory Whose account the entry is in; null: it is counted elsewhere. */
function changed(
  memory: Pick<HubMemory, "accounts"> | null,
  entry: SlotEntry | null,
  { seq, stampMs, change }: Restamp,
): OpenSlot | null {
  const committed = entry === null ? null : decodeSlot(entry.stampMs, entry.note, entry.body);
  if (entry === null || committed === null) return null;
  const slot = new OpenSlot(stampMs);
  for (const each of committed)
    slot.add({ ...each, kept: each.kept.map((one) => ({ ...one, batch: change(one.batch) })) });
  const before = accountOfEntry(entry.stampMs, committed);
  memory?.accounts.restamped(seq, before, accountOfEntry(stampMs, slot.batches));
  return slot;
}
