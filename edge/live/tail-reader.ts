// What does one listener hear next? It reads the hub's journal from where it stands, so that what was
// missed and what is new come the same way, and nobody keeps a queue for it: the journal is the
// queue. Whoever falls too far behind is told what it has missed, and goes on nearer to the end.

import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { entryDigest } from "../../sync/wire/log-lane.ts";
import type { ReadingBatch } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import type { JournalExtent } from "../ports.ts";
import { readingsLine, type GapReason, type LiveLine } from "./live-line.ts";
import { ALL_PARTS, type LivePosition } from "./position.ts";
import type { LiveQuery } from "./query.ts";

/** What is read of a hub's journal. */
export interface TailJournal {
  extent(): JournalExtent;
  entriesAfter(after: number, bytesTarget: number, entriesMax: number): LogEntry[];
  /** The batches of an entry; none of one that cannot be read. */
  batchesOf(entry: LogEntry): readonly ReadingBatch[];
}

/** What a look at the journal came to. */
export interface TailStep {
  readonly lines: readonly LiveLine[];
  /** True if there may be more. */
  readonly isMore: boolean;
}

/** Bounds of a listener. */
export interface TailBounds {
  /** Commits that it may be behind. */
  readonly lagMax: number;
  /** Readings that one look takes, about. */
  readonly sliceReadings: number;
}

/** The entry that is being told. */
interface Telling {
  readonly seq: number;
  readonly digest: number;
  readonly stampMs: number;
  readonly batches: readonly ReadingBatch[];
}

/** One listener's way through the journal. */
export class TailReader {
  readonly #journal: TailJournal;
  readonly #query: LiveQuery;
  readonly #bounds: TailBounds;
  #at: LivePosition;
  #telling: Telling | null = null;
  #gap: LiveLine | null = null;

  /**
   * @param after Where the listener stands; null: at what is on disk now.
   * @param head The last entry that is on disk.
   */
  constructor(
    journal: TailJournal,
    query: LiveQuery,
    after: LivePosition | null,
    head: number,
    bounds: TailBounds = { lagMax: limits.liveLagMax, sliceReadings: limits.liveSliceReadings },
  ) {
    this.#journal = journal;
    this.#query = query;
    this.#bounds = bounds;
    this.#at = after ?? this.#positionOf(head);
    if (after !== null) this.#resume(after, head);
  }

  get at(): LivePosition {
    return this.#at;
  }

  /** Takes what comes next, up to the entry `head`, which is on disk as all before it are. */
  next(head: number): TailStep {
    const lines: LiveLine[] = [];
    if (head - this.#at.seq > this.#bounds.lagMax) this.#skip("slow", head);
    if (this.#gap !== null) lines.push(this.#gap);
    this.#gap = null;
    let readings = 0;
    while (readings < this.#bounds.sliceReadings) {
      const telling = this.#telling ?? this.#nextEntry(head);
      if (telling === null) return { lines, isMore: false };
      const told = this.#tell(telling);
      readings += told.readings;
      if (told.line === null) continue;
      lines.push(told.line);
      break;
    }
    return { lines, isMore: true };
  }

  /** Tells the next batch of an entry. */
  #tell(telling: Telling): { readonly line: LiveLine | null; readonly readings: number } {
    const { seq, digest, stampMs, batches } = telling;
    const part = this.#at.seq === seq && this.#at.parts < ALL_PARTS ? this.#at.parts : 0;
    const batch = batches[part];
    const isLast = part + 1 >= batches.length;
    this.#telling = isLast ? null : telling;
    this.#at = { seq, parts: isLast ? ALL_PARTS : part + 1, digest };
    if (batch === undefined) return { line: null, readings: 1 };
    const line = readingsLine(batch, stampMs, this.#at, this.#query);
    return { line, readings: batch.times.length * batch.columns.length };
  }

  #nextEntry(head: number): Telling | null {
    if (this.#at.seq >= head) return null;
    const [entry] = this.#journal.entriesAfter(this.#at.seq, 0, 1);
    // What is damaged cannot be told; what is not on disk yet is not told.
    if (entry === undefined || entry.seq > head) {
      this.#at = this.#positionOf(head);
      return null;
    }
    return this.#open(entry);
  }

  #open(entry: LogEntry): Telling {
    const { seq, stampMs } = entry;
    const batches = this.#journal.batchesOf(entry);
    return { seq, stampMs, digest: entryDigest(entry), batches };
  }

  /** Goes on after a position, if it is one of this history. */
  #resume(after: LivePosition, head: number): void {
    const { floor } = this.#journal.extent();
    // Before the first entry there is none to compare.
    const isDropped = after.seq === 0 ? floor > 1 : after.seq < floor;
    const entry = this.#entryAt(after.seq);
    const isHeld = after.seq === 0 || (entry !== null && entryDigest(entry) === after.digest);
    if (after.seq > head || !(isDropped || isHeld)) this.#skip("other-history", head);
    else if (isDropped || head - after.seq > this.#bounds.lagMax) this.#skip("too-old", head);
    else if (after.parts < ALL_PARTS) this.#telling = entry && this.#open(entry);
  }

  #entryAt(seq: number): LogEntry | null {
    const [entry] = seq === 0 ? [] : this.#journal.entriesAfter(seq - 1, 0, 1);
    return entry?.seq === seq ? entry : null;
  }

  /** Leaves out what lies too far back: to half of what it may be behind, so that it can catch up. */
  #skip(reason: GapReason, head: number): void {
    const { floor } = this.#journal.extent();
    const isOther = reason === "other-history";
    const from = this.#at.seq;
    const to = isOther
      ? head
      : Math.max(from, floor - 1, head - Math.floor(this.#bounds.lagMax / 2));
    this.#telling = null;
    this.#at = this.#positionOf(to);
    // How many of another history there were nobody can tell.
    const commits = isOther ? null : to - from;
    this.#gap = { at: this.#at, event: "gap", data: { reason, commits } };
  }

  #positionOf(seq: number): LivePosition {
    const entry = this.#entryAt(seq);
    return { seq, parts: ALL_PARTS, digest: entry === null ? 0 : entryDigest(entry) };
  }
}
