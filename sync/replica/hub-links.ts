// Which links does the hub know, and what have all of them acknowledged? A link keeps its record
// while it speaks at least once a lease; a replica's former lives, which nobody may ever hear of
// again, for a shorter time.

import { LINKS_LOOK_MS, LINKS_MAX, LIVES_PER_REPLICA_MAX, SUPERSEDED_LEASE_MS } from "../limits.ts";
import { answersOf, orNone, type HubLinkRecord } from "../link/hub.ts";
import { hasPosition, isSamePosition, ORIGIN_POSITION, type Position } from "../wire/frame.ts";
import { WHOLE_MAX } from "../wire/bytes.ts";
import type { StoredTable } from "./stored-table.ts";

/** A link, and what the hub knows of it as the holder of state. */
export interface StateLinkRecord extends HubLinkRecord {
  /** The hub's seq up to which nothing that the edge does can refer to anything before. */
  readonly settled: number;
  /**
   * The replica's seq up to which the hub holds all it did. Less than its cursor, while it writes
   * faster than frames leave: what is written to anew is sent later.
   */
  readonly wholeTo?: number | undefined;
  /** Up to where the replica certainly held this history when it was told all of it. */
  readonly held?: Position | undefined;
  /** Where the whole state ends, should it have been told in several frames. */
  readonly pullEnd?: number | undefined;
  /** True once the link is forgotten: where its life stood is still known, and no frame is applied. */
  readonly isDormant?: true;
}

const PREFIX = "link:";

/** The links of a hub, kept as facts. */
export class HubLinks {
  readonly #stored: StoredTable;
  readonly #leaseMs: number;
  readonly #links = new Map<number, StateLinkRecord>();
  /** When leases were last looked at. */
  #lookedMs = -Infinity;

  constructor(stored: StoredTable, leaseMs: number) {
    this.#stored = stored;
    this.#leaseMs = leaseMs;
    for (const [, record] of stored.factsOf(PREFIX) as [string, StateLinkRecord][])
      this.#links.set(record.link, record);
  }

  get(link: number): StateLinkRecord | undefined {
    const record = this.#links.get(link);
    return record?.isDormant ? undefined : record;
  }

  all(): StateLinkRecord[] {
    return [...this.#links.values()];
  }

  /** Lists the links of a replica, the one that spoke last at the end. */
  of(replica: string): StateLinkRecord[] {
    return this.all().filter((record) => record.replica === replica);
  }

  /**
   * Up to where a replica has held this history, by its own word: `position` is one that it was told,
   * by any of its links. Else nothing: after a copy was put back, or from a twin, it may come from
   * another history.
   */
  heldTo(replica: string, position: Position): Position {
    const isTold = this.of(replica).some((record) =>
      hasPosition([...answersOf(record), record.held ?? ORIGIN_POSITION], position),
    );
    return isTold ? position : ORIGIN_POSITION;
  }

  /** Keeps a record; storing that a link spoke is put off while it does not matter. */
  save(record: StateLinkRecord): void {
    const name = PREFIX + record.link;
    const { seenMs = 0 } = this.#stored.fact<StateLinkRecord>(name) ?? {};
    this.#links.delete(record.link);
    this.#links.set(record.link, record);
    const isFresh = record.seenMs - seenMs < SUPERSEDED_LEASE_MS / 4;
    this.#stored.state(name, isFresh ? { ...record, seenMs } : record);
  }

  /** Forgets a link: a frame of it that still comes is never applied. */
  forget(record: StateLinkRecord): void {
    this.save({ ...record, settled: 0, pullEnd: 0, isDormant: true });
  }

  /**
   * Forgets all links, and what they were known to hold: each is told everything, and sends what the
   * hub lacks. For a hub whose state was damaged.
   */
  forgetAll(): void {
    const at = ORIGIN_POSITION;
    for (const record of this.all())
      this.forget({ ...record, acked: at, told: at, held: at, toldBefore: undefined });
  }

  /** Forgets a link and where its life stood. */
  remove({ link }: StateLinkRecord): void {
    this.#links.delete(link);
    this.#stored.state(PREFIX + link, null);
  }

  /**
   * Finds room for a link that is not known. Where there is none, the one that was silent longest
   * gives way, of those that are forgotten or were never told anything.
   *
   * @returns False if all are in use.
   */
  makeRoom(nowMs: number): boolean {
    this.expire(nowMs);
    if (this.#links.size < LINKS_MAX) return true;
    const longest = this.#bySilence().find((link) => link.isDormant || link.told.seq === 0);
    if (longest) this.remove(longest);
    return longest !== undefined;
  }

  /** Forgets links whose lease is over, if it was not looked at lately. */
  expireIfDue(nowMs: number): void {
    const sinceMs = Math.abs(nowMs - this.#lookedMs);
    if (sinceMs >= Math.min(LINKS_LOOK_MS, this.#leaseMs / 8)) this.expire(nowMs);
  }

  /** Forgets links whose lease is over, and of a replica's lives the ones that are too many. */
  expire(nowMs: number): void {
    this.#lookedMs = nowMs;
    for (const lives of Map.groupBy(this.#bySilence(), (link) => link.replica).values()) {
      // What a former life was told is held until the new one has been told as much.
      const isSuperseded = (lives.at(-1)?.settled ?? 0) > 0;
      for (const [at, life] of lives.toReversed().entries()) {
        const formerMs = at > 0 && isSuperseded ? SUPERSEDED_LEASE_MS : Infinity;
        const leaseMs = Math.min(this.#leaseMs, formerMs);
        if (at >= LIVES_PER_REPLICA_MAX) this.remove(life);
        else if (nowMs - life.seenMs > leaseMs && !life.isDormant) this.forget(life);
      }
    }
  }

  /**
   * The hub's seq that every link has passed; `head` if there is none. One that was never told
   * anything is told everything first: whoever says hello and no more holds nobody back.
   */
  stable(head: number): number {
    const live = this.all().filter((link) => link.told.seq > 0 && !link.isDormant);
    return Math.min(head, ...live.map((link) => link.settled));
  }

  /** The one that was silent longest first. */
  #bySilence(): StateLinkRecord[] {
    return this.all().toSorted((left, right) => left.seenMs - right.seenMs);
  }
}

/** Tells whether what follows belongs to the whole state: all of it is told. */
export function isPulled({ acked, pullEnd = 0 }: StateLinkRecord): boolean {
  return acked.seq === 0 || acked.seq < pullEnd;
}

/** Tells whether a hello is late, or of a copy of the disk, or does not know that a frame arrived. */
export function isLivedElsewhere(link: StateLinkRecord, from: Position): boolean {
  return (link.told.seq > 0 && !link.isDormant) || !isSamePosition(link.cursor, from);
}

/** What the replica may hold by a link that begins anew. */
export function toldOn(link: StateLinkRecord): readonly Position[] | undefined {
  return orNone(answersOf(link).filter((at) => at.seq > 0));
}

/** What a replica holds for certain that says `ack` and is told what follows. */
export function heldBy(record: StateLinkRecord, ack: Position): Position | undefined {
  const from = record.acked;
  // It speaks of a history that is not this one, or of answers that are forgotten.
  if (from.seq === 0 && ack.seq > 0) return ORIGIN_POSITION;
  return isPulled(record) ? record.held : from;
}

/** The record of a replica that is told everything up to `told`. */
export function afterTelling(
  record: StateLinkRecord,
  told: Position,
  head: number,
): StateLinkRecord {
  const { acked, toldBefore, told: last, pullEnd } = record;
  const isNew = last.seq > acked.seq && !isSamePosition(last, told);
  // Where a whole state ends that takes more than one frame is noted.
  const end = told.seq < head ? WHOLE_MAX : told.seq;
  const isInOne = acked.seq === 0 && pullEnd === undefined && told.seq >= head;
  return {
    ...record,
    toldBefore: isNew ? [...(toldBefore ?? []), last] : toldBefore,
    told,
    pullEnd: isPulled(record) && !isInOne ? end : pullEnd,
  };
}
