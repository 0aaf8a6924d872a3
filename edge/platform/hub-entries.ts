// Which entries are there for the link? Those that are set aside, those that are kept, and those of
// the journal: each ascends, they stand in this order, and between them there may be a hole.

import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import type { HubMemory } from "./hub-memory.ts";
import type { SlotEntry } from "./sql-journal-rows.ts";

type Held = Pick<HubMemory, "journal" | "kept" | "aside">;

/** The lowest seq that the journal, or what is kept in front of it, holds. */
export function heldFloor({ journal, kept }: Pick<Held, "journal" | "kept">): number {
  return Math.min(kept.first ?? Infinity, journal.floor);
}

/** The lowest seq behind `after` that is held; what is between is gone. */
export function nextHeld(memory: Held, after: number): number {
  const { journal, kept, aside } = memory;
  return Math.min(
    aside.find(({ seq }) => seq > after)?.seq ?? Infinity,
    kept.nextAfter(after) ?? Infinity,
    Math.max(after + 1, journal.floor),
  );
}

/** What a frame from `after` on says is its floor: behind a hole, or the lowest of all. */
export function floorAfter(memory: Held, after: number): number {
  const next = nextHeld(memory, after);
  if (next >= memory.journal.floor) return memory.journal.floor;
  return next > after + 1 ? next : Math.min(memory.aside[0]?.seq ?? Infinity, heldFloor(memory));
}

/** Reads an entry that the journal holds, or that is kept in front of it. */
export function readHeld({ journal, kept }: Held, seq: number): SlotEntry | null {
  return journal.read(seq) ?? (seq <= kept.last ? kept.read(seq) : null);
}

/** Entries behind `after`, until `bytesTarget` is reached; at least one if there is one. */
export function entriesAfter(...asked: Parameters<typeof slotsAfter>): LogEntry[] {
  return slotsAfter(...asked).map(({ seq, stampMs, body }) => ({ seq, stampMs, body }));
}

/** The same, with what stands beside them. */
export function slotsAfter(
  memory: Held,
  after: number,
  bytesTarget: number,
  entriesMax: number,
): SlotEntry[] {
  const { journal, kept } = memory;
  // What is set aside is a frame of its own, and so is what is kept: behind each may be a hole.
  const keptNext = kept.nextAfter(after) ?? Infinity;
  const next = Math.min(keptNext, Math.max(after + 1, journal.floor));
  const set = runOf(memory.aside.filter(({ seq }) => seq > after && seq < next));
  if (set.length > 0) return within(set, bytesTarget, entriesMax);
  const entries: SlotEntry[] = [];
  let bytes = 0;
  for (const entry of next === keptNext ? kept.run(after) : inJournal(memory, after)) {
    if (entries.length >= entriesMax) break;
    bytes += entry.body.length + entry.note.length;
    if (entries.length > 0 && bytes > bytesTarget) break;
    entries.push(entry);
  }
  return entries;
}

/** As many as a frame takes; one at least. */
function within(set: readonly SlotEntry[], bytesTarget: number, entriesMax: number): SlotEntry[] {
  let bytes = 0;
  const end = set.findIndex(({ body }, at) => {
    bytes += body.length;
    return at > 0 && (at >= entriesMax || bytes > bytesTarget);
  });
  return set.slice(0, end === -1 ? entriesMax : end);
}

/** The first of them that follow each other. */
function runOf(entries: readonly SlotEntry[]): SlotEntry[] {
  const end = entries.findIndex(({ seq }, at) => at > 0 && seq !== (entries[at - 1]?.seq ?? 0) + 1);
  return entries.slice(0, end === -1 ? undefined : end);
}

function* inJournal({ journal }: Held, after: number): Iterable<SlotEntry> {
  for (let seq = Math.max(after + 1, journal.floor); seq <= journal.head; seq += 1) {
    const entry = journal.read(seq);
    if (entry !== null) yield entry;
  }
}
