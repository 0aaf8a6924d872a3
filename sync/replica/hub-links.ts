// Which links does the hub know, and what have all of them acknowledged? A link keeps its record
// while it speaks at least once a lease; a replica's former lives, which nobody may ever hear of
// again, for a shorter time.

import { LINKS_MAX, LIVES_PER_REPLICA_MAX, SUPERSEDED_LEASE_MS } from "../limits.ts";
import type { HubLinkRecord } from "../link/hub.ts";
import { ORIGIN_POSITION } from "../wire/frame.ts";
import { numberOf } from "./draft.ts";
import type { StoredTable } from "./stored-table.ts";

/** A link, and what the hub knows of it as the holder of state. */
export interface StateLinkRecord extends HubLinkRecord {
  /** The hub's seq up to which nothing that the edge does can refer to anything before. */
  readonly settled: number;
  /** The last seq of the hub that was told as all there was, and came back; absent: none was. */
  readonly known?: number;
  /** Where the whole state ends, should it have been told in several frames. */
  readonly pullEnd?: number;
  /** True once the link is forgotten: where its life stood is still known, and no frame is applied. */
  readonly isDormant?: true;
}

const PREFIX = "link:";
/** What a replica is known to have held whose links are forgotten. */
const KNOWN = "known:";

/** The links of a hub, kept as facts. */
export class HubLinks {
  readonly #stored: StoredTable;
  readonly #leaseMs: number;
  readonly #links = new Map<number, StateLinkRecord>();

  constructor(stored: StoredTable, leaseMs: number) {
    this.#stored = stored;
    this.#leaseMs = leaseMs;
    for (const [name, fact] of stored.facts()) {
      if (!name.startsWith(PREFIX)) continue;
      const record = fact as StateLinkRecord;
      this.#links.set(record.link, record);
    }
  }

  get(link: number): StateLinkRecord | undefined {
    const record = this.#links.get(link);
    return record?.isDormant === true ? undefined : record;
  }

  all(): StateLinkRecord[] {
    return [...this.#links.values()];
  }

  /** Finds the newest link of a life. */
  find(replica: string, replicaEpoch: number): StateLinkRecord | undefined {
    return this.all().findLast(
      (record) => record.replica === replica && record.replicaEpoch === replicaEpoch,
    );
  }

  /**
   * The hub's seq up to which the replica's history is certainly this one: it has said so of all there
   * was. After a copy of the hub was put back, what it held later comes from a history that is gone.
   */
  knownTo(replica: string): number {
    const lives = this.all().filter((record) => record.replica === replica);
    const forgotten = numberOf(this.#stored.fact(KNOWN + replica));
    return Math.max(forgotten, ...lives.map(({ known = 0 }) => known));
  }

  /** Keeps a record; storing that a link spoke is put off while it does not matter. */
  save(record: StateLinkRecord): void {
    const name = `${PREFIX}${record.link}`;
    const stored = this.#stored.fact(name) as StateLinkRecord | undefined;
    this.#links.delete(record.link);
    this.#links.set(record.link, record);
    const isFresh = record.seenMs - (stored?.seenMs ?? 0) < SUPERSEDED_LEASE_MS / 4;
    const isSame =
      stored !== undefined &&
      JSON.stringify({ ...stored, seenMs: 0 }) === JSON.stringify({ ...record, seenMs: 0 });
    if (!isSame || !isFresh) this.#stored.state(name, record);
  }

  /** Forgets a link: a frame of it that still comes is never applied. */
  forget(record: StateLinkRecord): void {
    const told = { acked: ORIGIN_POSITION, told: ORIGIN_POSITION, settled: 0, pullEnd: 0 };
    this.save({ ...record, ...told, isDormant: true });
  }

  /**
   * Forgets all links, and what they were known to hold: each is told everything, and sends what the
   * hub lacks. For a hub whose state was damaged.
   */
  forgetAll(): void {
    for (const record of this.all()) this.forget({ ...record, known: 0 });
    for (const name of this.#stored.facts().keys())
      if (name.startsWith(KNOWN)) this.#stored.state(name, null);
  }

  /** Forgets a link and where its life stood. */
  remove({ link, replica, known: last = 0 }: StateLinkRecord): void {
    const known = Math.max(last, this.knownTo(replica));
    if (known > 0) this.#stored.state(KNOWN + replica, known);
    this.#links.delete(link);
    this.#stored.state(`${PREFIX}${link}`, null);
  }

  /** Forgets links whose lease is over, and of a replica's lives the ones that are too many. */
  expire(nowMs: number): void {
    for (const lives of this.#byReplica().values()) {
      const newest = lives.at(-1);
      // What a former life was told is held until the new one has been told as much.
      const isSuperseded = newest !== undefined && newest.settled > 0;
      for (const [at, life] of lives.toReversed().entries()) {
        const isFormer = at > 0 && isSuperseded;
        const leaseMs = isFormer ? Math.min(this.#leaseMs, SUPERSEDED_LEASE_MS) : this.#leaseMs;
        if (at >= LIVES_PER_REPLICA_MAX) this.remove(life);
        else if (nowMs - life.seenMs > leaseMs && life.isDormant !== true) this.forget(life);
      }
    }
    const tooMany = Math.max(0, this.#links.size - LINKS_MAX);
    for (const record of this.all().toSorted(bySilence).slice(0, tooMany)) this.remove(record);
  }

  /**
   * The hub's seq that every link has passed; `head` if there is none. One that was never told
   * anything is told everything first: whoever says hello and no more holds nobody back.
   */
  stable(head: number): number {
    const told = this.all().filter((record) => record.told.seq > 0);
    return Math.min(head, ...told.map(({ settled }) => settled));
  }

  /** The lives of each replica, the one that spoke last at the end. */
  #byReplica(): Map<string, StateLinkRecord[]> {
    const lives = new Map<string, StateLinkRecord[]>();
    for (const record of this.all().toSorted(bySilence))
      lives.set(record.replica, [...(lives.get(record.replica) ?? []), record]);
    return lives;
  }
}

/** The one that was silent longest first. */
function bySilence(left: StateLinkRecord, right: StateLinkRecord): number {
  return left.seenMs - right.seenMs;
}

/** Tells whether what follows `from` belongs to the whole state: all of it is told. */
export function isPulled({ pullEnd = 0 }: StateLinkRecord, from: number): boolean {
  return from === 0 || from < pullEnd;
}

/** Notes where a whole state ends that takes more than one frame. */
export function pullOf(
  record: StateLinkRecord,
  from: number,
  to: number,
  head: number,
): Pick<StateLinkRecord, "pullEnd"> {
  if (!isPulled(record, from)) return {};
  if (to < head) return { pullEnd: Number.MAX_SAFE_INTEGER };
  return from === 0 && record.pullEnd === undefined ? {} : { pullEnd: to };
}
