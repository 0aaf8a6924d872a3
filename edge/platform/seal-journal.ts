// How do readings go from the journal into segments? A run of entries is sorted by hour and device,
// each part joined with what is sealed of it, and written page by page. In steps, so that commits
// are let in between; stopped anywhere, what was written is joined again and changes nothing.

import type { ReadingBatch } from "../../sync/wire/batch.ts";
import type { FindReadings } from "../journal/packed-body.ts";
import { placedIn } from "../journal/slot-note.ts";
import { limits } from "../limits.ts";
import { Gather } from "../segment/gather.ts";
import type { HubStore } from "../ports.ts";
import { setCheckpoint, type HubMemory } from "./hub-memory.ts";
import type { SlotEntry } from "./sql-journal-rows.ts";
import { RememberedSegments, rememberingFind } from "./hub-remembered.ts";
import { packEntrySteps, referEntrySteps, type Packed, type SqlJournal } from "./sql-journal.ts";
import type { Edit } from "./sql-pages.ts";
import { HOUR_MS, hourKey, hourOf, type SqlSegments } from "./sql-segments.ts";

/** Entries whose readings were sorted: all up to `upTo`. */
interface Gathered {
  readonly hours: Map<string, Gather>;
  readonly upTo: number;
}

/** Devices that are written at once; and as how many readings one counts. */
const DEVICES_AT_ONCE = 64;
const DEVICE_WEIGHT = 50;
/** Encoding a reading takes so many times as long as sorting it. */
const ENCODE_WEIGHT = 3;
/** A hub that commits fewer bytes of journal a millisecond has time to pack what it keeps. */
const SLOW_BYTES_A_MS = 8;
/** Bytes of segments that are written at once. */
const WRITE_BYTES = 65_536;
/** Bytes of pages that are written in the time that a reading takes to sort. */
const BYTES_A_READING = 16;

/** Sorts the entries after `after` by hour and device; yields how many readings a step took. */
function* gatherEntries(
  journal: SqlJournal,
  after: number,
  head: number,
): Generator<number, Gathered> {
  const hours = new Map<string, Gather>();
  let readings = 0;
  let seq = after;
  while (seq < head && readings < limits.sealReadingsMax) {
    seq += 1;
    const entry = journal.read(seq);
    for (const { batch } of entry === null ? [] : placedIn(entry)) {
      const count = gatherBatch(hours, batch, entry?.stampMs ?? 0);
      readings += count;
      yield count;
    }
  }
  return { hours, upTo: seq };
}

function gatherBatch(hours: Map<string, Gather>, batch: ReadingBatch, stampMs: number): number {
  const { device, times } = batch;
  let count = 0;
  for (const column of batch.columns) {
    const { rows } = column;
    for (let from = 0; from < rows.length;) {
      const hourMs = hourOf(times[rows[from] as number] as number);
      const isOver = (at: number): boolean =>
        (times[rows[at] as number] as number) >= hourMs + HOUR_MS;
      let to = rows.length;
      if (isOver(to - 1)) for (to = from + 1; !isOver(to);) to += 1;
      const key = hourKey(hourMs, device);
      const gather = hours.get(key) ?? new Gather();
      hours.set(key, gather);
      gather.add(times, column, from, to, stampMs);
      from = to;
    }
    count += rows.length;
  }
  return count;
}

/** Joins what was gathered with what is sealed; `write` puts edits, by key, where they belong. */
function* mergeHours(
  { hours }: Gathered,
  segments: SqlSegments,
  remembered: RememberedSegments,
  write: (edits: readonly Edit[]) => void,
): Generator<number> {
  let edits: Edit[] = [];
  let bytes = 0;
  for (const key of [...hours.keys()].toSorted()) {
    const gather = hours.get(key) ?? new Gather();
    for (const step of segments.merge(key, gather, remembered)) {
      if (typeof step === "number") {
        yield ENCODE_WEIGHT * step;
        continue;
      }
      edits.push(step);
      bytes += step[1]?.length ?? 0;
    }
    hours.delete(key);
    if (bytes < WRITE_BYTES) continue;
    // What is gone, and what comes in its place, is written together.
    write(edits);
    yield bytes / BYTES_A_READING;
    edits = [];
    bytes = 0;
  }
  if (edits.length > 0) write(edits);
}

/** Seals all entries there are, then packs some; yields how many readings a step took. */
export function* sealAll(
  store: Pick<HubStore, "transaction" | "write">,
  memory: HubMemory,
  isPacked: boolean,
): Generator<number> {
  const { head } = memory.journal;
  const remembered = new RememberedSegments();
  let isSlow = false;
  while (memory.checkpoint < head) isSlow = yield* sealSome(store, memory, head, remembered);
  if (isPacked) yield* archiveSealed(store, memory, isSlow, remembered);
}

/**
 * Seals as many entries as fit in memory, in their order; yields how many readings a step took, and
 * tells at last whether they came slowly.
 */
function* sealSome(
  store: Pick<HubStore, "transaction" | "write">,
  memory: HubMemory,
  head: number,
  remembered: RememberedSegments,
): Generator<number, boolean> {
  const { journal, segments, devices, places } = memory;
  const after = memory.checkpoint;
  const gathered = yield* gatherEntries(journal, after, head);
  const { upTo } = gathered;
  yield* mergeHours(gathered, segments, remembered, (edits) =>
    store.transaction(() => segments.pages.put(edits, upTo)),
  );
  const dirty = devices.dirty();
  for (let from = 0; from < dirty.length; from += DEVICES_AT_ONCE) {
    // A state may have seen what is staged: that has to be there with it.
    store.write();
    store.transaction(() => devices.write(dirty.slice(from, from + DEVICES_AT_ONCE), journal.head));
    yield DEVICES_AT_ONCE * DEVICE_WEIGHT;
  }
  setCheckpoint(memory, upTo);
  places.forgetUpTo(upTo);
  return areSlow(journal, after, upTo, journal.bytesBetween(after, upTo));
}

/** Tells whether the entries after `after` up to `upTo`, of so many bytes, came slowly. */
export function areSlow(journal: SqlJournal, after: number, upTo: number, bytes: number): boolean {
  const spanMs = journal.stampAt(upTo) - journal.stampAt(Math.max(after + 1, journal.floor));
  return bytes < spanMs * SLOW_BYTES_A_MS;
}

/** Packs what is sealed, if much of it waits for an origin that is away, or there is time for it. */
function* archiveSealed(
  store: Pick<HubStore, "transaction">,
  memory: HubMemory,
  isSlow: boolean,
  remembered: RememberedSegments,
): Generator<number> {
  const { journal, checkpoint, link, archiveBytes } = memory;
  const { archived } = journal;
  const waiting = journal.bytesBetween(Math.max(link.cursor.seq, archived), checkpoint);
  const isAway = waiting >= (isSlow ? archiveBytes / 4 : archiveBytes);
  const last = lastToPack(memory, isAway);
  if (!isAway && !(isSlow && journal.bytesBetween(archived, last) >= archiveBytes / 8)) return;
  // What came meanwhile is sealed first, unless too much waits already.
  const isPressed = (): boolean =>
    memory.unsealedBytes >= limits.sealPressingBytes && waiting < limits.archiveBytesMax;
  const find = rememberingFind(memory.segments, remembered);
  let packed: Packed[] = [];
  let bytes = 0;
  for (let seq = Math.max(archived + 1, journal.floor); seq <= last; seq += 1) {
    const entry = isPressed() ? null : journal.read(seq);
    if (entry === null) break;
    const one = yield* weighed(packOne(memory, entry, find));
    packed.push(one);
    bytes += one.bytes.length;
    if (bytes < WRITE_BYTES && seq < last) continue;
    archive(store, memory, packed);
    yield bytes / BYTES_A_READING;
    packed = [];
    bytes = 0;
  }
  archive(store, memory, packed);
}

/**
 * The last entry that is to be packed. The newest stays in its slot, which says where the next one goes
 * on; as long as the origin is there, what cannot be packed by reference yet stays too.
 */
function lastToPack({ journal, checkpoint, link }: HubMemory, isAway: boolean): number {
  let last = Math.min(checkpoint, journal.head - 1, isAway ? Infinity : link.cursor.seq);
  if (!isAway) while (last > journal.archived && !isReferable(journal, checkpoint, last)) last -= 1;
  return last;
}

/** Readings of one stamp may be in two entries: both have to be sealed. */
function isReferable(journal: SqlJournal, checkpoint: number, seq: number): boolean {
  return journal.stampAt(seq) < journal.stampAt(checkpoint);
}

/** Packs an entry: what the origin holds by reference, as long as its readings are where they were. */
function packOne(
  { journal, checkpoint, link }: HubMemory,
  entry: SlotEntry,
  find: FindReadings,
): Generator<number, Packed> {
  return entry.seq <= link.cursor.seq && isReferable(journal, checkpoint, entry.seq)
    ? referEntrySteps(entry, find)
    : packEntrySteps(entry);
}

function* weighed<Value>(steps: Generator<number, Value>): Generator<number, Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield ENCODE_WEIGHT * step.value;
  }
}

/** Writes packed entries, but for those that were given up since; what waits is shorter then. */
function archive(
  store: Pick<HubStore, "transaction">,
  memory: HubMemory,
  packed: readonly Packed[],
): void {
  const { journal, link } = memory;
  const whole = packed.filter(({ seq }) => seq >= journal.floor);
  if (whole.length === 0) return;
  store.transaction(() => {
    for (const { seq, bytes } of whole)
      if (seq > link.cursor.seq) memory.unackedBytes += bytes.length - journal.bytesAt(seq);
    journal.archive(whole);
  });
}
