// How are entries stamped anew? Wherever they are: in the journal, set aside, or kept in front of it.

import type { Sql } from "../../storage/sql.ts";
import { OpenSlot } from "../journal/open-slot.ts";
import { decodeSlot } from "../journal/slot-note.ts";
import type { Restamp } from "../ports.ts";
import { indexSlot, unseal, type HubMemory } from "./hub-memory.ts";
import { restampAside } from "./hub-shedding.ts";
import { packEntry, type Packed, type SlotEntry } from "./sql-journal.ts";

/** Puts other stamps, and batches, in the place of those of entries; within a transaction. */
export function restampEntries(sql: Sql, memory: HubMemory, changes: readonly Restamp[]): void {
  const { journal, devices, places } = memory;
  // What the entries were folded to is written first: under other stamps they would fold otherwise.
  devices.write(devices.dirty(), journal.head);
  unseal(sql, memory, changes);
  places.forget(new Set(changes.map(({ seq }) => seq)));
  restampKept(memory, changes);
  for (const change of changes) restampEntry(memory, change);
  restampAside(sql, memory, changes);
}

function restampEntry(memory: HubMemory, change: Restamp): void {
  const { journal, link } = memory;
  const { seq, stampMs } = change;
  const slot = changed(journal.read(seq), change);
  if (slot === null) return;
  const before = journal.bytesAt(seq);
  journal.replace({ seq, stampMs, ...slot.encode() });
  const more = journal.bytesAt(seq) - before;
  if (seq > link.cursor.seq) memory.unackedBytes += more;
  if (seq > memory.checkpoint) memory.unsealedBytes += more;
  indexSlot(memory, seq, slot.placed());
}

function restampKept({ kept }: HubMemory, changes: readonly Restamp[]): void {
  const packed = changes.flatMap((change): Packed[] => {
    const { seq, stampMs } = change;
    const slot = changed(seq <= kept.last ? kept.read(seq) : null, change);
    return slot === null ? [] : [packEntry({ seq, stampMs, ...slot.encode() })];
  });
  kept.replace(packed);
}

function changed(entry: SlotEntry | null, { stampMs, change }: Restamp): OpenSlot | null {
  const committed = entry === null ? null : decodeSlot(entry.stampMs, entry.note, entry.body);
  if (committed === null) return null;
  const slot = new OpenSlot(stampMs);
  for (const each of committed)
    slot.add({ ...each, kept: each.kept.map((one) => ({ ...one, batch: change(one.batch) })) });
  return slot;
}
